"""One receipt as its events left it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from functools import reduce
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from collections_service.open_items.events import Step
from collections_service.open_items.identity import key_of
from collections_service.open_items.state import with_step
from collections_service.receipts.events import (
    Allocation,
    CreditMemoCancelled,
    CreditMemoPosted,
    PayerIdentified,
    PaymentReceived,
    ReceiptApplied,
    ReceiptEvent,
    ReceiptRefunded,
    ReceiptReversed,
    ReceiptUnapplied,
    TakenBack,
)
from redress.money import Money


class Application(Struct, frozen=True):
    """What an invoice has of the receipt, as it was applied once."""

    invoice_id: str
    minor: int
    legal_entity: str | None = None

    @property
    def key(self) -> str:
        return key_of(self.invoice_id, self.legal_entity)


class Happened(Struct, frozen=True, kw_only=True):
    """A step that the receipt knows by the ERP's own name for it, with what it said."""

    kind: str
    name: str
    on: date
    amounts: tuple[tuple[str, int | None], ...]


class RecordedReceipt(Struct, frozen=True, kw_only=True):
    """`kind` is payment or credit_memo; `received_on` is the value date, or the credit memo's date. `customer_id` is
    empty as long as nobody knows the payer.

    `allocations` are as the sender named them first; `applications` are what invoices have now, oldest first. `cash` is
    what no invoice has, by day: one step for each day on which it changed. `happened_since` says whether the
    receipt is no longer as it came. `presented_before`: this is a payment that came back and was presented again.
    `legal_entity` is whose money it is, where the ERP says it.
    """

    kind: str
    source: str
    receipt_id: str
    customer_id: str
    received_on: date
    amount: Money
    allocations: tuple[Allocation, ...]
    unapplied: Money
    returned: Money
    refunded: Money
    applications: tuple[Application, ...]
    cash: tuple[Step, ...]
    happened: tuple[Happened, ...] = ()
    happened_since: bool = False
    returned_on: date | None = None
    presented_before: bool = False
    legal_entity: str | None = None
    dispute_id: str | None = None

    @property
    def is_back(self) -> bool:
        """Whether all of it came back."""
        return self.returned == self.amount

    @property
    def by_invoice(self) -> Counter[str]:
        """What each invoice has of it, by its key."""
        found: Counter[str] = Counter()
        for each in self.applications:
            found[each.key] += each.minor
        return found

    def known(self, kind: str, name: str) -> Happened | None:
        return next((each for each in self.happened if (each.kind, each.name) == (kind, name)), None)


class Receipt(Struct, frozen=True):
    """`recorded` is None for a receipt nobody has told us about."""

    recorded: RecordedReceipt | None = None

    @property
    def applied_minor(self) -> int:
        """The part that invoices hold now."""
        return 0 if self.recorded is None else sum(each.minor for each in self.recorded.applications)


def evolve(receipt: Receipt, event: ReceiptEvent) -> Receipt:  # noqa: PLR0911 - one return per kind of event
    match event:
        case PaymentReceived():
            return Receipt(_received(receipt, event))
        case CreditMemoPosted():
            return Receipt(_posted(receipt, event))
        case _ if receipt.recorded is None:
            return receipt
        case ReceiptApplied():
            return Receipt(_applied(receipt.recorded, event))
        case ReceiptUnapplied():
            return Receipt(_unapplied(receipt.recorded, event))
        case ReceiptReversed() | CreditMemoCancelled():
            return Receipt(_reversed(receipt.recorded, event))
        case PayerIdentified():
            identified = replace(receipt.recorded, customer_id=event.customer_id, happened_since=True)
            return Receipt(identified)
        case ReceiptRefunded():
            return Receipt(_refunded(receipt.recorded, event))
        case _:
            assert_never(event)


def amounts_of(allocations: Iterable[Allocation]) -> tuple[tuple[str, int | None], ...]:
    """What was named, for comparing a repetition with what it repeats."""
    return tuple((each.key, each.named.minor) for each in allocations)


def taken_off(applications: Sequence[Application], back: Iterable[tuple[str, int]]) -> tuple[Application, ...]:
    """What invoices still have; of several applications to one invoice the newest gives way first."""
    left = list(applications)
    places: dict[str, list[int]] = defaultdict(list)
    for place, each in enumerate(left):
        places[each.key].append(place)
    for key, minor in back:
        rest = minor
        for place in reversed(places[key]):
            part = min(rest, left[place].minor)
            left[place] = replace(left[place], minor=left[place].minor - part)
            rest -= part
    return tuple(each for each in left if each.minor)


def _received(receipt: Receipt, event: PaymentReceived) -> RecordedReceipt:
    return RecordedReceipt(
        kind="payment",
        source=event.source,
        receipt_id=event.payment_id,
        customer_id=event.customer_id,
        received_on=event.received_on,
        amount=event.amount,
        allocations=event.allocations,
        unapplied=event.unapplied,
        returned=Money(0, event.amount.currency),
        refunded=Money(0, event.amount.currency),
        applications=_first_applications(event.allocations),
        cash=_first_cash(event.received_on, event.amount, event.allocations),
        legal_entity=event.legal_entity,
        happened=receipt.recorded.happened if receipt.recorded else (),
        presented_before=receipt.recorded is not None,
    )


def _posted(receipt: Receipt, event: CreditMemoPosted) -> RecordedReceipt:
    return RecordedReceipt(
        kind="credit_memo",
        source=event.source,
        receipt_id=event.credit_memo_id,
        customer_id=event.customer_id,
        received_on=event.issued_on,
        amount=event.total,
        allocations=event.allocations,
        unapplied=event.unapplied,
        returned=Money(0, event.total.currency),
        refunded=Money(0, event.total.currency),
        applications=_first_applications(event.allocations),
        cash=_first_cash(event.issued_on, event.total, event.allocations),
        legal_entity=event.legal_entity or None,
        dispute_id=event.dispute_id,
        happened=receipt.recorded.happened if receipt.recorded else (),
        presented_before=receipt.recorded is not None,
    )


def _applied(recorded: RecordedReceipt, event: ReceiptApplied) -> RecordedReceipt:
    happened = Happened(
        kind="applied", name=event.application_id, on=event.applied_on, amounts=amounts_of(event.allocations)
    )
    return replace(
        recorded,
        unapplied=recorded.unapplied - event.applied,
        applications=(*recorded.applications, *_first_applications(event.allocations)),
        cash=reduce(with_step, _taken(event.allocations), recorded.cash),
        happened=(*recorded.happened, happened),
        happened_since=True,
    )


def _unapplied(recorded: RecordedReceipt, event: ReceiptUnapplied) -> RecordedReceipt:
    happened = Happened(
        kind="unapplied",
        name=event.application_id,
        on=event.unapplied_on,
        amounts=tuple((each.key, each.amount.minor) for each in event.back),
    )
    return replace(
        recorded,
        unapplied=recorded.unapplied + event.unapplied,
        applications=_after(recorded.applications, event.back),
        cash=reduce(with_step, (Step(each.effective_on, each.amount.minor) for each in event.back), recorded.cash),
        happened=(*recorded.happened, happened),
        happened_since=True,
    )


def _reversed(recorded: RecordedReceipt, event: ReceiptReversed | CreditMemoCancelled) -> RecordedReceipt:
    happened = recorded.happened
    if event.reversal_id is not None:
        amounts = (("", event.returned.minor),)
        happened = (*happened, Happened(kind="reversed", name=event.reversal_id, on=event.reversed_on, amounts=amounts))
    # Whole reversals of old name no invoices: every one of them gave back all.
    was_whole = not event.back and event.returned != event.unapplied_returned
    return replace(
        recorded,
        unapplied=recorded.unapplied - event.unapplied_returned,
        returned=recorded.returned + event.returned,
        applications=() if was_whole else _after(recorded.applications, event.back),
        cash=with_step(recorded.cash, Step(event.effective_on, -event.unapplied_returned.minor)),
        happened=happened,
        happened_since=True,
        returned_on=event.reversed_on,
    )


def _refunded(recorded: RecordedReceipt, event: ReceiptRefunded) -> RecordedReceipt:
    amounts = ((event.dispute_id or "", event.amount.minor),)
    happened = Happened(kind="refunded", name=event.refund_id, on=event.refunded_on, amounts=amounts)
    return replace(
        recorded,
        unapplied=recorded.unapplied - event.amount,
        refunded=recorded.refunded + event.amount,
        cash=with_step(recorded.cash, Step(event.effective_on, -event.amount.minor)),
        happened=(*recorded.happened, happened),
        happened_since=True,
    )


def _first_applications(allocations: Iterable[Allocation]) -> tuple[Application, ...]:
    return tuple(
        Application(each.invoice_id, each.applied.minor, each.legal_entity)
        for each in allocations
        if each.applied.minor
    )


def _first_cash(on: date, amount: Money, allocations: Iterable[Allocation]) -> tuple[Step, ...]:
    return reduce(with_step, _taken(allocations), (Step(on, amount.minor),))


def _taken(allocations: Iterable[Allocation]) -> list[Step]:
    return [Step(each.applied_on, -each.applied.minor) for each in allocations if each.applied_on is not None]


def _after(applications: Sequence[Application], back: Iterable[TakenBack]) -> tuple[Application, ...]:
    return taken_off(applications, ((each.key, each.amount.minor) for each in back))
