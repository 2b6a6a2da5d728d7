"""Moves the time of a running stack from one thing that is due to the next, so that all of it happens in its order.

Between two moves the services finish what they have in hand: no timer, mail or event of a moment is overtaken by a
later one, and no lease runs out under a sender that is at work.
"""

import asyncio
import fcntl
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

import asyncpg
from msgspec import Struct

from redress_local.settings import SERVICES
from redress_local.stack_clock import (
    WrongClock,
    ahead_of_machine,
    as_text,
    database_of,
    set_clock_file,
    set_database,
    stack_clock,
)
from redress_local.state import read_state
from redress_local.status import Status, stack_status

PATIENCE_S: Final = 60.0  # without any progress; a dead sender's lease is half of it
_LOOK_S: Final = 0.25
_LOCK: Final = "clock.lock"

# The work that a service has left now: a name and how many.
_TO_DO: Final = (
    "SELECT 'timers of ' || kind AS what, count(*) AS many FROM es.timer"
    " WHERE state = 'pending' AND due_at <= es.now() GROUP BY kind"
    " UNION ALL SELECT 'events without a place in the log', count(*) FROM es.pending"
)
_MORE_TO_DO: Final[Mapping[str, str]] = {
    # A process holds a message for five seconds, then the sweep takes it for a dead process's.
    "collections": " UNION ALL SELECT 'messages of the ERP', count(*) FROM erp.message WHERE result = 'received'",
    "notification": " UNION ALL SELECT 'mails', count(*) FROM read.notification_current"
    " WHERE status = 'sending' OR status = 'queued' AND due_at <= es.now()",
}
# The work that waits for its time: a name and when.
_WAITING: Final = "SELECT 'timer of ' || kind AS what, due_at FROM es.timer WHERE state = 'pending'"
_MORE_WAITING: Final[Mapping[str, str]] = {
    "notification": " UNION ALL SELECT 'mail', due_at FROM read.notification_current WHERE status = 'queued'",
}


class StandsStill(Exception):
    """The services do not follow; the message says who is behind with what, and where the clock has stopped."""


class _Observation(Struct, frozen=True):
    """The work that the services have left, and the heads of their logs."""

    to_do: tuple[str, ...]
    heads: dict[str, int]


class _DueTimer(Struct, frozen=True, order=True):
    at: datetime
    service: str
    what: str


async def advance(data: Path, target: datetime, *, say: Callable[[str], None], patience_s: float = PATIENCE_S) -> None:
    """Move the stack's time to `target`. WrongClock if that cannot be, StandsStill if the services do not follow."""
    ahead_of_machine(data, target)
    with _only_one(data):
        async with _databases(data) as databases:
            await _settle(data, databases, patience_s)
            while due := await _first_waiting(databases, target):
                # Work that became due during the observation is not overtaken either.
                if await _move_to(data, databases, due.at):
                    say(f"  {as_text(due.at)}  {due.service}: {due.what}")
                await _settle(data, databases, patience_s)
            await _move_to(data, databases, target)
            await _settle(data, databases, patience_s)
    say(as_text(stack_clock(data).now()))


@contextmanager
def _only_one(data: Path) -> Iterator[None]:
    with (data / _LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise WrongClock("another process is moving this clock just now") from None
        yield


@asynccontextmanager
async def _databases(data: Path) -> AsyncIterator[dict[str, asyncpg.Connection]]:
    state = read_state(data)
    dsn = state.addresses.get("postgres") if state is not None else None
    if dsn is None:
        raise WrongClock(f"the stack on {data} is still starting")
    async with AsyncExitStack() as opened:
        found: dict[str, asyncpg.Connection] = {}
        for service in SERVICES:
            found[service] = await asyncpg.connect(database_of(dsn, service), timeout=10.0)
            opened.push_async_callback(found[service].close)
        yield found


async def _move_to(data: Path, databases: Mapping[str, asyncpg.Connection], moment: datetime) -> bool:
    """Whether the moment was still to come. The databases are first: what is recorded may be a little later than its
    decision took it to be, never earlier."""
    if moment <= stack_clock(data).now():
        return False
    shift = ahead_of_machine(data, moment)
    for connection in databases.values():
        await set_database(connection, shift)
    set_clock_file(data, shift)
    return True


async def _first_waiting(databases: Mapping[str, asyncpg.Connection], target: datetime) -> _DueTimer | None:
    """The first of what is due until the target, now or later."""
    found = []
    for service, connection in databases.items():
        waiting = _WAITING + _MORE_WAITING.get(service, "")
        row = await connection.fetchrow(
            f"SELECT what, due_at FROM ({waiting}) AS w WHERE due_at <= $1 ORDER BY due_at LIMIT 1", target
        )
        if row is not None:
            found.append(_DueTimer(row["due_at"], service, row["what"]))
    return min(found, default=None)


async def _settle(data: Path, databases: Mapping[str, asyncpg.Connection], patience_s: float) -> None:
    """Until all services have done what is to be done now. Looked at twice: what one does may be work for another."""
    before: _Observation | None = None
    quiet_since = time.monotonic()
    while True:
        look = _Observation(await _to_do(databases), {})
        if not look.to_do:  # the whole status takes longer
            status = await stack_status(data)
            look = _Observation(_behind(status), status.heads)
        if look == before and not look.to_do:
            return
        if look != before:
            before, quiet_since = look, time.monotonic()
        elif time.monotonic() - quiet_since > patience_s:
            raise StandsStill(
                f"the clock stands at {as_text(stack_clock(data).now())}: for {patience_s:.0f} s nothing has moved, and"
                f" still to be done is {'; '.join(look.to_do)} (redress status, and the logs in {data / 'logs'})"
            )
        await asyncio.sleep(_LOOK_S)


async def _to_do(databases: Mapping[str, asyncpg.Connection]) -> tuple[str, ...]:
    found: list[str] = []
    for service, connection in databases.items():
        rows = await connection.fetch(_TO_DO + _MORE_TO_DO.get(service, ""))
        found += [f"{service}: {row['many']} {row['what']}" for row in rows if row["many"]]
    return tuple(found)


def _behind(status: Status) -> tuple[str, ...]:
    """Parts that do not serve and consumers that have not read everything."""
    parts = [f"{part.name} is {part.health}" for part in status.parts if part.health != "ok"]
    consumers = [
        f"{each.service}: {each.consumer} is {each.behind} events behind" for each in status.consumers if each.behind
    ]
    return tuple(parts + consumers)
