"""Whatever the senders and the mail server do, in whatever order."""

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from support.notification_examples import NOON, NOTICE

from notification_service.notices.reasons import Reason
from notification_service.notifications.commands import (
    Acceptance,
    Announce,
    AttemptOutcome,
    ContinueSending,
    Deferral,
    MootNotice,
    NotificationCommand,
    PermanentFailure,
    RecordOutcome,
    StartHandover,
    StartSending,
    UnknownOutcome,
)
from notification_service.notifications.decisions import decide
from notification_service.notifications.events import NotificationEvent, NotificationSent, SendingStarted
from notification_service.notifications.policy import SendingPolicy
from notification_service.notifications.refusals import NotificationRefusal
from notification_service.notifications.state import FINAL, Notification, Status, evolve

POLICY = SendingPolicy(pauses=(15, 120))
LEASE = timedelta(minutes=5)

OUTCOMES = st.sampled_from(
    [
        Acceptance(message_id="<n@host>", server_code="250"),
        Deferral(reason=Reason.TEMPORARILY_REJECTED),
        Deferral(reason=Reason.SERVER_UNREACHABLE),
        PermanentFailure(reason=Reason.REJECTED, detail="550"),
        UnknownOutcome(reason=Reason.CUT_AFTER_DATA),
        MootNotice(reason=Reason.MOOT_PAID, explanation="paid"),
    ]
)
ATTEMPTS = st.integers(1, 4)


class Step(Struct, frozen=True):
    wait: timedelta
    kind: str
    attempt: int
    outcome: AttemptOutcome | None


STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from([timedelta(0), timedelta(seconds=20), timedelta(minutes=6)]),
        st.sampled_from(["announce", "skip", "start", "continue", "handover", "outcome"]),
        ATTEMPTS,
        OUTCOMES,
    ),
    max_size=40,
)


def command_of(step: Step, now: datetime) -> NotificationCommand:
    match step.kind:
        case "announce":
            return Announce(notice=NOTICE, explanation="to be sent")
        case "skip":
            return Announce(notice=NOTICE, explanation="old", skip=Reason.HISTORICAL)
        case "start":
            return StartSending(lease_until=now + LEASE)
        case "continue":
            return ContinueSending(attempt=step.attempt, lease_until=now + LEASE)
        case "handover":
            return StartHandover(
                attempt=step.attempt, message_id="<n@host>", language="de", wording="a@1", rendered_sha256="ab"
            )
        case _:
            assert step.outcome is not None
            return RecordOutcome(attempt=step.attempt, outcome=step.outcome)


def history(steps: list[Step]) -> tuple[Notification, list[NotificationEvent]]:
    state, events, now = Notification(), [], NOON
    for step in steps:
        now += step.wait
        try:
            decided = decide(command_of(step, now), state, POLICY, now)
        except NotificationRefusal:
            continue
        for event in decided:
            assert state.status not in FINAL, "nothing happens after the end"
            state = evolve(state, event)
            events.append(event)
    return state, events


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_a_notification_is_sent_at_most_once_and_tried_a_bounded_number_of_times(steps: list[Step]) -> None:
    _, events = history(steps)
    assert sum(isinstance(event, NotificationSent) for event in events) <= 1
    attempts = [event.attempt for event in events if isinstance(event, SendingStarted)]
    assert attempts == list(range(1, len(attempts) + 1))
    assert len(attempts) <= POLICY.max_attempts


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_every_state_that_is_not_plainly_good_says_why(steps: list[Step]) -> None:
    state, _ = history(steps)
    if state.status in {Status.FAILED, Status.UNKNOWN, Status.SKIPPED}:
        assert state.reason is not None


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_left_alone_every_queued_notification_comes_to_an_end(steps: list[Step]) -> None:
    state, _ = history([Step(timedelta(0), "announce", 1, None), *steps])
    now = NOON + timedelta(days=30)
    for _ in range(POLICY.max_attempts + 2):
        if state.status in FINAL:
            break
        now += LEASE
        for event in decide(StartSending(lease_until=now + LEASE), state, POLICY, now):
            state = evolve(state, event)
    assert state.status in FINAL


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_the_same_outcome_told_twice_adds_nothing(steps: list[Step]) -> None:
    state, events = history(steps)
    if events and isinstance(events[-1], NotificationSent):
        again = RecordOutcome(attempt=state.attempts, outcome=Acceptance(message_id="<n@host>", server_code="250"))
        assert decide(again, state, POLICY, NOON + timedelta(days=30)) == []
