"""The commands to a dispute, from people and from the ledger.

`at` is when it shall count in the books (UTC). For people it is not in the future.
"""

from datetime import date, datetime

from msgspec import Struct

from dispute_service.disputes.events import ShortPayment
from dispute_service.disputes.settlement_terms import BUILT_IN_TERMS, SettlementTerms
from redress.contracts.common import Sealed, SealedContact
from redress.money import Money
from redress.policy.state import PolicyInForce

Terms = PolicyInForce[SettlementTerms]


class ContestedItem(Struct, frozen=True, kw_only=True):
    """`known` says whether the ledger knows the invoice; `line` None contests the invoice as a whole. `legal_entity` is
    whose invoice it is; None: the number alone says it. `shares_number`: another entity is known to use it too. `paid`:
    nothing of the invoice is open, so that the amount is claimed back."""

    invoice_id: str
    line: str | None
    amount: Money
    known: bool
    legal_entity: str | None = None
    shares_number: bool = False
    paid: bool = False


class Open(Struct, frozen=True, kw_only=True):
    """`clock_from` is when the matter became known, if that is later than `at`: the promise counts from then."""

    at: datetime
    customer_id: str
    items: tuple[ContestedItem, ...]
    reason_code: str
    origin: str
    legal_entity: str | None = None
    external_reason: str | None = None
    reason_explanation: str | None = None
    description: Sealed | None = None
    contact: SealedContact | None = None
    claim_number: str | None = None
    short_payment: ShortPayment | None = None
    clock_from: datetime | None = None


class Classify(Struct, frozen=True, kw_only=True):
    at: datetime
    reason_code: str
    root_cause: str | None = None


class AssignTo(Struct, frozen=True, kw_only=True):
    """By a person: to a person, a team, or both."""

    at: datetime
    owner: str | None
    team: str | None
    reason: str | None = None


class AssignByMatrix(Struct, frozen=True, kw_only=True):
    at: datetime
    reason: str | None = None


class RequestInformation(Struct, frozen=True, kw_only=True):
    """`asked` is customer or department. `today` is the business day of the legal entity; None: UTC's."""

    at: datetime
    request_id: str
    asked: str
    what: Sealed
    due: date
    today: date | None = None


class RecordInformation(Struct, frozen=True, kw_only=True):
    at: datetime
    record_id: str
    text: Sealed


class AddNote(Struct, frozen=True, kw_only=True):
    at: datetime
    note_id: str
    text: Sealed
    visibility: str


class ItemName(Struct, frozen=True, kw_only=True):
    """An item of the dispute as a caller names it: by its `position`, or by invoice and line (None: all of it)."""

    position: int | None = None
    invoice_id: str | None = None
    line: str | None = None


class JudgedItem(Struct, frozen=True, kw_only=True):
    """`valid` and `invalid` together are what is open of the item."""

    item: ItemName
    valid: Money
    invalid: Money


class CreditedItem(Struct, frozen=True, kw_only=True):
    item: ItemName
    credited: Money


class Decide(Struct, frozen=True, kw_only=True):
    """`items` says it of every item with something open; `valid` and `invalid` are totals, and may be left out then."""

    at: datetime
    root_cause: str
    rationale: Sealed
    valid: Money | None = None
    invalid: Money | None = None
    items: tuple[JudgedItem, ...] | None = None


class Resolve(Struct, frozen=True, kw_only=True):
    """`credited` and `items` say how much is credited, in total and of every item with something open, where the code
    leaves it open. `terms` say by when the ERP is to post it."""

    at: datetime
    resolution_code: str
    credited: Money | None = None
    items: tuple[CreditedItem, ...] | None = None
    rationale: Sealed | None = None
    terms: Terms = BUILT_IN_TERMS


class Close(Struct, frozen=True, kw_only=True):
    at: datetime


class Reopen(Struct, frozen=True, kw_only=True):
    at: datetime
    reason: str


class Withdraw(Struct, frozen=True, kw_only=True):
    at: datetime
    reason: str


class Settle(Struct, frozen=True, kw_only=True):
    """Nothing more comes of what is awaited. `into`: rejected, to be collected after all; or withdrawn, settled where
    no posting of the invoice shows."""

    at: datetime
    into: str
    reason: str


class TakeSettlementTask(Struct, frozen=True, kw_only=True):
    at: datetime
    by: str


class HandOverSettlementTask(Struct, frozen=True, kw_only=True):
    """`to` None: it is everybody's again."""

    at: datetime
    to: str | None
    reason: str


class FinishSettlementTask(Struct, frozen=True, kw_only=True):
    """`result` is what came of it; the posting is awaited anew, by these terms."""

    at: datetime
    by: str
    result: str
    terms: Terms = BUILT_IN_TERMS


class Escalate(Struct, frozen=True, kw_only=True):
    at: datetime
    level: int
    reason: str
    to: str | None = None


class ApplyPayment(Struct, frozen=True, kw_only=True):
    """`reduce_by` is the dispute's share of the payment, as the invoice allotted it (oldest dispute first).
    `under_protest`: it is paid, and contested all the same."""

    at: datetime
    payment_id: str
    invoice_id: str
    ledger_version: int
    reduce_by: int
    source: str = ""
    under_protest: bool = False


class ApplyCreditMemo(Struct, frozen=True, kw_only=True):
    at: datetime
    credit_memo_id: str
    invoice_id: str
    ledger_version: int
    reduce_by: int
    source: str = ""


class ReversePayment(Struct, frozen=True, kw_only=True):
    """`amount` is how much of the payment came back from the invoice, or was taken off it by the ERP (`unapplied`).
    `made_it`: it is the short payment that made the dispute, and nothing of it is left on the invoice. `clock_from` is
    when it became known: a promise that it makes counts from then."""

    at: datetime
    payment_id: str
    invoice_id: str
    ledger_version: int
    amount: int
    unapplied: bool = False
    source: str = ""
    made_it: bool = False
    clock_from: datetime | None = None
    terms: Terms = BUILT_IN_TERMS


class ReverseCreditMemo(Struct, frozen=True, kw_only=True):
    """The same for a credit memo."""

    at: datetime
    credit_memo_id: str
    invoice_id: str
    ledger_version: int
    amount: int
    unapplied: bool = False
    source: str = ""
    clock_from: datetime | None = None
    terms: Terms = BUILT_IN_TERMS


class ApplyWriteOff(Struct, frozen=True, kw_only=True):
    """`kind` is small_difference or bad_debt; `reduce_by` is the dispute's share, allotted as a payment's is."""

    at: datetime
    write_off_id: str
    kind: str
    invoice_id: str
    ledger_version: int
    reduce_by: int
    source: str = ""


class ReverseWriteOff(Struct, frozen=True, kw_only=True):
    """`amount` of a write-off was taken back. `clock_from` as for a reversed payment."""

    at: datetime
    write_off_id: str
    invoice_id: str
    ledger_version: int
    amount: int
    source: str = ""
    clock_from: datetime | None = None
    terms: Terms = BUILT_IN_TERMS


class HoldClaim(Struct, frozen=True, kw_only=True):
    """`amount` of what was claimed back of an invoice is not paid any more: it is contested as any open amount."""

    at: datetime
    invoice_id: str
    ledger_version: int
    amount: int


class SettleClaim(Struct, frozen=True, kw_only=True):
    """A refund or a credit on account (`cause`) answers a claim after payment, with `amount` at most. `invoice_id`: of
    this invoice only."""

    at: datetime
    cause: str
    reference: str
    source: str
    amount: int
    invoice_id: str | None = None


class ReverseAnswer(Struct, frozen=True, kw_only=True):
    """`amount` at most of a credit on account was cancelled that had answered a claim. `clock_from` as for a reversed
    payment."""

    at: datetime
    reference: str
    source: str
    amount: int
    clock_from: datetime | None = None
    terms: Terms = BUILT_IN_TERMS


class NoteInvoice(Struct, frozen=True, kw_only=True):
    """The invoice as the ledger has it. `lines` are the names of its lines; none: it is not told apart by lines.
    `shares_number`: another legal entity used its number first."""

    at: datetime
    invoice_id: str
    legal_entity: str
    ledger_version: int
    customer_id: str
    currency: str
    lines: tuple[str, ...] = ()
    shares_number: bool = False


class FitToInvoice(Struct, frozen=True, kw_only=True):
    """`reduce_by` is what the invoice, or its `line`, has less than the dispute holds of it; or what a correction gave
    to the dispute instead of a credit memo."""

    at: datetime
    invoice_id: str
    ledger_version: int
    reduce_by: int
    line: str | None = None


class BreachSla(Struct, frozen=True, kw_only=True):
    """The timer of `due_at` rang. A timer of an earlier promise is ignored."""

    at: datetime
    due_at: datetime


class NoteSettlementOverdue(Struct, frozen=True, kw_only=True):
    """The timer of `due_at` rang. A timer of an earlier due date is ignored."""

    at: datetime
    due_at: datetime


SettlementCommand = Settle | TakeSettlementTask | HandOverSettlementTask | FinishSettlementTask | NoteSettlementOverdue
WorkCommand = Classify | AssignTo | AssignByMatrix | RequestInformation | RecordInformation | AddNote | Escalate
EndingCommand = Decide | Resolve | Close | Reopen | Withdraw
LedgerCommand = (
    ApplyPayment
    | ApplyCreditMemo
    | ApplyWriteOff
    | ReversePayment
    | ReverseCreditMemo
    | ReverseWriteOff
    | HoldClaim
    | SettleClaim
    | ReverseAnswer
    | NoteInvoice
    | FitToInvoice
    | BreachSla
)
"""Commands that no person gives: postings of the ledger, and a promise whose time is over."""
DisputeCommand = Open | WorkCommand | EndingCommand | SettlementCommand | LedgerCommand
