"""Of two contested invoices one was wrong and one was right: the verdict and the credit are said of each."""

import pytest
from support.disputes import (
    CREDIT_BY,
    NOW,
    TEXT,
    credit_memo,
    credited,
    disputes,
    item,
    judged,
    open_,
    payment,
    reopen,
    resolve,
    resolve_items,
    verdict,
    verdicts,
)

from dispute_service.disputes import commands as c
from dispute_service.disputes import refusals
from dispute_service.disputes.events import (
    AmountReduced,
    DisputeDecided,
    DisputeResolved,
    DisputeSettled,
    ItemOutcome,
    ItemVerdict,
)
from dispute_service.disputes.state import Status
from redress.money import Money

A1_AND_B1 = open_(item("100.00", "A1"), item("200.00", "B1"))
TWO_LINES = open_(item("100.00", "A1", "10"), item("200.00", "A1", "20"))
A1_RIGHT_B1_WRONG = verdicts(judged(0, "100.00", "0.00"), judged(1, "0.00", "200.00"))


def test_what_was_right_and_what_was_wrong_is_said_of_each_item() -> None:
    state = (
        disputes()
        .after(A1_AND_B1)
        .when(A1_RIGHT_B1_WRONG)
        .then(
            DisputeDecided(
                at=NOW,
                valid=10000,
                invalid=20000,
                verdicts=(ItemVerdict(0, 10000, 0), ItemVerdict(1, 0, 20000)),
                root_cause="PRICE_MAINTENANCE",
                rationale=TEXT,
                spread="stated",
            )
        )
    )
    assert [(one.valid, one.invalid) for one in state.items] == [(10000, 0), (0, 20000)]


def test_the_credit_of_the_item_that_was_right_finishes_the_dispute() -> None:
    decided = disputes().after(A1_AND_B1, A1_RIGHT_B1_WRONG)
    settling = decided.when(resolve("CREDIT_PARTIAL")).then(
        DisputeResolved(
            at=NOW,
            resolution_code="CREDIT_PARTIAL",
            outcomes=(ItemOutcome(item=0, credit=10000), ItemOutcome(item=1, rejected=20000)),
            spread="decided",
            settlement=CREDIT_BY,
        )
    )
    assert (settling.status, settling.awaiting_credit) == (Status.SETTLING, 10000)
    finished = (
        decided.after(resolve("CREDIT_PARTIAL"))
        .when(credit_memo("100.00", invoice_id="A1"))
        .then_kinds(AmountReduced, DisputeSettled)
    )
    assert (finished.status, finished.items[0].credited, finished.items[1].rejected) == (Status.RESOLVED, 10000, 20000)


def test_totals_alone_are_spread_in_proportion_and_the_decision_says_so() -> None:
    state = disputes().after(A1_AND_B1, verdict("100.00", "200.00")).state
    assert state.verdict is not None
    assert state.verdict.spread == "proportional"
    assert state.verdict.parts == (ItemVerdict(0, 3333, 6667), ItemVerdict(1, 6667, 13333))


def test_items_are_named_by_invoice_and_line_or_by_their_position_in_any_order() -> None:
    for names in ((("A1", "20"), ("A1", "10")), ((1, None), (0, None))):
        (second, first) = names
        command = verdicts(judged(second[0], "0.00", "200.00", second[1]), judged(first[0], "100.00", "0.00", first[1]))
        (event,) = disputes().after(TWO_LINES).when(command).events
        assert isinstance(event, DisputeDecided)
        assert event.verdicts == (ItemVerdict(0, 10000, 0), ItemVerdict(1, 0, 20000))


def test_totals_beside_the_items_must_be_their_sum() -> None:
    items = (judged(0, "100.00", "0.00"), judged(1, "0.00", "200.00"))
    disputes().after(A1_AND_B1).when(verdicts(*items, valid="100.00", invalid="200.00")).then_kinds(DisputeDecided)
    disputes().after(A1_AND_B1).when(verdicts(*items, valid="100.00")).then_kinds(DisputeDecided)
    refusal = (
        disputes()
        .after(A1_AND_B1)
        .when(verdicts(*items, valid="100.00", invalid="199.99"))
        .then_refused(refusals.ItemAmountsRefused)
    )
    assert refusal.place == ("invalid",)
    assert refusal.message == "199.99 EUR is not what the items add up to: 200.00 EUR invalid."
    assert refusal.allowed == "200.00 EUR, or no total"


@pytest.mark.parametrize(
    ("items", "place", "message", "allowed"),
    [
        (
            (judged(0, "100.00", "0.00"),),
            ("items",),
            "Item 1 (invoice B1) is missing: 200.00 EUR is open there.",
            ("item 0: A1, 100.00 EUR open", "item 1: B1, 200.00 EUR open"),
        ),
        (
            (judged(0, "100.00", "0.00"), judged("B1", "0.00", "200.00"), judged("A1", "100.00", "0.00")),
            ("items", 2),
            "Item 0 (invoice A1) is named twice, here and as number 0.",
            "each item once",
        ),
        (
            (judged(0, "100.00", "0.00"), judged(2, "0.00", "200.00")),
            ("items", 1, "item"),
            "The dispute has no item 2.",
            ("item 0: A1, 100.00 EUR open", "item 1: B1, 200.00 EUR open"),
        ),
        (
            (judged(0, "100.00", "0.00"), judged("C1", "0.00", "200.00")),
            ("items", 1, "invoice_id"),
            "Invoice C1 is no item of the dispute.",
            ("item 0: A1, 100.00 EUR open", "item 1: B1, 200.00 EUR open"),
        ),
        (
            (judged(0, "100.00", "0.00"), judged("B1", "0.00", "200.00", "10")),
            ("items", 1, "line"),
            "Invoice B1 line 10 is no item of the dispute.",
            ("item 0: A1, 100.00 EUR open", "item 1: B1, 200.00 EUR open"),
        ),
        (
            (judged(0, "100.00", "0.00"), judged(1, "200.01", "0.00")),
            ("items", 1, "valid"),
            "200.01 EUR is not possible: 200.00 EUR is open there.",
            "zero up to 200.00 EUR",
        ),
        (
            (judged(0, "100.00", "0.00"), judged(1, "0.00", "200.01")),
            ("items", 1, "invalid"),
            "200.01 EUR is not possible: 200.00 EUR is open there.",
            "zero up to 200.00 EUR",
        ),
        (
            (judged(0, "0.00", "0.00"), judged(1, "100.00", "200.00")),
            ("items", 0, "invalid"),
            "0.00 EUR valid and 0.00 EUR invalid are not the 100.00 EUR that is open of Item 0 (invoice A1).",
            "100.00 EUR, with 0.00 EUR valid",
        ),
        (
            (
                judged(0, "100.00", "0.00"),
                c.JudgedItem(item=c.ItemName(position=1), valid=Money(0, "EUR"), invalid=Money(20000, "USD")),
            ),
            ("items", 1, "invalid", "currency"),
            "The dispute is in EUR, not in USD.",
            "EUR",
        ),
    ],
)
def test_each_open_item_is_judged_once_and_in_full(
    items: tuple[c.JudgedItem, ...], place: tuple[str | int, ...], message: str, allowed: str | tuple[str, ...]
) -> None:
    refusal = disputes().after(A1_AND_B1).when(verdicts(*items)).then_refused(refusals.ItemAmountsRefused)
    assert (refusal.place, refusal.message, refusal.allowed) == (place, message, allowed)


def test_a_decision_says_something() -> None:
    nothing = c.Decide(at=NOW, root_cause="UNKNOWN", rationale=TEXT)
    refusal = disputes().after(A1_AND_B1).when(nothing).then_refused(refusals.VerdictNotStated)
    assert refusal.allowed == "valid and invalid, or items"


def test_an_item_that_was_paid_meanwhile_is_judged_no_more() -> None:
    """Somebody decided on the version before the payment: what was open then is not."""
    paid = disputes().after(A1_AND_B1, payment("100.00", invoice_id="A1"))
    refusal = paid.when(A1_RIGHT_B1_WRONG).then_refused(refusals.ItemAmountsRefused)
    assert refusal.place == ("items", 0, "item")
    assert refusal.message == "Of Item 0 (invoice A1) nothing is open."
    paid.when(verdicts(judged("B1", "0.00", "200.00"))).then_kinds(DisputeDecided)


def test_a_payment_in_part_leaves_less_to_judge() -> None:
    paid = disputes().after(A1_AND_B1, payment("40.00", invoice_id="B1"))
    refusal = paid.when(A1_RIGHT_B1_WRONG).then_refused(refusals.ItemAmountsRefused)
    assert (refusal.place, refusal.allowed) == (("items", 1, "invalid"), "zero up to 160.00 EUR")


def test_the_same_decision_again_changes_nothing_and_one_of_other_items_does() -> None:
    decided = disputes().after(A1_AND_B1, A1_RIGHT_B1_WRONG)
    decided.when(A1_RIGHT_B1_WRONG).then_nothing()
    the_other_way = verdicts(judged(0, "50.00", "50.00"), judged(1, "50.00", "150.00"))
    state = decided.when(the_other_way).then_kinds(DisputeDecided)
    assert [one.valid for one in state.items] == [5000, 5000]
    decided.when(verdict("100.00", "200.00")).then_kinds(DisputeDecided)


def test_credits_are_stated_of_each_item() -> None:
    state = (
        disputes()
        .after(A1_AND_B1)
        .when(resolve_items("CREDIT_PARTIAL", credited("B1", "50.00"), credited("A1", "0.00")))
        .then(
            DisputeResolved(
                at=NOW,
                resolution_code="CREDIT_PARTIAL",
                outcomes=(ItemOutcome(item=0, rejected=10000), ItemOutcome(item=1, credit=5000, rejected=15000)),
                spread="stated",
                settlement=CREDIT_BY,
            )
        )
    )
    assert (state.status, state.credit_spread) == (Status.SETTLING, "stated")


@pytest.mark.parametrize("code", ["CREDIT_PARTIAL", "REBILL", "REFUND"])
def test_a_stated_credit_stays_within_what_was_found_valid_of_its_item(code: str) -> None:
    decided = disputes().after(A1_AND_B1, A1_RIGHT_B1_WRONG)
    refusal = decided.when(resolve_items(code, credited(0, "50.00"), credited(1, "50.00"))).then_refused(
        refusals.ItemAmountsRefused
    )
    assert refusal.place == ("items", 1, "credited")
    assert refusal.message == "50.00 EUR is not possible: 0.00 EUR was found valid there."
    decided.when(resolve_items(code, credited(0, "50.00"), credited(1, "0.00"))).then_kinds(DisputeResolved)


def test_goodwill_goes_beyond_what_was_found_valid_of_an_item_and_not_beyond_what_is_open() -> None:
    decided = disputes().after(A1_AND_B1, A1_RIGHT_B1_WRONG)
    decided.when(resolve_items("GOODWILL", credited(0, "100.00"), credited(1, "20.00"))).then(
        DisputeResolved(
            at=NOW,
            resolution_code="GOODWILL",
            outcomes=(ItemOutcome(item=0, credit=10000), ItemOutcome(item=1, credit=2000, rejected=18000)),
            spread="stated",
            settlement=CREDIT_BY,
        )
    )
    refusal = decided.when(resolve_items("GOODWILL", credited(0, "100.01"), credited(1, "0.00"))).then_refused(
        refusals.ItemAmountsRefused
    )
    assert refusal.message == "100.01 EUR is not possible: 100.00 EUR is open there."


def test_no_credit_at_all_is_no_credit() -> None:
    refusal = (
        disputes()
        .after(A1_AND_B1)
        .when(resolve_items("GOODWILL", credited(0, "0.00"), credited(1, "0.00")))
        .then_refused(refusals.CreditOutOfBounds)
    )
    assert refusal.place == ("items",)


def test_a_stated_total_must_be_the_sum_of_the_credits() -> None:
    items = (credited(0, "30.00"), credited(1, "20.00"))
    disputes().after(A1_AND_B1).when(resolve_items("GOODWILL", *items, total="50.00")).then_kinds(DisputeResolved)
    refusal = (
        disputes()
        .after(A1_AND_B1)
        .when(resolve_items("GOODWILL", *items, total="60.00"))
        .then_refused(refusals.ItemAmountsRefused)
    )
    assert (refusal.place, refusal.allowed) == (("credited",), "50.00 EUR, or no total")


def test_a_credit_of_all_items_in_full_is_a_full_one() -> None:
    everything = (credited(0, "100.00"), credited(1, "200.00"))
    disputes().after(A1_AND_B1).when(resolve_items("CREDIT_FULL", *everything)).then_kinds(DisputeResolved)
    disputes().after(A1_AND_B1).when(resolve_items("CREDIT_PARTIAL", *everything)).then_refused(
        refusals.CreditOutOfBounds
    )


def test_a_code_that_says_it_all_takes_no_other_amounts() -> None:
    amounts = (credited(0, "100.00"), credited(1, "100.00"))
    refusal = (
        disputes()
        .after(A1_AND_B1)
        .when(resolve_items("CREDIT_FULL", *amounts))
        .then_refused(refusals.ItemAmountsRefused)
    )
    assert refusal.place == ("items", 1, "credited")
    assert refusal.message == "100.00 EUR cannot be credited: CREDIT_FULL credits 200.00 EUR there."
    refusal = (
        disputes().after(A1_AND_B1).when(resolve_items("OFFSET", *amounts)).then_refused(refusals.ItemAmountsRefused)
    )
    assert refusal.allowed == "0.00 EUR"


def test_a_reopened_dispute_has_no_verdict_and_is_judged_anew() -> None:
    reopened = disputes().after(A1_AND_B1, A1_RIGHT_B1_WRONG, resolve("CREDIT_PARTIAL"), reopen())
    assert reopened.state.verdict is None
    assert reopened.state.credit_spread is None
    reopened.when(verdicts(judged(0, "0.00", "100.00"), judged(1, "200.00", "0.00"))).then_kinds(DisputeDecided)


def test_a_credit_memo_that_came_first_leaves_the_other_item_to_judge() -> None:
    credited_first = disputes().after(A1_AND_B1, credit_memo("100.00", invoice_id="A1"))
    credited_first.when(verdicts(judged(1, "0.00", "200.00"))).then_kinds(DisputeDecided)


def test_one_dispute_may_contest_an_invoice_and_one_of_its_lines() -> None:
    both = open_(item("100.00", "A1"), item("50.00", "A1", "10"))
    command = verdicts(judged("A1", "100.00", "0.00"), judged("A1", "0.00", "50.00", "10"))
    (event,) = disputes().after(both).when(command).events
    assert isinstance(event, DisputeDecided)
    assert event.verdicts == (ItemVerdict(0, 10000, 0), ItemVerdict(1, 0, 5000))
