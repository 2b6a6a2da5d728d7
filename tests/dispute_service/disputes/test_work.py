"""Classifying, assigning, asking, answering, noting, escalating."""

from datetime import UTC, date, datetime

import pytest
from support.disputes import (
    MONDAY,
    NOW,
    TEXT,
    ask,
    assign_by_matrix,
    close,
    disputes,
    escalate,
    note,
    open_,
    record,
    resolve,
    verdict,
    withdraw,
)

from dispute_service.disputes import commands as c
from dispute_service.disputes import refusals
from dispute_service.disputes.events import (
    DisputeAssigned,
    DisputeClassified,
    DisputeEscalated,
    InformationRecorded,
    InformationRequested,
    NoteAdded,
    SlaBreached,
)
from dispute_service.disputes.state import Dispute, Status


def test_the_matrix_assigns_a_team_and_says_why() -> None:
    outcome = disputes().after(open_()).when(assign_by_matrix())
    (event,) = outcome.events
    assert isinstance(event, DisputeAssigned)
    assert (event.owner, event.team) == (None, "Pricing")
    assert event.explanation == (
        "Rule default-price of the default resolution matrix applies (reason PRICE): "
        "Pricing answers within 40 working hours."
    )
    assert event.sla is None, "the promise of the opening stands"
    assert outcome.after.status is Status.ASSIGNED


def test_assigning_by_matrix_twice_changes_nothing() -> None:
    disputes().after(open_(), assign_by_matrix()).when(assign_by_matrix()).then_nothing()


def test_a_person_is_assigned_with_a_reason() -> None:
    command = c.AssignTo(at=NOW, owner="a.roth", team="Billing", reason="knows the contract")
    state = (
        disputes()
        .after(open_(), assign_by_matrix())
        .when(command)
        .then(
            DisputeAssigned(
                at=NOW,
                owner="a.roth",
                team="Billing",
                previous_owner=None,
                previous_team="Pricing",
                explanation="knows the contract",
            )
        )
    )
    assert state.status is Status.ASSIGNED
    disputes().after(open_(), command).when(command).then_nothing()


def test_an_assignment_names_somebody() -> None:
    disputes().after(open_()).when(c.AssignTo(at=NOW, owner=None, team=None)).then_refused(refusals.NobodyNamed)


def test_an_ended_dispute_cannot_be_assigned() -> None:
    refusal = disputes().after(open_(), withdraw()).when(assign_by_matrix()).then_refused(refusals.WrongState)
    assert refusal.allowed_actions == ("add-note", "reopen")


def test_another_reason_brings_another_promise_counted_from_the_opening() -> None:
    outcome = disputes().after(open_()).when(c.Classify(at=NOW, reason_code="DUPLICATE"))
    (event,) = outcome.events
    assert isinstance(event, DisputeClassified)
    assert (event.from_reason, event.to_reason) == ("PRICE", "DUPLICATE")
    assert event.routing is not None
    assert event.routing.team == "Billing"
    assert outcome.after.sla.due_at == datetime(2026, 3, 5, 9, 0, tzinfo=UTC)  # 24 working hours from Monday 10:00


def test_a_root_cause_alone_leaves_the_promise() -> None:
    command = c.Classify(at=NOW, reason_code="PRICE", root_cause="CONTRACT_INTERPRETATION")
    state = (
        disputes()
        .after(open_())
        .when(command)
        .then(DisputeClassified(at=NOW, from_reason="PRICE", to_reason="PRICE", root_cause="CONTRACT_INTERPRETATION"))
    )
    assert state.root_cause == "CONTRACT_INTERPRETATION"
    disputes().after(open_(), command).when(command).then_nothing()


def test_a_root_cause_that_does_not_exist_is_refused() -> None:
    command = c.Classify(at=NOW, reason_code="PRICE", root_cause="BAD_LUCK")
    assert disputes().after(open_()).when(command).then_refused(refusals.UnknownCode).place == ("root_cause",)


@pytest.mark.parametrize(
    ("asked", "status"), [("customer", Status.AWAITING_CUSTOMER), ("department", Status.AWAITING_INTERNAL)]
)
def test_a_question_waits_for_whoever_was_asked(asked: str, status: Status) -> None:
    state = (
        disputes()
        .after(open_())
        .when(ask(asked=asked))
        .then(InformationRequested(at=NOW, request_id="ask-1", asked=asked, what=TEXT, due=date(2026, 3, 20)))
    )
    assert state.status is status
    disputes().after(open_(), ask(asked=asked)).when(ask(asked=asked)).then_nothing()


def test_an_answer_cannot_be_due_before_it_was_asked_for() -> None:
    command = c.RequestInformation(at=NOW, request_id="q", asked="customer", what=TEXT, due=date(2026, 3, 3))
    disputes().after(open_()).when(command).then_refused(refusals.AnswerDueInPast)


def test_a_decided_dispute_asks_nobody_any_more() -> None:
    disputes().after(open_(), verdict("200.00", "0.00")).when(ask()).then_refused(refusals.WrongState)


def test_an_answer_takes_the_investigation_up() -> None:
    state = (
        disputes().after(open_(), ask()).when(record()).then(InformationRecorded(at=NOW, record_id="rec-1", text=TEXT))
    )
    assert state.status is Status.INVESTIGATING
    assert state.question is None
    disputes().after(open_(), ask(), record()).when(record()).then_nothing()


def test_a_note_can_be_added_in_any_state() -> None:
    for history in ([open_()], [open_(), withdraw()], [open_(), resolve("REJECTED_COLLECT"), close()]):
        disputes().after(*history).when(note()).then(
            NoteAdded(at=NOW, note_id="note-1", text=TEXT, visibility="internal")
        )
    disputes().after(open_(), note()).when(note()).then_nothing()


def test_an_escalation_goes_up_to_the_backup_of_the_matrix() -> None:
    state = (
        disputes()
        .after(open_())
        .when(escalate(2))
        .then(DisputeEscalated(at=NOW, level=2, reason="no answer", to="AR coordination"))
    )
    assert isinstance(state, Dispute)
    assert (state.escalation_level, state.status) == (2, Status.OPEN)
    disputes().after(open_(), escalate(2)).when(escalate(2)).then_nothing()
    disputes().after(open_(), escalate(2)).when(escalate(1)).then_refused(refusals.EscalationNotHigher)
    disputes().after(open_()).when(escalate(4)).then_refused(refusals.EscalationNotHigher)


def test_nothing_happens_to_a_dispute_before_it_was_opened() -> None:
    early = datetime(2026, 3, 2, 8, 59, tzinfo=UTC)
    disputes().after(open_(at=MONDAY)).when(note(at=early)).then_refused(refusals.EffectiveBeforeOpening)


def test_a_promise_is_broken_when_its_time_is_over_and_nobody_answered() -> None:
    due = datetime(2026, 3, 9, 9, 0, tzinfo=UTC)
    ring = c.BreachSla(at=due, due_at=due)
    late = disputes(now=datetime(2026, 3, 9, 9, 1, tzinfo=UTC)).after(open_())
    state = late.when(ring).then(SlaBreached(at=due, due_at=due))
    assert state.sla_breached_at == due
    late.after(ring).when(ring).then_nothing()


def test_a_timer_of_an_answered_dispute_or_of_an_earlier_promise_is_ignored() -> None:
    due = datetime(2026, 3, 9, 9, 0, tzinfo=UTC)
    ring = c.BreachSla(at=due, due_at=due)
    later = disputes(now=datetime(2026, 3, 9, 9, 1, tzinfo=UTC))
    later.after(open_(), resolve("OFFSET")).when(ring).then_nothing()
    later.after(open_(), c.Classify(at=NOW, reason_code="DUPLICATE")).when(ring).then_nothing()
    disputes().after(open_()).when(ring).then_nothing()


def test_a_late_answer_breaks_the_promise_at_its_due_date() -> None:
    answered = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
    due = datetime(2026, 3, 9, 9, 0, tzinfo=UTC)
    outcome = disputes(now=answered).after(open_()).when(resolve("OFFSET", at=answered))
    assert outcome.events[0] == SlaBreached(at=due, due_at=due)
