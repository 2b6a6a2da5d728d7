"""What the ERP does with a receipt after it came: apply, take off, return in part, refund, present again."""

from datetime import date

import pytest
from msgspec.structs import replace
from support.collections_examples import FIRST_TOLERANCE, after, day, eur, invoice

from collections_service.open_items import decisions as open_item
from collections_service.open_items.events import (
    CreditMemoApplied,
    CreditMemoReversed,
    CreditMemoUnapplied,
    PaymentApplied,
    PaymentReversed,
    PaymentUnapplied,
    Step,
)
from collections_service.open_items.refusals import InvoiceNotRegistered
from collections_service.open_items.state import OpenItem
from collections_service.receipts import decisions as cash
from collections_service.receipts.commands import (
    ApplyReceipt,
    IdentifyPayer,
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
    Allocation,
    CreditMemoCancelled,
    PayerIdentified,
    ReceiptApplied,
    ReceiptRefunded,
    ReceiptReversed,
    ReceiptUnapplied,
    TakenBack,
)
from collections_service.receipts.refusals import (
    AllocationsExceedAmount,
    InvoiceNamedTwice,
    NotOnInvoice,
    PayerIsKnown,
    ReceiptCurrencyDiffers,
    ReceiptDiffers,
    ReceiptMovedOn,
    ReceiptNotKnown,
    ReversalExceedsReceipt,
    StepDiffers,
    UnappliedExceeded,
)
from collections_service.receipts.state import Receipt, evolve
from redress.money import Money

PAYMENT = ReceiptName(kind="payment", source="sap", number="P-1")
MEMO = ReceiptName(kind="credit_memo", source="sap", number="CM-1")


class Books:
    """Invoices A (10.00), B (20.00) and C (30.00), the payment P-1 and the credit memo CM-1, and what is posted."""

    def __init__(self) -> None:
        self.items = {
            name: after(open_item.register(invoice(total, invoice_id=name), OpenItem()))
            for name, total in (("A", 1_000), ("B", 2_000), ("C", 3_000))
        }
        self.receipts = {PAYMENT: Receipt(), MEMO: Receipt()}

    def post(self, command: object) -> cash.CashApplication:
        match command:
            case ReceivePayment():
                name, done = PAYMENT, cash.receive(command, self.receipts[PAYMENT], self.items, FIRST_TOLERANCE)
            case PostCreditMemo():
                name, done = MEMO, cash.post_credit_memo(command, self.receipts[MEMO], self.items)
            case ApplyReceipt(receipt=name):
                done = cash.apply(command, self.receipts[name], self.items)
            case UnapplyReceipt(receipt=name):
                done = cash.unapply(command, self.receipts[name], self.items)
            case ReverseReceipt(receipt=name):
                done = cash.reverse(command, self.receipts[name], self.items)
            case IdentifyPayer(receipt=name):
                done = cash.identify(command, self.receipts[name])
            case RefundReceipt(receipt=name):
                done = cash.refund(command, self.receipts[name])
            case _:
                raise TypeError(command)
        for event in done.receipt:
            self.receipts[name] = evolve(self.receipts[name], event)
        for invoice_id, events in done.invoices.items():
            self.items[invoice_id] = after(events, self.items[invoice_id])
        return done

    def open(self) -> dict[str, int]:
        return {name: item.open_minor for name, item in self.items.items()}

    def unapplied(self, name: ReceiptName = PAYMENT) -> int:
        recorded = self.receipts[name].recorded
        assert recorded is not None
        return recorded.unapplied.minor


def named(amounts: dict[str, int]) -> tuple[NamedInvoice, ...]:
    return tuple(NamedInvoice(name, eur(minor)) for name, minor in amounts.items())


def received(amount: int, on: int = 30, **pays: int) -> ReceivePayment:
    return ReceivePayment(
        source="sap",
        payment_id="P-1",
        customer_id="C-1",
        received_on=day(on),
        amount=eur(amount),
        allocations=named(pays),
    )


def credited(total: int, on: int = 30, **pays: int) -> PostCreditMemo:
    return PostCreditMemo(
        source="sap",
        credit_memo_id="CM-1",
        legal_entity="DE01",
        customer_id="C-1",
        issued_on=day(on),
        total=eur(total),
        allocations=named(pays),
    )


def applied(receipt: ReceiptName = PAYMENT, on: int = 35, step: str = "A-1", **pays: int) -> ApplyReceipt:
    return ApplyReceipt(receipt=receipt, application_id=step, applied_on=day(on), allocations=named(pays))


def unapplied(
    receipt: ReceiptName = PAYMENT, on: int = 40, step: str = "U-1", currency: str = "EUR", **takes: int | None
) -> UnapplyReceipt:
    return UnapplyReceipt(
        receipt=receipt,
        application_id=step,
        unapplied_on=day(on),
        currency=currency,
        allocations=tuple(TakenOff(name, None if minor is None else eur(minor)) for name, minor in takes.items()),
    )


def returned(
    amount: int | None = None, receipt: ReceiptName = PAYMENT, on: int = 45, step: str = "R-1", **takes: int
) -> ReverseReceipt:
    return ReverseReceipt(
        receipt=receipt,
        reversal_id=step,
        reversed_on=day(on),
        amount=None if amount is None else eur(amount),
        allocations=named(takes),
    )


def refunded(amount: int, on: int = 50, step: str = "F-1") -> RefundReceipt:
    return RefundReceipt(receipt=PAYMENT, refund_id=step, refunded_on=day(on), amount=eur(amount))


# -- applied later


def test_unapplied_cash_is_applied_to_an_invoice_later() -> None:
    books = Books()
    books.post(received(1_500))

    done = books.post(applied(A=1_000))

    assert done.receipt == (
        ReceiptApplied(
            application_id="A-1",
            receipt_id="P-1",
            customer_id="C-1",
            applied_on=day(35),
            allocations=(Allocation(invoice_id="A", named=eur(1_000), applied=eur(1_000), applied_on=day(35)),),
            applied=eur(1_000),
        ),
    )
    assert done.invoices["A"] == (
        PaymentApplied(source="sap", payment_id="P-1", received_on=day(30), applied_on=day(35), amount=eur(1_000)),
    )
    assert (books.open()["A"], books.unapplied()) == (0, 500)


def test_a_later_application_that_leaves_something_open_is_no_short_payment() -> None:
    """Nobody has paid too little: the ERP has put there what there was."""
    books = Books()
    books.post(received(400))

    assert [type(event) for event in books.post(applied(A=400)).invoices["A"]] == [PaymentApplied]


def test_credit_on_account_is_applied_later_as_a_credit() -> None:
    books = Books()
    books.post(credited(500))

    done = books.post(applied(MEMO, B=500))

    assert [type(event) for event in done.invoices["B"]] == [CreditMemoApplied]
    assert (books.open()["B"], books.unapplied(MEMO)) == (1_500, 0)


def test_of_a_later_application_what_no_invoice_takes_stays_unapplied() -> None:
    books = Books()
    books.post(received(5_000))

    books.post(applied(A=4_000))

    assert (books.open()["A"], books.unapplied()) == (0, 4_000)


def test_more_than_is_unapplied_is_not_applied() -> None:
    books = Books()
    books.post(received(1_500, A=1_000))

    with pytest.raises(UnappliedExceeded, match=r"5.01 EUR is more than no invoice has of P-1, which is 5.00 EUR"):
        books.post(applied(B=501))


def test_the_same_application_again_is_so_already_and_another_one_is_refused() -> None:
    books = Books()
    books.post(received(1_500))
    books.post(applied(A=400))

    assert books.post(applied(A=400)) == cash.NOTHING
    with pytest.raises(StepDiffers):
        books.post(applied(A=300))
    books.post(applied(A=300, step="A-2"))
    assert books.open()["A"] == 300


def test_an_application_waits_for_its_receipt_and_for_its_invoices() -> None:
    books = Books()
    with pytest.raises(ReceiptNotKnown, match="payment P-1 is not known yet"):
        books.post(applied(A=1))
    with pytest.raises(ReceiptNotKnown, match="credit memo CM-1 is not known yet"):
        books.post(applied(MEMO, A=1))
    books.post(received(1_500))
    books.items["Z"] = OpenItem()
    with pytest.raises(InvoiceNotRegistered):
        books.post(applied(Z=1))


def test_an_invoice_named_twice_in_a_later_application_is_refused() -> None:
    books = Books()
    books.post(received(1_500))
    twice = ApplyReceipt(
        receipt=PAYMENT, application_id="A-1", applied_on=day(35), allocations=(*named({"A": 1}), *named({"A": 2}))
    )
    with pytest.raises(InvoiceNamedTwice):
        books.post(twice)


def test_another_currency_is_refused() -> None:
    books = Books()
    books.post(received(1_500))
    dollars = ApplyReceipt(
        receipt=PAYMENT, application_id="A-1", applied_on=day(35), allocations=(NamedInvoice("A", Money(1, "USD")),)
    )
    with pytest.raises(ReceiptCurrencyDiffers):
        books.post(dollars)
    with pytest.raises(ReceiptCurrencyDiffers):
        books.post(unapplied(currency="USD", A=None))


def test_cash_is_not_used_before_the_day_on_which_it_was_there() -> None:
    """Unapplied again on day 40, it cannot have paid another invoice on day 35."""
    books = Books()
    books.post(received(1_000, on=30, A=1_000))
    books.post(unapplied(on=40, A=None))

    (event,) = books.post(applied(on=35, B=1_000)).receipt

    assert isinstance(event, ReceiptApplied)
    assert event.allocations[0].applied_on == day(40)


# -- taken off


def test_a_payment_is_taken_off_an_invoice_and_is_unapplied_again() -> None:
    books = Books()
    books.post(received(3_000, A=1_000, B=2_000))

    done = books.post(unapplied(A=None))

    assert done.receipt == (
        ReceiptUnapplied(
            application_id="U-1",
            receipt_id="P-1",
            customer_id="C-1",
            unapplied_on=day(40),
            back=(TakenBack(invoice_id="A", amount=eur(1_000), effective_on=day(40)),),
            unapplied=eur(1_000),
        ),
    )
    assert done.invoices["A"] == (
        PaymentUnapplied(source="sap", payment_id="P-1", unapplied_on=day(40), effective_on=day(40), amount=eur(1_000)),
    )
    assert (books.open(), books.unapplied()) == ({"A": 1_000, "B": 0, "C": 3_000}, 1_000)


def test_a_part_is_taken_off_and_used_elsewhere() -> None:
    books = Books()
    books.post(received(1_000, A=1_000))

    books.post(unapplied(A=300))
    books.post(applied(B=300, on=41))

    assert (books.open(), books.unapplied()) == ({"A": 300, "B": 1_700, "C": 3_000}, 0)


def test_a_credit_memo_is_taken_off_as_a_credit() -> None:
    books = Books()
    books.post(credited(500, A=500))

    done = books.post(unapplied(MEMO, A=None))

    assert [type(event) for event in done.invoices["A"]] == [CreditMemoUnapplied]
    assert (books.open()["A"], books.unapplied(MEMO)) == (1_000, 500)


def test_what_an_invoice_does_not_have_is_not_taken_off() -> None:
    books = Books()
    books.post(received(1_000, A=600))

    with pytest.raises(NotOnInvoice, match=r"invoice A has 6.00 EUR and not 6.01 EUR of P-1"):
        books.post(unapplied(A=601))
    with pytest.raises(NotOnInvoice, match="invoice B has nothing of P-1"):
        books.post(unapplied(B=None))


def test_the_same_step_again_is_so_already_whether_it_says_the_amount_or_not() -> None:
    books = Books()
    books.post(received(1_000, A=1_000))
    books.post(unapplied(A=None))

    assert books.post(unapplied(A=None)) == cash.NOTHING
    assert books.post(unapplied(A=1_000)) == cash.NOTHING
    with pytest.raises(StepDiffers):
        books.post(unapplied(A=999))


# -- back in part


def test_a_part_of_a_payment_comes_back_from_the_invoice_that_is_named() -> None:
    books = Books()
    books.post(received(3_000, A=1_000, B=2_000))

    done = books.post(returned(700, A=700))

    (event,) = done.receipt
    assert event == ReceiptReversed(
        payment_id="P-1",
        customer_id="C-1",
        received_on=day(30),
        reversed_on=day(45),
        effective_on=day(45),
        returned=eur(700),
        unapplied_returned=eur(0),
        reversal_id="R-1",
        back=(TakenBack(invoice_id="A", amount=eur(700), effective_on=day(45)),),
    )
    assert books.open() == {"A": 700, "B": 0, "C": 3_000}


def test_without_a_name_it_comes_from_no_invoice_first_and_then_from_the_newest() -> None:
    """6,500 received; A 1,000 and B 2,000 applied on arrival, C 3,000 later, 500 on no invoice; 4,000 come back:
    500 unapplied, 3,000 of C, and 500 of B, which was named after A."""
    books = Books()
    books.post(received(6_500, A=1_000, B=2_000))
    books.post(applied(C=3_000))

    books.post(returned(4_000))

    assert (books.open(), books.unapplied()) == ({"A": 0, "B": 500, "C": 3_000}, 0)


def test_what_is_named_is_taken_first_and_the_rest_as_without_a_name() -> None:
    books = Books()
    books.post(received(3_500, A=1_000, B=2_000))

    books.post(returned(1_800, A=1_000))

    assert (books.open(), books.unapplied()) == ({"A": 1_000, "B": 300, "C": 3_000}, 0)


def test_two_parts_come_back_and_then_the_rest() -> None:
    books = Books()
    books.post(received(1_000, A=1_000))

    books.post(returned(300, step="R-1"))
    books.post(returned(300, step="R-2"))
    assert books.open()["A"] == 600
    books.post(returned(step="R-3"))

    assert books.open()["A"] == 1_000
    recorded = books.receipts[PAYMENT].recorded
    assert recorded is not None
    assert (recorded.returned, recorded.is_back) == (eur(1_000), True)


def test_no_more_comes_back_than_is_left() -> None:
    books = Books()
    books.post(received(1_000, A=1_000))
    books.post(returned(300))

    with pytest.raises(ReversalExceedsReceipt, match=r"8.00 EUR of P-1 cannot come back: 7.00 EUR is left"):
        books.post(returned(800, step="R-2"))
    with pytest.raises(AllocationsExceedAmount):
        books.post(returned(100, step="R-2", A=101))
    with pytest.raises(NotOnInvoice):
        books.post(returned(500, step="R-2", B=1))


def test_a_payment_that_is_back_is_back_and_a_step_counts_once() -> None:
    books = Books()
    books.post(received(1_000, A=1_000))
    books.post(returned(400))

    assert books.post(returned(400)) == cash.NOTHING
    with pytest.raises(StepDiffers):
        books.post(returned(300))
    books.post(returned(step="R-2"))
    assert books.post(returned(step="R-3")) == cash.NOTHING
    assert books.post(returned(1_000, step="R-4")) == cash.NOTHING


def test_a_payment_applied_to_one_invoice_twice_comes_back_newest_first_from_the_days_of_each() -> None:
    books = Books()
    books.post(received(1_000, on=30, A=600))
    books.post(applied(on=50, A=400))

    done = books.post(returned(500, on=35))

    assert done.invoices["A"] == (
        PaymentReversed(source="sap", payment_id="P-1", reversed_on=day(35), effective_on=day(50), amount=eur(400)),
        PaymentReversed(source="sap", payment_id="P-1", reversed_on=day(35), effective_on=day(35), amount=eur(100)),
    )


def test_a_credit_memo_is_cancelled_as_a_whole_or_in_part() -> None:
    books = Books()
    books.post(credited(1_500, A=1_000))

    (event,) = books.post(returned(700, MEMO)).receipt
    assert event == CreditMemoCancelled(
        credit_memo_id="CM-1",
        customer_id="C-1",
        issued_on=day(30),
        reversed_on=day(45),
        effective_on=day(45),
        returned=eur(700),
        unapplied_returned=eur(500),
        reversal_id="R-1",
        back=(TakenBack(invoice_id="A", amount=eur(200), effective_on=day(45)),),
    )
    done = books.post(returned(receipt=MEMO, step="R-2"))

    assert [type(each) for each in done.invoices["A"]] == [CreditMemoReversed]
    assert (books.open()["A"], books.unapplied(MEMO)) == (1_000, 0)
    with pytest.raises(ReceiptMovedOn):
        books.post(credited(1_500, A=1_000))


def test_a_whole_reversal_as_it_was_stored_before_left_nothing_on_any_invoice() -> None:
    """Until 0.2 a reversal did not name its invoices: every one gave back all it had."""
    books = Books()
    books.post(received(3_500, A=1_000, B=2_000))
    old = ReceiptReversed(
        payment_id="P-1",
        customer_id="C-1",
        received_on=day(30),
        reversed_on=day(45),
        effective_on=day(45),
        returned=eur(3_500),
        unapplied_returned=eur(500),
    )

    receipt = evolve(books.receipts[PAYMENT], old)

    assert receipt.recorded is not None
    assert (receipt.applied_minor, receipt.recorded.unapplied, receipt.recorded.is_back) == (0, eur(0), True)


# -- presented again


def test_a_cheque_that_is_presented_again_is_a_new_payment() -> None:
    books = Books()
    books.post(received(1_000, on=30, A=1_000))
    books.post(returned(on=35))

    done = books.post(received(1_000, on=35, A=1_000))

    assert [type(event) for event in done.invoices["A"]] == [PaymentApplied]
    assert books.open()["A"] == 0
    assert books.post(received(1_000, on=35, A=1_000)) == cash.NOTHING
    books.post(returned(on=60, step="R-2"))
    assert books.open()["A"] == 1_000


def test_it_may_be_of_another_amount_and_pay_other_invoices() -> None:
    books = Books()
    books.post(received(1_000, on=30, A=1_000))
    books.post(returned(on=35))

    books.post(received(900, on=40, B=900))

    assert books.open() == {"A": 1_000, "B": 1_100, "C": 3_000}


def test_a_payment_of_another_customer_with_its_number_is_refused() -> None:
    books = Books()
    books.post(received(1_000, on=30, A=1_000))
    books.post(returned(on=35))

    with pytest.raises(ReceiptDiffers):
        books.post(replace(received(1_000, on=40), customer_id="C-2"))


def test_the_old_payment_told_again_is_not_already_so_once_it_came_back() -> None:
    books = Books()
    books.post(received(1_000, on=30, A=1_000))
    books.post(returned(on=35))

    with pytest.raises(ReceiptMovedOn, match="returned on 2026-02-04"):
        books.post(received(1_000, on=30, A=1_000))
    with pytest.raises(ReceiptDiffers):
        books.post(received(999, on=30, A=999))
    assert day(35) == date(2026, 2, 4)


def test_a_payment_of_which_a_part_came_back_is_not_presented_again() -> None:
    books = Books()
    books.post(received(1_000, on=30, A=1_000))
    books.post(returned(400, on=35))

    with pytest.raises(ReceiptMovedOn):
        books.post(received(1_000, on=30, A=1_000))
    with pytest.raises(ReceiptDiffers):
        books.post(received(1_000, on=40, A=1_000))


def test_the_first_return_told_again_does_not_return_the_second_presentation() -> None:
    books = Books()
    books.post(received(1_000, on=30, A=1_000))
    books.post(returned(on=35))
    books.post(received(1_000, on=40, A=1_000))

    assert books.post(returned(on=35, step="R-9")) == cash.NOTHING
    assert books.open()["A"] == 0


# -- an unknown payer


def identified(customer_id: str = "C-1", on: int = 50) -> IdentifyPayer:
    return IdentifyPayer(receipt=PAYMENT, customer_id=customer_id, identified_on=day(on))


def test_cash_of_an_unknown_payer_is_the_customers_once_he_is_known_from_the_day_it_came() -> None:
    books = Books()
    books.post(replace(received(1_500, on=30, A=1_000), customer_id=""))

    (event,) = books.post(identified()).receipt

    assert event == PayerIdentified(
        payment_id="P-1", customer_id="C-1", identified_on=day(50), currency="EUR", cash=(Step(day(30), 500),)
    )
    (refund,) = books.post(refunded(500, on=55)).receipt
    assert isinstance(refund, ReceiptRefunded)
    assert refund.customer_id == "C-1"


def test_a_payer_is_identified_once_and_not_changed() -> None:
    books = Books()
    with pytest.raises(ReceiptNotKnown):
        books.post(identified())
    books.post(replace(received(1_500), customer_id=""))
    books.post(identified())

    assert books.post(identified()) == cash.NOTHING
    with pytest.raises(PayerIsKnown, match="P-1 is of customer C-1"):
        books.post(identified("C-2"))


# -- refunded


def test_a_refund_is_paid_out_of_what_no_invoice_has() -> None:
    books = Books()
    books.post(received(1_500, A=1_000))

    (event,) = books.post(refunded(300)).receipt

    assert event == ReceiptRefunded(
        refund_id="F-1",
        receipt_id="P-1",
        customer_id="C-1",
        refunded_on=day(50),
        effective_on=day(50),
        amount=eur(300),
    )
    assert (books.open()["A"], books.unapplied()) == (0, 200)


def test_no_more_is_refunded_than_no_invoice_has() -> None:
    books = Books()
    books.post(received(1_500, A=1_000))

    with pytest.raises(UnappliedExceeded):
        books.post(refunded(501))


def test_a_refund_counts_once_and_what_was_refunded_does_not_come_back() -> None:
    books = Books()
    books.post(received(1_500, A=1_000))
    books.post(refunded(500))

    assert books.post(refunded(500)) == cash.NOTHING
    with pytest.raises(StepDiffers):
        books.post(refunded(400))
    with pytest.raises(ReversalExceedsReceipt, match=r"10.00 EUR is left that was neither returned nor refunded"):
        books.post(returned(1_500))
    books.post(returned())
    assert (books.open()["A"], books.unapplied()) == (1_000, 0)
