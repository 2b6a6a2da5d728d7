"""The events of a dispute, in business words; amounts are minor units of the dispute's currency.

`at` is the time (UTC) from which the event counts in the books. The metadata names the actor, the reason and the
command. Personal text is sealed. `item` is the position in the dispute's list of items, counted from 0.
"""

from datetime import date, datetime
from typing import Final

from msgspec import Struct

from dispute_service.routing.matrix import Routing
from dispute_service.routing.sla import Sla
from redress.codec import Codec, fields_added
from redress.contracts.common import Sealed, SealedContact


class OpenedItem(Struct, frozen=True, kw_only=True):
    """A contested amount of one invoice; `line` None is the invoice as a whole. `known` says whether the ledger had
    reported the invoice by then, `legal_entity` whose invoice it is, where that was said or known, and `shares_number`
    whether another entity was known to use the number too."""

    invoice_id: str
    line: str | None
    amount: int
    known: bool
    legal_entity: str | None = None
    shares_number: bool = False


class Share(Struct, frozen=True):
    """`amount` of the item at position `item`."""

    item: int
    amount: int


class ShortPayment(Struct, frozen=True):
    """A payment of the ledger: its number, and the ERP that numbered it."""

    source: str
    payment_id: str


class DisputeOpened(Struct, frozen=True, kw_only=True):
    """A customer contests amounts. `routing` is what the matrix promised at that moment: it sets the SLA and assigns
    nobody. `external_reason` is the payer's own word or code, `claim_number` the payer's own number of the matter,
    `origin` the door it came through. `short_payment` made the dispute, where one did. `claimed_back` is what of it was
    paid by then: it is contested, and holds nothing of the invoice."""

    at: datetime
    customer_id: str
    currency: str
    items: tuple[OpenedItem, ...]
    reason_code: str
    origin: str
    routing: Routing
    sla: Sla
    legal_entity: str | None = None
    external_reason: str | None = None
    reason_explanation: str | None = None
    description: Sealed | None = None
    contact: SealedContact | None = None
    claim_number: str | None = None
    short_payment: ShortPayment | None = None
    claimed_back: tuple[Share, ...] = ()


class DisputeClassified(Struct, frozen=True, kw_only=True):
    """Another reason, or a root cause. `routing` and `sla` are what the matrix says for the new reason; None when
    the reason stayed."""

    at: datetime
    from_reason: str
    to_reason: str
    root_cause: str | None = None
    routing: Routing | None = None
    sla: Sla | None = None


class DisputeAssigned(Struct, frozen=True, kw_only=True):
    """`routing` is there when the matrix decided, and then `sla` if its promise is another than before. `explanation`
    is the matrix's sentence or the assigner's reason."""

    at: datetime
    owner: str | None
    team: str | None
    previous_owner: str | None
    previous_team: str | None
    explanation: str
    routing: Routing | None = None
    sla: Sla | None = None


class InformationRequested(Struct, frozen=True, kw_only=True):
    """`asked` is customer or department; `due` is the date by which the answer is wanted."""

    at: datetime
    request_id: str
    asked: str
    what: Sealed
    due: date


class InformationRecorded(Struct, frozen=True, kw_only=True):
    at: datetime
    record_id: str
    text: Sealed


class NoteAdded(Struct, frozen=True, kw_only=True):
    """`visibility` is internal or customer."""

    at: datetime
    note_id: str
    text: Sealed
    visibility: str


class DisputeEscalated(Struct, frozen=True, kw_only=True):
    at: datetime
    level: int
    reason: str
    to: str | None = None


class ItemVerdict(Struct, frozen=True):
    """How much of an item's open amount was found valid (the customer is right) and invalid."""

    item: int
    valid: int
    invalid: int


STATED: Final = "stated"
PROPORTIONAL: Final = "proportional"
DECIDED: Final = "decided"
"""Where the amounts per item come from: from the caller; from a total, in proportion to the items by largest remainder;
from the decision that stands."""


class DisputeDecided(Struct, frozen=True, kw_only=True):
    """The verdict on what was open. `verdicts` has every item that was open; `spread` is stated or proportional."""

    at: datetime
    valid: int
    invalid: int
    verdicts: tuple[ItemVerdict, ...]
    root_cause: str
    rationale: Sealed
    spread: str = PROPORTIONAL


class ItemOutcome(Struct, frozen=True, kw_only=True):
    """The outcome of one item's open amount. `credit`, `write_off_due` and `payment_due` stay open, awaiting the ERP's
    credit memo, write-off or payment. `written_off` and `paid` are over at once: so in events that do not know the
    others, and for an item that is not of the invoice it names."""

    item: int
    credit: int = 0
    rejected: int = 0
    written_off: int = 0
    paid: int = 0
    withdrawn: int = 0
    write_off_due: int = 0
    payment_due: int = 0


class Settlement(Struct, frozen=True, kw_only=True):
    """The ERP is to post what is awaited by `due_at`, as `policy` (settlement-terms@version) says; `calendar` is the
    one of the resolution matrix that it was counted in."""

    due_at: datetime
    policy: str
    calendar: str


class DisputeResolved(Struct, frozen=True, kw_only=True):
    """The outcome is settled in words and amounts; a granted credit still waits for the ERP. `by_ledger` is true when
    a posting ended the dispute by itself. `spread` says where the credits per item come from: stated, proportional or
    decided; None where the code says it of all that is open, and in events that do not know it."""

    at: datetime
    resolution_code: str
    outcomes: tuple[ItemOutcome, ...]
    by_ledger: bool = False
    explanation: str | None = None
    rationale: Sealed | None = None
    spread: str | None = None
    settlement: Settlement | None = None


class DisputeSettled(Struct, frozen=True, kw_only=True):
    """The last posting that a resolved dispute was waiting for has come, or another one that took its place."""

    at: datetime


class SettlementOverdue(Struct, frozen=True, kw_only=True):
    """What is awaited was not posted by `due_at`, from which this counts (`at`): a task for accounting."""

    at: datetime
    due_at: datetime


class SettlementTaskAssigned(Struct, frozen=True, kw_only=True):
    """Who sees to it that the posting comes; `owner` None: everybody's again."""

    at: datetime
    owner: str | None
    previous_owner: str | None
    reason: str | None


class SettlementTaskDone(Struct, frozen=True, kw_only=True):
    """`result` is what came of it. The posting is awaited anew, by the new terms (`settlement`)."""

    at: datetime
    by: str
    result: str
    settlement: Settlement


class SettlementGivenUp(Struct, frozen=True, kw_only=True):
    """A person said that nothing more comes: the shares await nothing any more and are held no longer. `into` says what
    they are: `rejected`, to be collected after all; or `withdrawn`, settled where no posting of this invoice shows.
    What was claimed back is `denied`: it stays paid, and nothing of it is to be collected."""

    at: datetime
    shares: tuple[Share, ...]
    into: str
    reason: str
    denied: tuple[Share, ...] = ()


class DisputeClosed(Struct, frozen=True, kw_only=True):
    at: datetime


class DisputeReopened(Struct, frozen=True, kw_only=True):
    """`shares` are the amounts that are open again besides those that never stopped being open. `by_ledger` is true
    when a reversed payment did it. The clock starts anew: `routing` and `sla` are the new promise.

    `keeps_grants`: a credit that was granted is still awaited. A person's reopening takes it back, and so did every one
    of before the field."""

    at: datetime
    reason: str
    shares: tuple[Share, ...]
    by_ledger: bool = False
    routing: Routing | None = None
    sla: Sla | None = None
    keeps_grants: bool = False


class DisputeWithdrawn(Struct, frozen=True, kw_only=True):
    """The customer gave the contest up: the shares are collectable again. A credit that was granted stays awaited."""

    at: datetime
    reason: str
    shares: tuple[Share, ...]


class AmountReduced(Struct, frozen=True, kw_only=True):
    """A posting of the ledger took away part of what is contested.

    `cause` is payment, credit-memo, write-off or invoice-changed, or for a claim after payment refund or
    credit-on-account; `reference` names the posting, and `source` the ERP that numbered it. `ledger_version` is the
    invoice's version in the ledger: a posting is taken once. `into` names the bucket where that is another than the
    cause's own (paid, credited, written off): reduced, for what an invoice that is smaller took away.
    """

    at: datetime
    cause: str
    reference: str
    invoice_id: str
    ledger_version: int
    shares: tuple[Share, ...]
    into: str | None = None
    source: str = ""


class PaymentReversed(Struct, frozen=True, kw_only=True):
    """A payment that had reduced the dispute came back. What it took is open again, or collectable (`withdrawn`,
    `rejected`) when the dispute had ended so: `into` names the bucket. Of the short payment that made the dispute there
    are no shares, and `into` is nothing. `awaiting`: the posting that it confirmed is awaited again, by the new terms
    (`settlement`)."""

    at: datetime
    payment_id: str
    invoice_id: str
    ledger_version: int
    shares: tuple[Share, ...]
    into: str
    source: str = ""
    settlement: Settlement | None = None


class CreditReversed(Struct, frozen=True, kw_only=True):
    """A credit memo that had reduced the dispute is gone. `into` says where its amount is now: `awaiting`, where the
    credit had been granted and is awaited again (`settlement`: by when); else as for a reversed payment."""

    at: datetime
    credit_memo_id: str
    invoice_id: str
    ledger_version: int
    shares: tuple[Share, ...]
    into: str
    source: str = ""
    settlement: Settlement | None = None


class WriteOffReversed(Struct, frozen=True, kw_only=True):
    """A write-off that had reduced the dispute was taken back. `into` as for a reversed payment."""

    at: datetime
    write_off_id: str
    invoice_id: str
    ledger_version: int
    shares: tuple[Share, ...]
    into: str
    source: str = ""
    settlement: Settlement | None = None


class PaidUnderProtest(Struct, frozen=True, kw_only=True):
    """A payment paid the shares, and the customer contests them all the same: they are claimed back, and hold nothing
    of the invoice."""

    at: datetime
    payment_id: str
    invoice_id: str
    ledger_version: int
    shares: tuple[Share, ...]
    source: str = ""


class ClaimHeldAgain(Struct, frozen=True, kw_only=True):
    """What was claimed back is not paid any more: the shares are contested as any open amount. `payment_id` is the
    payment under protest that came back; None: any payment."""

    at: datetime
    invoice_id: str
    ledger_version: int
    shares: tuple[Share, ...]
    payment_id: str | None = None
    source: str = ""


class ClaimDenied(Struct, frozen=True, kw_only=True):
    """The shares were claimed back and are not any more: the payment stands, and nothing of it is to be collected."""

    at: datetime
    shares: tuple[Share, ...]


class AnswerReversed(Struct, frozen=True, kw_only=True):
    """A credit on account that had answered a claim after payment is gone. `into` says where its amount is now:
    `awaiting`, where the credit had been granted and is awaited again (`settlement`: by when); `open`, claimed back
    again; `denied`."""

    at: datetime
    reference: str
    shares: tuple[Share, ...]
    into: str
    source: str = ""
    settlement: Settlement | None = None


class InvoiceBecameKnown(Struct, frozen=True, kw_only=True):
    """The ledger reported an invoice that was contested before. `shares_number`: another entity used the number
    first."""

    at: datetime
    invoice_id: str
    legal_entity: str
    ledger_version: int
    shares_number: bool = False


class ItemMismatch(Struct, frozen=True):
    """`what` of the invoice is another than the item names: customer, currency or line; None: it matches after all."""

    item: int
    what: str | None


class ItemsCompared(Struct, frozen=True, kw_only=True):
    """The ledger's invoice is another than these items of it name, or is so no longer."""

    at: datetime
    invoice_id: str
    items: tuple[ItemMismatch, ...]


class SlaBreached(Struct, frozen=True, kw_only=True):
    """The answer was promised by `due_at` and had not been given. It counts from `at`, which is the due date."""

    at: datetime
    due_at: datetime


DisputeEvent = (
    DisputeOpened
    | DisputeClassified
    | DisputeAssigned
    | InformationRequested
    | InformationRecorded
    | NoteAdded
    | DisputeEscalated
    | DisputeDecided
    | DisputeResolved
    | DisputeSettled
    | DisputeClosed
    | DisputeReopened
    | DisputeWithdrawn
    | AmountReduced
    | PaymentReversed
    | CreditReversed
    | WriteOffReversed
    | PaidUnderProtest
    | ClaimHeldAgain
    | ClaimDenied
    | AnswerReversed
    | InvoiceBecameKnown
    | ItemsCompared
    | SlaBreached
    | SettlementOverdue
    | SettlementTaskAssigned
    | SettlementTaskDone
    | SettlementGivenUp
)


# Stored names and versions. A stored name never changes.
DISPUTE_CODEC: Final[Codec[DisputeEvent]] = Codec(
    {
        "dispute-opened": (3, DisputeOpened),
        "dispute-classified": (1, DisputeClassified),
        "dispute-assigned": (1, DisputeAssigned),
        "information-requested": (1, InformationRequested),
        "information-recorded": (1, InformationRecorded),
        "note-added": (1, NoteAdded),
        "dispute-escalated": (1, DisputeEscalated),
        "dispute-decided": (2, DisputeDecided),
        "dispute-resolved": (3, DisputeResolved),
        "dispute-settled": (1, DisputeSettled),
        "dispute-closed": (1, DisputeClosed),
        "dispute-reopened": (2, DisputeReopened),
        "dispute-withdrawn": (1, DisputeWithdrawn),
        "amount-reduced": (2, AmountReduced),
        "payment-reversed": (3, PaymentReversed),
        "credit-reversed": (2, CreditReversed),
        "write-off-reversed": (1, WriteOffReversed),
        "paid-under-protest": (1, PaidUnderProtest),
        "claim-held-again": (1, ClaimHeldAgain),
        "claim-denied": (1, ClaimDenied),
        "answer-reversed": (1, AnswerReversed),
        "invoice-became-known": (2, InvoiceBecameKnown),
        "items-compared": (1, ItemsCompared),
        "sla-breached": (1, SlaBreached),
        "settlement-overdue": (1, SettlementOverdue),
        "settlement-task-assigned": (1, SettlementTaskAssigned),
        "settlement-task-done": (1, SettlementTaskDone),
        "settlement-given-up": (1, SettlementGivenUp),
    },
    {
        ("dispute-opened", 1): fields_added,
        ("dispute-opened", 2): fields_added,
        ("dispute-decided", 1): fields_added,
        ("dispute-resolved", 1): fields_added,
        ("dispute-resolved", 2): fields_added,
        ("dispute-reopened", 1): fields_added,
        ("amount-reduced", 1): fields_added,
        ("payment-reversed", 1): fields_added,
        ("invoice-became-known", 1): fields_added,
        ("payment-reversed", 2): fields_added,
        ("credit-reversed", 1): fields_added,
    },
)
