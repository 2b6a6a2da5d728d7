"""Paid, and disputed all the same: under protest, or claimed back after the payment. Both services say the same."""

import pytest
from support.side_by_side import TEXT, SideBySide, eur

from dispute_service.disputes import commands as c
from dispute_service.disputes.refusals import ClaimIsPaid
from dispute_service.disputes.state import Status


@pytest.fixture
def both() -> SideBySide:
    both = SideBySide()
    both.invoice(100_000)
    both.come_to_rest()
    return both


@pytest.fixture
def protested(both: SideBySide) -> SideBySide:
    """A of 300 is disputed, and all 1,000 are paid under protest."""
    both.dispute("A", 30_000)
    both.come_to_rest()
    both.pay(100_000, under_protest=True)
    both.come_to_rest()
    return both


@pytest.fixture
def claimed(both: SideBySide) -> SideBySide:
    """All is paid without a word, and 300 are claimed back afterwards."""
    both.pay(100_000)
    both.come_to_rest()
    assert both.dispute("A", 30_000)
    both.come_to_rest()
    return both


def item(both: SideBySide, name: str = "A") -> tuple[int, int, int, int]:
    """Open, of it claimed back and awaited, and credited."""
    (one,) = both.of(name).items
    return one.open, one.claimed_back, one.awaiting_credit, one.credited


def test_a_payment_under_protest_neither_ends_nor_shrinks_the_dispute(protested: SideBySide) -> None:
    assert (protested.of("A").status, item(protested)) == (Status.OPEN, (30_000, 30_000, 0, 0))
    assert (protested.held(), protested.collectable(), protested.item().open_minor) == ({}, 0, 0)


def test_a_payment_without_protest_ends_it_as_ever(both: SideBySide) -> None:
    both.dispute("A", 30_000)
    both.come_to_rest()
    both.pay(100_000)
    both.come_to_rest()
    assert (both.of("A").status, both.of("A").resolution_code) == (Status.RESOLVED, "CUSTOMER_PAID")


def test_a_part_that_is_paid_under_protest_is_claimed_back_and_the_rest_is_held(both: SideBySide) -> None:
    both.dispute("A", 30_000)
    both.come_to_rest()
    both.pay(80_000, under_protest=True)
    both.come_to_rest()
    assert (both.held(), both.collectable(), item(both)) == ({"A": 20_000}, 0, (30_000, 10_000, 0, 0))

    both.pay(20_000, "P2")
    both.come_to_rest()
    assert (both.held(), item(both)) == ({}, (10_000, 10_000, 0, 0))
    assert both.of("A").is_active


def test_a_dispute_of_a_paid_invoice_is_a_claim_after_payment(claimed: SideBySide) -> None:
    assert (claimed.of("A").status, item(claimed)) == (Status.OPEN, (30_000, 30_000, 0, 0))
    assert (claimed.held(), claimed.collectable()) == ({}, 0)
    assert claimed.disputable().claimed_back == 30_000


def test_claims_are_together_no_more_than_what_is_paid(claimed: SideBySide) -> None:
    assert not claimed.dispute("B", 70_001)
    assert claimed.dispute("B", 70_000)
    assert not claimed.dispute("C", 1, customer="C-2"), "another customer claims nothing"


def test_an_invoice_that_was_credited_and_not_paid_has_nothing_to_claim(both: SideBySide) -> None:
    both.credit(100_000)
    both.come_to_rest()
    assert not both.dispute("A", 1)


@pytest.mark.parametrize("start", ["protested", "claimed"])
@pytest.mark.parametrize("code", ["REFUND", "CREDIT_FULL"])
def test_a_claim_is_decided_resolved_and_settled_by_a_credit_on_account(
    start: str, code: str, request: pytest.FixtureRequest
) -> None:
    both: SideBySide = request.getfixturevalue(start)
    assert both.command(
        "A", lambda at: c.Decide(at=at, valid=eur(30_000), invalid=eur(0), root_cause="UNKNOWN", rationale=TEXT)
    )
    assert both.resolve("A", code)
    both.come_to_rest()
    assert (both.of("A").status, item(both)) == (Status.SETTLING, (30_000, 30_000, 30_000, 0))
    assert (both.held(), both.collectable(), both.tasks()) == ({}, 0, [])

    both.credit_on_account(30_000, dispute="A")
    both.come_to_rest()
    assert (both.of("A").status, item(both)) == (Status.RESOLVED, (0, 0, 0, 30_000))
    assert (both.held(), both.collectable(), both.item().open_minor) == ({}, 0, 0)


def test_a_refund_that_names_the_dispute_settles_it_once(claimed: SideBySide) -> None:
    claimed.resolve("A", "REFUND")
    claimed.credit_on_account(30_000)
    claimed.come_to_rest()
    assert claimed.of("A").status is Status.SETTLING, "a credit that names nobody answers nobody"

    claimed.refund(20_000, dispute="A")
    claimed.come_to_rest()
    assert (claimed.of("A").status, item(claimed)) == (Status.SETTLING, (10_000, 10_000, 10_000, 20_000))
    claimed.refund(10_000, dispute="A")
    claimed.come_to_rest()
    assert (claimed.of("A").status, item(claimed)) == (Status.RESOLVED, (0, 0, 0, 30_000))


def test_a_credit_memo_for_the_paid_invoice_answers_granted_claims_first(both: SideBySide) -> None:
    both.pay(100_000)
    both.come_to_rest()
    both.dispute("older", 30_000)
    both.dispute("granted", 20_000)
    both.resolve("granted", "CREDIT_FULL")
    both.come_to_rest()
    both.credit(25_000)
    both.come_to_rest()
    assert (both.of("granted").status, item(both, "granted")) == (Status.RESOLVED, (0, 0, 0, 20_000))
    assert item(both, "older") == (25_000, 25_000, 0, 5_000)


def test_a_credit_before_any_decision_ends_the_claim(claimed: SideBySide) -> None:
    claimed.credit_on_account(40_000, dispute="A")
    claimed.come_to_rest()
    assert (claimed.of("A").status, claimed.of("A").resolution_code) == (Status.RESOLVED, "CREDIT_FULL")


@pytest.mark.parametrize("named", ["A", None])
def test_a_granted_credit_on_account_that_is_cancelled_is_awaited_again(claimed: SideBySide, named: str | None) -> None:
    claimed.resolve("A", "CREDIT_FULL")
    if named is None:
        claimed.credit(30_000)
    else:
        claimed.credit_on_account(30_000, dispute=named)
    claimed.come_to_rest()
    claimed.reverse_credit(amount=10_000)
    claimed.come_to_rest()
    assert (claimed.of("A").status, item(claimed)) == (Status.SETTLING, (10_000, 10_000, 10_000, 20_000))
    claimed.reverse_credit()
    claimed.come_to_rest()
    assert (claimed.of("A").status, item(claimed)) == (Status.SETTLING, (30_000, 30_000, 30_000, 0))
    claimed.credit_on_account(30_000, "CM2", dispute="A")
    claimed.come_to_rest()
    assert (claimed.of("A").status, claimed.held()) == (Status.RESOLVED, {})


def test_a_claim_that_a_credit_ended_by_itself_goes_on_when_the_credit_goes(claimed: SideBySide) -> None:
    claimed.credit_on_account(30_000, dispute="A")
    claimed.come_to_rest()
    claimed.reverse_credit()
    claimed.come_to_rest()
    assert (claimed.of("A").status, item(claimed)) == (Status.INVESTIGATING, (30_000, 30_000, 0, 0))


def test_what_comes_back_to_a_claim_in_vain_stays_paid(claimed: SideBySide) -> None:
    claimed.credit_on_account(10_000, dispute="A")
    claimed.come_to_rest()
    claimed.resolve("A", "REJECTED_COLLECT")
    claimed.reverse_credit()
    claimed.come_to_rest()
    (one,) = claimed.of("A").items
    assert (one.open, one.credited, one.paid, one.denied) == (0, 0, 30_000, 30_000)


def test_a_claim_that_comes_back_after_its_payment_has_gone_is_held(claimed: SideBySide) -> None:
    claimed.resolve("A", "CREDIT_FULL")
    claimed.credit_on_account(30_000, dispute="A")
    claimed.come_to_rest()
    claimed.reverse()
    claimed.come_to_rest()
    assert claimed.collectable() == 100_000
    claimed.reverse_credit()
    claimed.come_to_rest()
    assert (claimed.held(), claimed.collectable(), item(claimed)) == ({"A": 30_000}, 70_000, (30_000, 0, 30_000, 0))


def test_a_claim_in_vain_leaves_the_payment_as_it_is_and_nothing_to_collect(claimed: SideBySide) -> None:
    claimed.resolve("A", "REJECTED_COLLECT")
    claimed.come_to_rest()
    (one,) = claimed.of("A").items
    assert (one.paid, one.denied, one.rejected, one.open) == (30_000, 30_000, 0, 0)
    assert (claimed.tasks(), claimed.collectable()) == ([], 0)

    claimed.reopen("A")
    claimed.come_to_rest()
    assert (item(claimed), claimed.held()) == ((30_000, 30_000, 0, 0), {})


def test_a_part_is_granted_and_the_rest_is_claimed_in_vain(claimed: SideBySide) -> None:
    claimed.resolve("A", "CREDIT_PARTIAL", 10_000)
    claimed.come_to_rest()
    (one,) = claimed.of("A").items
    assert (one.open, one.awaiting_credit, one.denied, one.rejected) == (10_000, 10_000, 20_000, 0)
    claimed.credit_on_account(10_000, dispute="A")
    claimed.come_to_rest()
    assert claimed.of("A").status is Status.RESOLVED


def test_a_claim_that_is_withdrawn_leaves_nothing_to_collect(protested: SideBySide) -> None:
    protested.withdraw("A")
    protested.come_to_rest()
    (one,) = protested.of("A").items
    assert (protested.of("A").status, one.paid, one.withdrawn) == (Status.WITHDRAWN, 30_000, 0)
    assert protested.collectable() == 0


@pytest.mark.parametrize("code", ["CUSTOMER_PAID", "OFFSET", "CASH_REAPPLIED", "WRITE_OFF_SMALL", "WRITE_OFF_BAD_DEBT"])
def test_what_is_paid_is_not_paid_again_nor_written_off(claimed: SideBySide, code: str) -> None:
    assert not claimed.resolve("A", code)
    assert ClaimIsPaid(0, "I", code).allowed is not None


@pytest.mark.parametrize("start", ["protested", "claimed"])
def test_what_is_paid_no_more_is_held_again(start: str, request: pytest.FixtureRequest) -> None:
    both: SideBySide = request.getfixturevalue(start)
    both.reverse()
    both.come_to_rest()
    assert (both.held(), both.collectable(), item(both)) == ({"A": 30_000}, 70_000, (30_000, 0, 0, 0))


def test_a_part_of_a_payment_under_protest_that_comes_back_is_held_again(protested: SideBySide) -> None:
    protested.reverse(amount=20_000)
    protested.come_to_rest()
    assert (protested.held(), protested.collectable(), item(protested)) == (
        {"A": 20_000},
        0,
        (30_000, 10_000, 0, 0),
    )


def test_a_part_of_any_other_payment_that_comes_back_leaves_the_claim_as_long_as_it_is_paid(
    claimed: SideBySide,
) -> None:
    claimed.reverse(amount=20_000)
    claimed.come_to_rest()
    assert (claimed.held(), claimed.collectable(), item(claimed)) == ({}, 20_000, (30_000, 30_000, 0, 0))


def test_a_granted_claim_whose_payment_comes_back_is_held_and_credited_on_the_invoice(claimed: SideBySide) -> None:
    claimed.resolve("A", "CREDIT_FULL")
    claimed.reverse()
    claimed.come_to_rest()
    assert (claimed.held(), item(claimed)) == ({"A": 30_000}, (30_000, 0, 30_000, 0))
    claimed.credit(30_000)
    claimed.come_to_rest()
    assert (claimed.of("A").status, claimed.collectable()) == (Status.RESOLVED, 70_000)


def test_a_claim_of_who_does_not_owe_the_invoice_any_more_is_a_mismatch(claimed: SideBySide) -> None:
    claimed.change_customer("C-2")
    claimed.come_to_rest()
    assert claimed.of("A").items[0].mismatch == "customer"


def test_a_payment_under_protest_that_is_taken_off_and_applied_again_is_under_protest_still(
    protested: SideBySide,
) -> None:
    """Found by trying: the second application paid the dispute, and the credit that was granted went with it."""
    protested.resolve("A", "CREDIT_FULL")
    protested.come_to_rest()
    assert item(protested) == (30_000, 30_000, 30_000, 0)
    protested.take_off()
    protested.come_to_rest()
    protested.apply(100_000)
    protested.come_to_rest()
    assert (protested.of("A").status, item(protested)) == (Status.SETTLING, (30_000, 30_000, 30_000, 0))
    assert (protested.held(), protested.collectable()) == ({}, 0)


def test_money_that_lay_on_account_is_applied_under_protest_where_the_erp_says_so(both: SideBySide) -> None:
    both.invoice(100_000, "J")
    both.dispute("A", 30_000)
    both.come_to_rest()
    both.pay(100_000, "P", "J")
    both.take_off("P", "J")
    both.apply(100_000, under_protest=True)
    both.come_to_rest()
    assert (both.of("A").status, item(both), both.held()) == (Status.OPEN, (30_000, 30_000, 0, 0), {})


def test_a_payment_without_protest_is_without_it_when_it_is_applied_again(both: SideBySide) -> None:
    both.dispute("A", 30_000)
    both.pay(60_000)
    both.come_to_rest()
    both.take_off()
    both.apply(60_000)
    both.pay(40_000, "Q")
    both.come_to_rest()
    assert (both.of("A").status, both.of("A").resolution_code) == (Status.RESOLVED, "CUSTOMER_PAID")
