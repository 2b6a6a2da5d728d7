"""Every shape that was ever stored is read for ever. A file here is never changed; a new version gets a new file.

Set WRITE_GOLDEN=1 to write the files of shapes that have none yet.
"""

import json
import os
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from collections_service.customers.events import CUSTOMER_CODEC, CustomerChanged, CustomerRegistered
from collections_service.open_items import events as open_items
from collections_service.open_items.events import OPEN_ITEM_CODEC, Line, ServedCredit, Step
from collections_service.receipts import events as receipts
from collections_service.receipts.events import RECEIPT_CODEC, Allocation, TakenBack
from redress.codec import Codec
from redress.contracts.common import Sealed
from redress.legal_entities.events import (
    LEGAL_ENTITY_CODEC,
    LegalEntityDescribed,
    SenderIdentity,
    WorkingHours,
)
from redress.money import Money

STORED = Path(__file__).parent / "stored"
DAY, LATER = date(2026, 1, 10), date(2026, 2, 20)
CODECS: dict[str, Codec[Any]] = {
    "open_items": OPEN_ITEM_CODEC,
    "receipts": RECEIPT_CODEC,
    "customers": CUSTOMER_CODEC,
    "legal_entities": LEGAL_ENTITY_CODEC,
}


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


LINE = Line(line="10", amount=eur(50_000), description="Pumpe", quantity="2.5", unit_price="200.0000")
STEPS = (Step(DAY, 30_000), Step(LATER, -30_000))
BACK = TakenBack(invoice_id="INV-1", amount=eur(5_000), effective_on=LATER)
BOX = Sealed("customer:C-1", bytes(range(28)))
EXAMPLES: dict[str, list[Any]] = {
    "legal_entities": [
        LegalEntityDescribed(
            at=datetime(2026, 11, 30, 12, tzinfo=UTC),
            code="US01",
            zone="America/New_York",
            calendar=WorkingHours(country="US", subdivision="NY", opens="09:00", closes="17:00"),
            currency="USD",
            sender=SenderIdentity(
                name="Redress Inc.", address=("350 Fifth Avenue", "New York, NY 10118"), reply_to="ar@redress.example"
            ),
        )
    ],
    "open_items": [
        open_items.InvoiceRegistered(
            invoice_id="INV-1",
            source="sap",
            legal_entity="DE01",
            customer_id="C-1",
            issued_on=DAY,
            due_on=LATER,
            total=eur(100_000),
            tax=eur(15_966),
            lines=(LINE,),
            po_number="PO-7",
            discount=open_items.CashDiscount(Decimal(2), 10),
        ),
        open_items.InvoiceCorrected(
            corrected_on=DAY,
            effective_on=DAY,
            due_on=LATER,
            total=eur(90_000),
            change=-10_000,
            tax=None,
            lines=(LINE,),
            po_number=None,
            discount=open_items.CashDiscount(Decimal("2.5"), 14),
            steps=(Step(DAY, -10_000),),
            due_from=DAY,
            from_start=True,
        ),
        open_items.PaymentApplied(
            source="sap",
            payment_id="P-1",
            received_on=DAY,
            applied_on=LATER,
            amount=eur(40_000),
            remittance_reason="damaged",
            payment_claim="CL-1",
            claim_number="CL-2",
            settles_in_full=True,
            withheld_tax=eur(1_500),
        ),
        open_items.PaymentReversed(
            source="sap", payment_id="P-1", reversed_on=DAY, effective_on=LATER, amount=eur(40_000)
        ),
        open_items.CreditMemoApplied(
            source="sap",
            credit_memo_id="CM-1",
            issued_on=DAY,
            applied_on=DAY,
            amount=eur(30_000),
            serves=(ServedCredit("dsp_1", 30_000),),
            dispute_id="dsp_1",
        ),
        open_items.PaymentUnapplied(
            source="sap", payment_id="P-1", unapplied_on=DAY, effective_on=LATER, amount=eur(40_000)
        ),
        open_items.CreditMemoUnapplied(
            source="sap", credit_memo_id="CM-1", unapplied_on=DAY, effective_on=LATER, amount=eur(30_000)
        ),
        open_items.CreditMemoReversed(
            source="sap", credit_memo_id="CM-1", reversed_on=DAY, effective_on=LATER, amount=eur(30_000)
        ),
        open_items.WriteOffPosted(
            source="sap",
            write_off_id="W-1",
            posted_on=DAY,
            applied_on=LATER,
            amount=eur(499),
            kind="small_difference",
            reason="rounding",
        ),
        open_items.InvoiceCancelled(cancelled_on=DAY, effective_on=LATER, change=-100_000, reason="billed twice"),
        open_items.CollectionHandedOver(to="agency", handed_on=LATER, reference="AZ 17/26"),
        open_items.CollectionTakenBack(taken_back_on=LATER),
        open_items.ShortPaymentDetected(
            source="sap",
            payment_id="P-1",
            received_on=DAY,
            short=eur(501),
            tolerated=eur(500),
            policy="short-payment-tolerance@1",
            explanation="5.01 EUR stays open",
            remittance_reason="damaged",
            claim_number="CL-2",
            settles_in_full=True,
        ),
        open_items.RemainderLeft(
            source="sap",
            payment_id="P-1",
            received_on=DAY,
            remainder=eur(60_000),
            tolerated=eur(100),
            difference=eur(5_000),
            policy="short-payment-tolerance@1",
            why="not-due",
            explanation="600.00 EUR stays open",
        ),
        open_items.DiscountGranted(
            source="sap", payment_id="P-1", applied_on=DAY, amount=eur(2_000), explanation="2 % within 10 days"
        ),
        open_items.DiscountWithdrawn(source="sap", payment_id="P-1", effective_on=LATER, amount=eur(2_000)),
        open_items.RemainderTolerated(
            source="sap",
            payment_id="P-1",
            received_on=DAY,
            remainder=eur(499),
            tolerated=eur(500),
            policy="short-payment-tolerance@1",
            explanation="4.99 EUR stays open",
        ),
        open_items.DisputeReported(
            dispute_id="dsp_1",
            dispute_version=3,
            opened_on=DAY,
            effective_on=DAY,
            currency="EUR",
            claimed=20_000,
            change=-10_000,
            awaiting_credit=20_000,
            rejected=10_000,
            outcome="resolved as CREDIT_PARTIAL",
            opened_at=datetime(2026, 1, 10, 9, 30, tzinfo=UTC),
        ),
        open_items.HoldPlaced(dispute_id="dsp_1", steps=STEPS[:1], held=eur(30_000)),
        open_items.HoldReduced(
            dispute_id="dsp_1", steps=(Step(LATER, -10_000),), held=eur(20_000), released=eur(10_000), why="paid"
        ),
        open_items.HoldReleased(
            dispute_id="dsp_1", steps=(Step(LATER, -20_000),), released=eur(20_000), why="withdrawn"
        ),
        open_items.PastHoldRecorded(dispute_id="dsp_1", steps=STEPS),
        open_items.CreditAwaited(dispute_id="dsp_1", amount=eur(20_000)),
        open_items.RecoveryTaskOpened(dispute_id="dsp_1", amount=eur(10_000)),
        open_items.RecoveryTaskResized(dispute_id="dsp_1", amount=eur(15_000)),
        open_items.RecoveryTaskAssigned(
            dispute_id="dsp_1", owner="b.stein", previous_owner="a.roth", reason="on leave from Friday"
        ),
        open_items.RecoveryTaskDone(dispute_id="dsp_1", by="b.stein", result="promised for Friday"),
        open_items.RecoveryTaskClosed(dispute_id="dsp_1", why="reopened"),
    ],
    "receipts": [
        receipts.PaymentReceived(
            source="sap",
            payment_id="P-1",
            customer_id="C-1",
            received_on=DAY,
            amount=eur(50_000),
            allocations=(
                Allocation(invoice_id="INV-1", named=eur(45_000), applied=eur(40_000), applied_on=LATER),
                Allocation(invoice_id="INV-2", named=eur(1), applied=eur(0), applied_on=None),
            ),
            unapplied=eur(10_000),
            remittance_reason="damaged",
        ),
        receipts.CreditMemoPosted(
            source="sap",
            credit_memo_id="CM-1",
            legal_entity="DE01",
            customer_id="C-1",
            issued_on=DAY,
            total=eur(30_000),
            allocations=(
                Allocation(
                    invoice_id="INV-1", named=eur(30_000), applied=eur(20_000), applied_on=DAY, dispute_id="dsp_1"
                ),
            ),
            unapplied=eur(10_000),
        ),
        receipts.ReceiptReversed(
            payment_id="P-1",
            customer_id="C-1",
            received_on=DAY,
            reversed_on=LATER,
            effective_on=LATER,
            returned=eur(50_000),
            unapplied_returned=eur(10_000),
            reason="R01",
            reversal_id="R-1",
            back=(BACK,),
        ),
        receipts.ReceiptApplied(
            application_id="A-1",
            receipt_id="P-1",
            customer_id="C-1",
            applied_on=DAY,
            allocations=(Allocation(invoice_id="INV-1", named=eur(10_000), applied=eur(8_000), applied_on=LATER),),
            applied=eur(8_000),
        ),
        receipts.ReceiptUnapplied(
            application_id="A-2",
            receipt_id="P-1",
            customer_id="C-1",
            unapplied_on=DAY,
            back=(BACK,),
            unapplied=eur(5_000),
        ),
        receipts.CreditMemoCancelled(
            credit_memo_id="CM-1",
            customer_id="C-1",
            issued_on=DAY,
            reversed_on=LATER,
            effective_on=LATER,
            returned=eur(30_000),
            unapplied_returned=eur(25_000),
            reversal_id="R-1",
            back=(BACK,),
            reason="wrong customer",
        ),
        receipts.PayerIdentified(payment_id="P-1", customer_id="C-1", identified_on=LATER, currency="EUR", cash=STEPS),
        receipts.ReceiptRefunded(
            refund_id="F-1",
            receipt_id="P-1",
            customer_id="C-1",
            refunded_on=DAY,
            effective_on=LATER,
            amount=eur(2_000),
            reason="paid twice",
        ),
    ],
    "customers": [
        CustomerRegistered(customer_id="C-1", name=BOX, email=BOX, language="de"),
        CustomerChanged(name=None, email=BOX, language="en"),
    ],
}
ALL = [(aggregate, example) for aggregate, examples in EXAMPLES.items() for example in examples]


@pytest.mark.parametrize(("aggregate", "example"), ALL, ids=lambda each: type(each).__name__)
def test_a_stored_shape_is_read_and_written_as_ever(aggregate: str, example: object) -> None:
    name, version, payload = CODECS[aggregate].encode(example)
    file = STORED / aggregate / f"{name}.v{version}.json"
    if os.environ.get("WRITE_GOLDEN") and not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(payload + b"\n")

    stored = file.read_bytes().rstrip(b"\n")

    assert CODECS[aggregate].decode(name, version, stored) == example
    assert json.loads(stored) == json.loads(payload)


@pytest.mark.parametrize("aggregate", list(CODECS))
def test_every_stored_name_has_an_example(aggregate: str) -> None:
    examples = {CODECS[aggregate].encode(example)[0] for example in EXAMPLES[aggregate]}

    assert examples == set(CODECS[aggregate].names)


def test_what_was_stored_before_there_were_terms_and_words_has_none() -> None:
    folder = STORED / "open_items"

    def first(name: str) -> Any:  # noqa: ANN401
        return OPEN_ITEM_CODEC.decode(name, 1, (folder / f"{name}.v1.json").read_bytes())

    assert first("invoice-registered").discount is None
    assert first("invoice-corrected").discount is None
    assert first("payment-applied").settles_in_full is None
    assert first("short-payment-detected").claim_number is None


def test_every_file_is_of_a_known_name_and_version() -> None:
    for file in STORED.glob("*/*.json"):
        name, version, _ = file.name.split(".")
        CODECS[file.parent.name].decode(name, int(version.removeprefix("v")), file.read_bytes())
