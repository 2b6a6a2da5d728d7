"""collections-service on a real PostgreSQL: its app behind real HTTP semantics, its projections run on demand."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from importlib import resources
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import httpx2 as httpx
import msgspec
from fastapi import FastAPI
from support.clock import SetClock
from support.databases import Database, MakeDatabase
from support.eventually import eventually
from support.issuer import Issuer

from collections_service.api.app import create_app
from collections_service.api.parts import Parts
from collections_service.command_handling.customer_data import CustomerBook
from collections_service.command_handling.ledger import Ledger
from collections_service.command_handling.loading import Loader
from collections_service.erp_intake.dynamics365 import Mapping, standard_mapping
from collections_service.erp_intake.intake import Intake
from collections_service.erp_intake.message_store import MessageStore
from collections_service.inbox.hold_keeper import HoldKeeper
from collections_service.policies.tolerance import FIRST_TOLERANCE
from collections_service.projections.movements import Movements
from collections_service.projections.recollection_tasks import RecollectionTasks
from redress.clock import Clock
from redress.contracts import dispute_events
from redress.contracts.common import WireMoney, wire
from redress.contracts.envelope import Published
from redress.eventlog import migrations, vault
from redress.eventlog.postgres import PostgresEventLog
from redress.eventlog.vault import Vault
from redress.ids import derived_uuid, new_uuid, public_id
from redress.messaging.log_source import LogSource
from redress.money import Money
from redress.projections.runner import Runner
from redress.web.health import Health
from redress.web.pages import Cursors

MASTER_KEY = b"0123456789abcdef0123456789abcdef"
_keys = count(1)


async def migrate(database: Database) -> None:
    await migrations.upgrade(database.owner, Path(str(resources.files("collections_service") / "migrations")))


async def install_vault(database: Database) -> None:
    await vault.install(database.owner)


class Office:
    """One running service. `erp` posts, `get` reads, `follow` brings the projections up to date."""

    def __init__(self, *, http: httpx.AsyncClient, issuer: Issuer, log: PostgresEventLog, parts: Parts) -> None:
        self.http = http
        self.issuer = issuer
        self.log = log
        self.parts = parts
        self.app: FastAPI
        self.database: Database
        self.worker: asyncpg.Pool
        self.worker_log: PostgresEventLog
        self.mapping: Mapping

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
        answered: list[dict[str, Any]] = response.json()["items"]
        return answered

    async def accepted(self, *items: object, tenant: str = "demo") -> None:
        for result in await self.erp(*items, tenant=tenant):
            assert result["result"] == "accepted", result

    async def get(
        self, path: str, *, tenant: str = "demo", role: str = "analyst", status: int = 200, **query: Any
    ) -> dict[str, Any]:
        response = await self.http.get(path, params=query, headers=self.issuer.bearer(role, tenant=tenant))
        assert response.status_code == status, response.text
        body: dict[str, Any] = response.json()
        return body

    async def follow(self) -> None:
        """Run the projections up to the head of the log."""
        await self.sequenced()
        for projection in (Movements(), RecollectionTasks()):
            runner = Runner(self.worker, projection, LogSource(self.worker_log))
            await runner.open()
            await runner.catch_up()
            await runner.close()

    async def sequenced(self) -> None:
        """Everything that was appended has its place in the log."""

        async def nothing_pending() -> bool:
            return not await self.worker.fetchval("SELECT EXISTS (SELECT FROM es.pending)")

        await eventually(nothing_pending)

    async def hear(self, *events: Published) -> None:
        """What dispute-service published reaches the hold keeper, in one batch."""
        async with self.worker.acquire() as connection, connection.transaction():
            await HoldKeeper(self.worker_log).apply(connection, events)
        self.worker_log.poke()


@asynccontextmanager
async def open_office(make_database: MakeDatabase, clock: SetClock | None = None) -> AsyncIterator[Office]:
    clock = clock or SetClock()
    database = await make_database("collections", prepare=migrate)
    keys = await make_database("vault", prepare=install_vault)
    async with AsyncExitStack() as stack:
        issuer = await stack.enter_async_context(Issuer(clock).serving())
        client = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        log = await stack.enter_async_context(PostgresEventLog.open(database.api))
        worker_log = await stack.enter_async_context(PostgresEventLog.open(database.worker, sequencer=False))
        worker = await stack.enter_async_context(asyncpg.create_pool(database.worker, min_size=1, max_size=4))
        opened = await stack.enter_async_context(Vault.open_at(keys.as_role("collections_api"), MASTER_KEY))
        mapping = standard_mapping()
        parts = Parts(
            log=log,
            pool=log.pool,
            vault=opened,
            intake=make_intake(log, opened, clock, mapping),
            cursors=Cursors(b"a key for the cursors"),
            clock=clock,
        )
        app = create_app(parts, auth=issuer.authenticator(client), health=Health(ready={}))
        http = await stack.enter_async_context(
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://collections", trust_env=False)
        )
        office = Office(http=http, issuer=issuer, log=log, parts=parts)
        office.app = app
        office.database, office.worker, office.worker_log, office.mapping = database, worker, worker_log, mapping
        yield office


def make_intake(log: PostgresEventLog, opened: Vault, clock: Clock, mapping: Mapping) -> Intake:
    loader = Loader(log)
    return Intake(
        ledger=Ledger(log, loader, FIRST_TOLERANCE),
        customers=CustomerBook(loader, opened),
        store=MessageStore(log.pool),
        vault=opened,
        mapping=mapping,
        clock=clock,
    )


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
    **more: object,
) -> Published:
    """`open` is the open disputed amount per invoice; `awaiting` and `rejected` belong to the first."""

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
    return Published(
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
