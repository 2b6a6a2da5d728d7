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
    CashDiscount,
    CollectionHandedOver,
    CollectionTakenBack,
    CreditAwaited,
    CreditMemoApplied,
    CreditMemoReversed,
    CreditMemoUnapplied,
    DiscountGranted,
    DiscountWithdrawn,
    DisputeReported,
    HoldPlaced,
    HoldReduced,
    HoldReleased,
    InvoiceCancelled,
    InvoiceCorrected,
    InvoiceCustomerChanged,
    InvoiceRegistered,
    Line,
    NumberShared,
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
    RemainderLeft,
    RemainderTolerated,
    ShortPaymentDetected,
    Step,
    WriteOffPosted,
    WriteOffReversed,
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
    discount: CashDiscount | None
    first_entity: str | None = None


class Correction(Struct, frozen=True, kw_only=True):
    """One correction: `terms` are those after it, of which `fields` were changed. Each counts from its own day on:
    the due date from `due_from`, the total by `steps`, all others from `on`."""

    on: date
    due_from: date | None
    steps: tuple[Step, ...]
    fields: tuple[str, ...]
    terms: Terms

    def applied_to(self, before: Terms, day: date) -> Terms:
        """The terms at the end of `day`, where `before` were those without this correction."""
        changed: dict[str, object] = {}
        if self.on <= day:
            changed = {name: getattr(self.terms, name) for name in self.fields}
        if self.due_from is not None and self.due_from <= day:
            changed["due_on"] = self.terms.due_on
        if more := sum(step.minor for step in self.steps if step.on <= day):
            changed["total"] = Money(before.total.minor + more, before.total.currency)
        return replace(before, **changed) if changed else before


class CustomerFrom(Struct, frozen=True):
    """Whose the invoice is from a day on. The first one is so on all days before, too."""

    on: date
    customer_id: str


class Application(Struct, frozen=True, kw_only=True):
    """Money of one receipt on this invoice, as it was applied once; `gone` of it came back or was unapplied. `withheld`
    is tax that the payer kept back besides, for the tax office."""

    source: str
    payment_id: str
    received_on: date
    applied_on: date
    minor: int
    withheld: int = 0
    gone: int = 0
    under_protest: bool = False

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
    """`place` is how many payments had been applied when it was posted; `reversals` are what was taken back of it."""

    source: str
    write_off_id: str
    posted_on: date
    applied_on: date
    minor: int
    kind: str
    place: int
    reversals: tuple[WriteOffReversed, ...] = ()

    @property
    def gone(self) -> int:
        return sum(each.amount.minor for each in self.reversals)

    @property
    def left(self) -> int:
        return self.minor - self.gone


class Discount(Struct, frozen=True, kw_only=True):
    """The part of the cash discount that a payment was granted, until one it was earned by came back. `place` is that
    of the newest application when it was granted: it and older ones have earned it."""

    source: str
    payment_id: str
    place: int
    on: date
    minor: int
    withdrawn_on: date | None = None

    def is_withdrawn_on(self, day: date) -> bool:
        return self.withdrawn_on is not None and self.withdrawn_on <= day


Judgement = ShortPaymentDetected | RemainderLeft | RemainderTolerated


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
    legal_entity: str | None = None

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
    `elsewhere` are those on an invoice with this number of a legal entity that has not posted it; `shared_with` are the
    other entities that have.

    `terms` are the newest that were recorded; `registered` are those of the posting and `corrections` what came after,
    in the order of recording: `terms_on` says which counted on a day. `customers` stand in the order of their days;
    `terms` names the last one.

    `movements` are the changes of the open amount, one for each day on which it changed; `open_minor` is their sum: the
    amount that is neither paid nor credited. `collected_by` None: we collect it ourselves. `newest` is the last payment
    that was applied, `judged` the last word about what it left open; both are forgotten when it comes back or is taken
    off, also in part. `paid_minor` is what payments have left on it, `withheld_sum` the tax that their payers kept
    back: sums of `applications`, kept so that the thousandth payment costs no more than the first.
    """

    terms: Terms | None = None
    registered: Terms | None = None
    corrections: tuple[Correction, ...] = ()
    customers: tuple[CustomerFrom, ...] = ()
    movements: tuple[Step, ...] = ()
    open_minor: int = 0
    applications: tuple[Application, ...] = ()
    paid_minor: int = 0
    withheld_sum: int = 0
    credits: tuple[Credit, ...] = ()
    write_offs: tuple[WriteOff, ...] = ()
    discounts: tuple[Discount, ...] = ()
    newest: PaymentApplied | None = None
    judged: Judgement | None = None
    cancelled_on: date | None = None
    collected_by: CollectionHandedOver | None = None
    claims: tuple[Claim, ...] = ()
    tasks: tuple[RecoveryTask, ...] = ()
    elsewhere: tuple[Claim, ...] = ()
    shared_with: tuple[str, ...] = ()

    @property
    def held_minor(self) -> int:
        """The amount that must not be chased; never above the open amount."""
        return sum(claim.held_now for claim in self.claims)

    @property
    def undisputed_minor(self) -> int:
        return self.open_minor - self.held_minor

    def undisputed_on(self, day: date) -> int:
        """The amount that may be chased at the end of `day`."""
        return amount_on(self.movements, day) - sum(amount_on(claim.held, day) for claim in self.claims)

    @property
    def withheld_minor(self) -> int:
        """The undisputed amount that payers say the tax office gets: it stays open for the certificate."""
        return min(self.undisputed_minor, self.withheld_sum)

    def withheld_on(self, day: date) -> int:
        """As payers said it by `day`, of payments that have not come back since."""
        return sum(a.withheld for a in self.applications if not a.returned and a.applied_on <= day)

    @property
    def discount_minor(self) -> int:
        return sum(discount.minor for discount in self.discounts if discount.withdrawn_on is None)

    def terms_on(self, day: date) -> Terms | None:
        """The terms that counted at the end of `day`; of two corrections, the one that was recorded later."""
        if self.registered is None:
            return self.terms
        return reduce(lambda terms, correction: correction.applied_to(terms, day), self.corrections, self.registered)

    def customer_on(self, day: date) -> str:
        """Who owes it on that day. The caller knows that it is registered."""
        return next(
            (each.customer_id for each in reversed(self.customers) if each.on <= day), self.customers[0].customer_id
        )

    def claim(self, dispute_id: str) -> Claim | None:
        claims = (*self.claims, *self.elsewhere)
        return next((claim for claim in claims if claim.dispute_id == dispute_id), None)

    def is_of(self, legal_entity: str | None) -> bool:
        """Whether this is the invoice of that entity, as far as is known; None is the first with the number."""
        return legal_entity is None or self.terms is None or self.terms.legal_entity == legal_entity

    def task(self, dispute_id: str) -> RecoveryTask | None:
        return next((task for task in self.tasks if task.dispute_id == dispute_id), None)

    def paid_by(self, source: str, payment_id: str) -> list[Application]:
        """What is here of a payment, newest first."""
        return [a for a in reversed(self.applications) if a.payment_id == payment_id and a.source == source and a.left]

    def was_paid_under_protest(self, source: str, payment_id: str) -> bool:
        """Whether the payer protested when the payment was applied here last, whatever has become of that since."""
        mine = (a for a in reversed(self.applications) if (a.source, a.payment_id) == (source, payment_id))
        return next((a.under_protest for a in mine), False)

    def credited_by(self, source: str, credit_memo_id: str) -> list[Credit]:
        """What is here of a credit memo, newest first."""
        key = (source, credit_memo_id)
        return [c for c in reversed(self.credits) if c.left and (c.source, c.credit_memo_id) == key]

    def write_off(self, source: str, write_off_id: str) -> WriteOff | None:
        key = (source, write_off_id)
        return next((each for each in self.write_offs if (each.source, each.write_off_id) == key), None)


_DATED = ("tax", "lines", "po_number", "discount")


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


def with_customer(customers: Sequence[CustomerFrom], changed: CustomerFrom) -> tuple[CustomerFrom, ...]:
    """What is said last counts from its day on, whatever was said before about the days behind it. The first one, whose
    day is that of the invoice, stays first."""
    first, *others = customers
    return (first, *(each for each in others if each.on < changed.on), changed)


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
                discount=event.discount,
                first_entity=event.first_entity,
            )
            customers = (CustomerFrom(event.issued_on, event.customer_id),)
            registered = _sorted(replace(item, terms=terms, registered=terms, customers=customers))
            return _moved(registered, event.issued_on, event.total.minor)
        case NumberShared(legal_entity=other):
            elsewhere = tuple(claim for claim in item.elsewhere if claim.legal_entity != other)
            return replace(item, elsewhere=elsewhere, shared_with=(*item.shared_with, other))
        case InvoiceCorrected():
            return _corrected(item, event)
        case InvoiceCustomerChanged():
            return _of_another_customer(item, event)
        case PaymentApplied():
            return _paid(item, event)
        case PaymentReversed() | PaymentUnapplied():
            return _payment_gone(item, event)
        case DiscountGranted(source=source, payment_id=payment_id, applied_on=on, amount=amount):
            place = len(item.applications) - 1
            granted = Discount(source=source, payment_id=payment_id, place=place, on=on, minor=amount.minor)
            return _moved(replace(item, discounts=(*item.discounts, granted)), on, -amount.minor)
        case DiscountWithdrawn():
            return _discount_withdrawn(item, event)
        case CreditMemoApplied():
            return _credited(item, event)
        case CreditMemoReversed() | CreditMemoUnapplied():
            return _credit_gone(item, event)
        case WriteOffPosted():
            write_off = WriteOff(
                source=event.source,
                write_off_id=event.write_off_id,
                posted_on=event.posted_on,
                applied_on=event.applied_on,
                minor=event.amount.minor,
                kind=event.kind,
                place=len(item.applications),
            )
            written_off = replace(item, write_offs=(*item.write_offs, write_off))
            return _moved(written_off, event.applied_on, -event.amount.minor)
        case WriteOffReversed():
            write_offs = tuple(
                replace(each, reversals=(*each.reversals, event))
                if (each.source, each.write_off_id) == (event.source, event.write_off_id)
                else each
                for each in item.write_offs
            )
            return _moved(replace(item, write_offs=write_offs), event.effective_on, event.amount.minor)
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
        case ShortPaymentDetected() | RemainderLeft() | RemainderTolerated():
            return replace(item, judged=event)
        case CreditAwaited():
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
        discount=event.discount,
    )
    steps = event.steps or ((Step(event.effective_on, event.change),) if event.change else ())
    correction = Correction(
        on=terms.issued_on if event.from_start else event.corrected_on,
        due_from=event.due_from,
        steps=steps,
        fields=tuple(name for name in _DATED if getattr(terms, name) != getattr(item.terms, name)),
        terms=terms,
    )
    corrected = replace(item, terms=terms, corrections=(*item.corrections, correction))
    return reduce(lambda so_far, step: _moved(so_far, step.on, step.minor), steps, corrected)


def _of_another_customer(item: OpenItem, event: InvoiceCustomerChanged) -> OpenItem:
    if item.terms is None:
        return item
    customers = with_customer(item.customers, CustomerFrom(event.effective_on, event.customer_id))
    return replace(item, terms=replace(item.terms, customer_id=event.customer_id), customers=customers)


def _paid(item: OpenItem, event: PaymentApplied) -> OpenItem:
    application = Application(
        source=event.source,
        payment_id=event.payment_id,
        received_on=event.received_on,
        applied_on=event.applied_on,
        minor=event.amount.minor,
        withheld=event.withheld_tax.minor if event.withheld_tax else 0,
        under_protest=event.under_protest,
    )
    paid = replace(
        item,
        applications=(*item.applications, application),
        paid_minor=item.paid_minor + application.minor,
        withheld_sum=item.withheld_sum + application.withheld,
        newest=event,
        judged=None,
    )
    return _moved(paid, event.applied_on, -event.amount.minor)


def _payment_gone(item: OpenItem, event: PaymentReversed | PaymentUnapplied) -> OpenItem:
    """The newest application gives way first. What was judged of the newest payment is no longer so."""
    key, left, returned = (event.source, event.payment_id), event.amount.minor, 0
    applications = list(item.applications)
    for place in reversed(range(len(applications))):
        each = applications[place]
        if (each.source, each.payment_id) == key:
            part = min(left, each.left)
            applications[place] = replace(each, gone=each.gone + part)
            returned += each.withheld if part and part == each.left else 0
            left -= part
            if not left:
                break
    was_newest = item.newest is not None and (item.newest.source, item.newest.payment_id) == key
    after = replace(
        item,
        applications=tuple(applications),
        paid_minor=item.paid_minor - (event.amount.minor - left),
        withheld_sum=item.withheld_sum - returned,
        newest=None if was_newest else item.newest,
        judged=None if was_newest else item.judged,
    )
    return _moved(after, event.effective_on, event.amount.minor)


def _discount_withdrawn(item: OpenItem, event: DiscountWithdrawn) -> OpenItem:
    """The newest of this payment and amount that is still granted."""
    wanted = (event.source, event.payment_id, event.amount.minor, None)
    discounts = list(item.discounts)
    for place in reversed(range(len(discounts))):
        each = discounts[place]
        if (each.source, each.payment_id, each.minor, each.withdrawn_on) == wanted:
            discounts[place] = replace(each, withdrawn_on=event.effective_on)
            break
    return _moved(replace(item, discounts=tuple(discounts)), event.effective_on, event.amount.minor)


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
        legal_entity=event.legal_entity or (known.legal_entity if known else None),
    )
    others = (other for other in item.claims if other.dispute_id != event.dispute_id)
    elsewhere = tuple(other for other in item.elsewhere if other.dispute_id != event.dispute_id)
    return _sorted(replace(item, claims=(*others, claim), elsewhere=elsewhere))


def _sorted(item: OpenItem) -> OpenItem:
    """Claims in the order of opening, without those that name another entity than the invoice is of."""
    claims = sorted(item.claims, key=lambda claim: claim.place)
    elsewhere = (*item.elsewhere, *(claim for claim in claims if not item.is_of(claim.legal_entity)))
    return replace(item, claims=tuple(c for c in claims if item.is_of(c.legal_entity)), elsewhere=elsewhere)


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
