"""Master data of one customer as the ERP last gave it. Names and addresses are sealed: erasing a key erases them."""

from msgspec import Struct

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
