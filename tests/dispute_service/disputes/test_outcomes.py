"""Deciding, resolving, closing, reopening, withdrawing."""

import pytest
from support.disputes import (
    CREDIT_BY,
    NOW,
    PAYMENT_BY,
    TEXT,
    close,
    credit_memo,
    disputes,
    item,
    open_,
    payment,
    reopen,
    resolve,
    reversal,
    verdict,
    withdraw,
)

from dispute_service.disputes import commands as c
from dispute_service.disputes import refusals
from dispute_service.disputes.events import (
    DisputeClosed,
    DisputeDecided,
    DisputeReopened,
    DisputeResolved,
    DisputeWithdrawn,
    ItemOutcome,
    ItemVerdict,
    Settlement,
    Share,
)
from dispute_service.disputes.state import Status


def test_a_verdict_is_spread_over_the_items_to_the_cent() -> None:
    state = (
        disputes()
        .after(open_(item("100.00"), item("50.00", "INV-2")))
        .when(verdict("100.00", "50.00"))
        .then(
            DisputeDecided(
                at=NOW,
                valid=10000,
                invalid=5000,
                verdicts=(ItemVerdict(0, 6667, 3333), ItemVerdict(1, 3333, 1667)),
                root_cause="PRICE_MAINTENANCE",
                rationale=TEXT,
            )
        )
    )
    assert state.status is Status.DECIDED


def test_a_verdict_covers_all_that_is_open() -> None:
    refusal = disputes().after(open_()).when(verdict("100.00", "99.99")).then_refused(refusals.VerdictDoesNotAddUp)
    assert refusal.allowed == "valid + invalid = 200.00 EUR, neither below zero"


def test_the_same_verdict_again_changes_nothing_and_another_one_replaces_it() -> None:
    disputes().after(open_(), verdict("150.00", "50.00")).when(verdict("150.00", "50.00")).then_nothing()
    disputes().after(open_(), verdict("150.00", "50.00")).when(verdict("0.00", "200.00")).then_kinds(DisputeDecided)


@pytest.mark.parametrize(
    ("code", "outcome", "settlement"),
    [
        ("CREDIT_FULL", ItemOutcome(item=0, credit=20000), CREDIT_BY),
        ("REBILL", ItemOutcome(item=0, credit=20000), CREDIT_BY),
        ("REFUND", ItemOutcome(item=0, credit=20000), CREDIT_BY),
        ("CUSTOMER_PAID", ItemOutcome(item=0, payment_due=20000), PAYMENT_BY),
        ("OFFSET", ItemOutcome(item=0, payment_due=20000), PAYMENT_BY),
        ("CASH_REAPPLIED", ItemOutcome(item=0, payment_due=20000), PAYMENT_BY),
        ("REJECTED_COLLECT", ItemOutcome(item=0, rejected=20000), None),
        ("WRITE_OFF_SMALL", ItemOutcome(item=0, write_off_due=20000), CREDIT_BY),
        ("WRITE_OFF_BAD_DEBT", ItemOutcome(item=0, write_off_due=20000), CREDIT_BY),
        ("VOID_LOGGED_IN_ERROR", ItemOutcome(item=0, withdrawn=20000), None),
    ],
)
def test_a_code_that_says_it_all_needs_no_verdict_and_what_the_erp_is_to_post_stays_held(
    code: str, outcome: ItemOutcome, settlement: Settlement | None
) -> None:
    state = (
        disputes()
        .after(open_())
        .when(resolve(code))
        .then(DisputeResolved(at=NOW, resolution_code=code, outcomes=(outcome,), settlement=settlement))
    )
    held = Status.SETTLING, 20000, 20000
    assert (state.status, state.open, state.awaiting) == (held if settlement else (Status.RESOLVED, 0, 0))
    disputes().after(open_(), resolve(code)).when(resolve(code)).then_nothing()


def test_a_partial_credit_follows_the_verdict_and_rejects_the_rest() -> None:
    state = (
        disputes()
        .after(open_(), verdict("150.00", "50.00"))
        .when(resolve("CREDIT_PARTIAL"))
        .then(
            DisputeResolved(
                at=NOW,
                resolution_code="CREDIT_PARTIAL",
                outcomes=(ItemOutcome(item=0, credit=15000, rejected=5000),),
                spread="decided",
                settlement=CREDIT_BY,
            )
        )
    )
    assert (state.status, state.open, state.awaiting_credit) == (Status.SETTLING, 15000, 15000)


def test_a_stated_credit_is_spread_in_proportion() -> None:
    disputes().after(open_(item("100.00"), item("50.00", "INV-2"))).when(resolve("GOODWILL", "20.00")).then(
        DisputeResolved(
            at=NOW,
            resolution_code="GOODWILL",
            outcomes=(ItemOutcome(item=0, credit=1333, rejected=8667), ItemOutcome(item=1, credit=667, rejected=4333)),
            spread="proportional",
            settlement=CREDIT_BY,
        )
    )


def test_a_code_that_leaves_the_credit_open_wants_it_said() -> None:
    disputes().after(open_()).when(resolve("CREDIT_PARTIAL")).then_refused(refusals.CreditNotStated)
    disputes().after(open_()).when(resolve("GOODWILL")).then_refused(refusals.CreditNotStated)


def test_a_credit_stays_within_what_was_found_valid_unless_it_is_goodwill() -> None:
    decided = disputes().after(open_(), verdict("50.00", "150.00"))
    refusal = decided.when(resolve("CREDIT_PARTIAL", "50.01")).then_refused(refusals.CreditOutOfBounds)
    assert refusal.message == "50.01 EUR cannot be credited: 50.00 EUR was found valid."
    decided.when(resolve("GOODWILL", "50.01")).then_kinds(DisputeResolved)


def test_a_partial_credit_of_everything_is_a_full_one() -> None:
    disputes().after(open_()).when(resolve("CREDIT_PARTIAL", "200.00")).then_refused(refusals.CreditOutOfBounds)


def test_a_code_that_credits_nothing_takes_no_credit() -> None:
    refusal = disputes().after(open_()).when(resolve("OFFSET", "5.00")).then_refused(refusals.CreditOutOfBounds)
    assert refusal.message == "5.00 EUR cannot be credited: OFFSET credits 0.00 EUR."


def test_a_resolution_does_not_contradict_the_verdict() -> None:
    refusal = (disputes().after(open_(), verdict("50.00", "150.00")).when(resolve("CREDIT_FULL"))).then_refused(
        refusals.ContradictsVerdict
    )
    assert refusal.allowed == ("CREDIT_PARTIAL",)
    disputes().after(open_(), verdict("200.00", "0.00")).when(resolve("REJECTED_COLLECT")).then_refused(
        refusals.ContradictsVerdict
    )


def test_withdrawn_reduced_and_unknown_are_no_resolution_codes_of_people() -> None:
    for code in ("WITHDRAWN", "INVOICE_REDUCED", "SETTLED_BY_COIN"):
        refusal = disputes().after(open_()).when(resolve(code)).then_refused(refusals.UnknownCode)
        assert refusal.place == ("resolution_code",)


def test_a_resolved_dispute_cannot_be_resolved_otherwise() -> None:
    disputes().after(open_(), resolve("OFFSET")).when(resolve("REFUND")).then_refused(refusals.WrongState)


def test_only_a_resolved_dispute_is_closed() -> None:
    disputes().after(open_(), resolve("REJECTED_COLLECT")).when(close()).then(DisputeClosed(at=NOW))
    disputes().after(open_(), resolve("REJECTED_COLLECT"), close()).when(close()).then_nothing()
    for code in ("CREDIT_FULL", "WRITE_OFF_SMALL", "OFFSET"):
        refusal = disputes().after(open_(), resolve(code)).when(close()).then_refused(refusals.WrongState)
        assert refusal.allowed_actions == ("add-note", "reopen", "settle", "escalate")


def test_a_withdrawn_contest_is_collectable_again() -> None:
    state = (
        disputes()
        .after(open_())
        .when(withdraw())
        .then(DisputeWithdrawn(at=NOW, reason="found the delivery note", shares=(Share(0, 20000),)))
    )
    assert (state.status, state.open, state.items[0].withdrawn) == (Status.WITHDRAWN, 0, 20000)
    disputes().after(open_(), withdraw()).when(withdraw()).then_nothing()
    disputes().after(open_(), resolve("OFFSET")).when(withdraw()).then_refused(refusals.WrongState)


@pytest.mark.parametrize(
    "ending", [withdraw(), resolve("REJECTED_COLLECT"), resolve("WRITE_OFF_SMALL"), resolve("CUSTOMER_PAID")]
)
def test_what_no_posting_has_settled_can_be_reopened(ending: c.DisputeCommand) -> None:
    outcome = disputes().after(open_(), ending).when(reopen())
    (event,) = outcome.events
    assert isinstance(event, DisputeReopened)
    was_open = ending not in {withdraw(), resolve("REJECTED_COLLECT")}
    assert event.shares == (() if was_open else (Share(0, 20000),))
    after = outcome.after
    assert (after.status, after.open, after.contested) == (Status.INVESTIGATING, 20000, 20000)
    disputes().after(open_(), ending, reopen()).when(reopen()).then_nothing()


def test_reopening_a_settling_dispute_calls_the_awaited_credit_back() -> None:
    state = disputes().after(open_(), verdict("150.00", "50.00"), resolve("CREDIT_PARTIAL"), reopen()).state
    assert (state.open, state.awaiting_credit, state.items[0].rejected) == (20000, 0, 0)


def test_reopening_starts_the_clock_anew() -> None:
    (event,) = disputes().after(open_(), withdraw()).when(reopen()).events
    assert isinstance(event, DisputeReopened)
    assert event.sla is not None
    assert event.sla.inputs.start == NOW


def test_what_was_paid_or_credited_stays_settled() -> None:
    disputes().after(open_(), payment("200.00")).when(reopen()).then_refused(refusals.NothingToReopen)
    settled = disputes().after(open_(), resolve("CREDIT_FULL"), credit_memo("200.00"))
    settled.when(reopen()).then_refused(refusals.NothingToReopen)


def test_an_active_dispute_is_not_reopened() -> None:
    disputes().after(open_()).when(reopen()).then_refused(refusals.WrongState)


def test_the_constructed_case_of_the_reference_adds_up() -> None:
    """domain.md §7.5: of 800 contested, 300 credited, 250 paid, 150 rejected: 100 open."""
    history: list[c.DisputeCommand] = [
        open_(item("550.00", "INV-1"), item("250.00", "INV-2")),
        payment("250.00", invoice_id="INV-2"),
        resolve("CREDIT_PARTIAL", "400.00"),
        credit_memo("300.00"),
    ]
    state = disputes().after(*history).state
    first, second = state.items
    assert (first.credited, first.rejected, first.open) == (30000, 15000, 10000)
    assert second.paid == 25000
    assert state.status is Status.SETTLING


def test_a_reversed_payment_of_a_withdrawn_contest_stays_given_up() -> None:
    state = disputes().after(open_(), payment("50.00"), withdraw(), reversal("50.00")).state
    assert (state.status, state.items[0].withdrawn, state.items[0].paid) == (Status.WITHDRAWN, 20000, 0)
