"""A seeded fault campaign: python -m faults.campaign --seconds 300 --seed 7

Real processes, three brokers, clients that repeat with the same key, and faults out of the seed. At the end everything
is left alone, has a minute to come to rest, and the audit says what holds. Ends with 1 if anything does not.
"""

import argparse
import asyncio
import contextlib
import random
import resource
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from uuid import UUID

import asyncpg
import httpx2 as httpx
import msgspec
from msgspec import Struct

from faults.audit.audit import audit
from faults.audit.report import Verdict
from faults.client import Client
from faults.deployment import Deployment
from faults.history import (
    DrainReport,
    FaultsOver,
    Measurement,
    MissingAnswer,
    ReceivedAnswer,
    SentRequest,
    read_history,
)
from faults.injector import Injector
from faults.workload import Company

DRAIN_S = 60.0
PATIENCE_S = 180.0  # for the drain to be measured where it takes longer than it should
WARM_UP_S = 5.0  # no fault yet: the first balance of the consumers' groups
MEASURE_EVERY_S = 2.0
MOST_BEHIND = 30_000  # events; ERPs pause beyond that, or a long campaign would end in a longer one that only drains
LONG_S = 900.0  # from here on a campaign also looks at the memory of processes that live for minutes


class CampaignOutcome(Struct, frozen=True):
    seed: int
    seconds: float
    events: dict[str, int]
    faults: dict[str, int]
    drained_s: float
    waiting: str
    verdict: Verdict
    known_after_s: float | None  # of work: when what the audit objects to was recorded or answered, the earliest of it
    audited_s: float
    audit_bytes: int  # the most memory that clients and audit had


async def campaign(options: argparse.Namespace, folder: Path) -> CampaignOutcome:
    deployment = Deployment(folder, transport=options.transport, durable=options.durable, seed=options.seed)
    if options.planted:
        deployment.plant(options.planted)
    try:
        await deployment.start()
        print(f"seed {options.seed}: everything runs in {folder}", flush=True)
        return await _disturbed(deployment, options)
    finally:
        await deployment.stop()


async def _disturbed(deployment: Deployment, options: argparse.Namespace) -> CampaignOutcome:
    spares = options.seconds >= LONG_S
    injector = Injector(deployment, options.seed, calm=options.calm, kills=not options.no_kills, spares=spares)
    stop_clients, stop_faults, go = asyncio.Event(), asyncio.Event(), asyncio.Event()
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=50)
    async with httpx.AsyncClient(trust_env=False, limits=limits) as http:
        companies = [
            Company(
                Client(deployment, f"company-{number}", http, seed=options.seed),
                random.Random(f"{options.seed} {number}"),
                options.batch,
                stop_clients,
                go,
            )
            for number in range(1, options.companies + 1)
        ]
        clients = [asyncio.create_task(company.post()) for company in companies]
        clients += [asyncio.create_task(company.dispute()) for company in companies for _ in range(options.people)]
        watching = asyncio.create_task(_watch(deployment, go))
        supervising = asyncio.create_task(injector.supervise(stop_faults))
        begun_at = time.time()
        await asyncio.sleep(WARM_UP_S)
        faults = asyncio.create_task(injector.run(stop_faults))
        begun = time.monotonic()
        await _until_enough(deployment, options, begun, clients)
        seconds = time.monotonic() - begun
        stop_faults.set()
        await faults
        await supervising
        stop_clients.set()
        go.set()
        await deployment.mend()
        deployment.history.add(FaultsOver())
        over = time.monotonic()
        done, late = await asyncio.wait(clients, timeout=120.0)
        for task in [*done, *late]:
            if not task.done():
                task.cancel()
            elif task.exception() is not None:
                print(f"  a client failed: {task.exception()!r}")
        drained_s, waiting = await _drain(deployment, over)
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
    deployment.measure()
    await deployment.note_checkpoints()
    deployment.history.flush()
    events = await _events(deployment)
    for company in companies:
        print(f"  {company.client.tenant}: {company.items:,} messages {company.refused}, {company.disputes:,} disputes")
    for failure in injector.failures[:5]:
        print(f"  a fault failed: {failure}")
    audit_began = time.monotonic()
    verdict = await audit(deployment.address)
    audited_s = time.monotonic() - audit_began
    known_at = await _known_at(deployment, verdict)
    return CampaignOutcome(
        seed=options.seed,
        seconds=seconds,
        events=events,
        faults=dict(injector.counts),
        drained_s=drained_s,
        waiting=waiting,
        verdict=verdict,
        known_after_s=None if known_at is None else known_at - begun_at,
        audited_s=audited_s,
        audit_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    )


async def _until_enough(
    deployment: Deployment, options: argparse.Namespace, begun: float, clients: list[asyncio.Task[None]]
) -> None:
    """Until the time is over, or the events are enough; says now and then how it goes."""
    said = begun
    while time.monotonic() - begun < options.seconds:
        await asyncio.sleep(1.0)
        for client in clients:
            if client.done() and client.exception() is not None:
                client.result()
        if time.monotonic() - said >= 30.0:
            said = time.monotonic()
            with contextlib.suppress(Exception):
                events = await _events(deployment)
                print(f"  {said - begun:5.0f} s: {sum(events.values()):>9,} events {events}", flush=True)
                if options.events and sum(events.values()) >= options.events:
                    return


async def _drain(deployment: Deployment, over: float) -> tuple[float, str]:
    waiting = ""
    waited_for = {"clients": time.monotonic() - over}
    try:
        await deployment.comes_to_rest(within_s=PATIENCE_S, waited_for=waited_for)
    except AssertionError as still:
        waiting = str(still)
    drained_s = time.monotonic() - over
    for what, seconds in sorted(waited_for.items(), key=lambda waited: -waited[1]):
        print(f"  {seconds:5.1f} s for {what}")
    deployment.history.add(DrainReport(seconds=round(drained_s, 1), waiting=waiting))
    return drained_s, waiting


async def _known_at(deployment: Deployment, verdict: Verdict) -> float | None:
    """The earliest of what is wrong, by the time of its event or of the last answer to its key. What a consumer did
    with the event came later."""
    found: list[float] = []
    keys = {violation.key for violation in verdict.violations if violation.key is not None}
    answered = {
        line.key: line.at
        for line in read_history(deployment.history.path)
        if isinstance(line, ReceivedAnswer) and line.key in keys
    }
    for violation in verdict.violations:
        if violation.key in answered:
            found.append(answered[violation.key])
        if violation.service in deployment.services and isinstance(violation.stream, UUID):
            async with deployment.database(violation.service) as connection:
                at = await connection.fetchval(
                    "SELECT max(recorded_at) FROM es.event WHERE stream_id = $1"
                    " AND ($2::bigint IS NULL OR version = $2)",
                    violation.stream,
                    violation.version,
                )
            found += [] if at is None else [at.timestamp()]
    return min(found, default=None)


async def _watch(deployment: Deployment, go: asyncio.Event) -> None:
    while True:
        with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            async with asyncio.timeout(5.0):
                behind = await deployment.behind()
            (go.set if behind <= MOST_BEHIND else go.clear)()
        deployment.measure()
        await deployment.note_checkpoints()
        deployment.history.flush()
        await asyncio.sleep(MEASURE_EVERY_S)


async def _events(deployment: Deployment) -> dict[str, int]:
    counts = {}
    for service in deployment.services:
        async with deployment.database(service) as connection:
            counts[service] = await connection.fetchval("SELECT seq FROM es.log_head")
    return counts


def _tell(outcome: CampaignOutcome, folder: Path) -> None:
    attempts = answered = unanswered = 0
    memory: dict[str, list[int]] = defaultdict(list)
    for line in read_history(folder / "history.jsonl"):
        match line:
            case SentRequest():
                attempts += 1
            case ReceivedAnswer():
                answered += 1
            case MissingAnswer():
                unanswered += 1
            case Measurement():
                memory[line.process].append(line.rss_bytes)
            case _:
                pass
    total = sum(outcome.events.values())
    print(f"seed {outcome.seed}, {outcome.seconds:.0f} s, {total:,} events {outcome.events}")
    print(
        f"  faults: {sum(outcome.faults.values())}: " + ", ".join(f"{n} {k}" for k, n in sorted(outcome.faults.items()))
    )
    print(f"  requests: {attempts:,} attempts, {answered:,} answered, {unanswered:,} not answered")
    print(
        f"  drained {outcome.drained_s:.1f} s after the last fault{': ' + outcome.waiting if outcome.waiting else ''}"
    )
    for process, sizes in sorted(memory.items()):
        third = max(1, len(sizes) // 3)
        first, last = sorted(sizes[:third])[third // 2], sorted(sizes[-third:])[third // 2]
        most = max(sizes)
        print(f"  {process:<22} {first / 1e6:5.0f} MB at first, {last / 1e6:5.0f} at last, {most / 1e6:5.0f} at most")
    if outcome.known_after_s is not None:
        print(f"  the first of what is wrong was recorded or answered after {outcome.known_after_s:.1f} s of work")
    print(f"  audited in {outcome.audited_s:.0f} s with {outcome.audit_bytes / 1e6:,.0f} MB at most")
    print(outcome.verdict, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="A seeded fault campaign")
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--events", type=int, default=0, help="stop when so many are in the logs")
    parser.add_argument("--companies", type=int, default=3)
    parser.add_argument("--people", type=int, default=3, help="who dispute, per company")
    parser.add_argument("--batch", type=int, default=200, help="messages per request of an ERP")
    parser.add_argument("--calm", type=float, default=1.0, help="how many times longer the pauses between faults are")
    parser.add_argument("--no-kills", action="store_true", help="services live to the end: does their memory grow?")
    parser.add_argument("--transport", choices=("kafka", "feed"), default="kafka")
    parser.add_argument("--durable", action="store_true", help="fsync on: what a power cut would lose is not lost")
    parser.add_argument("--planted", default="", help="a bug of faults.planted, to see that it is caught")
    parser.add_argument("--keep", default="", help="a folder for data and logs; without it they are removed")
    options = parser.parse_args()
    folder = Path(options.keep or tempfile.mkdtemp(prefix="redress-faults-"))
    try:
        outcome = asyncio.run(campaign(options, folder))
        _tell(outcome, folder)
        if options.keep:
            (folder / "outcome.json").write_bytes(
                msgspec.json.encode({"events": outcome.events, "faults": outcome.faults, "drained_s": outcome.drained_s,
                                     "broken": outcome.verdict.broken})
            )  # fmt: skip
        return 1 if outcome.verdict.broken else 0
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
