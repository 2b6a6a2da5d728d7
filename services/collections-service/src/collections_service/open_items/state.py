"""One invoice as its events left it: terms, the movements of its open amount, and who holds how much of it."""

from collections.abc import Iterable
from datetime import date
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from collections_service.open_items.events import (
    CashDiscount,
    CreditAwaited,
    CreditMemoApplied,
    DiscountGranted,
    DiscountWithdrawn,
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
    RecoveryTaskOpened,
    RemainderLeft,
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
    discount: CashDiscount | None


class Application(Struct, frozen=True, kw_only=True):
    """Money of one receipt on this invoice. `withheld` is tax that the payer kept back besides, for the tax office."""

    source: str
    payment_id: str
    received_on: date
    applied_on: date
    minor: int
    withheld: int = 0
    returned: bool = False


class Discount(Struct, frozen=True, kw_only=True):
    """The part of the cash discount that a payment was granted, until one it was earned by came back."""

    source: str
    payment_id: str
    on: date
    minor: int
    withdrawn_on: date | None = None

    def is_withdrawn_on(self, day: date) -> bool:
        return self.withdrawn_on is not None and self.withdrawn_on <= day


Judgement = ShortPaymentDetected | RemainderLeft | RemainderTolerated


class Claim(Struct, frozen=True, kw_only=True):
    """The amounts one dispute claims and holds. A claim may exceed the open amount, a hold may not."""

    dispute_id: str
    opened_on: date
    version: int
    currency: str
    claimed: tuple[Step, ...]
    awaiting_credit: int
    rejected: int
    held: tuple[Step, ...] = ()

    @property
    def claimed_now(self) -> int:
        return sum(step.minor for step in self.claimed)

    @property
    def held_now(self) -> int:
        return sum(step.minor for step in self.held)


class OpenItem(Struct, frozen=True, kw_only=True):
    """`terms` is None for an invoice that disputes spoke of before the ERP did. Claims stand in order of opening.

    `newest` is the last payment that was applied, `judged` the last word about what one left open; both are forgotten
    when that payment comes back.
    """

    terms: Terms | None = None
    movements: tuple[Step, ...] = ()
    applications: tuple[Application, ...] = ()
    discounts: tuple[Discount, ...] = ()
    newest: PaymentApplied | None = None
    judged: Judgement | None = None
    credit_memos: tuple[tuple[str, str], ...] = ()
    claims: tuple[Claim, ...] = ()

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

    @property
    def withheld_minor(self) -> int:
        """The undisputed amount that payers say the tax office gets: it stays open for the certificate."""
        return min(self.undisputed_minor, sum(a.withheld for a in self.applications if not a.returned))

    def withheld_on(self, day: date) -> int:
        """As payers said it by `day`, of payments that have not come back since."""
        return sum(a.withheld for a in self.applications if not a.returned and a.applied_on <= day)

    @property
    def discount_minor(self) -> int:
        return sum(discount.minor for discount in self.discounts if discount.withdrawn_on is None)

    def claim(self, dispute_id: str) -> Claim | None:
        return next((claim for claim in self.claims if claim.dispute_id == dispute_id), None)

    def application(self, source: str, payment_id: str) -> Application | None:
        return next((a for a in self.applications if (a.source, a.payment_id) == (source, payment_id)), None)


def amount_on(steps: Iterable[Step], day: date) -> int:
    """The amount at the end of `day`."""
    return sum(step.minor for step in steps if step.on <= day)


def evolve(item: OpenItem, event: OpenItemEvent) -> OpenItem:  # noqa: PLR0911 - one arm per kind of event
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
            )
            return replace(item, terms=terms, movements=(*item.movements, Step(event.issued_on, event.total.minor)))
        case InvoiceCorrected():
            return _corrected(item, event)
        case PaymentApplied():
            return _paid(item, event)
        case PaymentReversed():
            return _reversed(item, event)
        case DiscountGranted(source=source, payment_id=payment_id, applied_on=on, amount=amount):
            granted = Discount(source=source, payment_id=payment_id, on=on, minor=amount.minor)
            return replace(
                item, movements=(*item.movements, Step(on, -amount.minor)), discounts=(*item.discounts, granted)
            )
        case DiscountWithdrawn():
            return _discount_withdrawn(item, event)
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
        case ShortPaymentDetected() | RemainderLeft() | RemainderTolerated():
            return replace(item, judged=event)
        case CreditAwaited() | RecoveryTaskOpened():
            return item
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
        discount=event.discount,
    )
    return replace(item, terms=terms, movements=movements)


def _paid(item: OpenItem, event: PaymentApplied) -> OpenItem:
    application = Application(
        source=event.source,
        payment_id=event.payment_id,
        received_on=event.received_on,
        applied_on=event.applied_on,
        minor=event.amount.minor,
        withheld=event.withheld_tax.minor if event.withheld_tax else 0,
    )
    return replace(
        item,
        movements=(*item.movements, Step(event.applied_on, -event.amount.minor)),
        applications=(*item.applications, application),
        newest=event,
        judged=None,
    )


def _reversed(item: OpenItem, event: PaymentReversed) -> OpenItem:
    key = (event.source, event.payment_id)
    was_newest = item.newest is not None and (item.newest.source, item.newest.payment_id) == key
    return replace(
        item,
        newest=None if was_newest else item.newest,
        judged=None if was_newest else item.judged,
        movements=(*item.movements, Step(event.effective_on, event.amount.minor)),
        applications=tuple(
            replace(a, returned=True) if (a.source, a.payment_id) == key else a for a in item.applications
        ),
    )


def _discount_withdrawn(item: OpenItem, event: DiscountWithdrawn) -> OpenItem:
    key = (event.source, event.payment_id)
    return replace(
        item,
        movements=(*item.movements, Step(event.effective_on, event.amount.minor)),
        discounts=tuple(
            replace(each, withdrawn_on=event.effective_on)
            if (each.source, each.payment_id) == key and each.withdrawn_on is None
            else each
            for each in item.discounts
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
    )
    others = [other for other in item.claims if other.dispute_id != event.dispute_id]
    return replace(item, claims=tuple(sorted([*others, claim], key=lambda c: (c.opened_on, c.dispute_id))))
