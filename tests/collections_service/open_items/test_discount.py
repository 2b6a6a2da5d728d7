"""The cash discount: 2 % within 10 days of the issue date (day 10 of the year), so until day 20."""

from decimal import Decimal

import pytest
from msgspec.structs import replace
from support.collections_examples import FIRST_TOLERANCE, after, day, dispute, disputed, eur, invoice, paid, payment

from collections_service.open_items import decisions
from collections_service.open_items.commands import (
    ApplyCreditMemo,
    ApplyPayment,
    CorrectInvoice,
    ReversePayment,
    UnapplyPayment,
)
from collections_service.open_items.events import (
    CashDiscount,
    DiscountGranted,
    DiscountWithdrawn,
    PaymentApplied,
    PaymentReversed,
    RemainderLeft,
    ShortPaymentDetected,
    Step,
)
from collections_service.open_items.state import OpenItem, amount_on

TWO_PERCENT = CashDiscount(Decimal(2), 10)


def of(total: int = 100_000, discount: CashDiscount = TWO_PERCENT, currency: str = "EUR") -> OpenItem:
    return after(decisions.register(invoice(total, discount=discount, currency=currency), OpenItem()))


def pays(command: ApplyPayment, item: OpenItem) -> tuple[int, int, str | None]:
    """What is granted then, what is open then, and why the rest is left or that it is a deduction."""
    events = decisions.apply_payment(command, item, FIRST_TOLERANCE)
    now = after(events, item)
    words = None
    for event in events:
        if isinstance(event, RemainderLeft):
            words = event.why
        elif isinstance(event, ShortPaymentDetected):
            words = f"short {event.short}"
    return now.discount_minor, now.open_minor, words


def comes_back(item: OpenItem, payment_id: str = "P-1", on: int = 50) -> OpenItem:
    back = ReversePayment(source="sap", payment_id=payment_id, reversed_on=day(on))
    return after(decisions.reverse_payment(back, item), item)


def test_980_of_1000_on_day_8_settle_the_invoice_with_20_discount() -> None:
    events = decisions.apply_payment(payment(98_000, on=18), of(), FIRST_TOLERANCE)

    assert events[1:] == [
        DiscountGranted(
            source="sap",
            payment_id="P-1",
            applied_on=day(18),
            amount=eur(2_000),
            explanation="2 % within 10 days of 2026-01-10; the payment counts from 2026-01-18",
        )
    ]
    assert isinstance(events[0], PaymentApplied)
    item = after(events, of())
    assert (item.open_minor, item.discount_minor) == (0, 2_000)
    assert amount_on(item.movements, day(18)) == 0


@pytest.mark.parametrize(
    ("minor", "on", "expected"),
    [
        (98_000, 20, (2_000, 0, None)),  # the tenth day is in time
        (98_000, 21, (0, 2_000, "discount-not-earned")),  # the eleventh is not
        (98_000, 60, (0, 2_000, "discount-not-earned")),  # nor is any after the due date
        (98_000, 5, (2_000, 0, None)),  # value date before the issue date
        (99_000, 18, (1_000, 0, None)),  # who takes less of it is granted what is taken
        (97_950, 18, (2_000, 50, "tolerated")),  # half a euro less is tolerated beside it
        (97_500, 18, (0, 2_500, "not-due")),  # 975 is less than was agreed: nothing is earned yet
        (50_000, 18, (0, 50_000, "not-due")),
        (100_000, 18, (0, 0, None)),
    ],
)
def test_the_discount_is_earned_by_who_pays_the_rest_in_time(
    minor: int, on: int, expected: tuple[int, int, str | None]
) -> None:
    assert pays(payment(minor, on=on), of()) == expected


@pytest.mark.parametrize("reason", ["Skonto", "2 % discount"])
def test_an_earned_discount_that_the_payer_names_is_no_deduction(reason: str) -> None:
    assert pays(payment(98_000, on=18, reason=reason), of()) == (2_000, 0, None)


def test_a_discount_that_came_too_late_is_a_deduction_when_the_payer_insists() -> None:
    assert pays(payment(98_000, on=21, reason="Skonto"), of()) == (0, 2_000, "short 20.00 EUR")


def test_who_deducts_something_else_as_well_has_earned_the_discount_of_what_was_paid() -> None:
    # 875.00 = 892.86 less 2 %; the other 107.14 of 1,000 are deducted
    assert pays(payment(87_500, on=18, reason="damaged"), of()) == (1_786, 10_714, "short 107.14 EUR")


def test_of_a_disputed_invoice_the_undisputed_part_earns() -> None:
    item = disputed(of(), dispute(30_000, opened=15, on=15))

    assert pays(payment(68_600, on=18), item) == (1_400, 30_000, "disputed")


def test_the_undisputed_part_earns_also_when_the_dispute_is_heard_after_the_payment() -> None:
    item = paid(of(), payment(68_600, on=18))
    assert item.discount_minor == 0

    item = disputed(item, dispute(30_000, opened=19, on=19))

    assert (item.discount_minor, item.open_minor, item.held_minor) == (1_400, 30_000, 30_000)


def test_a_dispute_that_begins_after_the_agreed_days_earns_nothing_any_more() -> None:
    item = paid(of(), payment(68_600, on=18))

    assert disputed(item, dispute(30_000, opened=21, on=21)).discount_minor == 0


def test_what_a_credit_memo_took_off_need_not_be_paid_in_time() -> None:
    memo = ApplyCreditMemo(source="sap", credit_memo_id="CM-1", issued_on=day(25), named=eur(30_000))
    item = paid(of(), payment(68_600, on=18))

    item = after(decisions.apply_credit_memo(memo, item), item)

    assert (item.discount_minor, item.open_minor) == (1_400, 0)


def test_what_is_paid_later_on_the_same_terms_earns_the_rest() -> None:
    item = paid(disputed(of(), dispute(30_000, opened=15, on=15)), payment(68_600, on=18))
    item = disputed(item, dispute(0, version=2, on=19, rejected=30_000))

    assert pays(payment(29_400, on=20, payment_id="P-2"), item) == (2_000, 0, None)


def test_two_receipts_in_time_earn_it_together_in_either_order() -> None:
    item = paid(of(), payment(49_000, on=15))

    assert pays(payment(49_000, on=18, payment_id="P-2"), item) == (2_000, 0, None)
    assert pays(payment(49_000, on=11, payment_id="P-2"), item) == (2_000, 0, None)


def test_a_receipt_that_comes_late_earns_nothing_for_the_one_before() -> None:
    item = paid(of(), payment(50_000, on=15))

    assert pays(payment(48_000, on=25, payment_id="P-2"), item) == (0, 2_000, "discount-not-earned")


def test_withheld_tax_is_no_reason_to_lose_the_discount() -> None:
    assert pays(payment(88_000, on=18, withheld=10_000), of()) == (2_000, 10_000, "withheld-tax")


@pytest.mark.parametrize(
    ("total", "currency", "paid_", "granted"),
    [
        (12_345, "JPY", 12_098, 247),  # 246.9 yen
        (10_005, "BHD", 9_805, 200),  # 0.2001 dinars
        (99_999, "EUR", 97_999, 2_000),  # 19.9998 euros
        (25, "EUR", 24, 1),  # half a cent counts as one
    ],
)
def test_the_discount_is_rounded_to_what_the_currency_has(total: int, currency: str, paid_: int, granted: int) -> None:
    item = of(total, currency=currency)

    assert pays(payment(paid_, on=18, currency=currency), item) == (granted, 0, None)


def test_the_discount_goes_with_the_payment() -> None:
    item = paid(of(), payment(98_000, on=18))

    events = decisions.reverse_payment(ReversePayment(source="sap", payment_id="P-1", reversed_on=day(33)), item)

    assert events == [
        PaymentReversed(source="sap", payment_id="P-1", reversed_on=day(33), effective_on=day(33), amount=eur(98_000)),
        DiscountWithdrawn(source="sap", payment_id="P-1", effective_on=day(33), amount=eur(2_000)),
    ]
    item = after(events, item)
    assert (item.open_minor, item.discount_minor) == (100_000, 0)
    assert Step(day(33), 100_000) in item.movements


def test_a_discount_that_two_payments_earned_goes_with_either() -> None:
    item = paid(paid(of(), payment(49_000, on=15)), payment(49_000, on=18, payment_id="P-2"))

    assert (comes_back(item, "P-1").open_minor, comes_back(item, "P-1").discount_minor) == (51_000, 0)
    assert (comes_back(item, "P-2").open_minor, comes_back(item, "P-2").discount_minor) == (51_000, 0)


def test_a_discount_that_was_complete_before_the_payment_stays_when_that_comes_back() -> None:
    item = paid(disputed(of(), dispute(30_000, opened=15, on=15)), payment(68_600, on=18))
    item = disputed(item, dispute(0, version=2, on=30, rejected=30_000))
    item = paid(item, payment(30_000, on=45, payment_id="P-2"))
    assert (item.open_minor, item.discount_minor) == (0, 1_400)

    item = comes_back(item, "P-2", on=50)

    assert (item.open_minor, item.discount_minor) == (30_000, 1_400)


def test_the_discount_goes_when_the_erp_takes_the_payment_off() -> None:
    item = paid(of(), payment(98_000, on=18))
    off = UnapplyPayment(source="sap", payment_id="P-1", unapplied_on=day(33), amount=eur(98_000))

    item = after(decisions.unapply_payment(off, item), item)

    assert (item.open_minor, item.discount_minor) == (100_000, 0)


@pytest.mark.parametrize(
    ("paid_", "returned", "open_", "granted"),
    [
        (98_000, 1, 2_001, 0),  # what is left earns nothing: it is a part payment
        (98_000, 50_000, 52_000, 0),
        (99_000, 500, 500, 1_000),  # 985.00 with 10.00 discount and 5.00 open: no more than 20.00 is missing
        (99_000, 1_001, 2_001, 0),
    ],
)
def test_a_part_that_comes_back_takes_the_discount_when_what_is_left_does_not_earn_it(
    paid_: int, returned: int, open_: int, granted: int
) -> None:
    item = paid(of(), payment(paid_, on=18))
    back = ReversePayment(source="sap", payment_id="P-1", reversed_on=day(33), amount=eur(returned))

    item = after(decisions.reverse_payment(back, item), item)

    assert (item.open_minor, item.discount_minor, item.newest, item.judged) == (open_, granted, None, None)


def test_money_that_came_in_time_earns_the_discount_when_the_erp_applies_it_late_and_is_not_judged() -> None:
    in_time = replace(payment(98_000, on=18), from_day=day(40))
    late = replace(payment(98_000, on=21), from_day=day(40))

    assert after(decisions.apply_cash(in_time, of()), of()).open_minor == 0
    item = after(decisions.apply_cash(late, of()), of())
    assert (item.open_minor, item.discount_minor, item.judged) == (2_000, 0, None)


def test_of_two_discounts_of_one_payment_the_newer_one_goes_with_what_earned_it() -> None:
    item = paid(of(), payment(98_000, on=18))
    larger = CorrectInvoice(invoice_id="INV-1", corrected_on=day(30), total=eur(110_000))
    item = after(decisions.correct(larger, item), item)
    item = after(decisions.apply_cash(replace(payment(9_800, on=18), from_day=day(35)), item), item)
    assert (item.open_minor, item.discount_minor) == (0, 2_200)

    off = UnapplyPayment(source="sap", payment_id="P-1", unapplied_on=day(40), amount=eur(9_800))
    item = after(decisions.unapply_payment(off, item), item)

    assert (item.open_minor, item.discount_minor) == (10_000, 2_000)


def test_a_credit_earns_no_discount_while_a_dispute_may_hold_more_than_it_contests() -> None:
    item = paid(disputed(of(), dispute(10_000, opened=15, on=15)), payment(80_000, on=18))
    memo = ApplyCreditMemo(source="sap", credit_memo_id="CM-1", issued_on=day(19), named=eur(9_500))

    item = after(decisions.apply_credit_memo(memo, item), item)
    assert (item.open_minor, item.undisputed_minor, item.discount_minor) == (10_500, 500, 0)
    item = disputed(item, dispute(500, version=2, on=19))

    assert (item.open_minor, item.undisputed_minor, item.discount_minor) == (10_500, 10_000, 0)


def test_a_credit_that_served_a_dispute_earns_the_discount_with_the_payment_once_nothing_is_held() -> None:
    item = paid(disputed(of(), dispute(10_000, opened=15, on=15)), payment(83_000, on=18))
    memo = ApplyCreditMemo(source="sap", credit_memo_id="CM-1", issued_on=day(19), named=eur(16_000))
    item = after(decisions.apply_credit_memo(memo, item), item)

    item = disputed(item, replace(dispute(0, version=2, on=19), by_credit_memo=True))

    assert (item.open_minor, item.discount_minor) == (0, 1_000)


def test_new_terms_count_for_what_is_paid_from_then_on() -> None:
    better = CorrectInvoice(invoice_id="INV-1", corrected_on=day(15), discount=CashDiscount(Decimal(3), 10))
    none = CorrectInvoice(invoice_id="INV-1", corrected_on=day(15), discount=CashDiscount(Decimal(0), 0))

    item = after(decisions.correct(better, of()), of())
    assert pays(payment(97_000, on=18), item) == (3_000, 0, None)
    item = after(decisions.correct(none, of()), of())
    assert pays(payment(98_000, on=18), item) == (0, 2_000, "not-due")
