"""A correction counts from its day; only one that mends an error from the start changes what was before."""

from datetime import date

import pytest
from msgspec.structs import replace
from support.collections_examples import after, day, dispute, disputed, eur, invoice, paid, payment

from collections_service.open_items import decisions
from collections_service.open_items.commands import CorrectInvoice, ReversePayment
from collections_service.open_items.events import HoldReduced, InvoiceCorrected, Line, Step
from collections_service.open_items.state import OpenItem, amount_on

JAN_1, FEB_1, APR_1, JUN_1 = date(2026, 1, 1), date(2026, 2, 1), date(2026, 4, 1), date(2026, 6, 1)


def of_hundred() -> OpenItem:
    """100.00 EUR, issued on 1 January, due on 1 February."""
    return after(decisions.register(replace(invoice(10_000), issued_on=JAN_1, due_on=FEB_1), OpenItem()))


def corrected(item: OpenItem, on: date = APR_1, **fields: object) -> OpenItem:
    return after(decisions.correct(replace(CorrectInvoice(invoice_id="INV-1", corrected_on=on), **fields), item), item)


def seen(item: OpenItem, on: date) -> tuple[int, int, date]:
    """Open, total and due date at the end of a day."""
    terms = item.terms_on(on)
    assert terms is not None
    return amount_on(item.movements, on), terms.total.minor, terms.due_on


def test_a_correction_counts_from_its_day_and_leaves_the_days_before_as_they_were() -> None:
    item = corrected(of_hundred(), total=eur(15_000), due_on=JUN_1)

    assert seen(item, date(2026, 3, 1)) == (10_000, 10_000, FEB_1)
    assert seen(item, date(2026, 3, 31)) == (10_000, 10_000, FEB_1)
    assert seen(item, APR_1) == (15_000, 15_000, JUN_1)
    assert seen(item, date(2026, 4, 2)) == (15_000, 15_000, JUN_1)


def test_a_correction_of_an_error_from_the_start_changes_every_day() -> None:
    item = corrected(of_hundred(), total=eur(15_000), due_on=JUN_1, from_start=True)

    assert seen(item, JAN_1) == (15_000, 15_000, JUN_1)
    assert seen(item, date(2026, 3, 1)) == (15_000, 15_000, JUN_1)
    assert amount_on(item.movements, date(2025, 12, 31)) == 0


def test_a_total_goes_down_from_its_day() -> None:
    item = corrected(of_hundred(), total=eur(4_000))

    assert seen(item, date(2026, 3, 31)) == (10_000, 10_000, FEB_1)
    assert seen(item, APR_1) == (4_000, 4_000, FEB_1)


def test_a_total_goes_down_from_the_start_as_far_as_nothing_was_paid_of_it_then() -> None:
    item = paid(of_hundred(), replace(payment(8_000), received_on=FEB_1))
    back = ReversePayment(source="sap", payment_id="P-1", reversed_on=date(2026, 3, 1))
    item = after(decisions.reverse_payment(back, item), item)
    item = corrected(item, total=eur(4_000), from_start=True)

    # 80 was paid from 1 February to 1 March: until it came back there was no room for 60 less.
    assert amount_on(item.movements, date(2026, 2, 15)) == 2_000
    assert amount_on(item.movements, date(2026, 3, 1)) == 4_000


def test_a_due_date_that_moves_twice_is_three_due_dates() -> None:
    item = corrected(of_hundred(), due_on=date(2026, 5, 1))
    item = corrected(item, on=date(2026, 4, 20), due_on=JUN_1)

    dues = [seen(item, on)[2] for on in (date(2026, 3, 31), APR_1, date(2026, 4, 19), date(2026, 4, 20))]
    assert dues == [FEB_1, date(2026, 5, 1), date(2026, 5, 1), JUN_1]


def test_of_two_corrections_the_one_recorded_later_counts_from_its_day_on() -> None:
    item = corrected(of_hundred(), on=date(2026, 5, 1), due_on=JUN_1, total=eur(15_000))
    item = corrected(item, on=APR_1, due_on=date(2026, 7, 1), total=eur(12_000))

    assert seen(item, date(2026, 3, 31)) == (10_000, 10_000, FEB_1)
    assert seen(item, APR_1) == (12_000, 12_000, date(2026, 7, 1))
    assert seen(item, date(2026, 5, 2)) == (12_000, 12_000, date(2026, 7, 1))


def test_the_same_terms_from_an_earlier_day_are_not_already_so() -> None:
    item = corrected(of_hundred(), on=JUN_1, due_on=date(2026, 7, 1), total=eur(15_000))
    again = corrected(item, on=APR_1, due_on=date(2026, 7, 1), total=eur(15_000))

    assert seen(item, APR_1) == (10_000, 10_000, FEB_1)
    assert seen(again, APR_1) == (15_000, 15_000, date(2026, 7, 1))
    assert seen(again, JUN_1) == (15_000, 15_000, date(2026, 7, 1))
    assert corrected(again, on=APR_1, due_on=date(2026, 7, 1), total=eur(15_000)) == again


def test_a_correction_before_the_issue_date_counts_from_the_issue_date() -> None:
    item = corrected(of_hundred(), on=date(2025, 12, 20), total=eur(15_000), due_on=JUN_1)

    assert amount_on(item.movements, date(2025, 12, 31)) == 0
    assert seen(item, JAN_1) == (15_000, 15_000, JUN_1)


def test_a_correction_of_the_lines_alone_moves_neither_due_date_nor_total() -> None:
    line = Line(line="10", amount=eur(10_000))
    future = corrected(of_hundred(), on=JUN_1, due_on=date(2026, 7, 1), total=eur(15_000))
    item = corrected(future, on=APR_1, lines=(line,), tax=eur(1_597))

    assert seen(item, APR_1) == (10_000, 10_000, FEB_1)
    assert seen(item, JUN_1) == (15_000, 15_000, date(2026, 7, 1))
    before, then = item.terms_on(date(2026, 3, 31)), item.terms_on(APR_1)
    assert before is not None
    assert then is not None
    assert (before.lines, before.tax) == ((), None)
    assert (then.lines, then.tax) == ((line,), eur(1_597))


def test_a_larger_total_after_a_later_one_is_no_sum_of_both() -> None:
    item = corrected(of_hundred(), on=JUN_1, total=eur(15_000))
    events = decisions.correct(CorrectInvoice(invoice_id="INV-1", corrected_on=APR_1, total=eur(12_000)), item)

    (event,) = events
    assert isinstance(event, InvoiceCorrected)
    assert event.steps == (Step(APR_1, 2_000), Step(JUN_1, -5_000))
    assert (event.change, event.effective_on) == (-3_000, APR_1)
    assert after(events, item).open_minor == 12_000


def test_a_hold_gives_way_on_the_days_on_which_the_corrected_total_leaves_no_room_for_it() -> None:
    item = disputed(of_hundred(), dispute(8_000, on=20))
    events = decisions.correct(
        CorrectInvoice(invoice_id="INV-1", corrected_on=APR_1, total=eur(5_000), from_start=True), item
    )

    smaller = events[0]
    assert isinstance(smaller, HoldReduced)
    assert smaller.steps == (Step(day(20), -3_000),)


def test_a_correction_stored_before_it_named_its_days_counts_from_the_day_it_was_made() -> None:
    old = InvoiceCorrected(
        corrected_on=APR_1,
        effective_on=APR_1,
        due_on=JUN_1,
        total=eur(15_000),
        change=5_000,
        tax=None,
        lines=(),
        po_number=None,
        due_from=APR_1,  # as it is read: test_every_shape_ever_stored.py
    )
    item = after([old], of_hundred())

    assert item.open_minor == 15_000
    assert seen(item, date(2026, 3, 31)) == (10_000, 10_000, FEB_1)
    assert seen(item, APR_1) == (15_000, 15_000, JUN_1)


@pytest.mark.parametrize("from_start", [False, True])
def test_what_is_so_already_is_no_event(from_start: bool) -> None:
    same = CorrectInvoice(
        invoice_id="INV-1", corrected_on=APR_1, total=eur(10_000), due_on=FEB_1, from_start=from_start
    )
    assert decisions.correct(same, of_hundred()) == []
