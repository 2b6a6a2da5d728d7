"""Good examples of everything that happens to a dispute; a test changes what it is about."""

from datetime import UTC, date, datetime
from typing import cast

from support.given import Given, euro

from dispute_service.disputes import commands as c
from dispute_service.disputes.decisions import decide
from dispute_service.disputes.events import DisputeEvent, Settlement
from dispute_service.disputes.refusals import DisputeRefusal
from dispute_service.disputes.state import INITIAL, Dispute, evolve
from dispute_service.routing.matrix import default_matrix
from redress.contracts.common import Sealed
from redress.money import Money

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # 10:00 in Berlin, a working day
NOW = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
MATRIX = default_matrix()
CREDIT_BY = Settlement(
    due_at=datetime(2026, 3, 18, 16, 0, tzinfo=UTC), policy="settlement-terms@1", calendar="de-office"
)
"""Ten working days after NOW, at 17:00 in Berlin: by then the ERP is to have posted a credit memo or a write-off."""
PAYMENT_BY = Settlement(
    due_at=datetime(2026, 3, 11, 16, 0, tzinfo=UTC), policy="settlement-terms@1", calendar="de-office"
)
"""Five working days: a payment."""
TEXT = Sealed("customer:C-1", b"sealed")


def eur(text: str) -> Money:
    return Money(euro(text), "EUR")


def disputes(now: datetime = NOW) -> Given[c.DisputeCommand, Dispute, DisputeEvent]:
    """A dispute's history. Nearly every sentence is about an opened one, so that is its type before the opening too."""
    return Given(
        decide=lambda command, state: decide(command, state, MATRIX, now),
        evolve=_evolve,
        state=cast("Dispute", INITIAL),
        refusals=DisputeRefusal,
    )


def _evolve(state: Dispute, event: DisputeEvent) -> Dispute:
    after = evolve(state, event)
    assert isinstance(after, Dispute)
    return after


def item(amount: str = "200.00", invoice_id: str = "INV-1", line: str | None = None) -> c.ContestedItem:
    return c.ContestedItem(invoice_id=invoice_id, line=line, amount=eur(amount), known=True)


def open_(
    *items: c.ContestedItem, at: datetime = MONDAY, reason_code: str = "PRICE", customer_id: str = "C-1"
) -> c.Open:
    return c.Open(
        at=at,
        customer_id=customer_id,
        items=items or (item(),),
        reason_code=reason_code,
        origin="email",
        legal_entity="DE01",
    )


def assign_by_matrix(at: datetime = NOW) -> c.AssignByMatrix:
    return c.AssignByMatrix(at=at)


def ask(request_id: str = "ask-1", asked: str = "customer", at: datetime = NOW) -> c.RequestInformation:
    return c.RequestInformation(at=at, request_id=request_id, asked=asked, what=TEXT, due=date(2026, 3, 20))


def record(record_id: str = "rec-1", at: datetime = NOW) -> c.RecordInformation:
    return c.RecordInformation(at=at, record_id=record_id, text=TEXT)


def note(note_id: str = "note-1", at: datetime = NOW) -> c.AddNote:
    return c.AddNote(at=at, note_id=note_id, text=TEXT, visibility="internal")


def verdict(valid: str, invalid: str, at: datetime = NOW) -> c.Decide:
    return c.Decide(at=at, valid=eur(valid), invalid=eur(invalid), root_cause="PRICE_MAINTENANCE", rationale=TEXT)


def resolve(code: str, credited: str | None = None, at: datetime = NOW) -> c.Resolve:
    return c.Resolve(at=at, resolution_code=code, credited=None if credited is None else eur(credited))


def named(name: int | str, line: str | None = None) -> c.ItemName:
    return c.ItemName(position=name) if isinstance(name, int) else c.ItemName(invoice_id=name, line=line)


def judged(name: int | str, valid: str, invalid: str, line: str | None = None) -> c.JudgedItem:
    return c.JudgedItem(item=named(name, line), valid=eur(valid), invalid=eur(invalid))


def verdicts(*items: c.JudgedItem, valid: str | None = None, invalid: str | None = None) -> c.Decide:
    """A decision per item."""
    return c.Decide(
        at=NOW,
        valid=None if valid is None else eur(valid),
        invalid=None if invalid is None else eur(invalid),
        items=items,
        root_cause="PRICE_MAINTENANCE",
        rationale=TEXT,
    )


def credited(name: int | str, amount: str, line: str | None = None) -> c.CreditedItem:
    return c.CreditedItem(item=named(name, line), credited=eur(amount))


def resolve_items(code: str, *items: c.CreditedItem, total: str | None = None) -> c.Resolve:
    return c.Resolve(at=NOW, resolution_code=code, items=items, credited=None if total is None else eur(total))


def close(at: datetime = NOW) -> c.Close:
    return c.Close(at=at)


def reopen(reason: str = "new evidence", at: datetime = NOW) -> c.Reopen:
    return c.Reopen(at=at, reason=reason)


def withdraw(reason: str = "found the delivery note", at: datetime = NOW) -> c.Withdraw:
    return c.Withdraw(at=at, reason=reason)


def escalate(level: int = 1, to: str | None = None, at: datetime = NOW) -> c.Escalate:
    return c.Escalate(at=at, level=level, reason="no answer", to=to)


def payment(  # noqa: PLR0917
    amount: str,
    payment_id: str = "P-1",
    ledger_version: int = 2,
    invoice_id: str = "INV-1",
    at: datetime = NOW,
    source: str = "",
) -> c.ApplyPayment:
    return c.ApplyPayment(
        at=at,
        payment_id=payment_id,
        source=source,
        invoice_id=invoice_id,
        ledger_version=ledger_version,
        reduce_by=euro(amount),
    )


def credit_memo(
    amount: str, ledger_version: int = 3, invoice_id: str = "INV-1", at: datetime = NOW
) -> c.ApplyCreditMemo:
    return c.ApplyCreditMemo(
        at=at, credit_memo_id="CM-1", invoice_id=invoice_id, ledger_version=ledger_version, reduce_by=euro(amount)
    )


def reversal(  # noqa: PLR0917
    amount: str,
    payment_id: str = "P-1",
    ledger_version: int = 5,
    invoice_id: str = "INV-1",
    at: datetime = NOW,
    source: str = "",
    *,
    made_it: bool = False,
) -> c.ReversePayment:
    return c.ReversePayment(
        at=at,
        payment_id=payment_id,
        source=source,
        invoice_id=invoice_id,
        ledger_version=ledger_version,
        amount=euro(amount),
        made_it=made_it,
    )


def note_invoice(ledger_version: int = 1, at: datetime = NOW) -> c.NoteInvoice:
    """INV-1 as the ledger has it, of the dispute's customer and currency; not told apart by lines."""
    return c.NoteInvoice(
        at=at,
        invoice_id="INV-1",
        legal_entity="DE02",
        ledger_version=ledger_version,
        customer_id="C-1",
        currency="EUR",
    )


def fit(amount: str, line: str | None = None, ledger_version: int = 3, at: datetime = NOW) -> c.FitToInvoice:
    return c.FitToInvoice(at=at, invoice_id="INV-1", ledger_version=ledger_version, reduce_by=euro(amount), line=line)
