"""Master data of one customer as the ERP last gave it. Names and addresses are sealed: erasing a key erases them."""

from msgspec import Struct

from redress.contracts.common import SealedText


class CustomerRegistered(Struct, frozen=True, kw_only=True):
    """`language` is `en` or `de`; None where the ERP says nothing."""

    customer_id: str
    name: SealedText | None = None
    email: SealedText | None = None
    language: str | None = None


class CustomerChanged(Struct, frozen=True, kw_only=True):
    """The fields are the new ones."""

    name: SealedText | None = None
    email: SealedText | None = None
    language: str | None = None


CustomerEvent = CustomerRegistered | CustomerChanged
