"""One good example of every event this service stores, in the shape of today."""

from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from dispute_service.disputable_invoices import events as invoice
from dispute_service.disputable_invoices.stream import INVOICE
from dispute_service.disputes import events as dispute
from dispute_service.disputes.stream import DISPUTE
from dispute_service.routing.events import MatrixPublished
from dispute_service.routing.matrix import AmountBand, CalendarSpec, Routing, Rule
from dispute_service.routing.sla import Sla
from dispute_service.routing.stream import MATRIX
from redress.calendars import CalendarInputs, SkippedHoliday
from redress.codec import Codec
from redress.contracts.common import Sealed, SealedContact

TESTS = Path(__file__).parent.parent / "dispute_service"
AT = datetime(2026, 3, 30, 16, 2, tzinfo=UTC)
TEXT = Sealed("customer:C-1", b"\x00\x01sealed")
ROUTING = Routing(
    rule_id="default-price",
    policy_version=0,
    team="Pricing",
    owner=None,
    backup="AR coordination",
    sla_hours=40,
    calendar="de-office",
    explanation="Rule default-price of the default resolution matrix applies (reason PRICE).",
)
SLA = Sla(
    due_at=datetime(2026, 4, 8, 14, 0, tzinfo=UTC),
    rule_id="default-price",
    policy_version=0,
    inputs=CalendarInputs(
        start=AT,
        hours=40,
        country="DE",
        subdivision=None,
        timezone="Europe/Berlin",
        opens=time(9),
        closes=time(17),
        weekend=(5, 6),
        holidays_version="0.109",
        holidays_skipped=(SkippedHoliday(date(2026, 4, 3), "Karfreitag"),),
    ),
)

SETTLEMENT = dispute.Settlement(due_at=AT, policy="settlement-terms@2", calendar="de-office")

EXAMPLES: dict[str, Any] = {
    "dispute-opened": dispute.DisputeOpened(
        at=AT,
        customer_id="C-1",
        currency="EUR",
        items=(
            dispute.OpenedItem(invoice_id="INV-1", line=None, amount=20000, known=True),
            dispute.OpenedItem(
                invoice_id="INV-2", line="1", amount=5000, known=False, legal_entity="DE01", shares_number=True
            ),
        ),
        reason_code="PRICE",
        origin="email",
        routing=ROUTING,
        sla=SLA,
        legal_entity="DE01",
        external_reason="price per contract",
        reason_explanation="the payer's words contain “price”",
        description=TEXT,
        contact=SealedContact(TEXT, TEXT, "de"),
    ),
    "dispute-classified": dispute.DisputeClassified(
        at=AT, from_reason="UNIDENTIFIED", to_reason="PRICE", root_cause="PRICE_MAINTENANCE", routing=ROUTING, sla=SLA
    ),
    "dispute-assigned": dispute.DisputeAssigned(
        at=AT,
        owner="a.roth",
        team="Pricing",
        previous_owner=None,
        previous_team="Billing",
        explanation="knows the contract",
        routing=ROUTING,
        sla=SLA,
    ),
    "information-requested": dispute.InformationRequested(
        at=AT, request_id="q-1", asked="customer", what=TEXT, due=date(2026, 4, 10)
    ),
    "information-recorded": dispute.InformationRecorded(at=AT, record_id="r-1", text=TEXT),
    "note-added": dispute.NoteAdded(at=AT, note_id="n-1", text=TEXT, visibility="internal"),
    "dispute-escalated": dispute.DisputeEscalated(at=AT, level=2, reason="no answer", to="AR coordination"),
    "dispute-decided": dispute.DisputeDecided(
        at=AT,
        valid=15000,
        invalid=10000,
        verdicts=(dispute.ItemVerdict(0, 12000, 8000), dispute.ItemVerdict(1, 3000, 2000)),
        root_cause="PRICE_MAINTENANCE",
        rationale=TEXT,
    ),
    "dispute-resolved": dispute.DisputeResolved(
        at=AT,
        resolution_code="CREDIT_PARTIAL",
        outcomes=(
            dispute.ItemOutcome(item=0, credit=12000, rejected=8000),
            dispute.ItemOutcome(item=1, written_off=1, paid=2, withdrawn=3, write_off_due=4, payment_due=5),
        ),
        by_ledger=False,
        explanation="in words",
        rationale=TEXT,
        settlement=SETTLEMENT,
    ),
    "dispute-settled": dispute.DisputeSettled(at=AT),
    "dispute-closed": dispute.DisputeClosed(at=AT),
    "dispute-reopened": dispute.DisputeReopened(
        at=AT,
        reason="new evidence",
        shares=(dispute.Share(0, 8000),),
        by_ledger=True,
        routing=ROUTING,
        sla=SLA,
        keeps_grants=True,
    ),
    "dispute-withdrawn": dispute.DisputeWithdrawn(at=AT, reason="paid", shares=(dispute.Share(0, 20000),)),
    "amount-reduced": dispute.AmountReduced(
        at=AT,
        cause="payment",
        reference="P-1",
        invoice_id="INV-1",
        ledger_version=2,
        shares=(dispute.Share(0, 20000),),
        into="reduced",
    ),
    "payment-reversed": dispute.PaymentReversed(
        at=AT,
        payment_id="P-1",
        invoice_id="INV-1",
        ledger_version=5,
        shares=(dispute.Share(0, 20000),),
        into="open",
        settlement=SETTLEMENT,
    ),
    "credit-reversed": dispute.CreditReversed(
        at=AT,
        credit_memo_id="CM-1",
        invoice_id="INV-1",
        ledger_version=6,
        shares=(dispute.Share(0, 20000),),
        into="awaiting",
        settlement=SETTLEMENT,
    ),
    "write-off-reversed": dispute.WriteOffReversed(
        at=AT,
        write_off_id="W-1",
        invoice_id="INV-1",
        ledger_version=7,
        shares=(dispute.Share(0, 20000),),
        into="awaiting",
        source="sap",
        settlement=SETTLEMENT,
    ),
    "paid-under-protest": dispute.PaidUnderProtest(
        at=AT, payment_id="P-1", invoice_id="INV-1", ledger_version=8, shares=(dispute.Share(0, 20000),), source="sap"
    ),
    "claim-held-again": dispute.ClaimHeldAgain(
        at=AT, invoice_id="INV-1", ledger_version=9, shares=(dispute.Share(0, 20000),), payment_id="P-1", source="sap"
    ),
    "answer-reversed": dispute.AnswerReversed(
        at=AT,
        reference="CM-1",
        shares=(dispute.Share(0, 20000),),
        into="awaiting",
        source="sap",
        settlement=SETTLEMENT,
    ),
    "claim-denied": dispute.ClaimDenied(at=AT, shares=(dispute.Share(0, 20000),)),
    "invoice-became-known": dispute.InvoiceBecameKnown(
        at=AT, invoice_id="INV-1", legal_entity="DE01", ledger_version=1, shares_number=True
    ),
    "items-compared": dispute.ItemsCompared(
        at=AT, invoice_id="INV-1", items=(dispute.ItemMismatch(0, "line"), dispute.ItemMismatch(1, None))
    ),
    "sla-breached": dispute.SlaBreached(at=AT, due_at=AT),
    "settlement-overdue": dispute.SettlementOverdue(at=AT, due_at=AT),
    "settlement-task-assigned": dispute.SettlementTaskAssigned(
        at=AT, owner="a.roth", previous_owner="b.stein", reason="on holiday"
    ),
    "settlement-task-done": dispute.SettlementTaskDone(
        at=AT, by="a.roth", result="posted with the next run", settlement=SETTLEMENT
    ),
    "settlement-given-up": dispute.SettlementGivenUp(
        at=AT,
        shares=(dispute.Share(0, 1),),
        into="rejected",
        reason="posted on account",
        denied=(dispute.Share(1, 2),),
    ),
    "invoice-recorded": invoice.InvoiceRecorded(
        at=AT,
        ledger_version=1,
        customer_id="C-1",
        legal_entity="DE01",
        currency="EUR",
        total=100000,
        open=80000,
        lines=(invoice.KnownLine("1", 60000),),
    ),
    "reservation-set": invoice.ReservationSet(
        at=AT,
        dispute_id="d-1",
        held=(invoice.HeldAmount("1", 20000, 5000, 300, 20),),
        payment_id="P-1",
        opened_at=AT,
        mismatched=True,
        legal_entity="DE02",
    ),
    "number-shared": invoice.NumberShared(at=AT, legal_entity="DE02", first_entity="DE01"),
    "short-payment-left": invoice.ShortPaymentLeft(
        at=AT, payment_id="P-1", short=5000, explanation="disputes hold all that is open"
    ),
    "named-dispute-left": invoice.NamedDisputeLeft(
        at=AT, credit_memo_id="CM-1", dispute_id="dsp_1", explanation="There is no dispute dsp_1."
    ),
    "matrix-published": MatrixPublished(
        at=AT,
        rules=(
            Rule(
                rule_id="large",
                reason_codes=("PRICE",),
                legal_entities=("DE01",),
                band=AmountBand(currency="EUR", from_minor=100000, below_minor=None),
                team="Key accounts",
                owner="a.roth",
                backup="b.stein",
                sla_hours=8,
                calendar="de",
            ),
        ),
        calendars={
            "de": CalendarSpec(country="DE", subdivision="BY", time_zone="Europe/Berlin", opens="09:00", closes="17:00")
        },
        comment="quarterly review",
    ),
}
_RESOLVED = replace(
    EXAMPLES["dispute-resolved"],
    outcomes=(
        dispute.ItemOutcome(item=0, credit=12000, rejected=8000),
        dispute.ItemOutcome(item=1, written_off=1, paid=2, withdrawn=3),
    ),
    settlement=None,
)
_RESERVED = replace(EXAMPLES["reservation-set"], held=(invoice.HeldAmount("1", 20000, 5000),), legal_entity=None)
# Where the golden files of each stream's events are kept.
# What an example meant in an earlier shape, which had no field for what is new in it.
EARLIER: dict[tuple[str, int], Any] = {
    ("dispute-reopened", 1): replace(EXAMPLES["dispute-reopened"], keeps_grants=False),
    ("amount-reduced", 1): replace(EXAMPLES["amount-reduced"], into=None),
    ("reservation-set", 1): replace(_RESERVED, opened_at=None, mismatched=False),
    ("reservation-set", 2): _RESERVED,
    ("invoice-became-known", 1): replace(EXAMPLES["invoice-became-known"], shares_number=False),
    **{
        ("dispute-opened", version): replace(
            EXAMPLES["dispute-opened"],
            items=tuple(
                replace(item, legal_entity=None, shares_number=False) for item in EXAMPLES["dispute-opened"].items
            ),
        )
        for version in (1, 2)
    },
    ("dispute-resolved", 1): _RESOLVED,
    ("dispute-resolved", 2): _RESOLVED,
    ("payment-reversed", 1): replace(EXAMPLES["payment-reversed"], settlement=None),
    ("payment-reversed", 2): replace(EXAMPLES["payment-reversed"], settlement=None),
    ("credit-reversed", 1): replace(EXAMPLES["credit-reversed"], settlement=None),
}
STORED: dict[Path, Codec[Any]] = {
    TESTS / "disputes" / "stored": DISPUTE.codec,
    TESTS / "disputable_invoices" / "stored": INVOICE.codec,
    TESTS / "routing" / "stored": MATRIX.codec,
}
