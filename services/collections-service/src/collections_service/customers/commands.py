"""What the ERP says about a customer."""

from msgspec import Struct

from redress.contracts.common import SealedText


class RecordCustomer(Struct, frozen=True, kw_only=True):
    """None leaves what is known as it is. Sealed text cannot be compared: the caller passes only what is new."""

    customer_id: str
    name: SealedText | None = None
    email: SealedText | None = None
    language: str | None = None
