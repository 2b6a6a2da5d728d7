"""What was settled waits for its posting, and what was paid is claimed back: one beside the other (0033, 0045).

Amounts are cents, of an invoice of 1,000.00. Both services have heard of everything.
"""

import pytest
from support.side_by_side import SideBySide

from dispute_service.disputes.items import DisputeItem
from dispute_service.disputes.state import Status


@pytest.fixture
def both() -> SideBySide:
    both = SideBySide()
    both.invoice(100_000)
    both.come_to_rest()
    return both


def _resolved(both: SideBySide, code: str, name: str = "A", amount: int = 30_000) -> None:
    both.dispute(name, amount)
    both.resolve(name, code)
    both.come_to_rest()


def _item(both: SideBySide, name: str = "A") -> DisputeItem:
    (one,) = both.of(name).items
    return one


# -- a payment under protest


@pytest.mark.parametrize("code", ["CUSTOMER_PAID", "WRITE_OFF_SMALL"])
def test_what_is_to_be_paid_or_written_off_is_paid_whatever_the_payment_protests(both: SideBySide, code: str) -> None:
    """It is contested no longer; what B contests is claimed back."""
    _resolved(both, code)
    both.dispute("B", 20_000)
    both.come_to_rest()
    both.pay(100_000, under_protest=True)
    both.come_to_rest()
    assert (both.of("A").status, _item(both).paid, _item(both).claimed_back) == (Status.RESOLVED, 30_000, 0)
    assert (both.of("B").is_active, _item(both, "B").claimed_back) == (True, 20_000)
    assert (both.held(), both.collectable()) == ({}, 0)


@pytest.mark.parametrize(("code", "awaited"), [("CUSTOMER_PAID", "payment"), ("WRITE_OFF_SMALL", "write_off")])
def test_when_it_comes_back_each_has_again_what_it_had(both: SideBySide, code: str, awaited: str) -> None:
    _resolved(both, code)
    both.dispute("B", 20_000)
    both.pay(100_000, under_protest=True)
    both.come_to_rest()
    both.reverse()
    both.come_to_rest()
    assert (both.of("A").status, getattr(_item(both), f"awaiting_{awaited}")) == (Status.SETTLING, 30_000)
    assert (_item(both, "B").claimed_back, _item(both, "B").held_contested) == (0, 20_000)
    assert (both.held(), both.collectable()) == ({"A": 30_000, "B": 20_000}, 50_000)


def test_a_part_that_is_granted_and_paid_under_protest_waits_for_a_credit_and_holds_nothing(both: SideBySide) -> None:
    _resolved(both, "CREDIT_FULL")
    both.pay(100_000, under_protest=True)
    both.come_to_rest()
    assert (_item(both).claimed_back, _item(both).awaiting_credit) == (30_000, 30_000)
    assert (both.of("A").status, both.held()) == (Status.SETTLING, {})
    both.credit_on_account(30_000, dispute="A")
    both.come_to_rest()
    assert (both.of("A").status, both.of("A").settlement) == (Status.RESOLVED, None)


def test_a_claim_is_neither_paid_again_nor_written_off_beside_what_is_held(both: SideBySide) -> None:
    both.dispute("A", 30_000)
    both.come_to_rest()
    both.pay(80_000, under_protest=True)
    both.come_to_rest()
    for code in ("CUSTOMER_PAID", "OFFSET", "CASH_REAPPLIED", "WRITE_OFF_SMALL", "WRITE_OFF_BAD_DEBT"):
        assert not both.resolve("A", code)
    assert both.resolve("A", "CREDIT_FULL")


# -- nothing more comes


@pytest.mark.parametrize(("into", "asked"), [("rejected", [20_000]), ("withdrawn", [])])
def test_when_nothing_more_comes_only_what_nobody_has_paid_is_asked_for(
    both: SideBySide, into: str, asked: list[int]
) -> None:
    """20,000 are held and 10,000 paid under protest; all of it was granted."""
    both.dispute("A", 30_000)
    both.come_to_rest()
    both.pay(80_000, under_protest=True)
    both.come_to_rest()
    both.resolve("A", "CREDIT_FULL")
    assert both.settle("A", into)
    both.come_to_rest()
    assert (both.of("A").status, both.held(), both.collectable()) == (Status.RESOLVED, {}, 20_000)
    item = _item(both)
    assert (item.open, item.denied, item.paid, getattr(item, into)) == (0, 10_000, 10_000, 20_000)
    assert both.tasks() == asked

    assert both.reopen("A")
    both.come_to_rest()
    assert (_item(both).claimed_back, both.held(), both.tasks()) == (10_000, {"A": 20_000}, [])


# -- a write-off that is taken back


def test_a_write_off_that_is_taken_back_is_awaited_again(both: SideBySide) -> None:
    _resolved(both, "WRITE_OFF_SMALL")
    both.write_off(30_000)
    both.come_to_rest()
    assert (both.of("A").status, both.of("A").settlement) == (Status.RESOLVED, None)
    both.take_write_off_back(amount=10_000)
    both.come_to_rest()
    assert (both.of("A").status, _item(both).awaiting_write_off, both.held()) == (
        Status.SETTLING,
        10_000,
        {"A": 10_000},
    )
    assert both.of("A").settlement is not None, "it is watched again"
    both.write_off(10_000, "W2")
    both.come_to_rest()
    assert (both.of("A").status, both.held(), both.collectable()) == (Status.RESOLVED, {}, 70_000)


def test_what_it_took_besides_is_contested_again(both: SideBySide) -> None:
    """A waits for 30,000; the write-off of all takes 70,000 of B, who contests them."""
    _resolved(both, "WRITE_OFF_BAD_DEBT")
    both.dispute("B", 70_000)
    both.come_to_rest()
    both.write_off(100_000)
    both.come_to_rest()
    assert [both.of(name).status for name in "AB"] == [Status.RESOLVED, Status.RESOLVED]
    both.take_write_off_back()
    both.come_to_rest()
    assert (both.of("A").status, _item(both).awaiting_write_off) == (Status.SETTLING, 30_000)
    assert (both.of("B").is_active, _item(both, "B").contested) == (True, 70_000)


def test_a_part_of_it_comes_back_once_to_the_youngest_first(both: SideBySide) -> None:
    _resolved(both, "WRITE_OFF_SMALL", "A", 30_000)
    _resolved(both, "WRITE_OFF_SMALL", "B", 30_000)
    both.write_off(60_000)
    both.come_to_rest()
    both.take_write_off_back(amount=40_000)
    both.come_to_rest()
    assert both.held() == {"A": 10_000, "B": 30_000}
    assert both.collectable() == 40_000


def test_after_a_person_reopened_it_confirms_nothing_any_more(both: SideBySide) -> None:
    _resolved(both, "WRITE_OFF_SMALL")
    both.write_off(10_000)
    both.come_to_rest()
    both.reopen("A")
    both.resolve("A", "REJECTED_COLLECT")
    both.come_to_rest()
    both.take_write_off_back()
    both.come_to_rest()
    assert (_item(both).awaiting, _item(both).rejected, both.held(), both.tasks()) == (0, 30_000, {}, [30_000])


def test_an_invoice_that_is_paid_and_then_open_again_waits_for_what_it_waited_for(both: SideBySide) -> None:
    """A payment serves a wait for a write-off last; when it comes back, the write-off is awaited again."""
    _resolved(both, "WRITE_OFF_SMALL")
    both.pay(100_000)
    both.come_to_rest()
    assert (both.of("A").status, _item(both).paid) == (Status.RESOLVED, 30_000)
    both.reverse()
    both.come_to_rest()
    assert (both.of("A").status, _item(both).awaiting_write_off) == (Status.SETTLING, 30_000)


# -- a claim that was answered


def test_an_answer_that_is_cancelled_has_a_due_date_again(both: SideBySide) -> None:
    both.pay(100_000)
    both.come_to_rest()
    both.dispute("A", 30_000)
    both.resolve("A", "REFUND")
    assert both.of("A").settlement is not None
    both.credit_on_account(30_000, dispute="A")
    both.come_to_rest()
    assert (both.of("A").status, both.of("A").settlement) == (Status.RESOLVED, None)
    both.reverse_credit()
    both.come_to_rest()
    assert (both.of("A").status, _item(both).awaiting_credit) == (Status.SETTLING, 30_000)
    assert both.of("A").settlement is not None
