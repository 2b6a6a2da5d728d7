"""The command to an entry of the directory."""

from msgspec import Struct

from redress.contracts.common import Sealed


class RecordEntry(Struct, frozen=True, kw_only=True):
    """The whole entry as it should be. Text that has not changed is sealed in the same box as before."""

    entry_id: str
    name: Sealed
    email: Sealed
    language: str
    lead: str | None = None
