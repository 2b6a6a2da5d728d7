"""Named places where a process can be made to die, fail or stand still, so that tests can see what happens then.

`await failpoint("relay.after_ack")` does nothing unless that name is armed when the process starts:
REDRESS_FAILPOINTS="relay.after_ack=kill@3,append.before_commit=pause:2". Actions:

    kill        SIGKILL to itself: no cleanup, as a power cut or the kernel's memory killer does it
    stop        SIGSTOP: it stands still until a SIGCONT
    raise       FailpointReached is raised there
    pause:2.5   it waits that many seconds and goes on

`@3` means the third time it gets there; without it the first. `name/of` arms one user of a shared place only, for
instance `consumer.before_commit/holds:dispute-service`. Each reached place says so on standard error.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Generator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, Protocol

from msgspec import Struct

ENVIRONMENT: Final = "REDRESS_FAILPOINTS"
_ACTIONS: Final = ("kill", "stop", "raise", "pause")


class FailpointReached(Exception):
    """The exception of an armed failpoint with the action `raise`."""


class FailpointsWrong(Exception):
    """The text that should arm failpoints cannot be read; the message names the part."""


class Failpoint(Struct, frozen=True):
    """The action at the `nth` time (from 1) that the place is reached. `seconds` belongs to `pause`."""

    action: str
    seconds: float = 0.0
    nth: int = 1


def read_failpoints(text: str) -> Mapping[str, Failpoint]:
    """By name, or by `name/of`. FailpointsWrong."""
    armed: dict[str, Failpoint] = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        name, _, what = part.partition("=")
        what, _, nth = what.partition("@")
        action, _, seconds = what.partition(":")
        try:
            armed[name] = Failpoint(action, float(seconds or 0), int(nth or 1))
        except ValueError:
            raise FailpointsWrong(f"{part!r} has no number where one belongs") from None
        if not name or action not in _ACTIONS or (action == "pause") != bool(seconds) or armed[name].nth < 1:
            raise FailpointsWrong(f"{part!r} is not <name>=<{' | '.join(_ACTIONS[:-1])} | pause:seconds>[@nth]")
    return armed


class _NoEffect:
    """No effect when awaited or entered. One instance, so that an unarmed failpoint allocates nothing."""

    def __await__(self) -> Generator[None, None, None]:
        return iter(())  # type: ignore[return-value]  # an iterator that ends at once is all that `await` needs

    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *_failure: object) -> None: ...


class _OpensTransactions(Protocol):
    def transaction(self) -> AbstractAsyncContextManager[object]: ...


_NOTHING: Final = _NoEffect()
_armed: Final = read_failpoints(os.environ.get(ENVIRONMENT, ""))
_reached: Final[dict[str, int]] = {}


def failpoint(name: str, of: str = "") -> "_NoEffect | asyncio.Task[None]":
    """Await it where a test may want the process to end. `of` tells users of the same place apart."""
    if not _armed:
        return _NOTHING
    armed = _due(name) or (_due(f"{name}/{of}") if of else None)
    return _NOTHING if armed is None else asyncio.ensure_future(_happen(name, of, armed))


def transaction_if_armed(connection: _OpensTransactions, name: str) -> AbstractAsyncContextManager[None]:
    """A transaction around statements that otherwise commit by themselves, so that `name` can lie before the commit.

    Nothing at all unless `name` is armed.
    """
    return _transaction(connection) if name in _armed else _NOTHING


@asynccontextmanager
async def _transaction(connection: _OpensTransactions) -> AsyncIterator[None]:
    async with connection.transaction():
        yield


def _due(name: str) -> Failpoint | None:
    armed = _armed.get(name)
    if armed is None:
        return None
    _reached[name] = _reached.get(name, 0) + 1
    return armed if _reached[name] == armed.nth else None


async def _happen(name: str, of: str, armed: Failpoint) -> None:
    os.write(2, f"failpoint {name}{f'/{of}' if of else ''}: {armed.action}\n".encode())
    match armed.action:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        case "raise":
            raise FailpointReached(name)
        case _:
            await asyncio.sleep(armed.seconds)
