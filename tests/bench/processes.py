"""Processes of their own for what is measured: a server that listens, or a function that begins when it is told to."""

import asyncio
import multiprocessing
import multiprocessing.connection
import os
import socket
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import uvloop
from msgspec import Struct
from support.eventually import eventually

_READY_S = 30.0
_ENDS_WITHIN_S = 15.0


@asynccontextmanager
async def serving(
    port: int, module: str, *arguments: str, env: dict[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m module` until the block ends; it is ready when it listens."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, env={**os.environ, **env}, stdout=asyncio.subprocess.DEVNULL
    )

    async def listens() -> bool:
        assert process.returncode is None, f"{module} ended with {process.returncode}"
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    try:
        await eventually(listens, _READY_S)
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _ENDS_WITHIN_S)
        except TimeoutError:
            process.kill()
            await process.wait()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def kilobytes(field: str, process: int | str = "self") -> int:
    """What the kernel says of a process: VmRSS is now, VmHWM the most there ever was."""
    (line,) = [x for x in Path(f"/proc/{process}/status").read_text().splitlines() if x.startswith(field)]
    return int(line.split()[1])


class Span(Struct, frozen=True):
    """Instants of the machine's monotonic clock, which all processes share."""

    begun: float
    ended: float

    @property
    def seconds(self) -> float:
        return self.ended - self.begun


Gate = Callable[[], Awaitable[None]]
"""Called inside a child: tells the parent that it has come this far, and returns when the parent lets it go on."""


class Child:
    """`await at_gate()` until it is ready, `let_go()`, and `await result()` for what the function returned."""

    def __init__(self, connection: multiprocessing.connection.Connection) -> None:
        self._connection = connection

    async def at_gate(self) -> None:
        message = await self._message()
        assert message == "at the gate", message

    def let_go(self) -> None:
        self._connection.send("go")

    async def result(self) -> Any:  # noqa: ANN401 - what its function returned
        return await self._message()

    async def _message(self) -> Any:  # noqa: ANN401 - what its function returned
        kind, value = await asyncio.to_thread(self._connection.recv)
        if kind == "failed":
            raise RuntimeError(f"a child failed:\n{value}")
        return value


@asynccontextmanager
async def child(work: Callable[..., Awaitable[object]], *arguments: object) -> AsyncIterator[Child]:
    """`work(gate, *arguments)` in a process of its own, which is gone when the block ends."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(theirs, work, arguments), daemon=True)
    await asyncio.to_thread(process.start)
    theirs.close()
    try:
        yield Child(ours)
    finally:
        await asyncio.to_thread(process.join, 5.0)
        if process.is_alive():
            process.kill()
            await asyncio.to_thread(process.join)
        ours.close()


def _run(
    connection: multiprocessing.connection.Connection,
    work: Callable[..., Awaitable[object]],
    arguments: tuple[Any, ...],
) -> None:
    async def gate() -> None:
        connection.send(("value", "at the gate"))
        await asyncio.to_thread(connection.recv)

    async def main() -> object:
        return await work(gate, *arguments)

    try:
        connection.send(("value", uvloop.run(main())))
    except BaseException:  # noqa: BLE001 - the parent reports it
        connection.send(("failed", traceback.format_exc()))
