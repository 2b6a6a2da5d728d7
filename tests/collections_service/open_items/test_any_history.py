"""Whatever arrives in whatever order: money is conserved, holds stay within what is open, on every day."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from support.collections_examples import FIRST_TOLERANCE, day, dispute, invoice

from collections_service.open_items import decisions as open_item
from collections_service.open_items import state as open_items
from collections_service.open_items.commands import (
    CancelInvoice,
    CorrectInvoice,
    PostWriteOff,
    RegisterInvoice,
    ReportDispute,
    ReverseWriteOff,
)
from collections_service.open_items.events import (
    CashDiscount,
    DiscountGranted,
    DiscountWithdrawn,
    HoldPlaced,
    OpenItemEvent,
    Step,
    WriteOffPosted,
    WriteOffReversed,
)
from collections_service.open_items.refusals import OpenItemRefusal
from collections_service.open_items.state import OpenItem, amount_on
from collections_service.receipts import decisions as cash
from collections_service.receipts import state as receipts
from collections_service.receipts.commands import (
    ApplyReceipt,
    NamedInvoice,
    PostCreditMemo,
    ReceiptName,
    ReceivePayment,
    RefundReceipt,
    ReverseReceipt,
    TakenOff,
    UnapplyReceipt,
)
from collections_service.receipts.events import (
    CreditMemoCancelled,
    CreditMemoPosted,
    PaymentReceived,
    ReceiptEvent,
    ReceiptRefunded,
    ReceiptReversed,
)
from collections_service.receipts.refusals import ReceiptRefusal
from collections_service.receipts.state import Receipt
from redress.money import Money

CashMessage = ReceivePayment | PostCreditMemo | ApplyReceipt | UnapplyReceipt | ReverseReceipt | RefundReceipt
InvoiceMessage = RegisterInvoice | CorrectInvoice | PostWriteOff | ReverseWriteOff | CancelInvoice
Message = InvoiceMessage | CashMessage | tuple[str, ReportDispute]
INVOICES = {"INV-1": ("C-1", "EUR"), "INV-2": ("C-1", "EUR"), "INV-3": ("C-2", "USD")}
days = st.integers(1, 60)
amounts = st.integers(1, 1_500)
CASH = ("payment", "payment", "reverse", "reverse", "credit", "apply", "apply", "unapply", "refund")


def posted(invoice_id: str) -> RegisterInvoice:
    """With a cash discount of 3 % until the 30th day."""
    customer, currency = INVOICES[invoice_id]
    command = invoice(1_000, invoice_id=invoice_id, issued=10, due=40, discount=CashDiscount(Decimal(3), 20))
    return replace(command, customer_id=customer, total=Money(1_000, currency))


@st.composite
def messages(draw: st.DrawFn) -> Message:  # noqa: PLR0911 - one return per kind
    kinds = ["invoice", "correct", "write-off", "write-off", "write-off-back", "cancel", "dispute", "dispute", *CASH]
    kind = draw(st.sampled_from(kinds))
    which = draw(st.sampled_from(list(INVOICES)))
    on = day(draw(days))
    currency = INVOICES[which][1]
    if kind in CASH:
        return draw(cash_messages(kind, which))
    if kind == "invoice":
        return posted(which)
    if kind == "correct":
        return CorrectInvoice(invoice_id=which, corrected_on=on, total=Money(draw(amounts), currency))
    if kind == "write-off":
        return PostWriteOff(
            source="sap", write_off_id=f"W-{draw(st.integers(1, 3))}", invoice_id=which, posted_on=on,
            amount=Money(draw(amounts), currency), kind="bad_debt",
        )  # fmt: skip
    if kind == "write-off-back":
        return ReverseWriteOff(
            source="sap", write_off_id=f"W-{draw(st.integers(1, 3))}", invoice_id=which, reversed_on=on,
            reversal_id=f"R-{draw(st.integers(1, 9))}",
            amount=draw(st.sampled_from([None, Money(draw(amounts), currency)])),
        )  # fmt: skip
    if kind == "cancel":
        return CancelInvoice(invoice_id=which, cancelled_on=on)
    claimed = draw(st.integers(0, 1_500))
    report = dispute(
        claimed,
        dispute_id=f"dsp_{draw(st.integers(1, 3))}",
        version=draw(st.integers(1, 9)),
        on=draw(days),
        opened=draw(days),
        awaiting=draw(st.integers(0, claimed)),
        rejected=draw(st.integers(0, 500)),
    )
    return which, replace(
        report,
        claimed=Money(claimed, currency),
        awaiting_credit=Money(report.awaiting_credit.minor, currency),
        rejected=Money(report.rejected.minor, currency),
    )


@st.composite
def cash_messages(draw: st.DrawFn, kind: str, which: str) -> CashMessage:
    """About money of the customer of an invoice. What names no receipt or no part that is there is refused."""
    customer, currency = INVOICES[which]
    mine = [name for name, of in INVOICES.items() if of == INVOICES[which]]
    named = draw(st.lists(st.tuples(st.sampled_from(mine), amounts), max_size=2, unique_by=lambda pair: pair[0]))
    parts = tuple(NamedInvoice(name, Money(minor, currency)) for name, minor in named)
    if kind == "payment":
        parts = tuple(draw(with_words(part)) for part in parts)
    whole = Money(sum(minor for _, minor in named) + draw(st.integers(0, 900)) or 1, currency)
    on, amount = day(draw(days)), Money(draw(amounts), currency)
    number = f"{customer}-{draw(st.integers(1, 3))}"
    receipt = ReceiptName(kind=draw(st.sampled_from(["payment", "credit_memo"])), source="sap", number=number)
    step = f"S-{draw(st.integers(1, 30))}"
    if kind == "payment":
        return ReceivePayment(
            source="sap", payment_id=number, customer_id=customer, received_on=on, amount=whole, allocations=parts
        )
    if kind == "credit":
        return PostCreditMemo(
            source="sap", credit_memo_id=number, legal_entity="DE01", customer_id=customer, issued_on=on, total=whole,
            allocations=parts,
        )  # fmt: skip
    if kind == "apply":
        return ApplyReceipt(receipt=receipt, application_id=step, applied_on=on, allocations=parts)
    if kind == "unapply":
        off = tuple(TakenOff(part.invoice_id, draw(st.sampled_from([None, part.amount]))) for part in parts)
        return UnapplyReceipt(receipt=receipt, application_id=step, unapplied_on=on, currency=currency, allocations=off)
    if kind == "refund":
        return RefundReceipt(receipt=receipt, refund_id=step, refunded_on=on, amount=amount)
    partly = draw(st.sampled_from([None, amount]))
    return ReverseReceipt(
        receipt=receipt, reversal_id=step, reversed_on=on, amount=partly, allocations=parts if partly else ()
    )


@st.composite
def with_words(draw: st.DrawFn, part: NamedInvoice) -> NamedInvoice:
    """What a payer may say about an invoice."""
    return replace(
        part,
        claim_number=draw(st.sampled_from([None, "CL-1"])),
        settles_in_full=draw(st.sampled_from([None, True, False])),
        withheld_tax=draw(st.sampled_from([None, Money(50, part.amount.currency)])),
    )


class Ledger:
    """The aggregates side by side, checked after every single event."""

    def __init__(self) -> None:
        self.items: dict[str, OpenItem] = dict.fromkeys(INVOICES, OpenItem())
        self.receipts: dict[ReceiptName, Receipt] = {}
        self.came: Counter[tuple[str, str]] = Counter()  # less what went back, by customer and currency
        self.written_off: Counter[tuple[str, str]] = Counter()
        self.granted: Counter[tuple[str, str]] = Counter()  # as cash discount, less what was withdrawn

    def hear(self, message: Message) -> None:
        try:
            self._hear(message)
        except (OpenItemRefusal, ReceiptRefusal):
            return

    def _hear(self, message: Message) -> None:  # noqa: C901 - one arm per kind
        match message:
            case (invoice_id, report):
                self._happened(invoice_id, open_item.report_dispute(report, self.items[invoice_id]))
            case RegisterInvoice(invoice_id=invoice_id):
                self._happened(invoice_id, open_item.register(message, self.items[invoice_id]))
            case CorrectInvoice(invoice_id=invoice_id):
                self._happened(invoice_id, open_item.correct(message, self.items[invoice_id]))
            case PostWriteOff(invoice_id=invoice_id):
                self._happened(invoice_id, open_item.post_write_off(message, self.items[invoice_id]))
            case ReverseWriteOff(invoice_id=invoice_id):
                self._happened(invoice_id, open_item.reverse_write_off(message, self.items[invoice_id]))
            case CancelInvoice(invoice_id=invoice_id):
                self._happened(invoice_id, open_item.cancel(message, self.items[invoice_id]))
            case ReceivePayment():
                name = ReceiptName(kind="payment", source="sap", number=message.payment_id)
                self._record(name, cash.receive(message, self._receipt(name), self.items, FIRST_TOLERANCE))
            case PostCreditMemo():
                name = ReceiptName(kind="credit_memo", source="sap", number=message.credit_memo_id)
                self._record(name, cash.post_credit_memo(message, self._receipt(name), self.items))
            case ApplyReceipt(receipt=name):
                self._record(name, cash.apply(message, self._receipt(name), self.items))
            case UnapplyReceipt(receipt=name):
                self._record(name, cash.unapply(message, self._receipt(name), self.items))
            case ReverseReceipt(receipt=name):
                self._record(name, cash.reverse(message, self._receipt(name), self.items))
            case RefundReceipt(receipt=name):
                self._record(name, cash.refund(message, self._receipt(name)))

    def _receipt(self, name: ReceiptName) -> Receipt:
        return self.receipts.get(name, Receipt())

    def _record(self, name: ReceiptName, applied: cash.CashApplication) -> None:
        for event in applied.receipt:
            self.receipts[name] = receipts.evolve(self._receipt(name), event)
            came = came_by(event)
            self.came[event.customer_id, came.currency] += came.minor
        for invoice_id, events in applied.invoices.items():
            self._happened(invoice_id, events)

    def _happened(self, invoice_id: str, events: Sequence[OpenItemEvent]) -> None:
        for event in events:
            item = self.items[invoice_id] = open_items.evolve(self.items[invoice_id], event)
            assert 0 <= item.held_minor <= item.open_minor, event
            assert item.open_minor == sum(step.minor for step in item.movements)
            assert item.paid_minor == sum(each.left for each in item.applications)
            assert item.withheld_sum == sum(each.withheld for each in item.applications if not each.returned)
            assert 0 <= item.withheld_minor <= item.undisputed_minor, event
            assert 0 <= item.discount_minor <= 45, event  # 3 % of the largest total
            assert all(claim.held_now >= 0 for claim in item.claims), event
            if isinstance(event, WriteOffPosted):
                self.written_off[INVOICES[invoice_id]] += event.amount.minor
            if isinstance(event, WriteOffReversed):
                self.written_off[INVOICES[invoice_id]] -= event.amount.minor
            if isinstance(event, DiscountGranted):
                self.granted[INVOICES[invoice_id]] += event.amount.minor
            if isinstance(event, DiscountWithdrawn):
                self.granted[INVOICES[invoice_id]] -= event.amount.minor

    def balances(self) -> Counter[tuple[str, str]]:
        """What is open less what is unapplied."""
        found: Counter[tuple[str, str]] = Counter()
        for name, item in self.items.items():
            found[INVOICES[name]] += item.open_minor
        for receipt in self.receipts.values():
            if recorded := receipt.recorded:
                found[recorded.customer_id, recorded.amount.currency] -= recorded.unapplied.minor
        return found

    def billed(self) -> Counter[tuple[str, str]]:
        found: Counter[tuple[str, str]] = Counter()
        for name, item in self.items.items():
            if item.terms and item.cancelled_on is None:
                found[INVOICES[name]] += item.terms.total.minor
        return found


def came_by(event: ReceiptEvent) -> Money:
    """What the event brought in, below zero where it went out again; steps inside the company bring nothing."""
    match event:
        case PaymentReceived(amount=amount) | CreditMemoPosted(total=amount):
            return amount
        case ReceiptReversed(returned=amount) | CreditMemoCancelled(returned=amount) | ReceiptRefunded(amount=amount):
            return Money(-amount.minor, amount.currency)
        case _:
            return Money(0, "EUR")


@settings(max_examples=500)
@given(st.lists(messages(), max_size=30))
def test_money_is_conserved_and_holds_fit(heard: list[Message]) -> None:
    """What was billed less what came, was written off or granted as discount is what is open less what is unapplied."""
    ledger = Ledger()
    for message in [posted("INV-1"), *heard]:
        ledger.hear(message)
        for of in INVOICES.values():
            expected = ledger.billed()[of] - ledger.came[of] - ledger.written_off[of] - ledger.granted[of]
            assert ledger.balances()[of] == expected, message

    for item in ledger.items.values():
        for number in range(1, 62):
            held = [amount_on(claim.held, day(number)) for claim in item.claims]
            assert min(held, default=0) >= 0
            assert sum(held) <= amount_on(item.movements, day(number))
    for receipt in ledger.receipts.values():
        if recorded := receipt.recorded:
            gone = recorded.unapplied + recorded.returned + recorded.refunded
            assert recorded.amount.minor == receipt.applied_minor + gone.minor
            assert sum(step.minor for step in recorded.cash) == recorded.unapplied.minor
            assert all(amount_on(recorded.cash, day(number)) >= 0 for number in range(1, 62))


@settings(max_examples=300)
@given(st.lists(messages(), max_size=30))
def test_a_receipt_and_its_invoices_say_the_same_of_it(heard: list[Message]) -> None:
    ledger = Ledger()
    for message in [posted("INV-1"), posted("INV-2"), posted("INV-3"), *heard]:
        ledger.hear(message)

    for name, receipt in ledger.receipts.items():
        said = receipt.recorded.by_invoice if receipt.recorded else Counter()
        for invoice_id, item in ledger.items.items():
            if name.kind == "payment":
                there = sum(each.left for each in item.paid_by(name.source, name.number))
            else:
                there = sum(each.left for each in item.credited_by(name.source, name.number))
            assert said[invoice_id] == there, invoice_id


@settings(max_examples=300)
@given(st.lists(messages(), max_size=14), st.randoms())
def test_the_same_facts_end_in_the_same_books_whoever_came_first(heard: list[Message], random: Random) -> None:
    # Without a cash discount: which of a payment and a dispute is heard first can change that (decision 0043).
    erp: list[Message] = [replace(posted(invoice_id), discount=None) for invoice_id in INVOICES]
    disputes: list[tuple[str, ReportDispute]] = []
    for message in heard:
        if isinstance(message, tuple):
            disputes.append((message[0], replace(message[1], dispute_version=len(disputes) + 1)))
        elif not isinstance(message, PostCreditMemo):
            erp.append(message)

    erp_first = Ledger()
    for message in [*erp, *disputes]:
        erp_first.hear(message)
    mixed = Ledger()
    left, right = list(erp), list(disputes)
    while left or right:
        mixed.hear((left if left and (not right or random.random() < 0.5) else right).pop(0))

    for invoice_id in INVOICES:
        one, other = erp_first.items[invoice_id], mixed.items[invoice_id]
        for number in range(1, 62):
            assert amount_on(one.movements, day(number)) == amount_on(other.movements, day(number))
            for claim in one.claims:
                twin = other.claim(claim.dispute_id)
                assert twin is not None
                assert amount_on(claim.held, day(number)) == amount_on(twin.held, day(number))


def test_a_ledger_with_a_broken_rule_would_be_noticed() -> None:
    ledger = Ledger()
    ledger.hear(invoice(1_000))
    ledger.hear(("INV-1", dispute(1_000)))
    with pytest.raises(AssertionError):
        ledger._happened("INV-1", [HoldPlaced(dispute_id="dsp_1", steps=(Step(day(1), 1),), held=Money(1_001, "EUR"))])
