"""A command is answered as done only where it is: one that says something else is taken, or refused."""

from datetime import timedelta

import msgspec
import pytest
from support.disputes import (
    MONDAY,
    NOW,
    TEXT,
    assign_by_matrix,
    close,
    credited,
    disputes,
    escalate,
    item,
    open_,
    reopen,
    resolve,
    resolve_items,
    verdict,
    withdraw,
)

from dispute_service.disputes import commands as c
from dispute_service.disputes import refusals
from dispute_service.disputes.decisions import decide
from dispute_service.disputes.events import DisputeAssigned, DisputeDecided
from dispute_service.disputes.state import Dispute
from dispute_service.routing.matrix import ResolutionMatrix, default_matrix
from redress.contracts.common import Sealed

OTHER_TEXT = Sealed("customer:C-1", b"other words")
EARLIER = NOW - timedelta(hours=2)


def test_a_credit_of_100_is_not_one_of_150() -> None:
    settling = disputes().after(open_(), resolve("CREDIT_PARTIAL", "100.00"))
    settling.when(resolve("CREDIT_PARTIAL", "100.00")).then_nothing()
    refusal = settling.when(resolve("CREDIT_PARTIAL", "150.00")).then_refused(refusals.WrongState)
    assert refusal.allowed_actions == ("add-note", "reopen", "settle", "escalate")
    settling.when(resolve("CREDIT_PARTIAL")).then_refused(refusals.WrongState)


def test_a_credit_of_other_items_is_another_one() -> None:
    both = open_(item("100.00", "A1"), item("200.00", "B1"))
    settling = disputes().after(both, resolve_items("GOODWILL", credited(0, "50.00"), credited(1, "0.00")))
    settling.when(resolve_items("GOODWILL", credited("A1", "50.00"), credited("B1", "0.00"))).then_nothing()
    settling.when(resolve("GOODWILL", "50.00")).then_nothing()
    settling.when(resolve_items("GOODWILL", credited(0, "0.00"), credited(1, "50.00"))).then_refused(
        refusals.WrongState
    )
    settling.when(resolve_items("GOODWILL", credited(0, "50.00"))).then_refused(refusals.WrongState)
    settling.when(resolve_items("GOODWILL", credited("C1", "50.00"), credited(1, "0.00"))).then_refused(
        refusals.WrongState
    )


def test_a_credit_as_decided_is_repeated_without_an_amount() -> None:
    settling = disputes().after(open_(), verdict("150.00", "50.00"), resolve("CREDIT_PARTIAL"))
    settling.when(resolve("CREDIT_PARTIAL")).then_nothing()
    settling.when(resolve("CREDIT_PARTIAL", "150.00")).then_nothing()
    settling.when(resolve("CREDIT_PARTIAL", "100.00")).then_refused(refusals.WrongState)


def test_a_resolution_with_other_words_or_of_another_day_is_another_one() -> None:
    with_words = c.Resolve(at=NOW, resolution_code="OFFSET", rationale=TEXT)
    resolved = disputes().after(open_(), with_words)
    resolved.when(with_words).then_nothing()
    resolved.when(resolve("OFFSET")).then_nothing()
    resolved.when(msgspec.structs.replace(with_words, rationale=OTHER_TEXT)).then_refused(refusals.WrongState)
    resolved.when(resolve("OFFSET", at=EARLIER)).then_refused(refusals.WrongState)


def test_a_repetition_that_names_the_recorded_time_is_one() -> None:
    ended = disputes().after(open_(), resolve("REJECTED_COLLECT", at=EARLIER), close(at=EARLIER))
    ended.when(close(at=EARLIER)).then_nothing()
    ended.when(close()).then_nothing()
    ended.when(close(at=EARLIER - timedelta(hours=1))).then_refused(refusals.WrongState)


def test_a_decision_with_other_words_is_recorded() -> None:
    decided = disputes().after(open_(), verdict("150.00", "50.00"))
    other = msgspec.structs.replace(verdict("150.00", "50.00"), rationale=OTHER_TEXT)
    assert decided.when(other).then_kinds(DisputeDecided).verdict.rationale == OTHER_TEXT  # type: ignore[union-attr]


def test_a_root_cause_that_was_changed_since_is_decided_again() -> None:
    reclassified = disputes().after(
        open_(), verdict("150.00", "50.00"), c.Classify(at=NOW, reason_code="PRICE", root_cause="PICKING")
    )
    state = reclassified.when(verdict("150.00", "50.00")).then_kinds(DisputeDecided)
    assert state.root_cause == "PRICE_MAINTENANCE"


def test_a_withdrawal_for_another_reason_is_refused() -> None:
    withdrawn = disputes().after(open_(), withdraw("paid by phone"))
    withdrawn.when(withdraw("paid by phone")).then_nothing()
    withdrawn.when(withdraw("the goods came back")).then_refused(refusals.WrongState)
    withdrawn.when(withdraw("paid by phone", at=EARLIER)).then_refused(refusals.WrongState)


def test_a_reopening_for_another_reason_is_refused() -> None:
    reopened = disputes().after(open_(), withdraw(), reopen("new evidence"))
    reopened.when(reopen("new evidence")).then_nothing()
    reopened.when(reopen("the customer objects")).then_refused(refusals.WrongState)


def test_an_assignment_to_the_same_person_for_another_reason_is_recorded() -> None:
    assigned = disputes().after(open_(), c.AssignTo(at=NOW, owner="a.roth", team=None, reason="knows the contract"))
    assigned.when(c.AssignTo(at=NOW, owner="a.roth", team=None)).then_nothing()
    (event,) = assigned.when(c.AssignTo(at=NOW, owner="a.roth", team=None, reason="is back")).events
    assert isinstance(event, DisputeAssigned)
    assert (event.owner, event.explanation) == ("a.roth", "is back")


def test_an_assignment_by_the_matrix_keeps_the_reason_it_was_given() -> None:
    assigned = disputes().after(open_(), assign_by_matrix())
    (event,) = assigned.when(c.AssignByMatrix(at=NOW, reason="The queue was reset.")).events
    assert isinstance(event, DisputeAssigned)
    assert event.explanation == (
        "Rule default-price of the default resolution matrix applies (reason PRICE): "
        "Pricing answers within 40 working hours. The queue was reset."
    )


def test_a_new_matrix_with_another_promise_is_applied_to_the_same_team() -> None:
    assigned = disputes().after(open_(), assign_by_matrix()).state
    quicker = tuple(msgspec.structs.replace(rule, sla_hours=8) for rule in default_matrix().rules)
    matrix = ResolutionMatrix(version=1, rules=quicker, calendars=default_matrix().calendars)
    assert isinstance(assigned, Dispute)
    (event,) = decide(assign_by_matrix(), assigned, matrix, NOW)
    assert isinstance(event, DisputeAssigned)
    assert event.routing is not None
    assert (event.team, event.routing.sla_hours, event.routing.policy_version) == ("Pricing", 8, 1)
    assert event.sla is not None


def test_an_escalation_to_the_same_level_for_another_reason_is_no_repetition() -> None:
    escalated = disputes().after(open_(), escalate(2))
    escalated.when(escalate(2)).then_nothing()
    louder = c.Escalate(at=NOW, level=2, reason="the customer threatens to leave")
    refusal = escalated.when(louder).then_refused(refusals.EscalationNotHigher)
    assert refusal.allowed == "3 to 3"


@pytest.mark.parametrize(
    "change",
    [
        {
            "items": (
                c.ContestedItem(
                    invoice_id="INV-1",
                    line=None,
                    amount=msgspec.structs.replace(item().amount, currency="USD"),
                    known=True,
                ),
            )
        },
        {"origin": "portal"},
        {"external_reason": "04"},
    ],
    ids=["another currency", "another door", "another word of the payer"],
)
def test_an_opening_with_other_contents_is_another_dispute(change: dict[str, object]) -> None:
    opened = disputes().after(open_())
    opened.when(open_()).then_nothing()
    opened.when(msgspec.structs.replace(open_(), **change)).then_refused(refusals.AlreadyOpened)
    opened.when(open_(at=MONDAY + timedelta(hours=1))).then_refused(refusals.AlreadyOpened)
