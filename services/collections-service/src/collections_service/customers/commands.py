"""The ERP's messages about a customer."""

from msgspec import Struct

from redress.contracts.common import Sealed


class RecordCustomer(Struct, frozen=True, kw_only=True):
    """None leaves what is known as it is. Sealed text cannot be compared: the caller passes only what is new."""

    customer_id: str
    name: Sealed | None = None
    email: Sealed | None = None
    language: str | None = None
