"""The contents of notices about disputes, one class per template. They are stored: a new field has a default."""

from datetime import date, datetime
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from notification_service.notices.notice import Template
from redress.contracts.common import Sealed
from redress.contracts.dispute_events import DisputeSummary
from redress.money import Money, total


class DisputedPart(Struct, frozen=True, kw_only=True):
    """One disputed part of one invoice; `line` None is the invoice as a whole. `legal_entity` is named where the number
    alone would not tell the invoice."""

    invoice_id: str
    disputed: Money
    line: str | None = None
    legal_entity: str | UnsetType = UNSET


class DisputeFacts(Struct, frozen=True, kw_only=True):
    """The dispute after the event, as far as a mail speaks of it."""

    dispute_id: str
    customer_id: str
    reason_code: str
    disputed: Money
    open: Money
    opened_at: datetime
    parts: tuple[DisputedPart, ...]
    owner: str | None = None
    team: str | None = None
    sla_due_at: datetime | None = None


class Acknowledgement(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """We have your dispute. `claimed_back` is the part of it that is paid already; None: nothing."""

    dispute: DisputeFacts
    claimed_back: Money | None = None


class Assignment(Struct, frozen=True, kw_only=True):
    """This dispute is yours. `explanation` is why, in the words of the person or the rule that assigned it."""

    dispute: DisputeFacts
    explanation: str


class InformationRequest(Struct, frozen=True, kw_only=True):
    """We need something from you by `due`."""

    dispute: DisputeFacts
    what: Sealed
    due: date


class PartOutcome(Struct, frozen=True, kw_only=True):
    """The outcome of the disputed part at the position `part`."""

    part: int
    credited: Money
    rejected: Money
    written_off: Money
    paid: Money


class Resolution(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The end of the dispute. `credited`, `written_off` and `paid` are what was resolved, whether or not the ERP has
    posted it yet; `reduced` is what a
    smaller invoice took away, None in older notices: nothing. `outcomes` says the same of each part that was open;
    `by_ledger`: a posting ended the dispute, no person stated it. `denied` was claimed back in vain: it is paid, and
    nothing of it is asked for. `after_payment`: what is credited had been paid before.

    The analyst's rationale is not here: it is written for colleagues, and a mail to the customer would leak it.
    """

    dispute: DisputeFacts
    resolution_code: str
    credited: Money
    rejected: Money
    written_off: Money
    paid: Money
    reduced: Money | None = None
    outcomes: tuple[PartOutcome, ...] = ()
    by_ledger: bool = False
    denied: Money | None = None
    after_payment: bool = False


class Breach(Struct, frozen=True, kw_only=True):
    """The dispute was not resolved by `due_at`."""

    dispute: DisputeFacts
    due_at: datetime


ACKNOWLEDGEMENT = Template("acknowledgement", Acknowledgement)
ASSIGNMENT = Template("assignment", Assignment)
INFORMATION_REQUEST = Template("information-request", InformationRequest)
DEPARTMENT_REQUEST = Template("department-request", InformationRequest)
RESOLUTION = Template("resolution", Resolution)
SLA_BREACH = Template("sla-breach", Breach)

TEMPLATES: dict[str, Template[Any]] = {
    template.name: template
    for template in (ACKNOWLEDGEMENT, ASSIGNMENT, INFORMATION_REQUEST, DEPARTMENT_REQUEST, RESOLUTION, SLA_BREACH)
}


def facts_of(dispute: DisputeSummary) -> DisputeFacts:
    return DisputeFacts(
        dispute_id=dispute.dispute_id,
        customer_id=dispute.customer_id,
        reason_code=dispute.reason_code,
        disputed=dispute.disputed.money(),
        open=dispute.open.money(),
        opened_at=dispute.opened_at,
        parts=tuple(
            DisputedPart(
                invoice_id=item.invoice_id,
                disputed=item.disputed.money(),
                line=item.line,
                legal_entity=item.legal_entity if item.shares_number and item.legal_entity else UNSET,
            )
            for item in dispute.items
        ),
        owner=dispute.owner,
        team=dispute.team,
        sla_due_at=dispute.sla_due_at,
    )


def claimed_back(dispute: DisputeSummary) -> Money | None:
    """What of the dispute is paid already; None: nothing."""
    claimed = [item.claimed_back.money() for item in dispute.items if item.claimed_back is not None]
    return total(claimed, dispute.currency) if claimed else None
