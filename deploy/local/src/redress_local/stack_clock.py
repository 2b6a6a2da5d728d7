"""The time of one stack: the machine's, or with CLOCK=test one that is moved by hand and never goes back.

How far ahead a test clock is stands in a file that all processes of the stack read (`redress.clock.ShiftedClock`), and
in the body of `es.now()` in each service's database. The file's absence means the machine's clock.
"""

import contextlib
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import asyncpg

from redress.clock import Clock, ShiftedClock, SystemClock, read_shift, shift_text
from redress_local.secrets_file import write_private
from redress_local.settings import SERVICES, ClockKind
from redress_local.state import read_state

_FILE: Final = "clock"
_FARTHEST: Final = timedelta(days=3650)
_DURATION: Final = re.compile(r"(?=\d)(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?", re.ASCII)


class WrongClock(Exception):
    """The stack has no such clock, or it cannot be moved so; the message says what can."""


def clock_file(data: Path) -> Path:
    return data / _FILE


def own_clock(data: Path) -> Clock | None:
    """The clock of a stack that has its own time."""
    return ShiftedClock(clock_file(data)) if clock_file(data).exists() else None


def stack_clock(data: Path) -> Clock:
    """The time of the stack of the folder."""
    return own_clock(data) or SystemClock()


def running_clock(data: Path) -> Clock:
    """The test clock of a running stack. WrongClock if there is none."""
    state = read_state(data)
    if state is None or not state.running:
        raise WrongClock(f"no stack runs on {data}: start one with `make run CLOCK=test`, or name it with DATA=")
    clock = own_clock(data)
    if clock is None:
        raise WrongClock(f"the stack on {data} has this machine's time: one to be moved has `make run CLOCK=test`")
    return clock


def prepare_clock(data: Path, kind: ClockKind) -> None:
    """Before a start. WrongClock if the folder has seen a later time than the machine's clock would give it."""
    file = clock_file(data)
    shift = read_shift(file) if file.exists() else timedelta(0)
    if kind == "test":
        set_clock_file(data, shift)
    elif shift:
        raise WrongClock(
            f"{data} is {as_text(SystemClock().now() + shift)} already and time does not go back:"
            " start it with CLOCK=test, or choose another folder with DATA="
        )
    else:
        file.unlink(missing_ok=True)


def set_clock_file(data: Path, shift: timedelta) -> None:
    """Every process of the stack has the shifted time the next time it looks."""
    write_private(clock_file(data), shift_text(shift).encode())


def ahead_of_machine(data: Path, target: datetime) -> timedelta:
    """How far ahead of the machine's clock `target` is. WrongClock if it is past or more than ten years away."""
    ahead = target - SystemClock().now()
    if ahead < read_shift(clock_file(data)):
        now = as_text(stack_clock(data).now())
        raise WrongClock(f"{as_text(target)} is past: it is {now}, and time does not go back")
    if ahead > _FARTHEST:
        raise WrongClock(f"{as_text(target)} is more than ten years ahead")
    return ahead


async def set_databases(superuser_dsn: str, data: Path) -> None:
    """Bring the databases to what the file says: after a migration, or a move that was interrupted."""
    for service in SERVICES:
        connection = await asyncpg.connect(database_of(superuser_dsn, service))
        try:
            await set_database(connection, read_shift(clock_file(data)))
        finally:
            await connection.close()


async def set_database(connection: asyncpg.Connection, shift: timedelta) -> None:
    """Every statement that begins from now on has the shifted time."""
    microseconds = shift // timedelta(microseconds=1)
    await connection.execute(
        "CREATE OR REPLACE FUNCTION es.now() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL SAFE AS"
        f" $$ SELECT clock_timestamp() + interval '{microseconds} microseconds' $$"
    )


def database_of(superuser_dsn: str, service: str) -> str:
    return superuser_dsn.replace("/postgres?", f"/{service}?")


def duration(text: str) -> timedelta:
    """`3d`, `2h`, `45m` or together. WrongClock for anything else."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise WrongClock(f"{text}: write 3d, 2h, 45m, or together: 1d12h")
    days, hours, minutes = (int(number or 0) for number in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes)


def moment(text: str) -> datetime:
    """A moment with its offset from UTC. WrongClock for anything else."""
    with contextlib.suppress(ValueError, OverflowError):
        found = datetime.fromisoformat(text)
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    raise WrongClock(f"{text}: write a moment as 2026-12-24T08:00:00Z")


def as_text(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"
