"""The rules that give the recipients of events of disputes.

dispute-opened                  → the customer's contact      an acknowledgement
dispute-assigned                → the owner, else the team    the assignment
dispute-information-requested   → the customer's contact      the question   (asked = customer)
                                → the team                    the question   (asked = department)
dispute-resolved                → the customer's contact      the outcome, unless it is one of our own books
dispute-settlement-given-up     → the customer's contact      that the amount is payable after all, where it is
dispute-sla-breached            → the team's lead             the breach
"""

from collections.abc import Sequence
from typing import Any, TypeVar

from msgspec import Struct

from notification_service.dispute_notices.facts import (
    ACKNOWLEDGEMENT,
    ASSIGNMENT,
    DEPARTMENT_REQUEST,
    INFORMATION_REQUEST,
    RESOLUTION,
    SLA_BREACH,
    Acknowledgement,
    Assignment,
    Breach,
    InformationRequest,
    PartOutcome,
    Resolution,
    claimed_back,
    facts_of,
)
from notification_service.notices.names import team_name
from notification_service.notices.notice import Address
from notification_service.notices.plan import Addressee, Contact, Contacts, Decision, Omission, Rule, to_named
from notification_service.notices.reasons import Reason
from redress.contracts.common import WireMoney
from redress.contracts.dispute_events import (
    DisputeAssigned,
    DisputeInformationRequested,
    DisputeOpened,
    DisputeResolved,
    DisputeSettlementGivenUp,
    DisputeSlaBreached,
    DisputeSummary,
)
from redress.money import Money

SERVICE = "dispute-service"
OURS_ALONE = frozenset({"WRITE_OFF_BAD_DEBT", "PAYMENT_RETURNED"})
"""Resolutions that no customer is told."""
GIVEN_UP = "SETTLEMENT_GIVEN_UP"
CLAIM_GIVEN_UP = "CLAIM_GIVEN_UP"
"""The outcome that the mails know by this name; it is no resolution code."""

F = TypeVar("F", bound=Struct)


def _acknowledge(event: DisputeOpened, _contacts: Contacts) -> Sequence[Decision[Acknowledgement]]:
    facts = Acknowledgement(dispute=facts_of(event.dispute), claimed_back=claimed_back(event.dispute))
    return [_to_contact(event.dispute, facts)]


def _assign(event: DisputeAssigned, contacts: Contacts) -> Sequence[Decision[Assignment]]:
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
        nobody, because = f"dispute:{dispute.dispute_id}:owner", "neither an owner nor a team is named"
        return [Omission(facts=facts, recipient=nobody, reason=Reason.NO_OWNER, because=because)]
    if named == before:
        found = contacts.people.get(named)
        called = named if found is None else found.recipient
        because = "the owner was the owner before"
        return [Omission(facts=facts, recipient=called, reason=Reason.DUPLICATE, because=because)]
    return [to_named(facts, named, contacts)]


def _ask_customer(event: DisputeInformationRequested, _contacts: Contacts) -> Sequence[Decision[InformationRequest]]:
    return [_to_contact(event.dispute, _question(event))] if event.asked == "customer" else []


def _ask_department(event: DisputeInformationRequested, contacts: Contacts) -> Sequence[Decision[InformationRequest]]:
    return [] if event.asked == "customer" else [_to_team(event.dispute, _question(event), contacts)]


def _question(event: DisputeInformationRequested) -> InformationRequest:
    return InformationRequest(dispute=facts_of(event.dispute), what=event.what, due=event.due)


def _resolve(event: DisputeResolved, _contacts: Contacts) -> Sequence[Decision[Resolution]]:
    """A bad debt is written off in our books, the claim stays: to the debtor a mail about it could read as a waiver
    (§ 397 BGB), so there is none. Nor is there one about a payment that came back: the bank tells the payer, and what
    the invoice asks for is what it asked for before."""
    outcome = Resolution(
        dispute=facts_of(event.dispute),
        resolution_code=event.resolution_code,
        credited=event.credit_due.money(),
        rejected=event.rejected.money(),
        written_off=_with(event.written_off, event.write_off_due),
        paid=_with(event.paid, event.payment_due),
        reduced=event.reduced.money() if event.reduced else None,
        outcomes=tuple(
            PartOutcome(
                part=part.item,
                credited=part.credit_due.money(),
                rejected=part.rejected.money(),
                written_off=_with(part.written_off, part.write_off_due),
                paid=_with(part.paid, part.payment_due),
            )
            for part in event.outcomes
        ),
        by_ledger=event.by_ledger and not _is_to_come(event),
        denied=event.denied.money() if event.denied else None,
        after_payment=event.after_payment,
    )
    return [_unless_ours_alone(event.resolution_code, _to_contact(event.dispute, outcome))]


def _give_up(event: DisputeSettlementGivenUp, _contacts: Contacts) -> Sequence[Decision[Resolution]]:
    """The customer was told what becomes of the amount, and is asked for it after all; what was paid stays paid. Of
    what was settled elsewhere there is nothing to say; nor of a resolution that no customer was told."""
    if event.into != "rejected":
        return []
    nothing = Money(0, event.amount.currency)
    outcome = Resolution(
        dispute=facts_of(event.dispute),
        resolution_code=CLAIM_GIVEN_UP if event.denied else GIVEN_UP,
        credited=nothing,
        rejected=event.amount.money(),
        written_off=nothing,
        paid=nothing,
        denied=event.denied.money() if event.denied else None,
    )
    return [_unless_ours_alone(event.dispute.resolution_code, _to_contact(event.dispute, outcome))]


def _unless_ours_alone(code: str | None, decided: Decision[Resolution]) -> Decision[Resolution]:
    if code not in OURS_ALONE or not isinstance(decided, Addressee):
        return decided
    because = f"{code} is a matter of our own books and does not change what the customer owes"
    return Omission(
        facts=decided.facts, recipient=decided.contact.recipient, reason=Reason.NOT_FOR_CUSTOMER, because=because
    )


def _is_to_come(event: DisputeResolved) -> bool:
    """Whether the ERP is still to post something that was resolved before."""
    due = (event.credit_due, event.write_off_due, event.payment_due)
    return any(amount is not None and amount.money().minor for amount in due)


def _with(settled: WireMoney, due: WireMoney | None) -> Money:
    """What was settled with what is to be posted: to the customer it is one outcome."""
    return settled.money() if due is None else settled.money() + due.money()


def _breach(event: DisputeSlaBreached, contacts: Contacts) -> Sequence[Decision[Breach]]:
    """To the lead of the team; to the team where its lead is not known."""
    facts = Breach(dispute=facts_of(event.dispute), due_at=event.due_at)
    team = event.dispute.team
    found = None if team is None else contacts.people.get(team_name(team))
    if found is not None and found.lead is not None and found.lead in contacts.people:
        return [to_named(facts, found.lead, contacts)]
    return [_to_team(event.dispute, facts, contacts)]


def _to_contact(dispute: DisputeSummary, facts: F) -> Decision[F]:
    contact = dispute.contact
    if contact is None:
        recipient, because = f"customer:{dispute.customer_id}", "the dispute names no contact"
        return Omission(facts=facts, recipient=recipient, reason=Reason.NO_CONTACT, because=because)
    address = Address(email=contact.email, name=contact.name, language=contact.language)
    return Addressee(facts, Contact(recipient=contact.email.person, address=address))


def _to_team(dispute: DisputeSummary, facts: F, contacts: Contacts) -> Decision[F]:
    if dispute.team is None:
        nobody, because = f"dispute:{dispute.dispute_id}:team", "the dispute belongs to no team"
        return Omission(facts=facts, recipient=nobody, reason=Reason.NO_TEAM, because=because)
    return to_named(facts, team_name(dispute.team), contacts)


def _team(event: DisputeInformationRequested | DisputeSlaBreached) -> tuple[str, ...]:
    return () if event.dispute.team is None else (team_name(event.dispute.team),)


def _owner(event: DisputeAssigned) -> tuple[str, ...]:
    if event.dispute.owner is not None:
        return (event.dispute.owner,)
    return () if event.dispute.team is None else (team_name(event.dispute.team),)


RULES: tuple[Rule[Any, Any], ...] = (
    Rule(
        name="acknowledgement-to-customer",
        source=SERVICE,
        event=DisputeOpened,
        template=ACKNOWLEDGEMENT,
        tells="the customer's contact, as an acknowledgement",
        decide=_acknowledge,
    ),
    Rule(
        name="assignment-to-owner",
        source=SERVICE,
        event=DisputeAssigned,
        template=ASSIGNMENT,
        tells="the new owner, or the team where no person is named",
        names=_owner,
        decide=_assign,
    ),
    Rule(
        name="information-request-to-customer",
        source=SERVICE,
        event=DisputeInformationRequested,
        template=INFORMATION_REQUEST,
        tells="the customer's contact, where the customer was asked",
        decide=_ask_customer,
    ),
    Rule(
        name="information-request-to-department",
        source=SERVICE,
        event=DisputeInformationRequested,
        template=DEPARTMENT_REQUEST,
        tells="the team, where the department was asked",
        names=_team,
        decide=_ask_department,
    ),
    Rule(
        name="resolution-to-customer",
        source=SERVICE,
        event=DisputeResolved,
        template=RESOLUTION,
        tells="the customer's contact, with the outcome",
        decide=_resolve,
    ),
    Rule(
        name="settlement-given-up-to-customer",
        source=SERVICE,
        event=DisputeSettlementGivenUp,
        template=RESOLUTION,
        tells="the customer's contact, that the amount is payable after all",
        decide=_give_up,
    ),
    Rule(
        name="breach-to-team-lead",
        source=SERVICE,
        event=DisputeSlaBreached,
        template=SLA_BREACH,
        tells="the lead of the team, or the team where it has no lead",
        names=_team,
        decide=_breach,
    ),
)
