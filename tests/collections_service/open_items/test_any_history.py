"""Whatever arrives in whatever order: money is conserved, holds stay within what is open, on every day."""

from collections.abc import Sequence
from decimal import Decimal
from functools import reduce
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from support.collections_examples import FIRST_TOLERANCE, day, dispute, eur, invoice

from collections_service.open_items import decisions as open_item
from collections_service.open_items import state as open_items
from collections_service.open_items.commands import CorrectInvoice, RegisterInvoice, ReportDispute
from collections_service.open_items.events import CashDiscount, HoldPlaced, OpenItemEvent, Step
from collections_service.open_items.refusals import OpenItemRefusal
from collections_service.open_items.state import OpenItem, amount_on
from collections_service.receipts import decisions as cash
from collections_service.receipts import state as receipts
from collections_service.receipts.commands import NamedInvoice, PostCreditMemo, ReceivePayment, ReverseReceipt
from collections_service.receipts.refusals import ReceiptRefusal
from collections_service.receipts.state import Receipt

Message = (
    RegisterInvoice | CorrectInvoice | ReceivePayment | PostCreditMemo | ReverseReceipt | tuple[str, ReportDispute]
)
INVOICES = ("INV-1", "INV-2")
days = st.integers(1, 60)
amounts = st.integers(1, 1_500)


@st.composite
def allocations(draw: st.DrawFn) -> tuple[int, tuple[NamedInvoice, ...]]:
    named = draw(st.lists(st.tuples(st.sampled_from(INVOICES), amounts), max_size=2, unique_by=lambda pair: pair[0]))
    extra = draw(st.integers(0, 300))
    parts = tuple(
        NamedInvoice(
            invoice_id,
            eur(minor),
            claim_number=draw(st.sampled_from([None, "CL-1"])),
            settles_in_full=draw(st.sampled_from([None, True, False])),
            withheld_tax=draw(st.sampled_from([None, eur(50)])),
        )
        for invoice_id, minor in named
    )
    return sum(minor for _, minor in named) + extra or 1, parts


@st.composite
def messages(draw: st.DrawFn) -> Message:
    kind = draw(
        st.sampled_from(["invoice", "correct", "payment", "payment", "reverse", "credit", "dispute", "dispute"])
    )
    which = draw(st.sampled_from(INVOICES))
    on = draw(days)
    if kind == "invoice":
        return invoice(1_000, invoice_id=which, issued=10, due=40)
    if kind == "correct":
        return CorrectInvoice(invoice_id=which, corrected_on=day(on), total=eur(draw(amounts)))
    if kind == "payment":
        amount, parts = draw(allocations())
        payment_id = f"P-{draw(st.integers(1, 4))}"
        return ReceivePayment(
            source="sap", payment_id=payment_id, customer_id="C-1", received_on=day(on), amount=eur(amount),
            allocations=parts,
        )  # fmt: skip
    if kind == "reverse":
        return ReverseReceipt(source="sap", payment_id=f"P-{draw(st.integers(1, 4))}", reversed_on=day(on))
    if kind == "credit":
        amount, parts = draw(allocations())
        return PostCreditMemo(
            source="sap", credit_memo_id=f"CM-{draw(st.integers(1, 3))}", legal_entity="DE01", customer_id="C-1",
            issued_on=day(on), total=eur(amount), allocations=parts,
        )  # fmt: skip
    claimed = draw(st.integers(0, 1_500))
    report = dispute(
        claimed,
        dispute_id=f"dsp_{draw(st.integers(1, 3))}",
        version=draw(st.integers(1, 9)),
        on=on,
        opened=draw(days),
        awaiting=draw(st.integers(0, claimed)),
        rejected=draw(st.integers(0, 500)),
    )
    return which, report


class Ledger:
    """The three aggregates side by side, checked after every single event."""

    def __init__(self) -> None:
        self.items: dict[str, OpenItem] = dict.fromkeys(INVOICES, OpenItem())
        self.receipts: dict[str, Receipt] = {}
        self.invoiced = 0

    def hear(self, message: Message) -> None:
        try:
            self._hear(message)
        except (OpenItemRefusal, ReceiptRefusal):
            return

    def _hear(self, message: Message) -> None:
        match message:
            case ReceivePayment(payment_id=receipt_id):
                known = self.receipts.get(receipt_id, Receipt())
                self._record(receipt_id, cash.receive(message, known, self.items, FIRST_TOLERANCE))
            case PostCreditMemo(credit_memo_id=receipt_id):
                known = self.receipts.get(receipt_id, Receipt())
                self._record(receipt_id, cash.post_credit_memo(message, known, self.items))
            case ReverseReceipt(payment_id=receipt_id):
                known = self.receipts.get(receipt_id, Receipt())
                self._record(receipt_id, cash.reverse(message, known, self.items))
            case (invoice_id, report):
                self._happened(invoice_id, open_item.report_dispute(report, self.items[invoice_id]))
            case CorrectInvoice(invoice_id=invoice_id):
                self._happened(invoice_id, open_item.correct(message, self.items[invoice_id]))
            case _:
                self._happened(message.invoice_id, open_item.register(message, self.items[message.invoice_id]))

    def _record(self, receipt_id: str, applied: cash.CashApplication) -> None:
        known = self.receipts.get(receipt_id, Receipt())
        self.receipts[receipt_id] = reduce(receipts.evolve, applied.receipt, known)
        for invoice_id, events in applied.invoices.items():
            self._happened(invoice_id, events)

    def _happened(self, invoice_id: str, events: Sequence[OpenItemEvent]) -> None:
        for event in events:
            self.items[invoice_id] = open_items.evolve(self.items[invoice_id], event)
            item = self.items[invoice_id]
            assert 0 <= item.held_minor <= item.open_minor, event
            assert 0 <= item.withheld_minor <= item.undisputed_minor, event
            assert 0 <= item.discount_minor <= 45, event  # 3 % of the largest total
            assert all(claim.held_now >= 0 for claim in item.claims), event


@settings(max_examples=400)
@given(st.lists(messages(), max_size=25))
def test_money_is_conserved_and_holds_fit(heard: list[Message]) -> None:
    ledger = Ledger()
    for message in [invoice(1_000, invoice_id="INV-1", discount=CashDiscount(Decimal(3), 20)), *heard]:
        ledger.hear(message)

    items = ledger.items.values()
    recorded = [receipt.recorded for receipt in ledger.receipts.values() if receipt.recorded]
    invoiced = sum(item.terms.total.minor for item in items if item.terms)
    applied = sum(receipt.applied_minor for receipt in ledger.receipts.values())
    granted = sum(item.discount_minor for item in items)
    assert invoiced - applied - granted == sum(item.open_minor for item in items)
    assert sum(r.amount.minor for r in recorded) == applied + sum(
        r.unapplied.minor + r.returned.minor for r in recorded
    )
    for item in items:
        for number in range(1, 62):
            held = [amount_on(claim.held, day(number)) for claim in item.claims]
            assert min(held, default=0) >= 0
            assert sum(held) <= amount_on(item.movements, day(number))


@settings(max_examples=300)
@given(st.lists(messages(), max_size=14), st.randoms())
def test_the_same_facts_end_in_the_same_books_whoever_came_first(heard: list[Message], random: Random) -> None:
    erp: list[Message] = [invoice(1_000, invoice_id="INV-1"), invoice(1_000, invoice_id="INV-2")]
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
        ledger._happened("INV-1", [HoldPlaced(dispute_id="dsp_1", steps=(Step(day(1), 1),), held=eur(1_001))])
