from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec import UNSET, structs
from support.notification_examples import (
    ASKED_EVENT,
    ASSIGNED,
    ASSIGNED_EVENT,
    BREACHED_EVENT,
    EVERYBODY,
    ITEM,
    NOBODY,
    NOON,
    OPENED_EVENT,
    RESOLVED_EVENT,
    RULES,
    SUMMARY,
    eur,
    plan,
    received,
)

from notification_service.dispute_notices.facts import (
    ACKNOWLEDGEMENT,
    RESOLUTION,
    Acknowledgement,
    Resolution,
    facts_of,
)
from notification_service.notices.names import team_name
from notification_service.notices.notice_rules import NoticeRules
from notification_service.notices.plan import PlannedNotice
from notification_service.notices.reasons import CATALOGUE, Reason
from redress.contracts.common import Sealed
from redress.contracts.dispute_events import (
    DisputeClosed,
    DisputeEvent,
    DisputeInformationRequested,
    DisputeOpened,
    DisputeSettlementGivenUp,
    ItemOutcome,
)
from redress.money import Money
from redress.policy.state import PolicyInForce


def only(planned: list[PlannedNotice]) -> PlannedNotice:
    assert len(planned) == 1
    return planned[0]


def test_the_customer_is_told_that_the_dispute_has_arrived() -> None:
    told = only(plan(received(OPENED_EVENT), NOBODY))
    assert (told.notice.template, told.notice.recipient, told.skip) == ("acknowledgement", "person:maria", None)
    assert told.notice.rule == "acknowledgement-to-customer"
    assert told.explanation == ("dispute-opened is told to the customer's contact, as an acknowledgement; to be sent")


def test_the_customer_is_told_what_of_the_dispute_is_paid_already() -> None:
    items = (structs.replace(SUMMARY.items[0], claimed_back=eur("34.50")),)
    event = DisputeOpened(dispute=structs.replace(SUMMARY, items=items))
    told = ACKNOWLEDGEMENT.read(only(plan(received(event), NOBODY)).notice)
    assert isinstance(told, Acknowledgement)
    assert told.claimed_back == Money(3450, "EUR")


def test_the_customer_is_told_what_was_claimed_back_in_vain() -> None:
    event = structs.replace(RESOLVED_EVENT, denied=eur("34.50"), after_payment=True)
    told = RESOLUTION.read(only(plan(received(event), NOBODY)).notice)
    assert isinstance(told, Resolution)
    assert (told.denied, told.after_payment) == (Money(3450, "EUR"), True)


def test_the_owner_is_told_of_the_assignment() -> None:
    told = only(plan(received(ASSIGNED_EVENT), EVERYBODY))
    assert (told.notice.template, told.notice.recipient, told.skip) == ("assignment", "anna", None)


def test_a_team_is_told_where_no_person_is_the_owner() -> None:
    event = structs.replace(ASSIGNED_EVENT, dispute=structs.replace(ASSIGNED, owner=None))
    told = only(plan(received(event), EVERYBODY))
    assert (told.notice.recipient, told.skip) == ("team:pricing", None)


def test_a_question_to_the_customer_goes_to_the_contact() -> None:
    told = only(plan(received(ASKED_EVENT), NOBODY))
    assert (told.notice.template, told.notice.recipient, told.skip) == ("information-request", "person:maria", None)


def test_a_question_to_the_department_goes_to_the_team() -> None:
    event = structs.replace(ASKED_EVENT, asked="department")
    told = only(plan(received(event), EVERYBODY))
    assert (told.notice.template, told.notice.recipient, told.skip) == ("department-request", "team:pricing", None)


def test_the_customer_is_told_the_outcome_with_its_amounts_but_not_the_analysts_rationale() -> None:
    told = only(plan(received(RESOLVED_EVENT), NOBODY))
    outcome = RESOLUTION.read(told.notice)
    assert (outcome.resolution_code, outcome.credited, outcome.rejected) == (
        "CREDIT_PARTIAL",
        Money(100000, "EUR"),
        Money(23450, "EUR"),
    )
    assert "rationale" not in Resolution.__struct_fields__


def test_of_a_dispute_of_two_invoices_the_customer_is_told_the_outcome_of_each() -> None:
    nothing = eur("0.00")
    rest: dict[str, Any] = {"written_off": nothing, "paid": nothing, "withdrawn": nothing}
    event = structs.replace(
        RESOLVED_EVENT,
        outcomes=(
            ItemOutcome(item=0, invoice_id="A1", line=None, credit_due=eur("1000.00"), rejected=nothing, **rest),
            ItemOutcome(item=1, invoice_id="B1", line="10", credit_due=nothing, rejected=eur("234.50"), **rest),
        ),
    )
    outcome = RESOLUTION.read(only(plan(received(event), NOBODY)).notice)
    assert [(part.part, part.credited, part.rejected) for part in outcome.outcomes] == [
        (0, Money(100000, "EUR"), Money(0, "EUR")),
        (1, Money(0, "EUR"), Money(23450, "EUR")),
    ]


def test_a_notice_names_the_entity_of_a_shared_number_and_of_no_other() -> None:
    shared = structs.replace(ITEM, legal_entity="DE02", shares_number=True)
    facts = facts_of(structs.replace(SUMMARY, items=(structs.replace(ITEM, legal_entity="DE02"), shared)))

    assert [part.legal_entity for part in facts.parts] == [UNSET, "DE02"]


@pytest.mark.parametrize(("code", "due"), [("OFFSET", "payment_due"), ("WRITE_OFF_SMALL", "write_off_due")])
def test_what_the_erp_is_still_to_post_is_told_like_what_is_posted(code: str, due: str) -> None:
    nothing = eur("0.00")
    names = ("credit_due", "rejected", "written_off", "paid", "withdrawn")
    told_of_it: dict[str, Any] = {**dict.fromkeys(names, nothing), due: eur("1000.00")}
    item = ItemOutcome(item=0, invoice_id="A1", line=None, **told_of_it)
    amounts = {"credit_due": nothing, "rejected": nothing, due: eur("1000.00")}
    event = structs.replace(RESOLVED_EVENT, resolution_code=code, outcomes=(item,), **amounts)
    outcome = RESOLUTION.read(only(plan(received(event), NOBODY)).notice)
    told = (Money(100000, "EUR"), Money(0, "EUR"))
    expected = told if code == "OFFSET" else told[::-1]
    assert (outcome.paid, outcome.written_off) == expected
    assert [(each.paid, each.written_off) for each in outcome.outcomes] == [expected]


def test_a_payment_that_left_something_to_be_posted_is_no_thank_you_for_all_of_it() -> None:
    nothing = eur("0.00")
    amounts = {"credit_due": nothing, "rejected": nothing, "paid": eur("80.00"), "payment_due": eur("120.00")}
    event = structs.replace(RESOLVED_EVENT, resolution_code="CUSTOMER_PAID", by_ledger=True, **amounts)
    outcome = RESOLUTION.read(only(plan(received(event), NOBODY)).notice)
    assert (outcome.by_ledger, outcome.paid) == (False, Money(20000, "EUR"))


def _given_up(into: str = "rejected", code: str = "OFFSET") -> DisputeSettlementGivenUp:
    dispute = structs.replace(RESOLVED_EVENT.dispute, status="resolved", resolution_code=code)
    return DisputeSettlementGivenUp(dispute=dispute, amount=eur("300.00"), into=into, reason="our own words")


def test_a_customer_who_is_asked_after_all_is_told_and_not_why() -> None:
    told = only(plan(received(_given_up()), NOBODY))
    outcome = RESOLUTION.read(told.notice)
    assert (told.notice.recipient, told.skip) == ("person:maria", None)
    assert (outcome.resolution_code, outcome.rejected, outcome.paid) == (
        "SETTLEMENT_GIVEN_UP",
        Money(30000, "EUR"),
        Money(0, "EUR"),
    )
    assert b"our own words" not in msgspec.json.encode(told.notice)


def test_of_a_claim_that_nothing_comes_of_the_customer_is_asked_for_nothing() -> None:
    of_claim = structs.replace(_given_up(code="CREDIT_FULL"), amount=eur("0.00"), denied=eur("300.00"))
    outcome = RESOLUTION.read(only(plan(received(of_claim), NOBODY)).notice)
    assert (outcome.resolution_code, outcome.rejected, outcome.denied) == (
        "CLAIM_GIVEN_UP",
        Money(0, "EUR"),
        Money(30000, "EUR"),
    )


def test_what_was_settled_elsewhere_is_told_to_nobody() -> None:
    assert plan(received(_given_up("withdrawn")), NOBODY) == []


def test_a_bad_debt_that_is_collected_after_all_was_told_to_nobody_and_is_not_now() -> None:
    assert only(plan(received(_given_up(code="WRITE_OFF_BAD_DEBT")), NOBODY)).skip is Reason.NOT_FOR_CUSTOMER


def test_a_bad_debt_that_is_written_off_in_our_books_is_told_to_no_customer() -> None:
    """§ 397 BGB: what reads as a waiver may be one, and the claim stays."""
    event = structs.replace(RESOLVED_EVENT, resolution_code="WRITE_OFF_BAD_DEBT")
    told = only(plan(received(event), NOBODY))
    assert (told.skip, told.notice.recipient, told.notice.address) == (Reason.NOT_FOR_CUSTOMER, "person:maria", None)
    assert told.explanation == (
        "dispute-resolved is told to the customer's contact, with the outcome; not sent: WRITE_OFF_BAD_DEBT is a "
        "matter of our own books and does not change what the customer owes"
    )


def test_a_payment_that_came_back_sends_no_mail_about_the_dispute_it_had_made() -> None:
    event = structs.replace(RESOLVED_EVENT, resolution_code="PAYMENT_RETURNED", by_ledger=True)
    told = only(plan(received(event), NOBODY))
    assert (told.skip, told.notice.recipient, told.notice.address) == (Reason.NOT_FOR_CUSTOMER, "person:maria", None)


def test_a_breach_is_told_to_the_lead_of_the_team() -> None:
    told = only(plan(received(BREACHED_EVENT), EVERYBODY))
    assert (told.notice.template, told.notice.recipient, told.skip) == ("sla-breach", "lena", None)


def test_a_breach_is_told_to_the_team_where_its_lead_is_not_known() -> None:
    without_lena = structs.replace(EVERYBODY, people={k: v for k, v in EVERYBODY.people.items() if k != "lena"})
    assert only(plan(received(BREACHED_EVENT), without_lena)).notice.recipient == "team:pricing"


def test_a_dispute_without_a_contact_leaves_a_reason() -> None:
    event = DisputeOpened(dispute=structs.replace(SUMMARY, contact=None))
    told = only(plan(received(event), NOBODY))
    assert (told.skip, told.notice.recipient, told.notice.address) == (Reason.NO_CONTACT, "customer:C-100", None)


def test_an_owner_without_an_address_leaves_a_reason() -> None:
    told = only(plan(received(ASSIGNED_EVENT), NOBODY))
    assert (told.skip, told.notice.recipient) == (Reason.NO_ADDRESS, "anna")
    assert told.explanation.endswith("not sent: the directory has no entry anna")


def test_an_assignment_to_nobody_leaves_a_reason() -> None:
    event = structs.replace(ASSIGNED_EVENT, dispute=structs.replace(ASSIGNED, owner=None, team=None))
    assert only(plan(received(event), EVERYBODY)).skip is Reason.NO_OWNER


def test_a_breach_of_no_team_leaves_a_reason() -> None:
    event = structs.replace(BREACHED_EVENT, dispute=structs.replace(ASSIGNED, team=None))
    assert only(plan(received(event), EVERYBODY)).skip is Reason.NO_TEAM


def test_an_owner_who_stays_the_owner_is_not_told_again() -> None:
    event = structs.replace(ASSIGNED_EVENT, previous_owner="anna", previous_team="tax")
    assert only(plan(received(event), EVERYBODY)).skip is Reason.DUPLICATE


def test_a_team_that_gets_the_dispute_back_from_a_person_is_told() -> None:
    event = structs.replace(
        ASSIGNED_EVENT,
        dispute=structs.replace(ASSIGNED, owner=None),
        previous_owner="anna",
        previous_team="pricing",
    )
    assert only(plan(received(event), EVERYBODY)).skip is None


@pytest.mark.parametrize("event", [OPENED_EVENT, ASSIGNED_EVENT, ASKED_EVENT, RESOLVED_EVENT, BREACHED_EVENT])
def test_imported_history_mails_nobody_and_says_so(event: DisputeEvent) -> None:
    told = only(plan(received(event, effective_at=NOON - timedelta(days=31)), EVERYBODY))
    assert told.skip is Reason.HISTORICAL
    assert told.explanation.endswith(
        "it took effect on 2026-10-23 and was recorded 31 days later, more than 30: imported history mails nobody"
    )


def test_history_is_the_reason_even_where_there_is_no_contact() -> None:
    event = DisputeOpened(dispute=structs.replace(SUMMARY, contact=None))
    told = only(plan(received(event, effective_at=NOON - timedelta(days=31)), NOBODY))
    assert told.skip is Reason.HISTORICAL


def test_a_rule_that_is_switched_off_tells_nobody_and_the_others_go_on() -> None:
    policy = PolicyInForce("notice-rules", 4, "", NoticeRules(switched_off=("acknowledgement-to-customer",)))
    told = only(plan(received(OPENED_EVENT), NOBODY, policy))
    assert (told.skip, told.notice.policy) == (Reason.SWITCHED_OFF, "notice-rules@4")
    assert told.explanation.endswith("not sent: the rule is switched off by notice-rules@4")
    assert only(plan(received(ASSIGNED_EVENT), EVERYBODY, policy)).skip is None


def test_a_rule_that_is_switched_off_is_the_reason_before_a_missing_contact_and_after_history() -> None:
    policy = PolicyInForce("notice-rules", 4, "", NoticeRules(switched_off=("acknowledgement-to-customer",)))
    event = DisputeOpened(dispute=structs.replace(SUMMARY, contact=None))
    assert only(plan(received(event), NOBODY, policy)).skip is Reason.SWITCHED_OFF
    old = received(event, effective_at=NOON - timedelta(days=31))
    assert only(plan(old, NOBODY, policy)).skip is Reason.HISTORICAL


def test_an_event_of_thirty_days_ago_is_not_history_yet() -> None:
    assert only(plan(received(OPENED_EVENT, effective_at=NOON - timedelta(days=30)), NOBODY)).skip is None


def test_no_rule_speaks_about_a_closed_dispute() -> None:
    assert plan(received(DisputeClosed(dispute=SUMMARY)), EVERYBODY) == []
    assert RULES.about("dispute-service", "dispute-closed") == ()


def test_the_names_to_look_up_are_known_before_planning() -> None:
    assert RULES.names_in(received(ASSIGNED_EVENT)) == ("anna",)
    assert RULES.names_in(received(BREACHED_EVENT)) == ("team:pricing",)
    assert RULES.names_in(received(OPENED_EVENT)) == ()
    question = DisputeInformationRequested(
        dispute=ASSIGNED, asked="department", what=Sealed("p", b""), due=ASKED_EVENT.due
    )
    assert RULES.names_in(received(question)) == ("team:pricing",)


def test_every_reason_has_its_words() -> None:
    assert set(CATALOGUE) == set(Reason)


@pytest.mark.parametrize(
    ("team", "name"),
    [
        ("Pricing", "team:pricing"),
        ("team:pricing", "team:pricing"),
        ("Cash application", "team:cash-application"),
        ("Marketing/Trade", "team:marketing-trade"),
        ("Qualität ", "team:qualitat"),
        ("team:Cash application", "team:cash-application"),
    ],
)
def test_a_team_has_one_name_however_it_is_written(team: str, name: str) -> None:
    assert team_name(team) == name
