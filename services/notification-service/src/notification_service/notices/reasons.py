"""The catalogue of reasons: every state that is not simply "sent" has one of these codes. Each has its meaning here.

A code is stored in events and never changes its meaning. The sentences are for people and may be improved.
"""

from enum import StrEnum

from msgspec import Struct


class Reason(StrEnum):
    """Stored codes."""

    # skipped, known when the event was heard
    HISTORICAL = "historical"
    SWITCHED_OFF = "switched_off"
    NOT_FOR_CUSTOMER = "not_for_customer"
    NO_CONTACT = "no_contact"
    NO_OWNER = "no_owner"
    NO_TEAM = "no_team"
    NO_ADDRESS = "no_address"
    DUPLICATE = "duplicate"
    # skipped, found out when it was about to be sent
    MOOT_RESOLVED = "moot_resolved"
    MOOT_PAID = "moot_paid"
    MOOT_WITHDRAWN = "moot_withdrawn"
    MOOT_REASSIGNED = "moot_reassigned"
    MOOT_ANSWERED = "moot_answered"
    MOOT_REOPENED = "moot_reopened"
    ERASED = "erased"
    # failed
    TEMPLATE_ERROR = "template_error"
    BAD_ADDRESS = "bad_address"
    REJECTED = "rejected"
    ATTEMPTS_EXHAUSTED = "attempts_exhausted"
    # queued again
    TEMPORARILY_REJECTED = "temporarily_rejected"
    SERVER_UNREACHABLE = "server_unreachable"
    CONNECTION_LOST = "connection_lost"
    SENDER_STOPPED = "sender_stopped"
    KEYS_UNAVAILABLE = "keys_unavailable"
    # unknown
    CUT_AFTER_DATA = "cut_after_data"
    SILENT_AFTER_DATA = "silent_after_data"
    SENDER_LOST_AFTER_DATA = "sender_lost_after_data"


class ReasonEntry(Struct, frozen=True):
    """`state` is the state that carries the code; `meaning` completes "… because …"."""

    state: str
    meaning: str


CATALOGUE: dict[Reason, ReasonEntry] = {
    Reason.HISTORICAL: ReasonEntry(
        "skipped", "the event took effect more than 30 days before it was recorded; imported history mails nobody"
    ),
    Reason.SWITCHED_OFF: ReasonEntry("skipped", "the company has switched off the rule that would tell it"),
    Reason.NOT_FOR_CUSTOMER: ReasonEntry(
        "skipped", "the outcome is a matter of our own books and is not told to the customer"
    ),
    Reason.NO_CONTACT: ReasonEntry("skipped", "the dispute names no contact person at the customer"),
    Reason.NO_OWNER: ReasonEntry("skipped", "the dispute was assigned to neither a person nor a team"),
    Reason.NO_TEAM: ReasonEntry("skipped", "the dispute belongs to no team, so there is no team and no lead to tell"),
    Reason.NO_ADDRESS: ReasonEntry("skipped", "the directory has no address for the recipient"),
    Reason.DUPLICATE: ReasonEntry("skipped", "the recipient has already been told the same about this dispute"),
    Reason.MOOT_RESOLVED: ReasonEntry("skipped", "the dispute had been resolved before the mail could leave"),
    Reason.MOOT_PAID: ReasonEntry("skipped", "the disputed amount had been paid in full before the mail could leave"),
    Reason.MOOT_WITHDRAWN: ReasonEntry("skipped", "the customer had withdrawn the dispute before the mail could leave"),
    Reason.MOOT_REASSIGNED: ReasonEntry("skipped", "the dispute had gone to somebody else before the mail could leave"),
    Reason.MOOT_ANSWERED: ReasonEntry("skipped", "the information asked for had arrived before the mail could leave"),
    Reason.MOOT_REOPENED: ReasonEntry("skipped", "the dispute had been reopened before the mail could leave"),
    Reason.ERASED: ReasonEntry("skipped", "the personal data it needs has been erased"),
    Reason.TEMPLATE_ERROR: ReasonEntry("failed", "the mail could not be worded; nothing was sent"),
    Reason.BAD_ADDRESS: ReasonEntry("failed", "the address is not an e-mail address that can be written to"),
    Reason.REJECTED: ReasonEntry("failed", "the mail server refused it for good"),
    Reason.ATTEMPTS_EXHAUSTED: ReasonEntry("failed", "every attempt allowed has been made"),
    Reason.TEMPORARILY_REJECTED: ReasonEntry("queued", "the mail server asked to try again later"),
    Reason.SERVER_UNREACHABLE: ReasonEntry("queued", "the mail server could not be reached or would not let us in"),
    Reason.CONNECTION_LOST: ReasonEntry("queued", "the connection ended before the mail was handed over"),
    Reason.SENDER_STOPPED: ReasonEntry("queued", "the sender ended before it handed the mail over"),
    Reason.KEYS_UNAVAILABLE: ReasonEntry("queued", "the vault that holds the recipient's key did not answer"),
    Reason.CUT_AFTER_DATA: ReasonEntry(
        "unknown", "the connection was cut after the whole mail was handed over and before the server answered"
    ),
    Reason.SILENT_AFTER_DATA: ReasonEntry("unknown", "the server took the whole mail and did not answer in time"),
    Reason.SENDER_LOST_AFTER_DATA: ReasonEntry("unknown", "the sender ended while it was handing the mail over"),
}


def meaning(code: str) -> str:
    """The sentence of a stored code; the code itself for one that a newer release stored."""
    try:
        return CATALOGUE[Reason(code)].meaning
    except ValueError:
        return code
