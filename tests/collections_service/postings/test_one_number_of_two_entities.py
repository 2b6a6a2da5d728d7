"""Two legal entities may use one invoice number. Whose invoice a posting means is said, or there is only one."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from support.collections_examples import FIRST_TOLERANCE, day, eur
from support.side_by_side import SideBySide

from collections_service.open_items.commands import (
    CancelInvoice,
    CorrectInvoice,
    PostWriteOff,
    RegisterInvoice,
    ReportDispute,
)
from collections_service.open_items.decisions import report_dispute, share
from collections_service.open_items.decisions.invoices import MAX_ENTITIES
from collections_service.open_items.finding import disputed_stream
from collections_service.open_items.refusals import (
    AmbiguousInvoice,
    InvoiceDiffers,
    InvoiceNotRegistered,
    NumberInTooManyEntities,
)
from collections_service.open_items.state import OpenItem
from collections_service.open_items.stream import INVOICE, invoice_stream
from collections_service.postings.commands import LedgerCommand, Posting
from collections_service.postings.handle import post
from collections_service.receipts.commands import (
    ApplyReceipt,
    NamedInvoice,
    PostCreditMemo,
    ReceiptName,
    ReceivePayment,
    ReverseReceipt,
    TakenOff,
    UnapplyReceipt,
)
from collections_service.receipts.refusals import InvoiceNamedTwice
from redress.handling.unit_of_work import UnitOfWork
from redress.ids import derived_uuid

NOON = datetime(2026, 2, 1, 12, tzinfo=UTC)


class _Policies:
    async def in_force(self, *_: object, **__: object) -> object:
        return FIRST_TOLERANCE


class Ledger:
    """The ledger's streams in memory."""

    def __init__(self) -> None:
        self._side = SideBySide().ledger

    def post(self, *commands: LedgerCommand) -> None:
        policies: Any = _Policies()
        for command in commands:
            posting = Posting(command=command)
            self._side.do(lambda uow, posting=posting: post(uow, posting, policies), NOON, NOON)  # type: ignore[misc]

    def hear(self, *reports: ReportDispute) -> None:
        """What disputes say about number 4711."""
        for report in reports:

            async def react(uow: UnitOfWork, report: ReportDispute = report) -> None:
                stream = await disputed_stream(uow, "4711", report.legal_entity)
                uow.record(INVOICE, stream, report_dispute(report, await uow.state(INVOICE, stream)))

            self._side.do(react, NOON, NOON)

    def of(self, entity: str | None = None, invoice_id: str = "4711") -> OpenItem:
        """The invoice on the stream of the number, or on that of the entity."""
        return self._side.state(invoice_stream("demo", invoice_id, entity), INVOICE.initial)

    def published(self) -> Mapping[UUID, list[Any]]:
        return self._side.unheard


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


def posted(entity: str, total: int = 100_000, *, invoice_id: str = "4711", customer: str = "C-1") -> RegisterInvoice:
    return RegisterInvoice(
        invoice_id=invoice_id,
        source="sap",
        legal_entity=entity,
        customer_id=customer,
        issued_on=day(10),
        due_on=day(40),
        total=eur(total),
    )


def paid(payment_id: str, *parts: tuple[str, str | None, int], entity: str | None = None) -> ReceivePayment:
    return ReceivePayment(
        source="sap",
        payment_id=payment_id,
        customer_id="C-1",
        received_on=day(30),
        amount=eur(sum(minor for _, _, minor in parts)),
        allocations=tuple(NamedInvoice(number, eur(minor), legal_entity=whose) for number, whose, minor in parts),
        legal_entity=entity,
    )


PAYMENT = ReceiptName(kind="payment", source="sap", number="P")


def test_the_second_entitys_invoice_is_another_invoice(ledger: Ledger) -> None:
    ledger.post(posted("DE01", 100_000), posted("DE02", 7_000))

    assert (ledger.of().terms.legal_entity, ledger.of().open_minor) == ("DE01", 100_000)  # type: ignore[union-attr]
    assert (ledger.of("DE02").terms.legal_entity, ledger.of("DE02").open_minor) == ("DE02", 7_000)  # type: ignore[union-attr]
    assert ledger.of("DE02").terms.first_entity == "DE01"  # type: ignore[union-attr]
    assert ledger.of().shared_with == ("DE02",)


def test_the_first_invoice_keeps_the_stream_that_its_number_always_had(ledger: Ledger) -> None:
    ledger.post(posted("DE01"))

    assert invoice_stream("demo", "4711") == derived_uuid("invoice", "demo", "4711")
    assert ledger.of().terms is not None


def test_the_same_invoice_again_is_one_invoice(ledger: Ledger) -> None:
    ledger.post(posted("DE01"), posted("DE02"), posted("DE02"), posted("DE01"), posted("DE02"))

    assert ledger.of().shared_with == ("DE02",)
    with pytest.raises(InvoiceDiffers):
        ledger.post(posted("DE02", 1))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("A B", "C"), ("A", "B C")),
        (("AB", "C"), ("A", "BC")),
        (("A of", "B"), ("A", "of B")),
        (("A", "B"), ("B", "A")),
    ],
)
def test_no_two_invoices_have_one_stream(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert invoice_stream("demo", one[1], one[0]) != invoice_stream("demo", other[1], other[0])


def test_a_payment_of_one_entity_leaves_the_others_invoice_alone(ledger: Ledger) -> None:
    ledger.post(posted("DE01", 1_000), posted("DE02", 1_000), paid("P", ("4711", "DE02", 400)))

    assert (ledger.of().open_minor, ledger.of("DE02").open_minor) == (1_000, 600)


def test_one_transfer_pays_the_same_number_of_two_companies(ledger: Ledger) -> None:
    ledger.post(posted("DE01", 1_000), posted("DE02", 1_000), paid("P", ("4711", "DE01", 300), ("4711", "DE02", 400)))

    assert (ledger.of().open_minor, ledger.of("DE02").open_minor) == (700, 600)
    ledger.post(ReverseReceipt(receipt=PAYMENT, reversal_id="R", reversed_on=day(50)))
    assert (ledger.of().open_minor, ledger.of("DE02").open_minor) == (1_000, 1_000)


def test_the_same_invoice_twice_in_one_payment_is_refused_however_it_is_named(ledger: Ledger) -> None:
    ledger.post(posted("DE01", 1_000))

    with pytest.raises(InvoiceNamedTwice):
        ledger.post(paid("P", ("4711", None, 300), ("4711", "DE01", 400)))


def test_a_number_of_one_entity_needs_no_entity(ledger: Ledger) -> None:
    ledger.post(posted("DE01", 1_000), paid("P", ("4711", None, 400)), paid("Q", ("4711", "DE01", 100)))

    assert ledger.of().open_minor == 500


@pytest.mark.parametrize(
    ("command", "place"),
    [
        (paid("P", ("4712", None, 1), ("4711", None, 400)), ("allocations", 1, "legal_entity")),
        (
            PostCreditMemo(
                source="sap", credit_memo_id="CM", legal_entity="", customer_id="C-1", issued_on=day(30),
                total=eur(100), allocations=(NamedInvoice("4711", eur(100)),),
            ),
            ("applies_to", 0, "legal_entity"),
        ),
        (CorrectInvoice(invoice_id="4711", corrected_on=day(20), total=eur(5)), ("legal_entity",)),
        (CancelInvoice(invoice_id="4711", cancelled_on=day(20)), ("legal_entity",)),
        (
            PostWriteOff(
                source="sap", write_off_id="W", invoice_id="4711", posted_on=day(20), amount=eur(5), kind="bad_debt"
            ),
            ("legal_entity",),
        ),
    ],
)  # fmt: skip
def test_a_number_of_two_entities_without_an_entity_is_refused_with_both(
    ledger: Ledger, command: LedgerCommand, place: tuple[str | int, ...]
) -> None:
    ledger.post(posted("DE01", 1_000), posted("DE02", 1_000), posted("DE01", 1_000, invoice_id="4712"))

    with pytest.raises(AmbiguousInvoice) as refused:
        ledger.post(command)

    assert refused.value.details == {"invoice_id": "4711", "legal_entities": ("DE01", "DE02")}
    assert refused.value.allowed == ("DE01", "DE02")
    assert refused.value.place == place
    assert (refused.value.kind, refused.value.code) == ("conflict", "ambiguous_invoice")


def test_what_is_said_of_an_entity_that_has_not_posted_the_number_waits_for_it(ledger: Ledger) -> None:
    ledger.post(posted("DE01", 1_000))

    with pytest.raises(InvoiceNotRegistered) as early:
        ledger.post(paid("P", ("4711", "DE02", 400)))
    assert (early.value.invoice_id, early.value.legal_entity) == ("4711", "DE02")
    with pytest.raises(InvoiceNotRegistered):
        ledger.post(CorrectInvoice(invoice_id="4711", legal_entity="DE02", corrected_on=day(20), total=eur(5)))


def test_a_correction_and_a_cancellation_are_of_the_entity_they_name(ledger: Ledger) -> None:
    ledger.post(
        posted("DE01", 1_000),
        posted("DE02", 1_000),
        CorrectInvoice(invoice_id="4711", legal_entity="DE02", corrected_on=day(20), total=eur(800)),
        CancelInvoice(invoice_id="4711", legal_entity="DE01", cancelled_on=day(20)),
    )

    assert (ledger.of().open_minor, ledger.of("DE02").open_minor) == (0, 800)


def test_cash_on_account_is_applied_to_the_receipts_own_entity_where_none_is_named(ledger: Ledger) -> None:
    ledger.post(posted("DE01", 1_000), posted("DE02", 1_000), paid("P", ("4711", "DE02", 100), entity="DE02"))
    ledger.post(ReverseReceipt(receipt=PAYMENT, reversal_id="R", reversed_on=day(31)))
    on_account = ReceivePayment(
        source="sap", payment_id="Q", customer_id="C-1", received_on=day(32), amount=eur(500), legal_entity="DE02"
    )
    receipt = ReceiptName(kind="payment", source="sap", number="Q")
    ledger.post(
        on_account,
        ApplyReceipt(
            receipt=receipt, application_id="A", applied_on=day(33), allocations=(NamedInvoice("4711", eur(500)),)
        ),
    )

    assert (ledger.of().open_minor, ledger.of("DE02").open_minor) == (1_000, 500)


def test_money_is_taken_off_the_invoice_that_has_it_where_no_entity_is_named(ledger: Ledger) -> None:
    ledger.post(posted("DE01", 1_000), posted("DE02", 1_000), paid("P", ("4711", "DE02", 400)))
    ledger.post(
        UnapplyReceipt(
            receipt=PAYMENT, application_id="U", unapplied_on=day(40), currency="EUR",
            allocations=(TakenOff("4711", eur(150)),),
        )
    )  # fmt: skip

    assert (ledger.of().open_minor, ledger.of("DE02").open_minor) == (1_000, 750)


def test_a_payment_of_before_the_number_was_shared_comes_back_from_its_invoice(ledger: Ledger) -> None:
    ledger.post(posted("DE01", 1_000), paid("P", ("4711", None, 400)), posted("DE02", 1_000))
    ledger.post(
        ReverseReceipt(
            receipt=PAYMENT, reversal_id="R", reversed_on=day(50), amount=eur(100),
            allocations=(NamedInvoice("4711", eur(100)),),
        )
    )  # fmt: skip

    assert (ledger.of().open_minor, ledger.of("DE02").open_minor) == (700, 1_000)


def test_what_was_posted_before_the_number_was_shared_is_already_so_when_it_is_sent_again(ledger: Ledger) -> None:
    payment = paid("P", ("4711", None, 400))
    applied = ApplyReceipt(
        receipt=ReceiptName(kind="payment", source="sap", number="Q"), application_id="A", applied_on=day(33),
        allocations=(NamedInvoice("4711", eur(100)),),
    )  # fmt: skip
    ledger.post(posted("DE01", 1_000), payment, paid("Q"), posted("DE02", 1_000))
    with pytest.raises(AmbiguousInvoice):
        ledger.post(applied)

    ledger.post(payment)

    assert (ledger.of().open_minor, ledger.of("DE02").open_minor) == (600, 1_000)


# -- disputes that spoke of the number before


def claim(minor: int, entity: str | None, *, dispute_id: str = "dsp_1", version: int = 1) -> ReportDispute:
    return ReportDispute(
        dispute_id=dispute_id, dispute_version=version, opened_on=day(5), effective_on=day(5), claimed=eur(minor),
        awaiting_credit=eur(0), rejected=eur(0), outcome="opened", legal_entity=entity,
    )  # fmt: skip


def test_a_dispute_without_an_entity_holds_the_first_invoice_with_the_number(ledger: Ledger) -> None:
    ledger.hear(claim(300, None))
    ledger.post(posted("DE01", 1_000), posted("DE02", 1_000))

    assert (ledger.of().held_minor, ledger.of("DE02").held_minor) == (300, 0)


def test_a_dispute_that_names_an_entity_waits_for_its_invoice_and_goes_there(ledger: Ledger) -> None:
    ledger.hear(claim(300, "DE02"))
    ledger.post(posted("DE01", 1_000))
    assert ledger.of().held_minor == 0

    ledger.hear(claim(250, "DE02", version=2), claim(50, "DE02", dispute_id="dsp_2"))
    ledger.post(posted("DE02", 1_000))

    assert (ledger.of().held_minor, ledger.of("DE02").held_minor) == (0, 300)
    assert ledger.of().elsewhere == ()
    ledger.hear(claim(0, "DE02", version=3))
    assert ledger.of("DE02").held_minor == 50


def test_a_dispute_that_names_the_first_entity_holds_as_one_that_names_none(ledger: Ledger) -> None:
    ledger.hear(claim(300, "DE01"))
    ledger.post(posted("DE01", 1_000))
    ledger.hear(claim(200, "DE01", version=2))

    assert ledger.of().held_minor == 200


def test_a_number_takes_no_more_entities_than_its_stream_can_list() -> None:
    full = OpenItem(shared_with=tuple(f"E{n}" for n in range(MAX_ENTITIES)))

    assert share(full, "4711", "E7") == []
    with pytest.raises(NumberInTooManyEntities):
        share(full, "4711", "one more")


def test_the_published_invoice_says_which_entity_had_the_number_before(ledger: Ledger) -> None:
    ledger.post(posted("DE01"), posted("DE02"))

    said = [str(event.data, "utf-8") for events in ledger.published().values() for event in events]
    assert len(said) == 2
    assert ['"first_entity":"DE01"' in each for each in said] == [False, True]
