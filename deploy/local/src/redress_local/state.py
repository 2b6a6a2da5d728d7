"""A running stack's state in its data folder: for `redress status`, and for the next start after a crash."""

import contextlib
import fcntl
import os
import shlex
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
import psutil
from msgspec import Struct

from redress_local.ports import free_ports, is_free
from redress_local.process import same_process, started_at
from redress_local.secrets_file import NoSecretsYet, write_private

_STATE: Final = "stack.json"
_PORTS: Final = "ports.json"
_LOCK: Final = "stack.lock"
_LEFTOVER_GRACE_S = 4.0


class PartState(Struct, frozen=True):
    """A part as it was last seen. `pid` is None between its end and its next start."""

    name: str
    log: str
    address: str | None = None
    pid: int | None = None
    started_at: float = 0.0
    restarts: int = 0

    @property
    def running(self) -> bool:
        return self.pid is not None and same_process(self.pid, self.started_at) is not None


class StackState(Struct, frozen=True):
    """A stack that runs, or ran until it was killed. Everything in `addresses` is on this machine."""

    pid: int
    started_at: float
    transport: str
    issuer: str
    addresses: dict[str, str]
    parts: tuple[PartState, ...]

    @property
    def running(self) -> bool:
        return same_process(self.pid, self.started_at) is not None


class AlreadyRunning(Exception):
    pass


def read_state(data: Path) -> StackState | None:
    """None if no stack runs on the folder and none was killed there."""
    with contextlib.suppress(FileNotFoundError, msgspec.DecodeError):
        return msgspec.json.decode((data / _STATE).read_bytes(), type=StackState)
    return None


def write_state(data: Path, state: StackState) -> None:
    write_private(data / _STATE, msgspec.json.format(msgspec.json.encode(state)))


def remove_state(data: Path) -> None:
    (data / _STATE).unlink(missing_ok=True)


def part_state(name: str, log: Path, pid: int | None, address: str | None, restarts: int) -> PartState:
    begun = started_at(pid) if pid is not None else 0.0
    return PartState(name=name, log=str(log), address=address, pid=pid, started_at=begun, restarts=restarts)


@contextmanager
def only_one_stack(data: Path) -> Iterator[None]:
    """Hold the folder. AlreadyRunning if another stack has it."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / _LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            state = read_state(data)
            who = f" (process {state.pid})" if state is not None else ""
            raise AlreadyRunning(
                f"a stack runs on {data} already{who}: stop it, or choose another folder with DATA="
            ) from None
        yield


def end_leftovers(data: Path) -> list[str]:
    """End the parts that a killed stack left running; returns their names. Only processes that it started itself."""
    state = read_state(data)
    if state is None:
        return []
    found = [
        (part.name, process)
        for part in state.parts
        if part.pid is not None and (process := same_process(part.pid, part.started_at)) is not None
    ]
    for name, process in found:
        # PostgreSQL would wait for its clients on SIGTERM; SIGINT is its orderly stop.
        _signal_session(process, signal.SIGINT if name == "postgres" else signal.SIGTERM)
    _, alive = psutil.wait_procs([process for _, process in found], timeout=_LEFTOVER_GRACE_S)
    for process in alive:
        _signal_session(process, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=2.0)
    return [name for name, _ in found]


def remembered_ports(data: Path, names: Sequence[str]) -> dict[str, int]:
    """A port for each name: the one of the last start while it is free, so that addresses and tokens stay valid."""
    kept: dict[str, int] = {}
    with contextlib.suppress(FileNotFoundError, msgspec.DecodeError):
        kept = msgspec.json.decode((data / _PORTS).read_bytes(), type=dict[str, int])
    ports = {name: kept[name] for name in names if name in kept and is_free(kept[name])}
    missing = [name for name in names if name not in ports]
    ports.update(zip(missing, free_ports(len(missing)), strict=True))
    write_private(data / _PORTS, msgspec.json.encode({**kept, **ports}))
    return ports


def write_environment(data: Path, service: str, environment: Mapping[str, str]) -> None:
    """Keep a service's settings for a person who runs its jobs by hand. They hold secrets, as the folder does."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in sorted(environment.items())]
    write_private(data / f"{service}.env", "\n".join([*lines, ""]).encode())


def read_environment(data: Path, service: str) -> str:
    """The settings as lines for a shell. NoSecretsYet if the stack was never started."""
    try:
        return (data / f"{service}.env").read_text()
    except FileNotFoundError:
        raise NoSecretsYet(f"{data} has no stack yet: start one with `make run`") from None


def issuer_url(ports: dict[str, int]) -> str:
    return f"http://127.0.0.1:{ports['issuer']}"


def read_issuer(data: Path) -> str:
    """The `iss` of the stack's tokens, running or not. NoSecretsYet if it was never started."""
    try:
        return issuer_url(msgspec.json.decode((data / _PORTS).read_bytes(), type=dict[str, int]))
    except FileNotFoundError:
        raise NoSecretsYet(f"{data} has no stack yet: start one with `make run`") from None


def _signal_session(process: psutil.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if number == signal.SIGINT:
            process.send_signal(number)
        else:
            os.killpg(process.pid, number)
