"""A notice: one thing one recipient is told about one event over one channel, with all it takes to word it later.

Everything personal in it is sealed; the rest are business facts as they stood after the event it is about.
"""

from datetime import date, datetime

from msgspec import Struct

from redress.contracts.common import Sealed
from redress.money import Money

EMAIL = "email"


class Address(Struct, frozen=True, kw_only=True):
    """Where a recipient is reached. `name` None: nobody told us, so the salutation is impersonal.

    `language` is what the recipient asked for (`de`, `de-AT`, `fr`, …); which of our languages that becomes is the
    wording's business.
    """

    email: Sealed
    language: str
    name: Sealed | None = None


class DisputedPart(Struct, frozen=True, kw_only=True):
    """One disputed part of one invoice; `line` None is the invoice as a whole."""

    invoice_id: str
    disputed: Money
    line: str | None = None


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


class Acknowledgement(Struct, frozen=True, kw_only=True, tag="acknowledgement"):
    """We have your dispute."""

    dispute: DisputeFacts


class Assignment(Struct, frozen=True, kw_only=True, tag="assignment"):
    """This dispute is yours. `explanation` is why, in the words of whoever or whatever assigned it."""

    dispute: DisputeFacts
    explanation: str


class InformationRequest(Struct, frozen=True, kw_only=True, tag="information-request"):
    """We need something from you by `due`."""

    dispute: DisputeFacts
    what: Sealed
    due: date


class Resolution(Struct, frozen=True, kw_only=True, tag="resolution"):
    """What became of the dispute. `credited` is granted, whether or not the credit memo is there yet.

    The analyst's rationale is not here: it is written for colleagues, and a mail to the customer would leak it.
    """

    dispute: DisputeFacts
    resolution_code: str
    credited: Money
    rejected: Money
    written_off: Money
    paid: Money


class Breach(Struct, frozen=True, kw_only=True, tag="breach"):
    """The dispute was not resolved by `due_at`."""

    dispute: DisputeFacts
    due_at: datetime


Facts = Acknowledgement | Assignment | InformationRequest | Resolution | Breach


class Notice(Struct, frozen=True, kw_only=True):
    """Who is told what, why, and where.

    `cause` is the id of the published event (`evt_…`), `cause_version` the dispute's version after it, `cause_at` when
    it was recorded. `recipient` names who is meant without saying who they are: `person:<key>`, `customer:<id>`,
    `team:<name>` or a directory id. `rule` and `policy` are the rule and the version of the rules that made this
    notice. `address` is None only where there is none, and such a notice is never queued.
    """

    cause: str
    cause_type: str
    cause_version: int
    cause_at: datetime
    dispute_id: str
    rule: str
    policy: str
    template: str
    channel: str
    recipient: str
    facts: Facts
    address: Address | None = None
