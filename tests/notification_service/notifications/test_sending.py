"""One notification from announcement to outcome: done, refused, already done, and taken by somebody else."""

from datetime import datetime, timedelta

import pytest
from msgspec import structs
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
from notification_service.notifications.events import (
    HandoverStarted,
    NotificationEvent,
    NotificationFailed,
    NotificationQueued,
    NotificationSent,
    NotificationSkipped,
    NotificationSuppressed,
    OutcomeUnknown,
    SendingContinued,
    SendingPostponed,
    SendingStarted,
)
from notification_service.notifications.policy import SENDING, SendingPolicy
from notification_service.notifications.refusals import Finished, LeaseOver, NotAnnounced, NotDue, NotYours
from notification_service.notifications.state import Notification, Status, evolve

POLICY = SendingPolicy(pauses=(15, 120))  # three attempts
LEASE = NOON + timedelta(minutes=5)

QUEUED = NotificationQueued(notice=NOTICE, explanation="to be sent")
STARTED = SendingStarted(attempt=1, lease_until=LEASE)
HANDOVER = HandoverStarted(
    attempt=1, message_id="<n@host>", language="de", wording="acknowledgement@1", rendered_sha256="ab"
)
SENT = NotificationSent(attempt=1, message_id="<n@host>", server_code="250")


def given(*events: NotificationEvent) -> Notification:
    state = Notification()
    for event in events:
        state = evolve(state, event)
    return state


def when(
    state: Notification, command: NotificationCommand, *, now: datetime = NOON, policy: SendingPolicy = POLICY
) -> list[NotificationEvent]:
    return decide(command, state, policy, now)


def outcome(what: AttemptOutcome, attempt: int = 1) -> RecordOutcome:
    return RecordOutcome(attempt=attempt, outcome=what)


def test_an_announced_notice_is_queued() -> None:
    assert when(given(), Announce(notice=NOTICE, explanation="to be sent")) == [QUEUED]


def test_an_announced_non_notice_is_skipped_with_its_reason() -> None:
    assert when(given(), Announce(notice=NOTICE, explanation="old", skip=Reason.HISTORICAL)) == [
        NotificationSuppressed(notice=NOTICE, reason=Reason.HISTORICAL, explanation="old")
    ]


def test_the_same_notice_announced_twice_is_one_notification() -> None:
    assert when(given(QUEUED), Announce(notice=NOTICE, explanation="again")) == []


def test_a_finished_notification_is_not_announced_again() -> None:
    assert when(given(QUEUED, STARTED, HANDOVER, SENT), Announce(notice=NOTICE, explanation="again")) == []


def test_a_queued_notification_is_taken_and_the_attempt_counts_at_once() -> None:
    assert when(given(QUEUED), StartSending(lease_until=LEASE)) == [STARTED]
    assert given(QUEUED, STARTED).attempts == 1


def test_a_notification_in_somebodys_hands_is_not_taken() -> None:
    with pytest.raises(NotDue):
        when(given(QUEUED, STARTED), StartSending(lease_until=LEASE))


def test_a_notification_that_waits_for_its_next_attempt_is_not_taken_early() -> None:
    waiting = given(
        QUEUED,
        STARTED,
        SendingPostponed(attempt=1, reason=Reason.TEMPORARILY_REJECTED, retry_at=NOON + timedelta(seconds=15)),
    )
    with pytest.raises(NotDue):
        when(waiting, StartSending(lease_until=LEASE), now=NOON + timedelta(seconds=14))
    assert when(waiting, StartSending(lease_until=LEASE), now=NOON + timedelta(seconds=15)) == [
        SendingStarted(attempt=2, lease_until=LEASE, after=Reason.TEMPORARILY_REJECTED)
    ]


def test_nothing_is_sent_that_was_never_announced() -> None:
    with pytest.raises(NotAnnounced):
        when(given(), StartSending(lease_until=LEASE))


@pytest.mark.parametrize(
    "last",
    [
        SENT,
        NotificationFailed(attempt=1, reason=Reason.REJECTED, detail="550"),
        OutcomeUnknown(attempt=1, reason=Reason.CUT_AFTER_DATA),
        NotificationSkipped(attempt=1, reason=Reason.MOOT_PAID, explanation="paid"),
    ],
)
def test_a_finished_notification_is_never_sent_again_by_itself(last: NotificationEvent) -> None:
    with pytest.raises(Finished):
        when(given(QUEUED, STARTED, HANDOVER, last), StartSending(lease_until=LEASE), now=NOON + timedelta(days=9))


def test_a_sender_that_is_still_at_it_keeps_the_notification() -> None:
    later = LEASE + timedelta(minutes=5)
    still = ContinueSending(attempt=1, lease_until=later)
    for state in (given(QUEUED, STARTED), given(QUEUED, STARTED, HANDOVER)):
        assert when(state, still) == [SendingContinued(attempt=1, lease_until=later)]
    kept = given(QUEUED, STARTED, SendingContinued(attempt=1, lease_until=later))
    assert when(kept, still) == []
    with pytest.raises(NotDue):
        when(kept, StartSending(lease_until=later), now=LEASE)


def test_only_the_present_sender_keeps_it() -> None:
    second = given(QUEUED, STARTED, structs.replace(STARTED, attempt=2, after=Reason.SENDER_STOPPED))
    with pytest.raises(NotYours):
        when(second, ContinueSending(attempt=1, lease_until=LEASE + timedelta(minutes=5)))
    with pytest.raises(Finished):
        when(given(QUEUED, STARTED, HANDOVER, SENT), ContinueSending(attempt=1, lease_until=LEASE))


def test_a_sender_whose_lease_is_over_does_not_begin_the_handover() -> None:
    command = StartHandover(
        attempt=1, message_id="<n@host>", language="de", wording="acknowledgement@1", rendered_sha256="ab"
    )
    with pytest.raises(LeaseOver):
        when(given(QUEUED, STARTED), command, now=LEASE)
    later = LEASE + timedelta(minutes=5)
    assert when(given(QUEUED, STARTED, SendingContinued(attempt=1, lease_until=later)), command, now=LEASE) == [
        HANDOVER
    ]


def test_a_sender_that_vanished_before_the_handover_is_replaced() -> None:
    assert when(given(QUEUED, STARTED), StartSending(lease_until=LEASE + timedelta(minutes=5)), now=LEASE) == [
        SendingStarted(attempt=2, lease_until=LEASE + timedelta(minutes=5), after=Reason.SENDER_STOPPED)
    ]


def test_a_sender_that_vanished_during_the_handover_leaves_an_unknown_outcome() -> None:
    assert when(given(QUEUED, STARTED, HANDOVER), StartSending(lease_until=LEASE), now=LEASE) == [
        OutcomeUnknown(attempt=1, reason=Reason.SENDER_LOST_AFTER_DATA)
    ]


def test_a_sender_that_vanished_on_the_last_attempt_ends_it() -> None:
    third = given(QUEUED, structs.replace(STARTED, attempt=3))
    assert when(third, StartSending(lease_until=LEASE), now=LEASE) == [
        NotificationFailed(
            attempt=3, reason=Reason.ATTEMPTS_EXHAUSTED, detail="3 attempts, the last one ended as sender_stopped"
        )
    ]


def test_the_handover_is_recorded_before_the_first_byte() -> None:
    command = StartHandover(
        attempt=1, message_id="<n@host>", language="de", wording="acknowledgement@1", rendered_sha256="ab"
    )
    assert when(given(QUEUED, STARTED), command) == [HANDOVER]
    assert when(given(QUEUED, STARTED, HANDOVER), command) == []
    with pytest.raises(NotYours):
        when(given(QUEUED, structs.replace(STARTED, attempt=2)), command)
    with pytest.raises(NotYours):
        when(given(QUEUED), command)


def test_an_accepted_mail_is_sent() -> None:
    accepted = outcome(Acceptance(message_id="<n@host>", server_code="250"))
    assert when(given(QUEUED, STARTED, HANDOVER), accepted) == [SENT]
    assert when(given(QUEUED, STARTED, HANDOVER, SENT), accepted) == []
    assert given(QUEUED, STARTED, HANDOVER, SENT).status is Status.SENT


def test_a_temporary_refusal_waits_longer_each_time() -> None:
    later = Deferral(reason=Reason.TEMPORARILY_REJECTED, server_code="451 4.7.1")
    assert when(given(QUEUED, STARTED), outcome(later)) == [
        SendingPostponed(
            attempt=1,
            reason=Reason.TEMPORARILY_REJECTED,
            retry_at=NOON + timedelta(seconds=15),
            server_code="451 4.7.1",
        )
    ]
    second = given(QUEUED, structs.replace(STARTED, attempt=2))
    (postponed,) = when(second, outcome(later, attempt=2))
    assert isinstance(postponed, SendingPostponed)
    assert postponed.retry_at == NOON + timedelta(minutes=2)


def test_the_last_temporary_refusal_is_a_failure() -> None:
    third = given(QUEUED, structs.replace(STARTED, attempt=3))
    assert when(third, outcome(Deferral(reason=Reason.SERVER_UNREACHABLE), attempt=3)) == [
        NotificationFailed(
            attempt=3, reason=Reason.ATTEMPTS_EXHAUSTED, detail="3 attempts, the last one ended as server_unreachable"
        )
    ]


def test_a_final_refusal_is_a_failure_with_its_code() -> None:
    never = PermanentFailure(reason=Reason.REJECTED, detail="the server refused the recipient", server_code="550 5.1.1")
    assert when(given(QUEUED, STARTED), outcome(never)) == [
        NotificationFailed(
            attempt=1, reason=Reason.REJECTED, detail="the server refused the recipient", server_code="550 5.1.1"
        )
    ]


def test_a_cut_after_the_final_dot_is_unknown() -> None:
    assert when(given(QUEUED, STARTED, HANDOVER), outcome(UnknownOutcome(reason=Reason.CUT_AFTER_DATA))) == [
        OutcomeUnknown(attempt=1, reason=Reason.CUT_AFTER_DATA)
    ]


def test_a_notice_that_is_no_longer_worth_sending_is_skipped() -> None:
    assert when(given(QUEUED, STARTED), outcome(MootNotice(reason=Reason.MOOT_PAID, explanation="paid in full"))) == [
        NotificationSkipped(attempt=1, reason=Reason.MOOT_PAID, explanation="paid in full")
    ]


def test_an_outcome_of_an_attempt_that_was_taken_over_is_refused() -> None:
    second = given(QUEUED, STARTED, structs.replace(STARTED, attempt=2, after=Reason.SENDER_STOPPED))
    with pytest.raises(NotYours):
        when(second, outcome(Deferral(reason=Reason.CONNECTION_LOST), attempt=1))


def test_the_pauses_grow() -> None:
    pauses = SENDING.built_in.pauses
    assert list(pauses) == sorted(set(pauses))
    assert SENDING.built_in.max_attempts == 9
