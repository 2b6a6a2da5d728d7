"""One invoice as its events left it: terms, the movements of its open amount, and who holds how much of it."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from collections_service.open_items.events import (
    CreditAwaited,
    CreditMemoApplied,
    DisputeReported,
    HoldPlaced,
    HoldReduced,
    HoldReleased,
    InvoiceCorrected,
    InvoiceRegistered,
    Line,
    OpenItemEvent,
    PastHoldRecorded,
    PaymentApplied,
    PaymentReversed,
    RecoveryTaskAssigned,
    RecoveryTaskClosed,
    RecoveryTaskDone,
    RecoveryTaskEvent,
    RecoveryTaskOpened,
    RecoveryTaskResized,
    RemainderTolerated,
    ShortPaymentDetected,
    Step,
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
    """Money of one receipt on this invoice."""

    source: str
    payment_id: str
    applied_on: date
    minor: int
    returned: bool = False


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
    """`terms` is None for an invoice that disputes spoke of before the ERP did. Claims stand in order of opening."""

    terms: Terms | None = None
    movements: tuple[Step, ...] = ()
    applications: tuple[Application, ...] = ()
    credit_memos: tuple[tuple[str, str], ...] = ()
    claims: tuple[Claim, ...] = ()
    tasks: tuple[RecoveryTask, ...] = ()

    @property
    def open_minor(self) -> int:
        """The amount that is neither paid nor credited."""
        return sum(step.minor for step in self.movements)

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

    def application(self, source: str, payment_id: str) -> Application | None:
        return next((a for a in self.applications if (a.source, a.payment_id) == (source, payment_id)), None)


def amount_on(steps: Iterable[Step], day: date) -> int:
    """The amount at the end of `day`."""
    return sum(step.minor for step in steps if step.on <= day)


def evolve(item: OpenItem, event: OpenItemEvent) -> OpenItem:  # noqa: PLR0911 - one return per kind of event
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
            return replace(item, terms=terms, movements=(*item.movements, Step(event.issued_on, event.total.minor)))
        case InvoiceCorrected():
            return _corrected(item, event)
        case PaymentApplied(source=source, payment_id=payment_id, applied_on=applied_on, amount=amount):
            application = Application(source=source, payment_id=payment_id, applied_on=applied_on, minor=amount.minor)
            return replace(
                item,
                movements=(*item.movements, Step(applied_on, -amount.minor)),
                applications=(*item.applications, application),
            )
        case PaymentReversed():
            return _reversed(item, event)
        case CreditMemoApplied():
            return _credited(item, event)
        case DisputeReported():
            return _reported(item, event)
        case HoldPlaced() | HoldReduced() | HoldReleased() | PastHoldRecorded():
            claims = tuple(
                replace(claim, held=(*claim.held, *event.steps)) if claim.dispute_id == event.dispute_id else claim
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


def _corrected(item: OpenItem, event: InvoiceCorrected) -> OpenItem:
    if item.terms is None:
        return item
    movements = item.movements
    if event.change:
        movements = (*movements, Step(event.effective_on, event.change))
    terms = replace(
        item.terms,
        due_on=event.due_on,
        total=event.total,
        tax=event.tax,
        lines=event.lines,
        po_number=event.po_number,
    )
    return replace(item, terms=terms, movements=movements)


def _reversed(item: OpenItem, event: PaymentReversed) -> OpenItem:
    key = (event.source, event.payment_id)
    return replace(
        item,
        movements=(*item.movements, Step(event.effective_on, event.amount.minor)),
        applications=tuple(
            replace(a, returned=True) if (a.source, a.payment_id) == key else a for a in item.applications
        ),
    )


def _credited(item: OpenItem, event: CreditMemoApplied) -> OpenItem:
    served = {service.dispute_id: service.minor for service in event.serves}
    claims = tuple(
        replace(
            claim,
            claimed=(*claim.claimed, Step(event.applied_on, -served[claim.dispute_id])),
            awaiting_credit=claim.awaiting_credit - served[claim.dispute_id],
        )
        if claim.dispute_id in served
        else claim
        for claim in item.claims
    )
    return replace(
        item,
        movements=(*item.movements, Step(event.applied_on, -event.amount.minor)),
        credit_memos=(*item.credit_memos, (event.source, event.credit_memo_id)),
        claims=claims,
    )


def _reported(item: OpenItem, event: DisputeReported) -> OpenItem:
    known = item.claim(event.dispute_id)
    steps = known.claimed if known else ()
    if event.change:
        steps = (*steps, Step(event.effective_on, event.change))
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
