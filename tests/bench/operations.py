"""What an operator waits for: a process until it is ready, a read model until it is built anew."""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date

from support.databases import Database
from support.issuer import Issuer

from bench.append import EVENTSOURCING, OURS
from bench.databases import Stand, settle
from bench.disputes import life_of
from bench.filling import HOW, fill_log, fill_peer
from bench.followers import rebuild_anew
from bench.load import connected, raw_request
from bench.measure import Comparison, Figure, Rounds, Run, compare, percentile
from bench.peers import project_balances
from bench.processes import Span, child, free_port
from bench.services import collections_tables, dispute_tables, environment, notification_tables
from bench.transports import PEER_EVENTS
from collections_service.ageing.movements import Movements
from collections_service.open_items.events import OPEN_ITEM_CODEC, InvoiceRegistered, OpenItemEvent, PaymentApplied
from collections_service.open_items.stream import INVOICE
from dispute_service.disputes.history import dispute_history
from dispute_service.disputes.stream import DISPUTE
from redress.eventlog.events import RecordedEvent
from redress.money import Money
from redress.projections.projection import Projection

MOVEMENTS = f"{OURS}, movements of the ledger"
HISTORY = f"{OURS}, history of disputes"
_EUR = "EUR"
_LIFE_OF_AN_INVOICE: tuple[OpenItemEvent, ...] = (
    InvoiceRegistered(
        invoice_id="INV-1",
        source="d365",
        legal_entity="DE01",
        customer_id="C-1",
        issued_on=date(2026, 1, 12),
        due_on=date(2026, 2, 11),
        total=Money(119_000, _EUR),
    ),
    *(
        PaymentApplied(
            source="d365",
            payment_id=f"P-{day}",
            received_on=date(2026, 2, day),
            applied_on=date(2026, 2, day),
            amount=Money(29_750, _EUR),
        )
        for day in (2, 9, 16, 23)
    ),
)


# -- read models built anew


async def rebuilds(stand: Stand, rounds: Rounds, events: int) -> list[Comparison]:
    """Two real read models from the first event on, with their memory; the peer has its runner begin again."""
    ledger = await stand.make("collections", prepare=collections_tables)
    await fill_log(
        ledger, events, INVOICE.stream_type, [OPEN_ITEM_CODEC.encode(event) for event in _LIFE_OF_AN_INVOICE]
    )
    disputes = await stand.make("dispute", prepare=dispute_tables)
    await fill_log(disputes, events, DISPUTE.stream_type, life_of(1))
    peer = await stand.fresh("eventsourcing_rebuild")
    await fill_peer(peer, min(PEER_EVENTS, events))
    await settle(stand.cluster.superuser_dsn)
    memory: dict[str, list[float]] = {MOVEMENTS: [], HISTORY: []}

    async def ours(name: str, database: Database, projection: Callable[[], Projection[RecordedEvent]]) -> float:
        async with child(rebuild_anew, database.owner, database.worker, projection, events) as one:
            await one.at_gate()
            one.let_go()
            span, megabytes = await one.result()
        memory[name].append(megabytes)
        return float(events / span.seconds)

    async def peers() -> float:
        few = min(PEER_EVENTS, events)
        async with child(project_balances, peer, few) as one:
            await one.at_gate()
            one.let_go()
            span: Span = await one.result()
        return few / span.seconds

    runs: dict[str, Run] = {
        EVENTSOURCING: peers,
        MOVEMENTS: lambda: ours(MOVEMENTS, ledger, Movements),
        HISTORY: lambda: ours(HISTORY, disputes, dispute_history),
    }
    done = await compare(
        f"rebuild of a read model from {events:,} events", "events/s", runs, rounds=rounds, baseline=EVENTSOURCING
    )
    done.notes.append(HOW)
    grown = {name: Figure(name, "MB", percentile(taken, 0.5), taken, None, []) for name, taken in memory.items()}
    return [done, Comparison("memory above base while rebuilding it", None, grown, lower_is_better=True)]


# -- processes


async def start_up(stand: Stand, rounds: Rounds) -> list[Comparison]:
    """Milliseconds from the start of each process to its being ready, one process at a time."""
    prepared = {"dispute": dispute_tables, "collections": collections_tables, "notification": notification_tables}
    figures: dict[str, Figure] = {}
    async with Issuer().serving() as issuer:
        for service, tables in prepared.items():
            database = await stand.make(service, prepare=tables)
            port = free_port()
            settings = await environment(stand, issuer, database, port)
            for role in ("api", "worker"):
                taken = [
                    await _ready_after((f"{service}_service", role), settings, port)
                    for _ in range(rounds.warm_up + rounds.count)
                ][rounds.warm_up :]
                name = f"{service}-service {role}"
                figures[name] = Figure(name, "ms", percentile(taken, 0.5), taken, None, [])
    return [Comparison("process start → ready", None, figures, lower_is_better=True)]


async def _ready_after(command: Sequence[str], settings: dict[str, str], port: int) -> float:
    begun = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *command, env={**os.environ, **settings}, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        while time.perf_counter() < begun + 30.0:
            assert process.returncode is None, f"{command} ended with {process.returncode}"
            with suppress(OSError):
                async with connected(port) as connection:
                    if (await connection.request(raw_request("GET", "/readyz", {}))).status == 200:
                        return (time.perf_counter() - begun) * 1000
            await asyncio.sleep(0.005)
        raise AssertionError(f"{command} was not ready within 30 s")
    finally:
        process.terminate()
        await process.wait()
