"""The content of `redress status`: the parts as the supervisor recorded them, their health and lag now."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx2 as httpx
from msgspec import Struct, to_builtins
from rich.table import Table

from redress_local.secrets_file import read_secrets
from redress_local.settings import SERVICES
from redress_local.stack_clock import as_text, own_clock, stack_clock
from redress_local.state import PartState, StackState, read_state
from redress_local.tokens import mint

_ANSWER_WITHIN_S = 3.0


class PartStatus(Struct, frozen=True):
    """`health` is ok, starting, down, or what /readyz answered instead."""

    name: str
    health: str
    address: str | None
    pid: int | None
    restarts: int
    log: str


class ConsumerStatus(Struct, frozen=True):
    """One consumer of a service. `behind` events of its source wait for it, None if that cannot be known here."""

    service: str
    consumer: str
    behind: int | None
    parked: int


class Status(Struct, frozen=True):
    """`test_clock` is the stack's time if it has one of its own."""

    running: bool
    data: str
    transport: str | None
    addresses: dict[str, str]
    parts: tuple[PartStatus, ...]
    heads: dict[str, int]
    consumers: tuple[ConsumerStatus, ...]
    test_clock: str | None = None

    @property
    def healthy(self) -> bool:
        return self.running and all(part.health == "ok" for part in self.parts)

    def as_json(self) -> object:
        return to_builtins(self)


async def stack_status(data: Path) -> Status:
    """Never fails: what cannot be reached is shown as down."""
    state = read_state(data)
    if state is None or not state.running:
        return Status(False, str(data), None, {}, (), {}, ())
    async with httpx.AsyncClient(timeout=_ANSWER_WITHIN_S, trust_env=False) as client:
        parts, progress = await asyncio.gather(_parts(state, client), _progress(state))
        heads = {service: head for service, (head, _) in progress.items()}
        consumers = await asyncio.gather(
            *(
                _consumer(state, client, data, service, row, heads)
                for service, (_, rows) in progress.items()
                for row in rows
            )
        )
    clock = own_clock(data)
    shown = as_text(clock.now()) if clock is not None else None
    addresses = {**{part.name: part.address for part in state.parts if part.address}, **state.addresses}
    return Status(
        True,
        str(data),
        state.transport,
        addresses,
        parts,
        heads,
        tuple(consumers),
        shown,
    )


async def _parts(state: StackState, client: httpx.AsyncClient) -> tuple[PartStatus, ...]:
    async def health(part: PartState) -> str:
        if not part.running:
            return "down"
        if not part.name.endswith(("-api", "-worker")) or part.address is None:
            return "ok"
        try:
            answer = await client.get(f"{part.address}/readyz")
        except httpx.HTTPError as error:
            return f"no answer ({type(error).__name__})"
        return "ok" if answer.status_code == 200 else f"not ready ({answer.status_code})"

    healths = await asyncio.gather(*(health(part) for part in state.parts))
    return tuple(
        PartStatus(part.name, health_now, part.address, part.pid, part.restarts, part.log)
        for part, health_now in zip(state.parts, healths, strict=True)
    )


_CONSUMERS = """
SELECT c.label, c.follows, c.highest,
  (SELECT count(*) FROM es.parked p WHERE p.consumer = c.label AND p.parked_at IS NOT NULL) AS parked
FROM (
  SELECT CASE WHEN f.service = h.service THEN f.name ELSE f.name || ':' || f.service END AS label,
         nullif(f.service, h.service) AS follows, max(f.seq) AS highest
  FROM es.consumer f, es.log_head h GROUP BY 1, 2
) c ORDER BY c.label
"""


async def _progress(state: StackState) -> dict[str, tuple[int, list[asyncpg.Record]]]:
    """Head of the log and consumers of each service whose database answers."""
    dsn = state.addresses.get("postgres")
    found: dict[str, tuple[int, list[asyncpg.Record]]] = {}
    for service in SERVICES if dsn else ():
        with contextlib.suppress(OSError, TimeoutError, asyncpg.PostgresError):
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                connection = await asyncpg.connect(str(dsn).replace("/postgres?", f"/{service}?"))
                try:
                    head = await connection.fetchval("SELECT seq FROM es.log_head")
                    found[service] = head, await connection.fetch(_CONSUMERS)
                finally:
                    await connection.close()
    return found


async def _consumer(  # noqa: PLR0917 - what is known of it
    state: StackState,
    client: httpx.AsyncClient,
    data: Path,
    service: str,
    row: asyncpg.Record,
    heads: dict[str, int],
) -> ConsumerStatus:
    name, highest = row["label"], row["highest"]
    source = (row["follows"] or "").removesuffix("-service")
    if not source:
        behind: int | None = max(0, heads[service] - highest)
    elif source in heads:
        behind = await _published_after(state, client, data, source, highest)
    else:
        behind = None  # a topic of another system: its length is the broker's to say
    return ConsumerStatus(service, name, behind, row["parked"])


async def _published_after(
    state: StackState, client: httpx.AsyncClient, data: Path, source: str, position: int
) -> int | None:
    """How many events the source has published beyond the position (at most a feed page of 1,000 is counted)."""
    address = next((part.address for part in state.parts if part.name == f"{source}-api"), None)
    now = stack_clock(data).now()
    token = mint(
        read_secrets(data), issuer=state.issuer, subject="redress-status", tenant="*", roles=["service"], now=now
    )
    try:
        answer = await client.get(
            f"{address}/v1/feed",
            params={"lastEventId": str(position), "limit": "1000", "timeout": "0"},
            headers={"Authorization": f"Bearer {token}"},
        )
    except httpx.HTTPError:
        return None
    return len(answer.json()) if answer.status_code == 200 else None


def status_tables(status: Status) -> Iterator[Table | str]:
    if not status.running:
        yield f"no stack runs on {status.data}"
        return
    parts = Table("part", "health", "address", "pid", "restarts", title=f"{status.data} ({status.transport})")
    for part in status.parts:
        parts.add_row(part.name, part.health, part.address or "", str(part.pid or ""), str(part.restarts))
    yield parts
    if status.test_clock:
        yield f"test clock: {status.test_clock}"
    for name, address in status.addresses.items():
        if name not in {part.name for part in status.parts}:
            yield f"{name}: {address}"
    lag = Table("service", "consumer", "events behind", "parked")
    for consumer in status.consumers:
        lag.add_row(
            consumer.service,
            consumer.consumer,
            "?" if consumer.behind is None else str(consumer.behind),
            str(consumer.parked),
        )
    yield lag
