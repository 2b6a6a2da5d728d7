"""Nobody is chased for what was settled, and nothing waits for ever: `reference/two_answers.md` 8 and 17.

Amounts are cents, of an invoice of 1,000.00 that is overdue. Both services have heard of everything.
"""

import pytest
from support.side_by_side import SideBySide

from dispute_service.disputes import commands as c
from dispute_service.disputes.state import Status

PAID_CODES = ("CUSTOMER_PAID", "OFFSET", "CASH_REAPPLIED")
WRITTEN_OFF_CODES = ("WRITE_OFF_SMALL", "WRITE_OFF_BAD_DEBT")
CODES = (*PAID_CODES, *WRITTEN_OFF_CODES)


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


# -- two_answers 8


@pytest.mark.parametrize("code", CODES)
def test_what_a_person_settled_is_held_until_the_erp_has_posted_it(both: SideBySide, code: str) -> None:
    _resolved(both, code)
    assert (both.of("A").status, both.held(), both.collectable()) == (Status.SETTLING, {"A": 30_000}, 70_000)
    assert both.tasks() == []


@pytest.mark.parametrize("code", CODES)
def test_the_customer_who_pays_the_rest_is_asked_for_nothing_more(both: SideBySide, code: str) -> None:
    """Before, 300.00 were open and free, and the payment of 700.00 left a new contest of them."""
    _resolved(both, code)
    both.pay(70_000)
    both.come_to_rest()
    assert (both.held(), both.collectable()) == ({"A": 30_000}, 0)
    assert list(both.all_disputes()) == [both.dispute_id("A")]


@pytest.mark.parametrize("code", PAID_CODES)
@pytest.mark.parametrize("first", ["what was said to be paid", "the rest"])
def test_the_payment_that_was_said_to_have_come_settles_the_dispute_before_or_after_the_rest(
    both: SideBySide, code: str, first: str
) -> None:
    _resolved(both, code)
    amounts = [30_000, 70_000] if first == "what was said to be paid" else [70_000, 30_000]
    for number, amount in enumerate(amounts):
        both.pay(amount, f"P{number}")
        both.come_to_rest()
        is_settled = both.of("A").status is Status.RESOLVED
        assert is_settled == (first == "what was said to be paid" or number == 1)
    assert (both.of("A").items[0].paid, both.held(), both.collectable()) == (30_000, {}, 0)


@pytest.mark.parametrize("code", CODES)
def test_one_payment_of_everything_settles_the_dispute_too(both: SideBySide, code: str) -> None:
    _resolved(both, code)
    both.pay(100_000)
    both.come_to_rest()
    assert (both.of("A").status, both.held(), both.collectable()) == (Status.RESOLVED, {}, 0)


@pytest.mark.parametrize("code", WRITTEN_OFF_CODES)
def test_the_write_off_settles_the_dispute_that_waits_for_it_and_leaves_an_older_contest_alone(
    both: SideBySide, code: str
) -> None:
    both.dispute("older", 20_000)
    _resolved(both, code)
    both.write_off(30_000)
    both.come_to_rest()
    assert (both.of("A").status, both.of("A").items[0].written_off) == (Status.RESOLVED, 30_000)
    assert (both.held(), both.collectable()) == ({"older": 20_000}, 50_000)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("named", [None, "A"])
def test_an_erp_may_post_it_as_a_credit_memo(both: SideBySide, code: str, named: str | None) -> None:
    _resolved(both, code)
    both.credit(30_000, dispute=named)
    both.come_to_rest()
    assert (both.of("A").status, both.of("A").items[0].credited) == (Status.RESOLVED, 30_000)
    assert (both.held(), both.collectable()) == ({}, 70_000)


@pytest.mark.parametrize("code", CODES)
def test_or_correct_the_invoice(both: SideBySide, code: str) -> None:
    """two_answers 17: the total is corrected instead of a memo."""
    _resolved(both, code)
    both.correct(70_000)
    both.come_to_rest()
    assert (both.of("A").status, both.of("A").items[0].reduced) == (Status.RESOLVED, 30_000)
    assert (both.held(), both.collectable()) == ({}, 70_000)


@pytest.mark.parametrize("code", PAID_CODES)
def test_a_payment_that_comes_back_is_held_again_and_not_chased(both: SideBySide, code: str) -> None:
    _resolved(both, code)
    both.pay(30_000)
    both.come_to_rest()
    both.reverse()
    both.come_to_rest()
    assert (both.of("A").status, both.held(), both.collectable()) == (Status.SETTLING, {"A": 30_000}, 70_000)
    assert both.tasks() == []


@pytest.mark.parametrize("code", CODES)
def test_a_person_who_reopens_contests_it_again(both: SideBySide, code: str) -> None:
    _resolved(both, code)
    both.reopen("A")
    both.come_to_rest()
    assert (both.of("A").contested, both.held(), both.collectable()) == (30_000, {"A": 30_000}, 70_000)
    both.resolve("A", "REJECTED_COLLECT")
    both.come_to_rest()
    assert (both.tasks(), both.collectable()) == ([30_000], 100_000)


def test_two_disputes_are_served_by_the_kind_of_posting_and_the_oldest_first(both: SideBySide) -> None:
    _resolved(both, "CUSTOMER_PAID", "pays", 10_000)
    _resolved(both, "WRITE_OFF_SMALL", "first", 5_000)
    _resolved(both, "WRITE_OFF_SMALL", "second", 5_000)
    both.write_off(5_000)
    both.come_to_rest()
    assert both.held() == {"pays": 10_000, "second": 5_000}
    both.pay(10_000)
    both.come_to_rest()
    assert (both.held(), both.collectable()) == ({"second": 5_000}, 80_000)


# -- two_answers 17


def test_a_memo_before_the_resolution_is_netted_and_nothing_is_waited_for_twice(both: SideBySide) -> None:
    both.dispute("A", 30_000)
    both.credit(30_000)
    both.come_to_rest()
    assert both.of("A").status is Status.RESOLVED
    _resolved(both, "CREDIT_FULL", "B", 20_000)
    both.credit(20_000, "CM-2")
    both.come_to_rest()
    assert (both.of("B").status, both.held(), both.collectable()) == (Status.RESOLVED, {}, 50_000)


@pytest.mark.parametrize(("into", "tasks"), [("rejected", [1]), ("withdrawn", [])])
def test_a_memo_a_cent_smaller_leaves_a_cent_that_a_person_gives_up(
    both: SideBySide, into: str, tasks: list[int]
) -> None:
    _resolved(both, "CREDIT_FULL")
    both.credit(29_999)
    both.come_to_rest()
    assert (both.of("A").status, both.of("A").awaiting, both.held()) == (Status.SETTLING, 1, {"A": 1})
    both.settle("A", into)
    both.come_to_rest()
    assert (both.of("A").status, both.held(), both.collectable()) == (Status.RESOLVED, {}, 70_001)
    assert both.tasks() == tasks


@pytest.mark.parametrize("code", ["CREDIT_FULL", *CODES])
def test_a_wait_that_no_posting_ends_is_overdue_and_a_task(both: SideBySide, code: str) -> None:
    """A memo on account, say: the ledger sees nothing of it on this invoice."""
    _resolved(both, code)
    due = both.of("A").settlement
    assert due is not None
    both.now = due.due_at
    both.command("A", lambda at: c.NoteSettlementOverdue(at=at, due_at=due.due_at))
    both.come_to_rest()
    task = both.of("A").settlement_task
    assert task is not None
    assert (task.state, both.of("A").awaiting, both.held()) == ("open", 30_000, {"A": 30_000})
    both.settle("A", "withdrawn")
    both.come_to_rest()
    assert (both.held(), both.collectable(), both.tasks()) == ({}, 100_000, [])
