import pytest
from support.collections_examples import FIRST_TOLERANCE, after, day, dispute, disputed, eur, paid, payment, registered

from collections_service.open_items import decisions
from collections_service.open_items.commands import ReversePayment
from collections_service.open_items.events import (
    HoldPlaced,
    HoldReduced,
    HoldReleased,
    PaymentApplied,
    PaymentReversed,
    RemainderLeft,
    Step,
)
from collections_service.open_items.holds import days_of_change
from collections_service.open_items.refusals import CurrencyDiffers, InvoiceNotRegistered
from collections_service.open_items.state import OpenItem
from redress.money import Money


def applied(minor: int, on: int = 30, applied_on: int = 30) -> PaymentApplied:
    return PaymentApplied(
        source="sap", payment_id="P-1", received_on=day(on), applied_on=day(applied_on), amount=eur(minor)
    )


def all_disputed(minor: int) -> RemainderLeft:
    return RemainderLeft(
        source="sap",
        payment_id="P-1",
        received_on=day(30),
        remainder=eur(minor),
        tolerated=eur(100),
        difference=eur(0),
        policy="short-payment-tolerance@1",
        why="disputed",
        explanation=f"disputes hold all that is open, {eur(minor)}",
    )


def test_a_full_payment_settles_the_invoice() -> None:
    events = decisions.apply_payment(payment(100_000), registered(100_000), FIRST_TOLERANCE)

    assert events == [applied(100_000)]


def test_of_an_overpayment_only_the_open_amount_is_applied() -> None:
    events = decisions.apply_payment(payment(120_000), registered(100_000), FIRST_TOLERANCE)

    assert events == [applied(100_000)]


def test_the_same_payment_again_changes_nothing() -> None:
    item = paid(registered(100_000), payment(40_000))

    assert decisions.apply_payment(payment(40_000), item, FIRST_TOLERANCE) == []


def test_a_settled_invoice_takes_no_more_money() -> None:
    item = paid(registered(100_000), payment(100_000))

    assert decisions.apply_payment(payment(5, payment_id="P-2"), item, FIRST_TOLERANCE) == []


def test_a_payment_waits_for_its_invoice() -> None:
    with pytest.raises(InvoiceNotRegistered):
        decisions.apply_payment(payment(5), OpenItem(), FIRST_TOLERANCE)


def test_dollars_do_not_pay_euros() -> None:
    command = payment(5)
    with pytest.raises(CurrencyDiffers, match="INV-1 is in EUR; USD"):
        decisions.apply_payment(
            type(command)(source="sap", payment_id="P-1", received_on=day(30), named=Money(5, "USD")),
            registered(),
            FIRST_TOLERANCE,
        )


def test_money_received_before_the_invoice_was_issued_counts_from_the_issue_date() -> None:
    events = decisions.apply_payment(payment(100_000, on=5), registered(100_000), FIRST_TOLERANCE)

    assert events == [applied(100_000, on=5, applied_on=10)]


def test_a_payment_takes_the_undisputed_part_first_and_then_the_hold_gives_way() -> None:
    item = disputed(registered(100_000), dispute(30_000))

    events = decisions.apply_payment(payment(80_000), item, FIRST_TOLERANCE)

    assert events == [
        HoldReduced(
            dispute_id="dsp_1", steps=(Step(day(30), -10_000),), held=eur(20_000), released=eur(10_000), why="paid"
        ),
        applied(80_000),
        all_disputed(20_000),
    ]


def test_of_two_disputes_the_older_gives_way_first() -> None:
    item = disputed(registered(100_000), dispute(30_000, dispute_id="dsp_old", opened=15))
    item = disputed(item, dispute(20_000, dispute_id="dsp_young", opened=25, on=25))

    events = decisions.apply_payment(payment(80_000), item, FIRST_TOLERANCE)

    assert events == [
        HoldReleased(dispute_id="dsp_old", steps=(Step(day(30), -30_000),), released=eur(30_000), why="paid"),
        applied(80_000),
        all_disputed(20_000),
    ]


def test_a_returned_payment_opens_the_invoice_and_the_hold_again() -> None:
    item = paid(disputed(registered(100_000), dispute(30_000)), payment(100_000))
    assert (item.open_minor, item.held_minor) == (0, 0)

    events = decisions.reverse_payment(ReversePayment(source="sap", payment_id="P-1", reversed_on=day(33)), item)

    assert events == [
        PaymentReversed(source="sap", payment_id="P-1", reversed_on=day(33), effective_on=day(33), amount=eur(100_000)),
        HoldPlaced(dispute_id="dsp_1", steps=(Step(day(33), 30_000),), held=eur(30_000)),
    ]


def test_a_payment_is_returned_once() -> None:
    item = paid(registered(100_000), payment(100_000))
    command = ReversePayment(source="sap", payment_id="P-1", reversed_on=day(33))
    item = after(decisions.reverse_payment(command, item), item)

    assert decisions.reverse_payment(command, item) == []


def test_a_second_payment_dated_before_the_return_of_the_first_counts_from_the_return() -> None:
    item = paid(registered(100_000), payment(100_000, on=20))
    item = after(
        decisions.reverse_payment(ReversePayment(source="sap", payment_id="P-1", reversed_on=day(25)), item), item
    )

    (event,) = decisions.apply_payment(payment(100_000, on=15, payment_id="P-2"), item, FIRST_TOLERANCE)

    assert isinstance(event, PaymentApplied)
    assert event.applied_on == day(25)


def test_a_thousand_part_payments_of_one_day_are_one_step_of_the_books() -> None:
    item = disputed(registered(1_000_000), dispute(500_000))
    for number in range(1_000):
        item = paid(item, payment(600, payment_id=f"P-{number}"))

    assert item.movements == (Step(day(10), 1_000_000), Step(day(30), -600_000))
    assert item.open_minor == 400_000
    assert item.claims[0].held == (Step(day(20), 500_000), Step(day(30), -100_000))


def test_a_payment_looks_at_no_day_before_its_own() -> None:
    """A thousand payments are as quick as ten: only what lies after the payment is computed anew."""
    item = disputed(registered(1_000_000), dispute(500_000))
    for number in range(1_000):
        item = paid(item, payment(400, payment_id=f"P-{number}", on=30 + number))

    looked_at = days_of_change(item, since=day(1_028))

    assert looked_at == [day(1_028), day(1_029)]
