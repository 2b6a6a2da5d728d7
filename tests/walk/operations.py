"""One operation of the walk. Each is complete in itself, so that a sequence can be cut down and run again."""

from uuid import UUID

from msgspec import Struct

from collections_service.open_items.commands import RecoveryTaskCommand
from collections_service.postings.commands import LedgerCommand
from dispute_service.disputes.commands import DisputeCommand
from redress.ids import derived_uuid


class Asked(Struct, frozen=True):
    """A person's command to a dispute. It counts `days_ago` before the day on which it is given."""

    dispute: UUID
    command: DisputeCommand
    days_ago: int = 0


class OnTask(Struct, frozen=True):
    """A person's command to a recovery task of an invoice."""

    invoice_id: str
    command: RecoveryTaskCommand


class Heard(Struct, frozen=True):
    """The next event of a stream of `side` (ledger or disputes) reaches the other service; `again`: it comes twice."""

    side: str
    stream: UUID
    again: bool = False


class HeardTogether(Struct, frozen=True):
    """Some events of a side reach the other service as one batch; `seed` says which."""

    side: str
    seed: int


class AllIsHeard(Struct, frozen=True):
    """Everything is delivered, the streams in an order that `seed` says."""

    seed: int


class DaysPass(Struct, frozen=True):
    days: int


Operation = LedgerCommand | Asked | OnTask | Heard | HeardTogether | AllIsHeard | DaysPass


def dispute_called(name: str) -> UUID:
    return derived_uuid("walk", name)
