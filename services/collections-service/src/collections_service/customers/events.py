"""Master data of one customer as the ERP last gave it. Names and addresses are sealed: erasing a key erases them."""

from typing import Final

from msgspec import Struct

from redress.codec import Codec
from redress.contracts.common import Sealed


class CustomerRegistered(Struct, frozen=True, kw_only=True):
    """`language` is `en` or `de`; None where the ERP says nothing."""

    customer_id: str
    name: Sealed | None = None
    email: Sealed | None = None
    language: str | None = None


class CustomerChanged(Struct, frozen=True, kw_only=True):
    """The fields are the new ones."""

    name: Sealed | None = None
    email: Sealed | None = None
    language: str | None = None


CustomerEvent = CustomerRegistered | CustomerChanged

# Stored names and versions. A class may be renamed; a stored name never changes.
CUSTOMER_CODEC: Final[Codec[CustomerEvent]] = Codec(
    {
        "customer-registered": (1, CustomerRegistered),
        "customer-changed": (1, CustomerChanged),
    }
)
