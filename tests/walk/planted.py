"""A bug for each promise, planted into the services while a walk runs: each is a rule that somebody could get wrong.

The walk must name the promise that the bug breaks. GRANT_FITS has no bug of its own: grants are part of what is held,
and ONE_HOLDER and HELD_FITS break first. SETTLED has one once stated amounts wait for their posting.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from unittest.mock import patch
from uuid import UUID

import msgspec
from msgspec.structs import replace

from collections_service.open_items.commands import ReportDispute
from collections_service.open_items.events import RecoveryTaskOpened, Step
from collections_service.open_items.holds import HoldChanges, hold_changes
from collections_service.open_items.state import OpenItem, amount_on
from collections_service.receipts.events import ReceiptRefunded
from collections_service.receipts.state import RecordedReceipt, _refunded
from dispute_service.disputable_invoices.commands import RecordInvoice
from dispute_service.disputable_invoices.decisions import _record
from dispute_service.disputable_invoices.events import InvoiceEvent, ReservationSet
from dispute_service.disputable_invoices.state import DisputableInvoice, _reserved
from dispute_service.disputes import commands as c
from dispute_service.disputes.handle import handle
from dispute_service.disputes.items import contested_again
from dispute_service.postings.reactor import react
from redress.contracts.envelope import PublishedEvent
from redress.handling.unit_of_work import UnitOfWork
from redress.ids import parse_public_id
from redress.money import Money
from walk.promises import Promise

_seen: Final[list[object]] = []


def _cash_moves_and_unapplied_does_not(recorded: RecordedReceipt, event: ReceiptRefunded) -> RecordedReceipt:
    return replace(_refunded(recorded, event), unapplied=recorded.unapplied)


def _without_looking_for_room(_: OpenItem, wanted: date, __: int) -> date:
    return wanted


def _always(answer: object) -> Callable[..., Any]:
    return lambda *_, **__: answer


def _all_of_the_rest(_: object, __: object, rest: int, **___: object) -> int:
    return min(max(rest, 0), 5_000)


def _to_each_all_of_it(amount: int, rooms: Sequence[int]) -> list[int]:
    return [min(amount, room) for room in rooms]


def _only_old_days(item: OpenItem, why: str, since: Any = None) -> HoldChanges:  # noqa: ANN401
    return HoldChanges((), hold_changes(item, why, since).larger)


def _records_it_again(command: RecordInvoice, state: DisputableInvoice) -> list[InvoiceEvent]:
    return _record(command, replace(state, terms=None))


def _forgets_some(command: ReportDispute, item: OpenItem) -> list[Any]:
    from collections_service.open_items.decisions import report_dispute

    return [] if command.dispute_version % 5 == 0 else report_dispute(command, item)


def _differs_each_time(state: Any, invoice_id: str, version: int) -> Mapping[str, int]:  # noqa: ANN401
    _seen.append(state)
    return {**state.ledger_versions, invoice_id: version, "seen": len(_seen)}


def _loses_it(items: Any, shares: Any, *_: str) -> Any:  # noqa: ANN401
    taken = {share.item: share.amount for share in shares}
    after = (
        replace(
            item, open=max(0, item.open - taken.get(n, 0)), awaiting_credit=0, awaiting_write_off=0, awaiting_payment=0,
            valid=0, invalid=0,
        )
        for n, item in enumerate(items)
    )  # fmt: skip
    return tuple(after), ()


def _youngest_first(state: DisputableInvoice, event: ReservationSet) -> DisputableInvoice:
    after = _reserved(state, event)
    return replace(after, reservations=after.reservations[::-1] if len(after.reservations) > 1 else after.reservations)


async def _nobody_is_named(*_: object) -> None:
    return None


async def _withdraws_when_held(uow: UnitOfWork, event: PublishedEvent) -> None:
    if event.type != "dispute-hold-placed":
        await react(uow, event)
        return
    name = msgspec.json.decode(event.data)["dispute_id"]
    fit = c.FitToInvoice(
        at=event.time,
        invoice_id=msgspec.json.decode(event.data)["invoice"]["invoice_id"],
        ledger_version=10**6,
        reduce_by=1,
    )
    await handle(uow, parse_public_id("dsp", name), fit, event.time)


def _takes_grants_back(items: Any, shares: Any, *, keeps_grants: bool = False) -> Any:  # noqa: ANN401
    return contested_again(items, shares)


async def _moves_another_one_too(uow: UnitOfWork, dispute: UUID, command: Any, now: Any) -> Any:  # noqa: ANN401
    after = await handle(uow, dispute, command, now)
    if not _seen:
        _seen.append(dispute)
    elif isinstance(_seen[0], UUID) and _seen[0] != dispute:
        await handle(uow, _seen[0], c.AssignTo(at=now, owner=str(now), team=None), now)
    return after


async def _made_by_none(*_: object) -> list[str]:
    return []


def _keeps_the_task(report: ReportDispute, newly_rejected: int, after: OpenItem) -> list[Any]:
    from collections_service.open_items.recovery_tasks import task_changes

    return task_changes(report, newly_rejected, after) if report.rejected.minor else []


def _asks_for_all(report: ReportDispute, newly_rejected: int, after: OpenItem) -> list[Any]:
    if newly_rejected <= 0 or after.terms is None:
        return []
    return [
        RecoveryTaskOpened(dispute_id=report.dispute_id, amount=Money(report.rejected.minor, report.rejected.currency))
    ]


def _from_days_before(item: OpenItem, why: str, since: date | None = None) -> HoldChanges:
    """A cent is held some days before anybody contests it."""
    changes = hold_changes(item, why, since)
    return HoldChanges(changes.smaller, tuple(_with_a_cent_before(item, each) for each in changes.larger))


def _with_a_cent_before(item: OpenItem, placed: Any) -> Any:  # noqa: ANN401
    on = placed.steps[0].on
    before = on - timedelta(days=9)
    is_free = len(item.claims) == 1 and all(amount_on(item.movements, on - timedelta(days=n)) > 0 for n in range(10))
    return replace(placed, steps=(Step(before, 1), Step(on, -1), *placed.steps)) if is_free else placed


def _open_twice(on: Any, delta: int) -> Any:  # noqa: ANN401
    from collections_service.ageing.movements import Movement

    return (Movement(kind="open", effective_on=on, delta=delta + 1),) if delta else ()


Patch = tuple[str, Any]
_END_OF_TIME: Final = datetime.max.replace(tzinfo=UTC)
_LEDGER, _DISPUTES = "collections_service.open_items", "dispute_service.disputes"
BUGS: Final[Mapping[Promise, Patch]] = {
    Promise.BOOKS: (f"{_LEDGER}.decisions.payments.day_with_room", _without_looking_for_room),
    Promise.REFUSED: (f"{_LEDGER}.decisions.invoices.not_cancelled", _always(None)),
    Promise.CONSERVED: ("collections_service.receipts.state._refunded", _cash_moves_and_unapplied_does_not),
    Promise.HELD_FITS: (f"{_LEDGER}.decisions.changes.hold_changes", _only_old_days),
    Promise.DISCOUNT: (
        f"{_LEDGER}.decisions.earning.earned",
        _all_of_the_rest,
    ),
    Promise.FACTS: ("dispute_service.disputable_invoices.decisions.MAX_DISPUTES", 1),
    Promise.ONCE: ("dispute_service.disputable_invoices.decisions._record", _records_it_again),
    Promise.ONE_HOLDER: ("collections_service.dispute_holds.reactor.report_dispute", _forgets_some),
    Promise.REPLAY: (f"{_DISPUTES}.state._seen", _differs_each_time),
    Promise.ITEM_CONSERVED: (f"{_DISPUTES}.items.reduced_by_write_off", _loses_it),
    Promise.OLDEST: ("dispute_service.disputable_invoices.state._reserved", _youngest_first),
    Promise.SERVES: ("dispute_service.postings.reactor._named", _nobody_is_named),
    Promise.SMALLER: ("dispute_service.postings.reactor.corrected_away", _always([])),
    Promise.GIVES_BACK: (
        "dispute_service.postings.reactor.filled",
        _to_each_all_of_it,
    ),
    Promise.ELSEWHERE: ("dispute_service.postings.reactor.react", _withdraws_when_held),
    Promise.GRANTED_STAYS: (f"{_DISPUTES}.items.contested_again", _takes_grants_back),
    Promise.STATES: (f"{_DISPUTES}.decisions.ledger._end_if_nothing_is_left", _always([])),
    Promise.PERSON: ("walk.cores.handle", _moves_another_one_too),
    Promise.BOUNCED: ("dispute_service.postings.reactor._made_by", _made_by_none),
    Promise.ASKED: (f"{_LEDGER}.decisions.disputes.task_changes", _keeps_the_task),
    Promise.TASKS_FIT: (f"{_LEDGER}.decisions.disputes.task_changes", _asks_for_all),
    Promise.KNOWN_AT: (
        "redress.reading.moment.Moment.recorded_by",
        property(_always(datetime.max.replace(tzinfo=UTC))),
    ),
    Promise.AS_OF: (f"{_LEDGER}.decisions.disputes.hold_changes", _from_days_before),
    Promise.TWO_VIEWS: ("collections_service.ageing.movements._open", _open_twice),
}


@contextmanager
def planted(promise: Promise) -> Iterator[None]:
    """The bug that breaks the promise, for as long as this lasts."""
    _seen.clear()
    target, bug = BUGS[promise]
    with patch(target, bug):
        yield
