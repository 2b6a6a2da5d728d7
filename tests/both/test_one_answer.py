"""Who holds what of an invoice: one service answers, and the other says the same as soon as it has heard.

The sequences are those of `reference/two_answers.md` and of the issue; amounts are cents. Where it says "late", what
one service published reaches the other only after the next thing has happened.
"""

import pytest
from support.side_by_side import SideBySide

from dispute_service.disputable_invoices.events import NamedDisputeLeft
from dispute_service.disputes.state import Dispute, Status


@pytest.fixture
def both() -> SideBySide:
    both = SideBySide()
    both.invoice(100_000)
    both.come_to_rest()
    return both


# -- a credit memo


def test_a_credit_before_anybody_resolved_takes_the_disputed_money(both: SideBySide) -> None:
    both.dispute("A", 30_000)
    both.come_to_rest()
    both.credit(30_000)
    both.come_to_rest()
    assert (both.held(), both.collectable()) == ({}, 70_000)
    assert (both.of("A").status, both.of("A").resolution_code) == (Status.RESOLVED, "CREDIT_FULL")
    assert both.of("A").items[0].credited == 30_000


def test_what_was_credited_since_the_opening_is_not_granted_again(both: SideBySide) -> None:
    both.dispute("A", 30_000)
    both.credit(10_000)
    both.come_to_rest()
    both.resolve("A", "CREDIT_FULL")
    both.come_to_rest()
    assert (both.of("A").awaiting_credit, both.held(), both.collectable()) == (20_000, {"A": 20_000}, 70_000)
    both.credit(20_000, "CM-2")
    both.come_to_rest()
    assert (both.of("A").status, both.collectable()) == (Status.RESOLVED, 70_000)


def test_both_services_name_the_same_dispute_for_a_credit_memo(both: SideBySide) -> None:
    both.dispute("A", 10_000)
    both.dispute("B", 15_000)
    both.withdraw("A")
    both.reopen("A")
    both.resolve("A", "CREDIT_FULL")
    both.resolve("B", "CREDIT_FULL")
    both.come_to_rest()
    both.credit(10_000)
    both.come_to_rest()
    assert (both.of("A").status, both.of("B").status) == (Status.RESOLVED, Status.SETTLING)
    assert (both.held(), both.collectable()) == ({"B": 15_000}, 75_000)


def test_late_a_dispute_of_which_the_ledger_hears_after_the_credit_memo_of_another_keeps_its_hold() -> None:
    both = SideBySide()
    both.invoice(69_608)
    both.come_to_rest()
    both.dispute("1", 66_814)
    both.resolve("1", "CREDIT_FULL")
    both.come_to_rest()
    both.dispute("2", 2_794)
    both.resolve("2", "CREDIT_FULL")
    both.credit(66_814)
    both.come_to_rest()
    assert (both.held(), both.collectable()) == ({"2": 2_794}, 0)
    assert both.of("1").status is Status.RESOLVED


@pytest.mark.parametrize("first", ["named", "older"])
def test_a_credit_memo_serves_the_dispute_that_it_names(both: SideBySide, first: str) -> None:
    both.dispute("older", 10_000)
    both.dispute("named", 10_000)
    both.resolve(first, "CREDIT_FULL")
    both.come_to_rest()
    both.credit(10_000, dispute="named")
    both.come_to_rest()
    assert (both.held(), both.collectable()) == ({"older": 10_000}, 80_000)


@pytest.mark.parametrize(
    ("named", "why"),
    [
        ("dsp_00000000000000000000000000", "There is no dispute dsp_00000000000000000000000000."),
        ("elsewhere", "does not contest invoice I."),
        ("withdrawn", "holds nothing of invoice I any more."),
    ],
)
def test_a_name_that_cannot_be_served_is_recorded_with_its_reason_and_the_credit_memo_counts(
    both: SideBySide, named: str, why: str
) -> None:
    both.dispute("A", 10_000)
    both.dispute("elsewhere", 5_000, "J")
    both.dispute("withdrawn", 5_000)
    both.withdraw("withdrawn")
    both.come_to_rest()
    both.credit(10_000, dispute=named)
    both.come_to_rest()
    (left,) = [event for event in both.disputes.recorded if isinstance(event, NamedDisputeLeft)]
    assert left.explanation.endswith(why)
    assert (both.of("A").status, both.collectable()) == (Status.RESOLVED, 90_000)


def test_late_a_credit_memo_that_crosses_a_reopening_still_credits_the_dispute(both: SideBySide) -> None:
    """two_answers 5: until now it counted as undisputed, and the dispute awaited a second memo for ever."""
    both.dispute("A", 30_000)
    both.resolve("A", "CREDIT_FULL")
    both.come_to_rest()
    both.credit(30_000)
    both.reopen("A")
    both.come_to_rest()
    assert (both.of("A").status, both.of("A").items[0].credited) == (Status.RESOLVED, 30_000)
    assert (both.held(), both.collectable()) == ({}, 70_000)


def test_a_credit_serves_a_dispute_that_learns_of_the_invoice_by_it() -> None:
    """Found by the walk: the dispute was withdrawn while the ledger did not know the invoice, and reopened after. The
    memo by which it learned of the invoice did nothing to it."""
    both = SideBySide()
    both.dispute("A", 30_000)
    both.withdraw("A")
    both.invoice(100_000)
    both.come_to_rest()
    both.reopen("A")
    both.credit(30_000)
    both.come_to_rest()
    assert (both.of("A").status, both.of("A").items[0].credited) == (Status.RESOLVED, 30_000)
    assert (both.held(), both.collectable()) == ({}, 70_000)


# -- a payment and its reversal


def test_a_reversal_keeps_what_was_granted(both: SideBySide) -> None:
    """two_answers 4."""
    both.dispute("A", 40_000)
    both.come_to_rest()
    both.pay(70_000)
    both.come_to_rest()
    both.resolve("A", "CREDIT_FULL")
    both.reverse()
    both.come_to_rest()
    assert (both.of("A").open, both.of("A").awaiting_credit, both.held()) == (40_000, 30_000, {"A": 40_000})
    both.credit(30_000)
    both.come_to_rest()
    assert (both.of("A").open, both.of("A").awaiting_credit) == (10_000, 0)
    assert (both.held(), both.item().open_minor, both.collectable()) == ({"A": 10_000}, 70_000, 60_000)


def test_a_reversal_into_rejected_money_is_heard(both: SideBySide) -> None:
    """two_answers 9: the ledger has a task for all of it."""
    both.dispute("A", 30_000)
    both.come_to_rest()
    both.pay(80_000)
    both.come_to_rest()
    both.resolve("A", "REJECTED_COLLECT")
    both.come_to_rest()
    assert both.tasks() == [20_000]
    both.reverse()
    both.come_to_rest()
    assert both.of("A").items[0].rejected == 30_000
    assert both.tasks() == [30_000]
    assert (both.held(), both.collectable()) == ({}, 100_000)


def test_a_part_that_comes_back_is_given_once_and_to_the_youngest_first(both: SideBySide) -> None:
    """Found by the walk: every dispute that the payment had taken from was given all of the part, and the rest of it
    was told as reduced."""
    both.dispute("A", 30_000)
    both.dispute("B", 20_000)
    both.come_to_rest()
    both.pay(100_000)
    both.come_to_rest()
    both.reverse(amount=25_000)
    both.come_to_rest()
    assert (both.held(), both.collectable()) == ({"A": 5_000, "B": 20_000}, 0)
    assert [(both.of(name).items[0].paid, both.of(name).items[0].reduced) for name in "AB"] == [(25_000, 0), (0, 0)]


def test_a_part_of_a_credit_that_is_gone_is_contested_before_it_is_awaited_again(both: SideBySide) -> None:
    """The memo had served the awaited credit first."""
    both.dispute("A", 30_000)
    both.dispute("B", 20_000)
    both.resolve("A", "CREDIT_FULL")
    both.come_to_rest()
    both.credit(50_000)
    both.come_to_rest()
    both.reverse("CM", 25_000, kind="credit_memo")
    both.come_to_rest()
    assert (both.held(), both.collectable()) == ({"A": 5_000, "B": 20_000}, 50_000)
    assert [(both.of(name).items[0].credited, both.of(name).awaiting_credit) for name in "AB"] == [
        (25_000, 5_000),
        (0, 0),
    ]


def test_a_dispute_whose_short_payment_is_gone_does_not_come_back_with_another_one(both: SideBySide) -> None:
    """Found by the walk: the customer paid what it had deducted, then both payments came back. The deduction was
    contested again, although nothing was deducted any more."""
    both.pay(60_000, "short", in_full=True)
    both.come_to_rest()
    both.pay(40_000, "rest")
    both.come_to_rest()
    both.reverse("short")
    both.reverse("rest")
    both.come_to_rest()
    ((dispute_id, dispute),) = both.all_disputes().items()
    assert (dispute.status, dispute.items[0].withdrawn) == (Status.RESOLVED, 40_000), dispute_id
    assert (both.held(), both.collectable()) == ({}, 100_000)


def test_what_a_person_has_judged_does_not_end_with_its_short_payment(both: SideBySide) -> None:
    """Found by the walk: a credit was granted, a payment came back and reopened the dispute, and then the short payment
    came back, too. That ended the contest as if nobody had looked at it."""
    both.pay(60_000, "short", in_full=True)
    both.come_to_rest()
    both.pay(10_000, "part", in_full=False)
    both.come_to_rest()
    ((both.opened["A"], _),) = both.disputes.all_of(Dispute)
    assert both.held() == {"A": 30_000}
    both.resolve("A", "CREDIT_FULL")
    both.reverse("part")
    both.reverse("short")
    both.come_to_rest()
    assert (both.of("A").is_active, both.of("A").open, both.of("A").awaiting_credit) == (True, 40_000, 30_000)
    assert (both.held(), both.collectable()) == ({"A": 40_000}, 60_000)


def test_what_a_write_off_took_is_held_again_when_it_is_taken_back(both: SideBySide) -> None:
    both.dispute("A", 30_000)
    both.come_to_rest()
    both.write_off(100_000)
    both.come_to_rest()
    assert (both.of("A").status, both.held()) == (Status.RESOLVED, {})
    both.take_write_off_back()
    both.come_to_rest()
    assert (both.of("A").status, both.of("A").items[0].written_off) == (Status.INVESTIGATING, 0)
    assert (both.held(), both.collectable()) == ({"A": 30_000}, 70_000)


def test_a_lost_short_payment_ends_its_dispute_also_when_another_customer_owes_the_invoice(both: SideBySide) -> None:
    """Found by the walk: the dispute was of another customer by then, and stayed."""
    both.pay(60_000, "short", in_full=True)
    both.come_to_rest()
    both.change_customer("C-2")
    both.come_to_rest()
    both.reverse("short")
    both.come_to_rest()
    ((_, dispute),) = both.disputes.all_of(Dispute)
    assert (dispute.status, dispute.resolution_code, dispute.open) == (Status.RESOLVED, "PAYMENT_RETURNED", 0)
    assert (both.held(), both.collectable()) == ({}, 100_000)


# -- facts that people would be refused


def test_a_payment_comes_back_to_a_line_that_has_become_smaller() -> None:
    """two_answers 1a."""
    both = SideBySide()
    both.invoice(100_000, lines={"1": 30_000, "2": 70_000})
    both.come_to_rest()
    both.dispute("A", 30_000, line="1")
    both.come_to_rest()
    both.pay(100_000)
    both.come_to_rest()
    both.correct(lines={"1": 20_000, "2": 80_000})
    both.reverse()
    both.come_to_rest()
    assert (both.held(), both.collectable()) == ({"A": 20_000}, 80_000)
    assert (both.of("A").items[0].reduced, both.of("A").status) == (10_000, Status.INVESTIGATING)


@pytest.mark.parametrize(
    ("wrong", "mismatch"),
    [({"line": "9"}, "line"), ({"customer": "C-2"}, "customer"), ({"currency": "USD"}, "currency")],
)
def test_a_dispute_of_what_is_not_the_invoice_holds_nothing_and_stays_for_a_person(
    wrong: dict[str, str], mismatch: str
) -> None:
    """two_answers 1b, 1c, 1d and 2: opened before the ledger knew the invoice."""
    both = SideBySide()
    both.dispute("wrong", 90_000, **wrong)
    both.invoice(100_000, lines={"1": 30_000, "2": 70_000})
    both.come_to_rest()
    assert (both.held(), both.collectable()) == ({}, 100_000)
    assert (both.of("wrong").items[0].mismatch, both.of("wrong").open) == (mismatch, 90_000)
    assert both.dispute("A", 20_000), "it counts in no limit"
    both.come_to_rest()
    both.pay(100_000)
    both.come_to_rest()
    both.reverse()
    both.come_to_rest()
    assert (both.held(), both.collectable()) == ({"A": 20_000}, 80_000)
    assert (both.of("wrong").open, both.of("wrong").is_active) == (90_000, True)
    both.resolve("wrong", "REJECTED_COLLECT")
    both.come_to_rest()
    assert both.tasks() == [], "nothing of this invoice is to be collected for it"


def test_several_disputes_come_back_with_a_payment_and_nothing_is_refused(both: SideBySide) -> None:
    """two_answers 1d: what others hold meanwhile is no reason to refuse what the bank took back."""
    both.dispute("A", 100_000)
    both.come_to_rest()
    both.pay(100_000)
    both.come_to_rest()
    both.correct(150_000)
    both.come_to_rest()
    assert both.dispute("B", 50_000)
    both.reverse()
    both.come_to_rest()
    assert (both.held(), both.collectable()) == ({"A": 100_000, "B": 50_000}, 0)


def test_a_dispute_of_a_customer_who_does_not_owe_the_invoice_any_more_holds_nothing(both: SideBySide) -> None:
    both.dispute("A", 30_000)
    both.come_to_rest()
    both.change_customer("C-2")
    both.come_to_rest()
    assert (both.held(), both.collectable()) == ({}, 100_000)
    assert (both.of("A").items[0].mismatch, both.of("A").open, both.of("A").is_active) == ("customer", 30_000, True)
    assert both.dispute("B", 20_000, customer="C-2"), "who owes it now may dispute it"
    assert not both.dispute("C", 20_000), "who owed it before may not"
    both.come_to_rest()
    assert both.held() == {"B": 20_000}

    both.change_customer("C-1")
    both.come_to_rest()
    assert (both.held(), both.of("A").items[0].mismatch) == ({"A": 30_000}, None)


def test_a_credit_that_was_granted_to_who_owed_the_invoice_before_is_not_held(both: SideBySide) -> None:
    both.dispute("A", 30_000)
    both.resolve("A", "CREDIT_FULL")
    both.come_to_rest()
    both.change_customer("C-2")
    both.come_to_rest()
    assert (both.held(), both.of("A").items[0].mismatch) == ({}, "customer")


def test_a_recovery_task_follows_the_invoice_to_who_owes_it(both: SideBySide) -> None:
    both.dispute("A", 30_000)
    both.resolve("A", "REJECTED_COLLECT")
    both.come_to_rest()
    both.change_customer("C-2")
    both.come_to_rest()
    assert (both.tasks(), both.collectable()) == ([30_000], 100_000)


# -- an invoice that is smaller


def test_a_line_that_becomes_smaller_takes_the_dispute_along() -> None:
    """two_answers 14."""
    both = SideBySide()
    both.invoice(100_000, lines={"1": 30_000, "2": 70_000})
    both.come_to_rest()
    both.dispute("A", 30_000, line="1")
    both.correct(lines={"1": 10_000, "2": 90_000})
    both.come_to_rest()
    assert (both.held(), both.of("A").items[0].reduced) == ({"A": 10_000}, 20_000)


def test_an_invoice_registered_below_what_is_disputed_credits_nobody() -> None:
    """two_answers 6."""
    both = SideBySide()
    both.dispute("A", 50_000)
    both.dispute("B", 50_000)
    both.invoice(50_000)
    both.come_to_rest()
    assert (both.held(), both.collectable()) == ({"B": 50_000}, 0)
    (item,) = both.of("A").items
    assert (item.reduced, item.credited, both.of("A").resolution_code) == (50_000, 0, "INVOICE_REDUCED")


def test_a_correction_instead_of_the_credit_memo_settles(both: SideBySide) -> None:
    both.dispute("A", 30_000)
    both.resolve("A", "CREDIT_FULL")
    both.come_to_rest()
    both.correct(70_000)
    both.come_to_rest()
    assert (both.of("A").status, both.of("A").items[0].reduced) == (Status.RESOLVED, 30_000)
    assert (both.held(), both.collectable()) == ({}, 70_000)


def test_a_correction_of_something_else_leaves_a_contest_alone(both: SideBySide) -> None:
    both.dispute("A", 30_000)
    both.correct(90_000)
    both.come_to_rest()
    assert (both.held(), both.collectable()) == ({"A": 30_000}, 60_000)
