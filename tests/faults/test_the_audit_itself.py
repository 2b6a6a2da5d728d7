"""What the audit must see: bounds that a bug would break, and a credit memo that serves the wrong dispute."""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from faults.audit.bounds_rules import bounded
from faults.audit.credit_rules import Holder, Memo, credit_rules, served
from faults.audit.dispute_rules import FoldedDispute
from faults.audit.identity_rules import one_invoice_each
from faults.audit.ledger_rules import FoldedInvoice, FoldedLedger, holds_agree
from faults.audit.topic_rules import Message, Topics
from faults.history import AnyLine, Measurement
from redress.ids import derived_uuid, public_id


class MemoryHistory:
    """A history of one process of ten minutes, measured every two seconds; `megabytes` gives its memory at a second."""

    def __init__(self, megabytes: Callable[[float], float]) -> None:
        self._megabytes = megabytes

    def history(self) -> Iterator[AnyLine]:
        for step in range(300):
            rss = int(self._megabytes(2.0 * step) * 1e6)
            yield Measurement(at=2.0 * step, process="dispute-worker", pid=7, rss_bytes=rss, open_files=30)


def wrong(megabytes: Callable[[float], float]) -> int:
    return sum(finding.wrong for finding in bounded(MemoryHistory(megabytes)))


def test_memory_that_fills_its_caches_and_then_goes_up_and_down_is_flat() -> None:
    assert wrong(lambda second: 120 + min(second, 120.0) / 2 + 6 * (second % 20 < 10)) == 0


@pytest.mark.parametrize("bytes_per_event", [100, 500])
def test_a_leak_of_hundreds_of_bytes_per_event_is_named(bytes_per_event: int) -> None:
    """At a thousand events in a second."""
    assert wrong(lambda second: 120 + second * 1_000 * bytes_per_event / 1e6) == 1


def test_more_than_half_a_gigabyte_is_named() -> None:
    assert wrong(lambda _second: 513 * 1024 * 1024 / 1e6) == 1


A, B = (str(derived_uuid("dispute", name)) for name in "AB")
HOLDERS = [
    Holder(datetime(2026, 3, 3, tzinfo=UTC), B, 300, 200),
    Holder(datetime(2026, 3, 2, tzinfo=UTC), A, 100, 0),
]


@pytest.mark.parametrize(
    ("applied", "names", "expected"),
    [
        (150, None, {B: 150}),  # B waits for 200
        (250, None, {B: 200, A: 50}),  # then A, which is older
        (500, None, {B: 300, A: 100}),  # and 100 that nobody contests
        (150, A, {A: 100, B: 50}),
        (150, str(derived_uuid("dispute", "unknown")), {B: 150}),
    ],
)
def test_the_audits_own_rule_of_whom_a_credit_memo_serves(
    applied: int, names: str | None, expected: dict[str, int]
) -> None:
    named = names and public_id("dsp", UUID(names))
    assert served(HOLDERS, Memo(applied, named, 1_000 - applied)) == expected


WAITING = [
    Holder(datetime(2026, 3, 3, tzinfo=UTC), B, 300, 0, 100, 150),
    Holder(datetime(2026, 3, 2, tzinfo=UTC), A, 100, 50, 50, 0),
]


@pytest.mark.parametrize(
    ("kind", "applied", "expected"),
    [
        ("payment", 150, {B: 150}),  # no larger than what waits for one
        ("payment", 151, {}),  # 600 nobody holds
        ("payment", 700, {B: 100}),
        ("payment", 800, {B: 150, A: 50}),
        ("write_off", 150, {A: 50, B: 100}),
        ("write_off", 700, {A: 50, B: 50}),
        ("credit", 60, {A: 60}),  # 50 wait for a credit, then what waits for anything else, the older one first
        ("credit", 400, {A: 100, B: 300}),
    ],
)
def test_the_audits_own_rule_of_whom_a_posting_of_each_kind_serves(
    kind: str, applied: int, expected: dict[str, int]
) -> None:
    assert served(WAITING, Memo(applied, None, 1_000 - applied, kind)) == expected


class WrittenLog:
    """A log of dispute-service, written by hand."""

    def __init__(self, to: str) -> None:
        invoice = derived_uuid("disputable-invoice", "t", "I")
        held = {"line": None, "amount": 100, "awaiting_credit": 100}
        reserved = [
            {"at": at, "opened_at": at, "dispute_id": dispute, "held": [held]}
            for at, dispute in (("2026-03-02T09:00:00Z", A), ("2026-03-03T09:00:00Z", B))
        ]
        reduced = {
            "cause": "credit-memo",
            "invoice_id": "I",
            "ledger_version": 2,
            "shares": [{"item": 0, "amount": 100}],
        }
        self._events: dict[str, list[tuple[UUID, str, dict[str, Any]]]] = {
            "disputable-invoice": [
                *((invoice, "reservation-set", data) for data in reserved),
                (invoice, "invoice-recorded", {"ledger_version": 2}),
            ],
            "dispute": [(UUID(to), "amount-reduced", reduced)],
        }

    async def events(self, _service: str, stream_type: str | None = None) -> AsyncIterator[SimpleNamespace]:
        for stream, kind, data in self._events[stream_type or ""]:
            yield SimpleNamespace(stream=stream, tenant="t", type=kind, data=data)


@pytest.mark.parametrize(("to", "expected"), [(A, 0), (B, 1)])
async def test_a_credit_memo_that_served_the_wrong_dispute_is_named(to: str, expected: int) -> None:
    topics = Topics()
    amount = {"amount": "1.00", "currency": "EUR"}
    invoice = {"invoice_id": "I", "currency": "EUR", "open": amount}
    data = {"invoice": invoice, "applied": amount, "dispute_id": None}
    topics.messages["collections"].append(
        Message(
            seq=1,
            id="evt_1",
            type="credit-memo-applied",
            subject=UUID(int=1),
            tenant="t",
            version=2,
            time=datetime(2026, 3, 4, tzinfo=UTC),
            data=data,
        )
    )
    assert (await credit_rules(WrittenLog(to), topics)).wrong == expected


@pytest.mark.parametrize(
    ("reserved", "claimed", "held", "wrong"), [(100, 100, 100, 0), (100, 100, 0, 2), (100, 0, 0, 1), (0, 100, 100, 1)]
)
def test_services_that_say_different_things_of_a_dispute_are_named(
    reserved: int, claimed: int, held: int, wrong: int
) -> None:
    dispute, invoice, ledger = FoldedDispute("t"), FoldedInvoice("t"), FoldedLedger()
    dispute.open, dispute.invoices = [100], ["I"]
    invoice.invoice_id, invoice.open = "I", 500
    name = public_id("dsp", UUID(A))
    invoice.claimed[name], invoice.holds[name] = (1, claimed), held
    ledger.invoices[derived_uuid("invoice", "t", "I")] = invoice
    stored = {(derived_uuid("disputable-invoice", "t", "I"), UUID(A)): reserved}
    findings = holds_agree(ledger, {UUID(A): dispute}, stored)
    assert sum(finding.wrong for finding in findings) == wrong


@pytest.mark.parametrize(
    ("entity", "first", "own", "wrong"),
    [("DE02", "DE01", "DE02", 0), ("DE02", None, "DE02", 2), ("DE02", "DE01", None, 1), ("DE01", "DE02", "DE01", 2)],
)
def test_an_invoice_that_is_not_where_its_entity_has_it_is_named(
    entity: str, first: str | None, own: str | None, wrong: int
) -> None:
    """Beside the invoice of DE01, which was the first with the number."""
    there, other = FoldedInvoice("t"), FoldedInvoice("t")
    there.invoice_id, there.legal_entity = "I", "DE01"
    other.invoice_id, other.legal_entity, other.first_entity = "I", entity, first
    stream = derived_uuid("invoice", "t", "I") if own is None else derived_uuid("invoice-of", "t", own, "I")
    found = one_invoice_each([(derived_uuid("invoice", "t", "I"), there), (stream, other)])
    assert found.wrong == wrong


@pytest.mark.parametrize(("reserved_at", "wrong"), [("DE02", 0), ("DE01", 1)])
def test_services_that_mean_different_entities_by_a_dispute_are_named(reserved_at: str, wrong: int) -> None:
    dispute, ledger = FoldedDispute("t"), FoldedLedger()
    dispute.open, dispute.invoices, dispute.entities = [100], ["I"], {"I": "DE02"}
    for entity, stream in (
        ("DE01", derived_uuid("invoice", "t", "I")),
        ("DE02", derived_uuid("invoice-of", "t", "DE02", "I")),
    ):
        invoice = FoldedInvoice("t")
        invoice.invoice_id, invoice.legal_entity, invoice.open = "I", entity, 500
        if entity == "DE02":
            invoice.claimed[public_id("dsp", UUID(A))] = (1, 100)
            invoice.holds[public_id("dsp", UUID(A))] = 100
        ledger.invoices[stream] = invoice
    place = derived_uuid("disputable-invoice-of", "t", reserved_at, "I")
    findings = holds_agree(ledger, {UUID(A): dispute}, {(place, UUID(A)): 100})
    assert sum(finding.wrong for finding in findings) == wrong
