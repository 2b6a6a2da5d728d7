"""One invoice as its events left it: terms, the movements of its open amount, and who holds how much of it."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time
from functools import reduce
from operator import attrgetter
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from collections_service.open_items.events import (
    CollectionHandedOver,
    CollectionTakenBack,
    CreditAwaited,
    CreditMemoApplied,
    CreditMemoReversed,
    CreditMemoUnapplied,
    DisputeReported,
    HoldPlaced,
    HoldReduced,
    HoldReleased,
    InvoiceCancelled,
    InvoiceCorrected,
    InvoiceRegistered,
    Line,
    OpenItemEvent,
    PastHoldRecorded,
    PaymentApplied,
    PaymentReversed,
    PaymentUnapplied,
    RecoveryTaskAssigned,
    RecoveryTaskClosed,
    RecoveryTaskDone,
    RecoveryTaskEvent,
    RecoveryTaskOpened,
    RecoveryTaskResized,
    RemainderTolerated,
    ShortPaymentDetected,
    Step,
    WriteOffPosted,
)
from redress.money import Money


class Terms(Struct, frozen=True, kw_only=True):
    """The invoice as the ERP describes it, after its last correction."""

    invoice_id: str
    source: str
    legal_entity: str
    customer_id: str
    issued_on: date
    due_on: date
    total: Money
    tax: Money | None
    lines: tuple[Line, ...]
    po_number: str | None


class Application(Struct, frozen=True, kw_only=True):
    """Money of one receipt on this invoice, as it was applied once; `gone` of it came back or was unapplied."""

    source: str
    payment_id: str
    applied_on: date
    minor: int
    gone: int = 0

    @property
    def left(self) -> int:
        return self.minor - self.gone

    @property
    def returned(self) -> bool:
        return self.left == 0


class Credit(Struct, frozen=True, kw_only=True):
    """`left` of a credit memo on this invoice, as it was applied once."""

    source: str
    credit_memo_id: str
    applied_on: date
    left: int


class WriteOff(Struct, frozen=True, kw_only=True):
    source: str
    write_off_id: str
    posted_on: date
    minor: int
    kind: str


class Claim(Struct, frozen=True, kw_only=True):
    """The amounts one dispute claims, as dispute-service said last, and holds. A claim may exceed the open amount until
    dispute-service has answered the posting that made it so; a hold may not."""

    dispute_id: str
    opened_on: date
    version: int
    currency: str
    claimed: tuple[Step, ...]
    awaiting_credit: int
    rejected: int
    held: tuple[Step, ...] = ()
    opened_at: datetime | None = None

    @property
    def place(self) -> tuple[datetime, str]:
        """Its place among the disputes of the invoice, the oldest first: the same as in dispute-service."""
        return self.opened_at or datetime.combine(self.opened_on, time(), UTC), self.dispute_id

    @property
    def claimed_now(self) -> int:
        return sum(step.minor for step in self.claimed)

    @property
    def held_now(self) -> int:
        return sum(step.minor for step in self.held)


class RecoveryTask(Struct, frozen=True, kw_only=True):
    """The task to collect what a dispute contested in vain: the `number`-th of this dispute (1, 2, …).

    `state` is open, taken, done or closed; `why` is the last thing said about it: why it was handed over, what came of
    it, or why it was closed.
    """

    dispute_id: str
    number: int
    minor: int
    state: str = "open"
    owner: str | None = None
    why: str | None = None

    @property
    def is_live(self) -> bool:
        """Somebody has to do it, or has it in hand."""
        return self.state in {"open", "taken"}


class OpenItem(Struct, frozen=True, kw_only=True):
    """`terms` is None for an invoice that disputes spoke of before the ERP did. Claims stand in order of opening.

    `movements` are the changes of the open amount, one for each day on which it changed; `open_minor` is their sum: the
    amount that is neither paid nor credited. `collected_by` None: we collect it ourselves.
    """

    terms: Terms | None = None
    movements: tuple[Step, ...] = ()
    open_minor: int = 0
    applications: tuple[Application, ...] = ()
    credits: tuple[Credit, ...] = ()
    write_offs: tuple[WriteOff, ...] = ()
    cancelled_on: date | None = None
    collected_by: CollectionHandedOver | None = None
    claims: tuple[Claim, ...] = ()
    tasks: tuple[RecoveryTask, ...] = ()

    @property
    def held_minor(self) -> int:
        """The amount that must not be chased; never above the open amount."""
        return sum(claim.held_now for claim in self.claims)

    @property
    def undisputed_minor(self) -> int:
        return self.open_minor - self.held_minor

    def claim(self, dispute_id: str) -> Claim | None:
        return next((claim for claim in self.claims if claim.dispute_id == dispute_id), None)

    def task(self, dispute_id: str) -> RecoveryTask | None:
        return next((task for task in self.tasks if task.dispute_id == dispute_id), None)

    def paid_by(self, source: str, payment_id: str) -> list[Application]:
        """What is here of a payment, newest first."""
        key = (source, payment_id)
        return [a for a in reversed(self.applications) if a.left and (a.source, a.payment_id) == key]

    def credited_by(self, source: str, credit_memo_id: str) -> list[Credit]:
        """What is here of a credit memo, newest first."""
        key = (source, credit_memo_id)
        return [c for c in reversed(self.credits) if c.left and (c.source, c.credit_memo_id) == key]

    def write_off(self, source: str, write_off_id: str) -> WriteOff | None:
        key = (source, write_off_id)
        return next((each for each in self.write_offs if (each.source, each.write_off_id) == key), None)


def amount_on(steps: Iterable[Step], day: date) -> int:
    """The amount at the end of `day`."""
    return sum(step.minor for step in steps if step.on <= day)


def amounts_on(steps: Iterable[Step], days: Sequence[date]) -> list[int]:
    """The amount at the end of each of these days: all on which a step stands from the first of them on, in order."""
    amount = 0
    on_day: dict[date, int] = defaultdict(int)
    for step in steps:
        if step.on < days[0]:
            amount += step.minor
        else:
            on_day[step.on] += step.minor
    return [amount := amount + on_day[day] for day in days]


def first_day_with_room(steps: Sequence[Step], wanted: date, minor: int) -> date:
    """The first day from `wanted` on from which `minor` is there and stays. The caller knows that it is there now.

    The steps stand in the order of their days.
    """
    if not steps or steps[-1].on <= wanted:
        return wanted
    amount = 0
    later: dict[date, int] = defaultdict(int)
    for step in steps:
        amount += step.minor
        if step.on > wanted:
            later[step.on] += step.minor
    first = max(later, default=wanted)
    for day in sorted(later, reverse=True):
        if amount < minor:
            return first
        first = day
        amount -= later[day]
    return wanted if amount >= minor else first


def with_step(steps: tuple[Step, ...], step: Step) -> tuple[Step, ...]:
    """One step for each day, in the order of the days: a thousand payments on one day are one step."""
    place = bisect_left(steps, step.on, key=attrgetter("on"))
    if place < len(steps) and steps[place].on == step.on:
        return (*steps[:place], Step(step.on, steps[place].minor + step.minor), *steps[place + 1 :])
    return (*steps[:place], step, *steps[place:])


def evolve(item: OpenItem, event: OpenItemEvent) -> OpenItem:  # noqa: C901, PLR0911, PLR0912 - one arm per event
    match event:
        case InvoiceRegistered():
            terms = Terms(
                invoice_id=event.invoice_id,
                source=event.source,
                legal_entity=event.legal_entity,
                customer_id=event.customer_id,
                issued_on=event.issued_on,
                due_on=event.due_on,
                total=event.total,
                tax=event.tax,
                lines=event.lines,
                po_number=event.po_number,
            )
            return _moved(replace(item, terms=terms), event.issued_on, event.total.minor)
        case InvoiceCorrected():
            return _corrected(item, event)
        case PaymentApplied(source=source, payment_id=payment_id, applied_on=applied_on, amount=amount):
            application = Application(source=source, payment_id=payment_id, applied_on=applied_on, minor=amount.minor)
            return _moved(replace(item, applications=(*item.applications, application)), applied_on, -amount.minor)
        case PaymentReversed() | PaymentUnapplied():
            return _payment_gone(item, event)
        case CreditMemoApplied():
            return _credited(item, event)
        case CreditMemoReversed() | CreditMemoUnapplied():
            return _credit_gone(item, event)
        case WriteOffPosted():
            write_off = WriteOff(
                source=event.source,
                write_off_id=event.write_off_id,
                posted_on=event.posted_on,
                minor=event.amount.minor,
                kind=event.kind,
            )
            written_off = replace(item, write_offs=(*item.write_offs, write_off))
            return _moved(written_off, event.applied_on, -event.amount.minor)
        case CollectionHandedOver():
            return replace(item, collected_by=event)
        case CollectionTakenBack():
            return replace(item, collected_by=None)
        case InvoiceCancelled():
            return _moved(replace(item, cancelled_on=event.cancelled_on), event.effective_on, event.change)
        case DisputeReported():
            return _reported(item, event)
        case HoldPlaced() | HoldReduced() | HoldReleased() | PastHoldRecorded():
            claims = tuple(
                replace(claim, held=reduce(with_step, event.steps, claim.held))
                if claim.dispute_id == event.dispute_id
                else claim
                for claim in item.claims
            )
            return replace(item, claims=claims)
        case ShortPaymentDetected() | RemainderTolerated() | CreditAwaited():
            return item
        case (
            RecoveryTaskOpened()
            | RecoveryTaskResized()
            | RecoveryTaskAssigned()
            | RecoveryTaskDone()
            | RecoveryTaskClosed()
        ):
            return _with_task(item, event)
        case _:
            assert_never(event)


def _moved(item: OpenItem, on: date, minor: int) -> OpenItem:
    """More is open by `minor` from a day on."""
    if not minor:
        return item
    return replace(item, movements=with_step(item.movements, Step(on, minor)), open_minor=item.open_minor + minor)


def _corrected(item: OpenItem, event: InvoiceCorrected) -> OpenItem:
    if item.terms is None:
        return item
    terms = replace(
        item.terms,
        due_on=event.due_on,
        total=event.total,
        tax=event.tax,
        lines=event.lines,
        po_number=event.po_number,
    )
    return _moved(replace(item, terms=terms), event.effective_on, event.change)


def _payment_gone(item: OpenItem, event: PaymentReversed | PaymentUnapplied) -> OpenItem:
    """The newest application gives way first."""
    left = event.amount.minor
    applications = list(item.applications)
    for place in reversed(range(len(applications))):
        each = applications[place]
        if (each.source, each.payment_id) == (event.source, event.payment_id):
            part = min(left, each.left)
            applications[place] = replace(each, gone=each.gone + part)
            left -= part
            if not left:
                break
    return _moved(replace(item, applications=tuple(applications)), event.effective_on, event.amount.minor)


def _credited(item: OpenItem, event: CreditMemoApplied) -> OpenItem:
    served = {service.dispute_id: service.minor for service in event.serves}
    claims = tuple(
        replace(
            claim,
            claimed=with_step(claim.claimed, Step(event.applied_on, -served[claim.dispute_id])),
            awaiting_credit=claim.awaiting_credit - served[claim.dispute_id],
        )
        if claim.dispute_id in served
        else claim
        for claim in item.claims
    )
    credit = Credit(
        source=event.source,
        credit_memo_id=event.credit_memo_id,
        applied_on=event.applied_on,
        left=event.amount.minor,
    )
    item = replace(item, credits=(*item.credits, credit), claims=claims)
    return _moved(item, event.applied_on, -event.amount.minor)


def _credit_gone(item: OpenItem, event: CreditMemoReversed | CreditMemoUnapplied) -> OpenItem:
    """The newest application gives way first. Whom it had served, and who waits again, dispute-service says."""
    left = event.amount.minor
    given = list(item.credits)
    for place in reversed(range(len(given))):
        each = given[place]
        if (each.source, each.credit_memo_id) == (event.source, event.credit_memo_id):
            part = min(left, each.left)
            given[place] = replace(each, left=each.left - part)
            left -= part
            if not left:
                break
    return _moved(replace(item, credits=tuple(given)), event.effective_on, event.amount.minor)


def _reported(item: OpenItem, event: DisputeReported) -> OpenItem:
    known = item.claim(event.dispute_id)
    steps = known.claimed if known else ()
    if event.change:
        steps = with_step(steps, Step(event.effective_on, event.change))
    claim = Claim(
        dispute_id=event.dispute_id,
        opened_on=known.opened_on if known else event.opened_on,
        version=event.dispute_version,
        currency=event.currency,
        claimed=steps,
        awaiting_credit=event.awaiting_credit,
        rejected=event.rejected,
        held=known.held if known else (),
        opened_at=event.opened_at or (known.opened_at if known else None),
    )
    others = [other for other in item.claims if other.dispute_id != event.dispute_id]
    return replace(item, claims=tuple(sorted([*others, claim], key=lambda c: c.place)))


def _with_task(item: OpenItem, event: RecoveryTaskEvent) -> OpenItem:
    task = _task_after(item.task(event.dispute_id), event)
    if task is None:
        return item
    others = (other for other in item.tasks if other.dispute_id != event.dispute_id)
    return replace(item, tasks=(*others, task))


def _task_after(before: RecoveryTask | None, event: RecoveryTaskEvent) -> RecoveryTask | None:
    if isinstance(event, RecoveryTaskOpened):
        number = 1 if before is None else before.number + 1
        return RecoveryTask(dispute_id=event.dispute_id, number=number, minor=event.amount.minor)
    if before is None:
        return None
    match event:
        case RecoveryTaskResized(amount=amount):
            return replace(before, minor=amount.minor)
        case RecoveryTaskAssigned(owner=owner, reason=reason):
            return replace(before, state="open" if owner is None else "taken", owner=owner, why=reason)
        case RecoveryTaskDone(result=result):
            return replace(before, state="done", why=result)
        case RecoveryTaskClosed(why=why):
            return replace(before, state="closed", why=why)
        case _:
            assert_never(event)
