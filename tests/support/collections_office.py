"""collections-service on a real PostgreSQL, and the messages of an ERP and events of dispute-service to vary."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any, cast

import asyncpg
import httpx2 as httpx
import msgspec
from fastapi import FastAPI
from support.clock import SetClock
from support.databases import Database, MakeDatabase
from support.issuer import Issuer
from support.running_service import RunningService, running_service

from collections_service.erp.dynamics365 import standard_mapping
from collections_service.erp.intake import Intake
from collections_service.erp.topic import DeadLetterTopic, ErpTopic
from collections_service.service import SERVICE
from redress.contracts import dispute_events
from redress.contracts.common import WireMoney, wire
from redress.contracts.envelope import PublishedEvent
from redress.eventlog.connections import Connection
from redress.eventlog.postgres import PostgresEventLog
from redress.eventlog.vault import Vault
from redress.handling.command_runner import CommandRunner
from redress.ids import derived_uuid, new_uuid, public_id
from redress.messaging.memory import InMemoryBroker
from redress.messaging.port import IncomingMessage, TopicSpec
from redress.money import Money
from redress.policy.book import PolicyBook
from redress.service.composition import publication

TOPIC = "erp.invoices.v1"
Message = dict[str, Any]
_keys = count(1)


class Office:
    """One running service. `erp` posts, `get` reads, `follow` brings the projections up to date."""

    def __init__(self, running: RunningService, worker_log: PostgresEventLog) -> None:
        self.running = running
        self.worker_log = worker_log
        self.http: httpx.AsyncClient = running.client
        self.issuer: Issuer = running.issuer
        self.app: FastAPI = running.app
        self.log: PostgresEventLog = running.log
        self.vault: Vault = running.vault
        self.clock: SetClock = running.clock
        self.database: Database = running.database
        self.worker: asyncpg.Pool = running.worker.pool

    def other_intake(self, runner: CommandRunner | None = None) -> Intake:
        """The intake of another process with the API's role, which remembers nothing yet."""
        return _intake(self.log, self.vault, self.clock, runner)

    def worker_intake(self, runner: CommandRunner | None = None) -> Intake:
        """The intake of the worker, whose role sees all tenants."""
        return _intake(self.worker_log, self.vault, self.clock, runner)

    async def post(
        self, items: object, *, tenant: str = "demo", role: str = "erp", key: str | None = None
    ) -> httpx.Response:
        body = items if isinstance(items, bytes) else msgspec.json.encode(items)
        return await self.http.post(
            "/v1/erp/events",
            content=body,
            headers={
                **self.issuer.bearer(role, tenant=tenant),
                "Content-Type": "application/json",
                "Idempotency-Key": key or f"key-{next(_keys)}",
            },
        )

    async def erp(self, *items: object, tenant: str = "demo") -> list[dict[str, Any]]:
        """Post the items as one batch; the result of each."""
        response = await self.post(list(items), tenant=tenant)
        assert response.status_code == 207, response.text
        return cast("list[dict[str, Any]]", response.json()["items"])

    async def accepted(self, *items: object, tenant: str = "demo") -> None:
        for result in await self.erp(*items, tenant=tenant):
            assert result["result"] == "accepted", result

    async def get(
        self, path: str, *, tenant: str = "demo", role: str = "analyst", status: int = 200, **query: Any
    ) -> dict[str, Any]:
        response = await self.http.get(path, params=query, headers=self.issuer.bearer(role, tenant=tenant))
        assert response.status_code == status, response.text
        return cast("dict[str, Any]", response.json())

    async def follow(self) -> None:
        """Run the projections up to the head of the log."""
        await self.running.catch_up()

    async def sequenced(self) -> None:
        """Everything that was appended has its place in the log."""
        await self.running.sequenced()

    async def told(self) -> list[dict[str, Any]]:
        """What others hear of everything that has happened, in order."""
        await self.sequenced()
        events = await publication(SERVICE, self.log).publish(await self.log.read_log(0, 1_000))
        return [msgspec.json.decode(event.data) for event in events]

    async def hear(self, *events: PublishedEvent) -> None:
        """The holds follow what dispute-service published, in one batch."""
        await self.running.take(*events)


@asynccontextmanager
async def open_office(make_database: MakeDatabase, clock: SetClock | None = None) -> AsyncIterator[Office]:
    clock = clock or SetClock()
    async with (
        running_service(SERVICE, make_database, clock) as running,
        PostgresEventLog.open(running.database.worker, sequencer=False) as worker_log,
    ):
        yield Office(running, worker_log)


def _intake(log: PostgresEventLog, vault: Vault, clock: SetClock, runner: CommandRunner | None) -> Intake:
    return Intake.over(
        runner=runner or CommandRunner(log),
        log=log,
        pool=log.pool,
        vault=vault,
        policies=PolicyBook(log),
        mapping=standard_mapping(),
        clock=clock,
    )


# -- the ERP's topic


def message(value: object, offset: int = 0, **headers: bytes) -> IncomingMessage:
    return IncomingMessage(
        topic=TOPIC,
        partition=0,
        offset=offset,
        key=None,
        value=value if isinstance(value, bytes) else msgspec.json.encode(value),
        headers=headers,
        timestamp_ms=0,
    )


async def take(
    office: Office,
    *messages: IncomingMessage,
    tenants: tuple[str, ...] = ("demo",),
    runner: CommandRunner | None = None,
) -> list[IncomingMessage]:
    """As the worker, which sees all tenants. Returns what was shown on the dead letter topic."""
    broker = InMemoryBroker()
    await broker.make_topics([TopicSpec(f"{TOPIC}.dlq", 1, 1)])
    handler = ErpTopic(office.worker_intake(runner), tenants, DeadLetterTopic(broker, TOPIC))
    await handler.apply(cast("Connection", None), messages)
    return broker.topic(f"{TOPIC}.dlq").messages[0]


# -- messages of an ERP, to vary


def invoice(invoice_id: str = "INV-1", total: object = "1000.00", **fields: object) -> dict[str, Any]:
    return {
        "kind": "invoice-posted",
        "source": "sap",
        "source_event_id": f"posted {invoice_id}",
        "legal_entity": "DE01",
        "customer": {"id": "C-1", "name": "Muster GmbH", "email": "ap@muster.test", "language": "de"},
        "invoice_id": invoice_id,
        "issued_on": "2026-01-10",
        "due_on": "2026-02-09",
        "currency": "EUR",
        "total": total,
        **fields,
    }


def payment(
    payment_id: str = "P-1", amount: str = "1000.00", pays: dict[str, str] | None = None, **fields: object
) -> dict[str, Any]:
    pays = {"INV-1": amount} if pays is None else pays
    return {
        "kind": "payment-received",
        "source": "sap",
        "source_event_id": f"received {payment_id}",
        "payment_id": payment_id,
        "customer_id": "C-1",
        "received_on": "2026-02-20",
        "currency": "EUR",
        "amount": amount,
        "allocations": [{"invoice_id": invoice_id, "amount": part} for invoice_id, part in pays.items()],
        **fields,
    }


def reversal(payment_id: str = "P-1", **fields: object) -> dict[str, Any]:
    return {
        "kind": "payment-reversed",
        "source": "sap",
        "source_event_id": f"reversed {payment_id}",
        "payment_id": payment_id,
        "reversed_on": "2026-02-25",
        **fields,
    }


def credit_memo(credit_memo_id: str = "CM-1", pays: dict[str, str] | None = None, **fields: object) -> dict[str, Any]:
    return {
        "kind": "credit-memo-posted",
        "source": "sap",
        "source_event_id": f"credited {credit_memo_id}",
        "legal_entity": "DE01",
        "credit_memo_id": credit_memo_id,
        "customer_id": "C-1",
        "issued_on": "2026-02-22",
        "currency": "EUR",
        "applies_to": [{"invoice_id": i, "amount": part} for i, part in (pays or {"INV-1": "300.00"}).items()],
        **fields,
    }


def correction(invoice_id: str = "INV-1", **fields: object) -> dict[str, Any]:
    return {
        "kind": "invoice-corrected",
        "source": "sap",
        "source_event_id": f"corrected {invoice_id}",
        "invoice_id": invoice_id,
        "corrected_on": "2026-01-20",
        "currency": "EUR",
        **fields,
    }


def about(kind: str, name: str, **fields: object) -> dict[str, Any]:
    """A message of the kinds that come after the first five; `name` makes its id."""
    return {"kind": kind, "source": "sap", "source_event_id": f"{kind} {name}", **fields}


def business_event(invoice_id: str = "CIV-1", control_number: int = 5637144576, **fields: object) -> dict[str, Any]:
    """As Dynamics 365 sends it: domain reference §5.1."""
    return {
        "BusinessEventId": "SalesInvoicePostedBusinessEvent",
        "ControlNumber": control_number,
        "EventId": f"{{posted-{invoice_id}}}",
        "EventTime": "/Date(1672408275000)/",
        "EventTimeIso8601": "2022-12-30T13:51:15.2942742Z",
        "LegalEntity": "usmf",
        "MajorVersion": 0,
        "MinorVersion": 0,
        "InvoiceAccount": "US-001",
        "InvoiceId": invoice_id,
        "SalesOrderId": "000768",
        "InvoiceDate": "/Date(1672358400000)/",
        "InvoiceDueDate": "/Date(1674950400000)/",
        "InvoiceAmountInAccountingCurrency": 1250.10,
        "InvoiceTaxAmount": 93.75,
        **fields,
    }


# -- events of dispute-service


def dispute_event(
    event_type: str,
    *,
    version: int,
    on: datetime = datetime(2026, 1, 15, tzinfo=UTC),
    opened_at: datetime = datetime(2026, 1, 15, tzinfo=UTC),
    open: dict[str, int],  # noqa: A002
    awaiting: int = 0,
    rejected: int = 0,
    name: str = "one",
    tenant: str = "demo",
    currency: str = "EUR",
    mismatch: str | None = None,
    legal_entity: str | None = None,
    **more: object,
) -> PublishedEvent:
    """`open` is what is open per invoice; `awaiting` and `rejected` belong to the first, `mismatch` and `legal_entity`
    to all."""

    def money(minor: int) -> WireMoney:
        return wire(Money(minor, currency))

    stream = derived_uuid("test-dispute", tenant, name)
    items = tuple(
        dispute_events.DisputedItem(
            invoice_id=invoice_id,
            line=None,
            disputed=money(minor + (rejected if n == 0 else 0)),
            open=money(minor),
            paid=money(0),
            credited=money(0),
            written_off=money(0),
            rejected=money(rejected if n == 0 else 0),
            withdrawn=money(0),
            awaiting_credit=money(awaiting if n == 0 else 0),
            mismatch=mismatch,
            legal_entity=legal_entity,
        )
        for n, (invoice_id, minor) in enumerate(open.items())
    )
    summary = dispute_events.DisputeSummary(
        dispute_id=public_id("dsp", stream),
        customer_id="C-1",
        status="open",
        reason_code="PRICE",
        origin="email",
        currency=currency,
        items=items,
        disputed=money(sum(open.values())),
        open=money(sum(open.values())),
        opened_at=opened_at,
    )
    data = {"type": event_type, "dispute": summary, **more}
    return PublishedEvent(
        id=public_id("evt", new_uuid()),
        source=dispute_events.SOURCE,
        type=event_type,
        subject=stream,
        tenant=tenant,
        time=on,
        effective_at=on,
        seq=version,
        epoch="e",
        version=version,
        dataschema=f"urn:redress:{event_type}:v1",
        correlation_id="c-1",
        data=msgspec.Raw(msgspec.json.encode(data)),
    )


def results(items: Sequence[dict[str, Any]]) -> list[str]:
    return [item["result"] for item in items]
