"""Decide a notification command: events, or a refusal. An empty list means that it is already so."""

from datetime import datetime
from typing import assert_never

from notification_service.notices.reasons import Reason
from notification_service.notifications.commands import (
    Acceptance,
    Announce,
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
from notification_service.notifications.policy import SendingPolicy
from notification_service.notifications.refusals import Finished, LeaseOver, NotAnnounced, NotDue, NotYours
from notification_service.notifications.state import FINAL, Notification, Status


def decide(
    command: NotificationCommand, state: Notification, policy: SendingPolicy, now: datetime
) -> list[NotificationEvent]:
    match command:
        case Announce():
            return announce(command, state)
        case StartSending():
            return start_sending(command, state, policy, now)
        case ContinueSending():
            return continue_sending(command, state)
        case StartHandover():
            return start_handover(command, state, now)
        case RecordOutcome():
            return record_outcome(command, state, policy, now)


def announce(command: Announce, state: Notification) -> list[NotificationEvent]:
    """A second announcement changes nothing: the first one counts."""
    if state.status is not Status.ABSENT:
        return []
    if command.skip is not None:
        return [
            NotificationSuppressed(notice=command.notice, reason=command.skip, explanation=command.explanation),
        ]
    return [NotificationQueued(notice=command.notice, explanation=command.explanation)]


def start_sending(
    command: StartSending, state: Notification, policy: SendingPolicy, now: datetime
) -> list[NotificationEvent]:
    """Refusals: NotAnnounced, Finished, NotDue.

    A lease that has run out is settled here: a sender that vanished before the handover is replaced, one that vanished
    during it leaves an unknown outcome.
    """
    _refuse_unless_open(state)
    if state.due_at is not None and now < state.due_at:
        raise NotDue(state.due_at)
    after = state.reason
    if state.status is Status.SENDING:
        if state.handing_over:
            return [OutcomeUnknown(attempt=state.attempts, reason=Reason.SENDER_LOST_AFTER_DATA)]
        after = Reason.SENDER_STOPPED
    if state.attempts >= policy.max_attempts:
        return [
            NotificationFailed(
                attempt=state.attempts,
                reason=Reason.ATTEMPTS_EXHAUSTED,
                detail=f"{state.attempts} attempts, the last one ended as {after}",
                server_code=state.server_code,
            )
        ]
    return [SendingStarted(attempt=state.attempts + 1, lease_until=command.lease_until, after=after)]


def continue_sending(command: ContinueSending, state: Notification) -> list[NotificationEvent]:
    """Refusals: NotAnnounced, Finished, NotYours. An expired lease is renewed unless it was taken over."""
    _refuse_unless_in_hand(state, command.attempt)
    if state.due_at is not None and command.lease_until <= state.due_at:
        return []
    return [SendingContinued(attempt=command.attempt, lease_until=command.lease_until)]


def start_handover(command: StartHandover, state: Notification, now: datetime) -> list[NotificationEvent]:
    """Refusals: NotAnnounced, Finished, NotYours, LeaseOver.

    Without its lease no sender begins: another one would say at once that the outcome is unknown.
    """
    _refuse_unless_in_hand(state, command.attempt)
    if state.handing_over:
        return []
    if state.due_at is not None and now >= state.due_at:
        raise LeaseOver(state.due_at)
    return [
        HandoverStarted(
            attempt=command.attempt,
            message_id=command.message_id,
            language=command.language,
            wording=command.wording,
            rendered_sha256=command.rendered_sha256,
        )
    ]


def record_outcome(
    command: RecordOutcome, state: Notification, policy: SendingPolicy, now: datetime
) -> list[NotificationEvent]:
    """Refusals: NotAnnounced, Finished, NotYours. The same outcome twice is already so."""
    outcome = command.outcome
    if isinstance(outcome, Acceptance) and _is_sent_so(outcome, command.attempt, state):
        return []
    _refuse_unless_in_hand(state, command.attempt)
    match outcome:
        case Acceptance():
            return [
                NotificationSent(
                    attempt=command.attempt, message_id=outcome.message_id, server_code=outcome.server_code
                )
            ]
        case Deferral():
            return [_again(outcome, command.attempt, policy, now)]
        case PermanentFailure():
            return [
                NotificationFailed(
                    attempt=command.attempt,
                    reason=outcome.reason,
                    detail=outcome.detail,
                    server_code=outcome.server_code,
                )
            ]
        case UnknownOutcome():
            return [OutcomeUnknown(attempt=command.attempt, reason=outcome.reason)]
        case MootNotice():
            return [
                NotificationSkipped(attempt=command.attempt, reason=outcome.reason, explanation=outcome.explanation)
            ]
        case _:
            assert_never(outcome)


def _is_sent_so(outcome: Acceptance, attempt: int, state: Notification) -> bool:
    return state.status is Status.SENT and (state.attempts, state.message_id, state.server_code) == (
        attempt,
        outcome.message_id,
        outcome.server_code,
    )


def _again(outcome: Deferral, attempt: int, policy: SendingPolicy, now: datetime) -> NotificationEvent:
    if attempt >= policy.max_attempts:
        return NotificationFailed(
            attempt=attempt,
            reason=Reason.ATTEMPTS_EXHAUSTED,
            detail=f"{attempt} attempts, the last one ended as {outcome.reason}",
            server_code=outcome.server_code,
        )
    return SendingPostponed(
        attempt=attempt,
        reason=outcome.reason,
        retry_at=now + policy.pause_after(attempt),
        server_code=outcome.server_code,
    )


def _refuse_unless_open(state: Notification) -> None:
    if state.status is Status.ABSENT:
        raise NotAnnounced
    if state.status in FINAL:
        raise Finished(state.status)


def _refuse_unless_in_hand(state: Notification, attempt: int) -> None:
    _refuse_unless_open(state)
    if state.status is not Status.SENDING or state.attempts != attempt:
        raise NotYours(attempt, state.attempts)
