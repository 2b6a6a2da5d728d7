"""The events that dispute-service publishes on `redress.disputes.v1`.

Every event carries the dispute as it is after the event.
Fields are only ever added, with a default; a changed meaning is a new type. `shared/docs/events.md` explains each.
"""

from datetime import date, datetime

from msgspec import Struct

from redress.contracts.common import Sealed, SealedContact, WireMoney

TOPIC = "redress.disputes.v1"
SOURCE = "/redress/dispute-service/main"


class DisputedItem(Struct, frozen=True, kw_only=True):
    """One disputed part of one invoice. `line` None means the invoice as a whole.

    disputed = open + paid + credited + reduced + written_off + rejected + withdrawn, always. `reduced` is what an
    invoice that is smaller than was disputed took away; None in older events: nothing. `mismatch` says what of the
    invoice is another than the dispute names (customer, currency or line): such an item holds nothing and waits for a
    person. `claimed_back` is the part of `open` that is paid already: it is contested and holds nothing; `denied` is
    the part of `paid` that was claimed back in vain. None: nothing. `valid` and `invalid` are the verdict on the item
    as it was taken, like the dispute's own; None while none stands or it had nothing open then. What was resolved stays
    part of `open`, and is held, until the ERP has posted it: `awaiting_credit` (which may be of what is claimed back),
    `awaiting_write_off` and `awaiting_payment`; None in older events: nothing. `legal_entity` is whose invoice it is;
    None: the first with its number. `shares_number` says that the number alone does not tell the invoice: another legal
    entity used it too by the time the item was known.
    """

    invoice_id: str
    line: str | None
    disputed: WireMoney
    open: WireMoney
    paid: WireMoney
    credited: WireMoney
    written_off: WireMoney
    rejected: WireMoney
    withdrawn: WireMoney
    awaiting_credit: WireMoney  # part of `open`: granted, and held until the ERP's credit memo arrives
    reduced: WireMoney | None = None
    mismatch: str | None = None
    valid: WireMoney | None = None
    invalid: WireMoney | None = None
    legal_entity: str | None = None
    shares_number: bool = False
    claimed_back: WireMoney | None = None
    denied: WireMoney | None = None
    awaiting_write_off: WireMoney | None = None
    awaiting_payment: WireMoney | None = None


class ItemOutcome(Struct, frozen=True, kw_only=True):
    """What a resolution made of one item's open amount. `item` is its position in the dispute's items. `…_due` is to be
    posted by the ERP, and held until then; None: nothing."""

    item: int
    invoice_id: str
    line: str | None
    credit_due: WireMoney
    rejected: WireMoney
    written_off: WireMoney
    paid: WireMoney
    withdrawn: WireMoney
    legal_entity: str | None = None
    write_off_due: WireMoney | None = None
    payment_due: WireMoney | None = None


class DisputeSummary(Struct, frozen=True, kw_only=True):
    """A dispute after the event. `status` is one of the lifecycle's states; amounts are totals over the items;
    `claim_number` is the payer's own number of the matter."""

    dispute_id: str
    customer_id: str
    status: str
    reason_code: str
    origin: str
    currency: str
    items: tuple[DisputedItem, ...]
    disputed: WireMoney
    open: WireMoney
    opened_at: datetime
    legal_entity: str | None = None
    external_reason: str | None = None
    root_cause: str | None = None
    owner: str | None = None
    team: str | None = None
    escalation_level: int = 0
    sla_due_at: datetime | None = None
    sla_breached: bool = False
    valid: WireMoney | None = None
    invalid: WireMoney | None = None
    resolution_code: str | None = None
    contact: SealedContact | None = None
    claim_number: str | None = None


class DisputeOpened(Struct, frozen=True, kw_only=True, tag="dispute-opened", tag_field="type"):
    """A customer contests an amount, or a short payment was taken for a contest."""

    dispute: DisputeSummary


class DisputeClassified(Struct, frozen=True, kw_only=True, tag="dispute-classified", tag_field="type"):
    dispute: DisputeSummary
    from_reason: str


class DisputeAssigned(Struct, frozen=True, kw_only=True, tag="dispute-assigned", tag_field="type"):
    """`by` is matrix or person; `rule_id`, `policy_version` and `explanation` say why when it was the matrix."""

    dispute: DisputeSummary
    by: str
    explanation: str
    rule_id: str | None = None
    policy_version: int | None = None
    previous_owner: str | None = None
    previous_team: str | None = None


class DisputeInformationRequested(
    Struct, frozen=True, kw_only=True, tag="dispute-information-requested", tag_field="type"
):
    """`asked` is customer or department; `due` is the date by which the answer is wanted."""

    dispute: DisputeSummary
    asked: str
    what: Sealed
    due: date


class DisputeInformationRecorded(
    Struct, frozen=True, kw_only=True, tag="dispute-information-recorded", tag_field="type"
):
    dispute: DisputeSummary


class DisputeEscalated(Struct, frozen=True, kw_only=True, tag="dispute-escalated", tag_field="type"):
    dispute: DisputeSummary
    level: int
    reason: str
    to: str | None = None


class DisputeDecided(Struct, frozen=True, kw_only=True, tag="dispute-decided", tag_field="type"):
    """The verdict; that of each item stands in the dispute's items. `spread`: those were `stated`, or are
    `proportional` shares of stated totals."""

    dispute: DisputeSummary
    valid: WireMoney
    invalid: WireMoney
    spread: str = "proportional"


class DisputeAmountReduced(Struct, frozen=True, kw_only=True, tag="dispute-amount-reduced", tag_field="type"):
    """A payment, a credit memo or the invoice itself took away part of what is disputed. `cause` names which: payment,
    credit-memo, write-off or invoice-changed; or of what was claimed back, refund or credit-on-account."""

    dispute: DisputeSummary
    cause: str
    invoice_id: str
    reduced_by: WireMoney


class DisputeAmountRestored(Struct, frozen=True, kw_only=True, tag="dispute-amount-restored", tag_field="type"):
    """A payment that had reduced an ended dispute came back, and the dispute stays ended: what the payment had taken is
    now `into` (rejected: to be collected again; withdrawn; awaiting: it had confirmed it, and is awaited again)."""

    dispute: DisputeSummary
    cause: str
    invoice_id: str
    restored: WireMoney
    into: str


class DisputeClaimedBack(Struct, frozen=True, kw_only=True, tag="dispute-claimed-back", tag_field="type"):
    """A payment under protest paid `amount` of what is disputed: it is disputed still, and holds nothing any more."""

    dispute: DisputeSummary
    invoice_id: str
    payment_id: str
    amount: WireMoney
    source: str = ""


class DisputeClaimHeldAgain(Struct, frozen=True, kw_only=True, tag="dispute-claim-held-again", tag_field="type"):
    """`amount` of what was claimed back is not paid any more: it is contested as any open amount."""

    dispute: DisputeSummary
    invoice_id: str
    amount: WireMoney


class DisputeAnswerReversed(Struct, frozen=True, kw_only=True, tag="dispute-answer-reversed", tag_field="type"):
    """The ERP cancelled `amount` of a credit on account that had answered the claim. A credit that had been granted is
    awaited again; else the dispute says what has become of the amount."""

    dispute: DisputeSummary
    credit_memo_id: str
    amount: WireMoney
    source: str = ""


class DisputeMismatchFound(Struct, frozen=True, kw_only=True, tag="dispute-mismatch-found", tag_field="type"):
    """The ledger's invoice is not the one that the dispute's items name, or is it after all: the items say which."""

    dispute: DisputeSummary
    invoice_id: str


class DisputeResolved(Struct, frozen=True, kw_only=True, tag="dispute-resolved", tag_field="type"):
    """The outcome is decided. What the ERP is to post stays held until it is there: the credit memo (`credit_due`), the
    write-off (`write_off_due`), the payment (`payment_due`); None: nothing. What was rejected is to be collected again;
    the rest is settled by payment or write-off, or was never billed (`reduced`; None: nothing). `outcomes` says the
    same of each item that was open; with `by_ledger` a posting ended the dispute and left none open. `denied` was
    claimed back in vain, over the dispute's life: it is paid, and nothing of it is to be collected (None: nothing).
    `after_payment`: of what was disputed, something had been paid and was claimed back."""

    dispute: DisputeSummary
    resolution_code: str
    credit_due: WireMoney
    rejected: WireMoney
    written_off: WireMoney
    paid: WireMoney
    rationale: Sealed | None = None
    reduced: WireMoney | None = None
    outcomes: tuple[ItemOutcome, ...] = ()
    by_ledger: bool = False
    denied: WireMoney | None = None
    after_payment: bool = False
    write_off_due: WireMoney | None = None
    payment_due: WireMoney | None = None


class DisputeSettled(Struct, frozen=True, kw_only=True, tag="dispute-settled", tag_field="type"):
    """The last posting that a resolved dispute was waiting for has arrived, or another one took its place."""

    dispute: DisputeSummary


class DisputeSettlementOverdue(Struct, frozen=True, kw_only=True, tag="dispute-settlement-overdue", tag_field="type"):
    """The ERP has not posted by `due_at` what the dispute was resolved to: accounting has a task. The items say what is
    awaited."""

    dispute: DisputeSummary
    due_at: datetime


class DisputeSettlementTaskChanged(
    Struct, frozen=True, kw_only=True, tag="dispute-settlement-task-changed", tag_field="type"
):
    """Somebody took the task for accounting, handed it over or finished it. `state` is open, taken or done; `why` is
    the reason or the result. `due_at` of a finished one is by when the posting is awaited now. That a task is closed
    because nothing is awaited any more, the events say that made it so."""

    dispute: DisputeSummary
    state: str
    due_at: datetime
    owner: str | None = None
    why: str | None = None


class DisputeSettlementGivenUp(Struct, frozen=True, kw_only=True, tag="dispute-settlement-given-up", tag_field="type"):
    """A person said that nothing more comes of what was awaited: `amount` is held no longer. `into`: rejected, to be
    collected after all; or withdrawn, settled where no posting of the invoice shows. `denied` was claimed back besides:
    it stays paid, and nothing of it is to be collected (None: nothing)."""

    dispute: DisputeSummary
    amount: WireMoney
    into: str
    reason: str
    denied: WireMoney | None = None


class DisputeCreditReversed(Struct, frozen=True, kw_only=True, tag="dispute-credit-reversed", tag_field="type"):
    """The ERP took back `amount` of a credit memo that had reduced the dispute. What it had confirmed is awaited again;
    else the dispute says what has become of the amount."""

    dispute: DisputeSummary
    credit_memo_id: str
    amount: WireMoney


class DisputeReopened(Struct, frozen=True, kw_only=True, tag="dispute-reopened", tag_field="type"):
    dispute: DisputeSummary
    reason: str


class DisputeClosed(Struct, frozen=True, kw_only=True, tag="dispute-closed", tag_field="type"):
    dispute: DisputeSummary


class DisputeWithdrawn(Struct, frozen=True, kw_only=True, tag="dispute-withdrawn", tag_field="type"):
    dispute: DisputeSummary
    reason: str


class DisputeSlaBreached(Struct, frozen=True, kw_only=True, tag="dispute-sla-breached", tag_field="type"):
    dispute: DisputeSummary
    due_at: datetime


DisputeEvent = (
    DisputeOpened
    | DisputeClassified
    | DisputeAssigned
    | DisputeInformationRequested
    | DisputeInformationRecorded
    | DisputeEscalated
    | DisputeDecided
    | DisputeAmountReduced
    | DisputeAmountRestored
    | DisputeClaimedBack
    | DisputeClaimHeldAgain
    | DisputeAnswerReversed
    | DisputeMismatchFound
    | DisputeResolved
    | DisputeSettled
    | DisputeReopened
    | DisputeCreditReversed
    | DisputeClosed
    | DisputeWithdrawn
    | DisputeSlaBreached
    | DisputeSettlementOverdue
    | DisputeSettlementTaskChanged
    | DisputeSettlementGivenUp
)
