"""What `redress status` knows: the parts as the supervisor wrote them down, their health and lag as they are now."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx2 as httpx
from msgspec import Struct, to_builtins
from rich.table import Table

from redress_local.settings import SERVICES
from redress_local.state import StackState, read_state

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
    """One consumer of a service: how many events of its source's log it has not passed, and how many are parked."""

    service: str
    consumer: str
    behind: int
    parked: int


class Status(Struct, frozen=True):
    running: bool
    data: str
    transport: str | None
    addresses: dict[str, str]
    parts: tuple[PartStatus, ...]
    heads: dict[str, int]
    consumers: tuple[ConsumerStatus, ...]

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
    parts, (heads, consumers) = await asyncio.gather(_parts(state), _lag(state))
    addresses = {**{part.name: part.address for part in state.parts if part.address}, **state.addresses}
    return Status(True, str(data), state.transport, addresses, parts, heads, consumers)


async def _parts(state: StackState) -> tuple[PartStatus, ...]:
    async with httpx.AsyncClient(timeout=_ANSWER_WITHIN_S, trust_env=False) as client:

        async def health(name: str, address: str | None) -> str:
            if not name.endswith("-api") or address is None:
                return "ok"
            try:
                answer = await client.get(f"{address}/readyz")
            except httpx.HTTPError as error:
                return f"no answer ({type(error).__name__})"
            return "ok" if answer.status_code == 200 else f"not ready ({answer.status_code})"

        healths = await asyncio.gather(
            *(health(part.name, part.address) if part.running else _down() for part in state.parts)
        )
    return tuple(
        PartStatus(part.name, health_now, part.address, part.pid, part.restarts, part.log)
        for part, health_now in zip(state.parts, healths, strict=True)
    )


async def _down() -> str:
    return "down"


async def _lag(state: StackState) -> tuple[dict[str, int], tuple[ConsumerStatus, ...]]:
    dsn = state.addresses.get("postgres")
    if dsn is None:
        return {}, ()
    heads: dict[str, int] = {}
    rows: list[tuple[str, asyncpg.Record]] = []
    for service in SERVICES:
        try:
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                connection = await asyncpg.connect(dsn.replace("/postgres?", f"/{service}?"))
                try:
                    heads[service] = await connection.fetchval("SELECT seq FROM es.log_head")
                    rows += [(service, row) for row in await connection.fetch(_CONSUMERS)]
                finally:
                    await connection.close()
        except (OSError, TimeoutError, asyncpg.PostgresError):
            continue
    return heads, tuple(_consumer(service, row, heads) for service, row in rows)


_CONSUMERS = """
SELECT c.name, min(c.seq) AS lowest, max(c.seq) AS highest,
  (SELECT count(*) FROM es.parked p WHERE p.consumer = c.name AND p.parked_at IS NOT NULL) AS parked
FROM es.consumer c GROUP BY c.name ORDER BY c.name
"""


def _consumer(service: str, row: asyncpg.Record, heads: dict[str, int]) -> ConsumerStatus:
    source = row["name"].partition(":")[2].removesuffix("-service") or service
    behind = max(0, heads.get(source, 0) - row["highest"])
    return ConsumerStatus(service, row["name"], behind, row["parked"])


def status_tables(status: Status) -> Iterator[Table | str]:
    if not status.running:
        yield f"no stack runs on {status.data}"
        return
    parts = Table("part", "health", "address", "pid", "restarts", title=f"{status.data} ({status.transport})")
    for part in status.parts:
        parts.add_row(part.name, part.health, part.address or "", str(part.pid or ""), str(part.restarts))
    yield parts
    for name, address in status.addresses.items():
        if name not in {part.name for part in status.parts}:
            yield f"{name}: {address}"
    lag = Table("service", "consumer", "events behind", "parked")
    for consumer in status.consumers:
        lag.add_row(consumer.service, consumer.consumer, str(consumer.behind), str(consumer.parked))
    yield lag
