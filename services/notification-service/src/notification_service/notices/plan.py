"""Who is told about which event. Pure: the same event and the same directory always give the same notices.

    dispute-opened                  → the customer's contact      an acknowledgement
    dispute-assigned                → the owner, else the team    the assignment
    dispute-information-requested   → the customer's contact      the question   (asked = customer)
                                    → the team                    the question   (asked = department)
    dispute-resolved                → the customer's contact      the outcome and its reasons
    dispute-sla-breached            → the team's lead             the breach

Nobody is forgotten silently: whoever a rule names and cannot be told gets a notice that says why not.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from notification_service.notices.names import team_name
from notification_service.notices.notice import (
    EMAIL,
    Acknowledgement,
    Address,
    Assignment,
    Breach,
    DisputedPart,
    DisputeFacts,
    Facts,
    InformationRequest,
    Notice,
    Resolution,
)
from notification_service.notices.reasons import Reason
from redress.contracts.common import SealedContact
from redress.contracts.dispute_events import (
    DisputeAssigned,
    DisputeEvent,
    DisputeInformationRequested,
    DisputeOpened,
    DisputeResolved,
    DisputeSlaBreached,
    DisputeSummary,
)

POLICY = "notice-rules@1"
HISTORICAL_AFTER = timedelta(days=30)  # decision 8: older events are imported history, and history mails nobody


class ReceivedEvent(Struct, frozen=True, kw_only=True):
    """A published dispute event as it arrived. `effective_at` is when it counts, `recorded_at` when it was recorded."""

    event_id: str
    type: str
    version: int
    effective_at: datetime
    recorded_at: datetime
    event: DisputeEvent


class Contact(Struct, frozen=True, kw_only=True):
    """Somebody the directory knows, or an owner whose name is an e-mail address.

    `recipient` is how notices call them; `lead` the directory name of a team's lead, None if there is none.
    """

    recipient: str
    address: Address
    lead: str | None = None


class Contacts(Struct, frozen=True):
    """What can be looked up while planning: names (`team:pricing`, `anna`, `anna@seller.example`) → who that is."""

    people: Mapping[str, Contact]


class PlannedNotice(Struct, frozen=True, kw_only=True):
    """A notice to be queued, or, with `skip`, one that is not sent. `explanation` is the decision in words."""

    notice: Notice
    explanation: str
    skip: Reason | None = None


class Rule(Struct, frozen=True, kw_only=True):
    """`tells` completes the sentence "<event> is told to …"."""

    name: str
    event_type: str
    template: str
    tells: str


ACKNOWLEDGE = Rule(
    name="acknowledgement-to-customer",
    event_type="dispute-opened",
    template="acknowledgement",
    tells="the customer's contact, as an acknowledgement",
)
ASSIGN = Rule(
    name="assignment-to-owner",
    event_type="dispute-assigned",
    template="assignment",
    tells="the new owner, or the team where no person is named",
)
ASK_CUSTOMER = Rule(
    name="information-request-to-customer",
    event_type="dispute-information-requested",
    template="information-request",
    tells="the customer's contact, where the customer was asked",
)
ASK_DEPARTMENT = Rule(
    name="information-request-to-department",
    event_type="dispute-information-requested",
    template="department-request",
    tells="the team, where the department was asked",
)
RESOLVE = Rule(
    name="resolution-to-customer",
    event_type="dispute-resolved",
    template="resolution",
    tells="the customer's contact, with the outcome and its reasons",
)
BREACH = Rule(
    name="breach-to-team-lead",
    event_type="dispute-sla-breached",
    template="sla-breach",
    tells="the lead of the team, or the team where it has no lead",
)
RULES: tuple[Rule, ...] = (ACKNOWLEDGE, ASSIGN, ASK_CUSTOMER, ASK_DEPARTMENT, RESOLVE, BREACH)


def rules_about(event_type: str) -> list[Rule]:
    """The rules that speak about an event type; empty where none does."""
    return [rule for rule in RULES if rule.event_type == event_type]


def names_in(event: DisputeEvent) -> tuple[str, ...]:
    """The directory names the rules may ask for about this event. The leads of named teams come on top."""
    dispute = event.dispute
    match event:
        case DisputeAssigned() if dispute.owner is not None:
            return (dispute.owner,)
        case DisputeAssigned() | DisputeInformationRequested() | DisputeSlaBreached():
            return (team_name(dispute.team),) if dispute.team is not None else ()
        case _:
            return ()


def plan(heard: ReceivedEvent, known: Contacts) -> list[PlannedNotice]:  # noqa: PLR0911 - one return per rule
    """The notices about one event, in a fixed order; empty where no rule speaks about it."""
    event = heard.event
    match event:
        case DisputeOpened():
            return [_to_contact(heard, ACKNOWLEDGE, Acknowledgement(dispute=facts_of(event.dispute)))]
        case DisputeAssigned():
            return [_to_owner(heard, event, known)]
        case DisputeInformationRequested():
            question = InformationRequest(dispute=facts_of(event.dispute), what=event.what, due=event.due)
            if event.asked == "customer":
                return [_to_contact(heard, ASK_CUSTOMER, question)]
            return [_to_team(heard, ASK_DEPARTMENT, question, known)]
        case DisputeResolved():
            outcome = Resolution(
                dispute=facts_of(event.dispute),
                resolution_code=event.resolution_code,
                credited=event.credit_due.money(),
                rejected=event.rejected.money(),
                written_off=event.written_off.money(),
                paid=event.paid.money(),
            )
            return [_to_contact(heard, RESOLVE, outcome)]
        case DisputeSlaBreached():
            breach = Breach(dispute=facts_of(event.dispute), due_at=event.due_at)
            return [_to_lead(heard, BREACH, breach, known)]
        case _:
            return []


def facts_of(dispute: DisputeSummary) -> DisputeFacts:
    return DisputeFacts(
        dispute_id=dispute.dispute_id,
        customer_id=dispute.customer_id,
        reason_code=dispute.reason_code,
        disputed=dispute.disputed.money(),
        open=dispute.open.money(),
        opened_at=dispute.opened_at,
        parts=tuple(
            DisputedPart(invoice_id=item.invoice_id, disputed=item.disputed.money(), line=item.line)
            for item in dispute.items
        ),
        owner=dispute.owner,
        team=dispute.team,
        sla_due_at=dispute.sla_due_at,
    )


def _to_contact(heard: ReceivedEvent, rule: Rule, facts: Facts) -> PlannedNotice:
    contact = heard.event.dispute.contact
    if contact is None:
        recipient = f"customer:{heard.event.dispute.customer_id}"
        return _skipped(heard, rule, facts, recipient, reason=Reason.NO_CONTACT, because="the dispute names no contact")
    return _addressed(heard, rule, facts, Contact(recipient=contact.email.person, address=_address(contact)))


def _to_owner(heard: ReceivedEvent, event: DisputeAssigned, known: Contacts) -> PlannedNotice:
    dispute = event.dispute
    facts = Assignment(dispute=facts_of(dispute), explanation=event.explanation)
    if dispute.owner is not None:
        named, before = dispute.owner, event.previous_owner
    elif dispute.team is not None:
        before = None if event.previous_team is None else team_name(event.previous_team)
        if event.previous_owner is not None:
            before = None  # a person gave it back to the team: that is news to the team
        named = team_name(dispute.team)
    else:
        nobody = f"dispute:{dispute.dispute_id}:owner"
        return _skipped(
            heard, ASSIGN, facts, nobody, reason=Reason.NO_OWNER, because="neither an owner nor a team is named"
        )
    if named == before:
        return _skipped(
            heard,
            ASSIGN,
            facts,
            _called(named, known),
            reason=Reason.DUPLICATE,
            because="the owner was the owner before",
        )
    return _to_named(heard, ASSIGN, facts, named, known)


def _to_team(heard: ReceivedEvent, rule: Rule, facts: Facts, known: Contacts) -> PlannedNotice:
    team = heard.event.dispute.team
    if team is None:
        nobody = f"dispute:{heard.event.dispute.dispute_id}:team"
        return _skipped(heard, rule, facts, nobody, reason=Reason.NO_TEAM, because="the dispute belongs to no team")
    return _to_named(heard, rule, facts, team_name(team), known)


def _to_lead(heard: ReceivedEvent, rule: Rule, facts: Facts, known: Contacts) -> PlannedNotice:
    team = heard.event.dispute.team
    found = known.people.get(team_name(team)) if team is not None else None
    if found is not None and found.lead is not None and found.lead in known.people:
        return _to_named(heard, rule, facts, found.lead, known)
    return _to_team(heard, rule, facts, known)


def _to_named(heard: ReceivedEvent, rule: Rule, facts: Facts, name: str, known: Contacts) -> PlannedNotice:
    found = known.people.get(name)
    if found is None:
        return _skipped(
            heard, rule, facts, name, reason=Reason.NO_ADDRESS, because=f"the directory has no entry {name}"
        )
    return _addressed(heard, rule, facts, found)


def _addressed(heard: ReceivedEvent, rule: Rule, facts: Facts, to: Contact) -> PlannedNotice:
    age = heard.recorded_at - heard.effective_at
    skip = Reason.HISTORICAL if age > HISTORICAL_AFTER else None
    if skip is not None:
        explanation = f"{_story(heard, rule)}; not sent: {_ages(heard)}"
    else:
        explanation = f"{_story(heard, rule)}; to be sent"
    return PlannedNotice(
        notice=_notice(heard, rule, facts, to.recipient, to.address), explanation=explanation, skip=skip
    )


def _skipped(
    heard: ReceivedEvent, rule: Rule, facts: Facts, recipient: str, *, reason: Reason, because: str
) -> PlannedNotice:
    """History is named first: of an imported event it is the reason that would remain if the other were mended."""
    if heard.recorded_at - heard.effective_at > HISTORICAL_AFTER:
        reason, because = Reason.HISTORICAL, _ages(heard)
    return PlannedNotice(
        notice=_notice(heard, rule, facts, recipient, None),
        explanation=f"{_story(heard, rule)}; not sent: {because}",
        skip=reason,
    )


def _notice(heard: ReceivedEvent, rule: Rule, facts: Facts, recipient: str, address: Address | None) -> Notice:
    return Notice(
        cause=heard.event_id,
        cause_type=heard.type,
        cause_version=heard.version,
        cause_at=heard.recorded_at,
        dispute_id=heard.event.dispute.dispute_id,
        rule=rule.name,
        policy=POLICY,
        template=rule.template,
        channel=EMAIL,
        recipient=recipient,
        facts=facts,
        address=address,
    )


def _called(name: str, known: Contacts) -> str:
    found = known.people.get(name)
    return name if found is None else found.recipient


def _address(contact: SealedContact) -> Address:
    return Address(email=contact.email, name=contact.name, language=contact.language)


def _story(heard: ReceivedEvent, rule: Rule) -> str:
    return f"{heard.type} is told to {rule.tells}"


def _ages(heard: ReceivedEvent) -> str:
    days = (heard.recorded_at - heard.effective_at).days
    return (
        f"it took effect on {heard.effective_at.date().isoformat()} and was recorded {days} days later, "
        f"more than {HISTORICAL_AFTER.days}: imported history mails nobody"
    )
