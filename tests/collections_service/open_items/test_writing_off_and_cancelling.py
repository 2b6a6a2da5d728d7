"""The ERP writes off a part of an invoice, cancels it, or has somebody else collect it."""

from decimal import Decimal

import pytest
from support.collections_examples import after, day, dispute, disputed, eur, invoice, paid, payment, registered

from collections_service.open_items import decisions
from collections_service.open_items.commands import (
    ApplyCreditMemo,
    CancelInvoice,
    CorrectInvoice,
    HandOverCollection,
    PostWriteOff,
    ReverseWriteOff,
    TakeCollectionBack,
)
from collections_service.open_items.events import (
    CashDiscount,
    CollectionHandedOver,
    CollectionTakenBack,
    DiscountWithdrawn,
    HoldPlaced,
    HoldReduced,
    HoldReleased,
    InvoiceCancelled,
    Step,
    WriteOffPosted,
    WriteOffReversed,
)
from collections_service.open_items.refusals import (
    CancelledWithMoney,
    CurrencyDiffers,
    InvoiceIsCancelled,
    InvoiceNotRegistered,
    ReversalExceedsWriteOff,
    WriteOffDiffers,
    WriteOffExceedsOpen,
    WriteOffNotKnown,
    WriteOffReversalDiffers,
)
from collections_service.open_items.state import OpenItem
from redress.money import Money


def write_off(minor: int, on: int = 50, name: str = "W-1", kind: str = "bad_debt") -> PostWriteOff:
    return PostWriteOff(
        source="sap", write_off_id=name, invoice_id="INV-1", posted_on=day(on), amount=eur(minor), kind=kind
    )


def taken_back(
    minor: int | None = None, on: int = 70, name: str = "WR-1", write_off_id: str = "W-1"
) -> ReverseWriteOff:
    return ReverseWriteOff(
        source="sap",
        write_off_id=write_off_id,
        invoice_id="INV-1",
        reversal_id=name,
        reversed_on=day(on),
        amount=None if minor is None else eur(minor),
    )


def cancelled(on: int = 50) -> CancelInvoice:
    return CancelInvoice(invoice_id="INV-1", cancelled_on=day(on), reason="billed twice")


def test_a_write_off_reduces_what_is_open_from_its_day() -> None:
    (event,) = decisions.post_write_off(write_off(499, kind="small_difference"), registered(100_000))

    assert event == WriteOffPosted(
        source="sap",
        write_off_id="W-1",
        posted_on=day(50),
        applied_on=day(50),
        amount=eur(499),
        kind="small_difference",
    )
    assert after([event], registered(100_000)).open_minor == 99_501


def test_a_write_off_takes_the_undisputed_part_first_and_then_the_oldest_dispute() -> None:
    item = disputed(registered(100_000), dispute(30_000, dispute_id="dsp_old", opened=15))
    item = disputed(item, dispute(20_000, dispute_id="dsp_young", opened=25, on=25))

    assert [type(event) for event in decisions.post_write_off(write_off(50_000), item)] == [WriteOffPosted]
    reduced, _ = decisions.post_write_off(write_off(60_000), item)
    assert reduced == HoldReduced(
        dispute_id="dsp_old",
        steps=(Step(day(50), -10_000),),
        held=eur(20_000),
        released=eur(10_000),
        why="written off",
    )


def test_more_than_is_open_is_not_written_off() -> None:
    item = paid(registered(100_000), payment(60_000))

    with pytest.raises(WriteOffExceedsOpen, match=r"400.01 EUR cannot be written off on invoice INV-1: 400.00 EUR"):
        decisions.post_write_off(write_off(40_001), item)


def test_a_write_off_counts_once_and_with_other_content_it_is_refused() -> None:
    item = after(decisions.post_write_off(write_off(10_000), registered(100_000)), registered(100_000))

    assert decisions.post_write_off(write_off(10_000), item) == []
    for other in (write_off(9_000), write_off(10_000, on=51), write_off(10_000, kind="small_difference")):
        with pytest.raises(WriteOffDiffers):
            decisions.post_write_off(other, item)
    item = after(decisions.post_write_off(write_off(10_000, name="W-2"), item), item)
    assert item.open_minor == 80_000


def test_a_write_off_never_counts_before_the_invoice_has_room_for_it() -> None:
    (event,) = decisions.post_write_off(write_off(10_000, on=5), registered(100_000))

    assert isinstance(event, WriteOffPosted)
    assert event.applied_on == day(10)


def test_a_write_off_is_in_the_currency_of_the_invoice_and_waits_for_it() -> None:
    dollars = PostWriteOff(
        source="sap", write_off_id="W-1", invoice_id="INV-1", posted_on=day(50), amount=Money(1, "USD"), kind="bad_debt"
    )
    with pytest.raises(CurrencyDiffers):
        decisions.post_write_off(dollars, registered(100_000))
    with pytest.raises(InvoiceNotRegistered):
        decisions.post_write_off(write_off(1), OpenItem())


def test_a_write_off_that_is_taken_back_is_open_again_from_that_day() -> None:
    item = after(decisions.post_write_off(write_off(30_000), registered(100_000)), registered(100_000))

    events = decisions.reverse_write_off(taken_back(), item)

    assert events == [
        WriteOffReversed(
            source="sap",
            write_off_id="W-1",
            reversal_id="WR-1",
            reversed_on=day(70),
            effective_on=day(70),
            amount=eur(30_000),
        )
    ]
    assert after(events, item).open_minor == 100_000


def test_a_write_off_is_taken_back_in_parts_and_never_more_than_is_left() -> None:
    item = after(decisions.post_write_off(write_off(30_000), registered(100_000)), registered(100_000))
    item = after(decisions.reverse_write_off(taken_back(10_000), item), item)
    assert item.open_minor == 80_000

    with pytest.raises(ReversalExceedsWriteOff, match=r"200.01 EUR of write-off W-1 .* 200.00 EUR is left"):
        decisions.reverse_write_off(taken_back(20_001, name="WR-2"), item)
    item = after(decisions.reverse_write_off(taken_back(name="WR-2"), item), item)
    assert item.open_minor == 100_000
    with pytest.raises(ReversalExceedsWriteOff, match=r"0.00 EUR is left"):
        decisions.reverse_write_off(taken_back(name="WR-3"), item)


def test_taking_a_write_off_back_counts_once_and_with_other_content_it_is_refused() -> None:
    item = after(decisions.post_write_off(write_off(30_000), registered(100_000)), registered(100_000))
    item = after(decisions.reverse_write_off(taken_back(10_000), item), item)

    assert decisions.reverse_write_off(taken_back(10_000), item) == []
    for other in (taken_back(9_000), taken_back(10_000, on=71)):
        with pytest.raises(WriteOffReversalDiffers):
            decisions.reverse_write_off(other, item)


def test_a_write_off_told_again_after_it_was_taken_back_is_not_already_so() -> None:
    item = after(decisions.post_write_off(write_off(30_000), registered(100_000)), registered(100_000))
    item = after(decisions.reverse_write_off(taken_back(), item), item)

    with pytest.raises(WriteOffDiffers, match=r"300.00 EUR of it was taken back since"):
        decisions.post_write_off(write_off(30_000), item)
    assert after(decisions.post_write_off(write_off(30_000, name="W-2"), item), item).open_minor == 70_000


def test_a_write_off_that_nobody_knows_is_not_taken_back() -> None:
    with pytest.raises(WriteOffNotKnown):
        decisions.reverse_write_off(taken_back(), registered(100_000))
    with pytest.raises(InvoiceNotRegistered):
        decisions.reverse_write_off(taken_back(), OpenItem())


def test_a_dispute_holds_again_what_a_write_off_had_taken_once_dispute_service_has_said_so() -> None:
    item = disputed(registered(100_000), dispute(30_000))
    item = after(decisions.post_write_off(write_off(100_000), item), item)
    assert (item.open_minor, item.held_minor) == (0, 0)

    events = decisions.reverse_write_off(taken_back(50_000), item)

    assert [type(event) for event in events] == [WriteOffReversed, HoldPlaced]
    assert after(events, item).held_minor == 30_000


def test_a_discount_that_was_earned_because_a_part_was_written_off_goes_with_the_write_off() -> None:
    terms = invoice(100_000, discount=CashDiscount(Decimal(2), 10))
    item = after(decisions.register(terms, OpenItem()))
    item = after(decisions.post_write_off(write_off(50_000, on=12), item), item)
    item = paid(item, payment(49_000, on=15))
    assert (item.open_minor, item.discount_minor) == (0, 1_000)

    events = decisions.reverse_write_off(taken_back(), item)

    assert events[1:] == [
        DiscountWithdrawn(source="sap", payment_id="P-1", effective_on=day(70), amount=eur(1_000)),
    ]
    assert after(events, item).open_minor == 51_000


def test_a_discount_that_was_earned_before_the_write_off_stays() -> None:
    terms = invoice(100_000, discount=CashDiscount(Decimal(2), 10))
    item = paid(after(decisions.register(terms, OpenItem())), payment(98_000, on=15))
    more = CorrectInvoice(invoice_id="INV-1", corrected_on=day(20), total=eur(110_000))
    item = after(decisions.correct(more, item), item)
    item = after(decisions.post_write_off(write_off(10_000), item), item)

    assert [type(event) for event in decisions.reverse_write_off(taken_back(), item)] == [WriteOffReversed]


def test_nothing_of_a_cancelled_invoice_is_open_or_held() -> None:
    item = disputed(registered(100_000), dispute(30_000))

    events = decisions.cancel(cancelled(), item)

    assert events == [
        HoldReleased(
            dispute_id="dsp_1",
            steps=(Step(day(50), -30_000),),
            released=eur(30_000),
            why="the invoice was cancelled",
        ),
        InvoiceCancelled(cancelled_on=day(50), effective_on=day(50), change=-100_000, reason="billed twice"),
    ]
    item = after(events, item)
    assert (item.open_minor, item.held_minor, item.cancelled_on) == (0, 0, day(50))
    assert item.terms is not None
    assert item.terms.total == eur(100_000)


def test_a_cancelled_invoice_is_cancelled_once_and_its_number_is_not_used_again() -> None:
    item = after(decisions.cancel(cancelled(), registered(100_000)), registered(100_000))

    assert decisions.cancel(cancelled(), item) == []
    with pytest.raises(InvoiceIsCancelled):
        decisions.register(invoice(100_000), item)
    with pytest.raises(InvoiceIsCancelled):
        decisions.correct(CorrectInvoice(invoice_id="INV-1", corrected_on=day(60), total=eur(50_000)), item)


@pytest.mark.parametrize("settled", ["payment", "credit memo", "write-off"])
def test_money_is_taken_off_before_an_invoice_is_cancelled(settled: str) -> None:
    item = registered(100_000)
    if settled == "payment":
        item = paid(item, payment(40_000))
    elif settled == "credit memo":
        memo = ApplyCreditMemo(source="sap", credit_memo_id="CM-1", issued_on=day(30), named=eur(40_000))
        item = after(decisions.apply_credit_memo(memo, item), item)
    else:
        item = after(decisions.post_write_off(write_off(40_000), item), item)

    with pytest.raises(CancelledWithMoney, match=r"400.00 EUR of invoice INV-1 is paid, credited or written off"):
        decisions.cancel(cancelled(), item)


def test_a_cancellation_waits_for_its_invoice() -> None:
    with pytest.raises(InvoiceNotRegistered):
        decisions.cancel(cancelled(), OpenItem())


def handed_over(to: str = "agency", on: int = 60) -> HandOverCollection:
    return HandOverCollection(invoice_id="INV-1", to=to, handed_on=day(on), reference="AZ 17/26")


def test_an_agency_collects_an_invoice_until_it_is_taken_back() -> None:
    item = disputed(registered(100_000), dispute(30_000))

    handed = decisions.hand_over(handed_over(), item)
    assert handed == [CollectionHandedOver(to="agency", handed_on=day(60), reference="AZ 17/26")]
    item = after(handed, item)
    assert (item.open_minor, item.held_minor) == (100_000, 30_000)

    back = decisions.take_back(TakeCollectionBack(invoice_id="INV-1", taken_back_on=day(90)), item)
    assert back == [CollectionTakenBack(taken_back_on=day(90))]
    assert after(back, item).collected_by is None


def test_handing_over_twice_is_so_already_and_a_lawyer_may_take_over() -> None:
    item = after(decisions.hand_over(handed_over(), registered(100_000)), registered(100_000))

    assert decisions.hand_over(handed_over(), item) == []
    assert decisions.hand_over(handed_over("lawyer", on=80), item) == [
        CollectionHandedOver(to="lawyer", handed_on=day(80), reference="AZ 17/26")
    ]
    assert decisions.take_back(TakeCollectionBack(invoice_id="INV-1", taken_back_on=day(90)), registered()) == []


def test_nobody_collects_a_cancelled_invoice() -> None:
    item = after(decisions.cancel(cancelled(), registered(100_000)), registered(100_000))

    with pytest.raises(InvoiceIsCancelled):
        decisions.hand_over(handed_over(), item)
