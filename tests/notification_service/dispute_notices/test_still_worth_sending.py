import pytest
from msgspec import structs
from support.notification_examples import (
    ASKED_EVENT,
    ASSIGNED_EVENT,
    BREACHED_EVENT,
    EVERYBODY,
    OPENED_EVENT,
    RESOLVED_EVENT,
    plan,
    received,
)

from notification_service.dispute_notices.worth import DisputeNow, still_worth_sending
from notification_service.notices.notice import Notice
from notification_service.notices.reasons import Reason
from redress.contracts.dispute_events import DisputeEvent
from redress.money import Money

OPEN = Money(123450, "EUR")


def notice(event: DisputeEvent) -> Notice:
    return plan(received(event), EVERYBODY)[0].notice


def now(status: str, **fields: object) -> DisputeNow:
    base = DisputeNow(version=4, status=status, open=OPEN, owner="anna", team="pricing")
    return structs.replace(base, **fields)


ACKNOWLEDGEMENT, ASSIGNMENT, QUESTION, OUTCOME, BREACH = (
    notice(event) for event in (OPENED_EVENT, ASSIGNED_EVENT, ASKED_EVENT, RESOLVED_EVENT, BREACHED_EVENT)
)


@pytest.mark.parametrize(
    ("told", "state", "reason"),
    [
        (ACKNOWLEDGEMENT, now("assigned"), None),
        (ACKNOWLEDGEMENT, now("resolved", resolution_code="CREDIT_FULL"), Reason.MOOT_RESOLVED),
        (ACKNOWLEDGEMENT, now("settling", resolution_code="CREDIT_FULL"), Reason.MOOT_RESOLVED),
        (ACKNOWLEDGEMENT, now("closed", resolution_code="CREDIT_FULL"), Reason.MOOT_RESOLVED),
        (ACKNOWLEDGEMENT, now("resolved", resolution_code="CUSTOMER_PAID"), Reason.MOOT_PAID),
        (ACKNOWLEDGEMENT, now("settling", resolution_code="CUSTOMER_PAID"), Reason.MOOT_RESOLVED),
        (ACKNOWLEDGEMENT, now("assigned", open=Money(0, "EUR")), Reason.MOOT_PAID),
        (ACKNOWLEDGEMENT, now("withdrawn"), Reason.MOOT_WITHDRAWN),
        (ASSIGNMENT, now("investigating"), None),
        (ASSIGNMENT, now("assigned", owner="bert"), Reason.MOOT_REASSIGNED),
        (ASSIGNMENT, now("assigned", owner=None), Reason.MOOT_REASSIGNED),
        (ASSIGNMENT, now("resolved", owner="bert", resolution_code="GOODWILL"), Reason.MOOT_RESOLVED),
        (ASSIGNMENT, now("assigned", team="tax"), None),
        (QUESTION, now("awaiting_customer"), None),
        (QUESTION, now("investigating"), Reason.MOOT_ANSWERED),
        (QUESTION, now("resolved", resolution_code="CUSTOMER_PAID"), Reason.MOOT_PAID),
        (OUTCOME, now("resolved", resolution_code="CREDIT_PARTIAL"), None),
        (OUTCOME, now("closed", resolution_code="CUSTOMER_PAID"), None),
        (OUTCOME, now("investigating"), Reason.MOOT_REOPENED),
        (OUTCOME, now("resolved", version=9, contested_at=8, resolution_code="CREDIT_FULL"), Reason.MOOT_REOPENED),
        (OUTCOME, now("withdrawn", version=9, contested_at=8), Reason.MOOT_REOPENED),
        (OUTCOME, now("settling", version=9, contested_at=2, resolution_code="CREDIT_FULL"), None),
        (QUESTION, now("awaiting_customer", version=9, answered_at=5), Reason.MOOT_ANSWERED),
        (QUESTION, now("awaiting_internal", version=9, answered_at=2), None),
        (BREACH, now("investigating"), None),
        (BREACH, now("resolved", resolution_code="GOODWILL"), Reason.MOOT_RESOLVED),
    ],
)
def test_what_has_happened_since_decides(told: Notice, state: DisputeNow, reason: Reason | None) -> None:
    moot = still_worth_sending(told, state)
    assert (None if moot is None else moot.reason) == reason


def test_a_state_that_is_not_newer_than_the_event_changes_nothing() -> None:
    assert still_worth_sending(ACKNOWLEDGEMENT, now("resolved", version=3)) is None


def test_an_unknown_dispute_changes_nothing() -> None:
    assert still_worth_sending(ACKNOWLEDGEMENT, None) is None


def test_the_reason_is_told_in_words() -> None:
    moot = still_worth_sending(ACKNOWLEDGEMENT, now("resolved", resolution_code="CREDIT_FULL"))
    assert moot is not None
    assert moot.explanation == "the dispute is resolved: CREDIT_FULL (version 4)"
