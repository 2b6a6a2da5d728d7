"""Running a process: an API under uvicorn, or a worker made of named parts. SIGTERM stops, drains, and exits with 0.

Exit codes: 0 stopped and drained; 1 a part of a worker did not stop in time and was cut off; 3 could not start.
"""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import structlog
import uvicorn
import uvloop
from msgspec import Struct
from starlette.applications import Starlette

from redress.ops.heartbeat import touch_heartbeat
from redress.ops.run_until_stopped import run_until_stopped

DRAIN_S = 10.0
STOPPED, CUT_OFF, NOT_STARTED = 0, 1, 3
_CANCEL_S = 1.0  # for a cancelled part to clean up
_CLOSE_S = 3.0  # for pools and clients to close after the parts
_SIGNALS = (signal.SIGTERM, signal.SIGINT)

_log = structlog.stdlib.get_logger("redress.ops.run")


class Part(Struct, frozen=True):
    """One long-running job of a worker. `run` returns soon after the event it is given is set, and not before."""

    name: str
    run: Callable[[asyncio.Event], Awaitable[None]]


OpenParts = Callable[[], AbstractAsyncContextManager[Sequence[Part]]]


class Backoff(Struct, frozen=True):
    """Pauses before a restart: `first_s`, doubled each time up to `most_s`; forgotten after `well_after_s` of work."""

    first_s: float = 0.5
    most_s: float = 10.0
    well_after_s: float = 20.0

    def pause_s(self, failures: int) -> float:
        """The pause after this many failures in a row (1 or more)."""
        return min(self.first_s * 2.0 ** min(failures - 1, 30), self.most_s)


def run_api(app: Starlette, host: str, port: int) -> int:
    """Serve the app until SIGTERM or SIGINT; returns the exit code.

    Running requests get `DRAIN_S` to end. `app.state.stopping` is set first, so that long polls end at once.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(DRAIN_S),
        timeout_keep_alive=75,  # above the idle time of common proxies, so that they are the ones to close
    )
    server = _Server(config, getattr(app.state, "stopping", None))
    collect_less_often()
    try:
        server.run()
    except SystemExit:
        _log.error("the API could not listen", host=host, port=port)
        return NOT_STARTED
    return STOPPED if server.started else NOT_STARTED


def run_worker(parts: OpenParts, *, drain_s: float = DRAIN_S) -> int:
    """Open the worker's parts, run them until SIGTERM or SIGINT, close them; returns the exit code.

    `parts` is an async context manager: what the parts need (pools, clients) is opened before and closed after them.
    """
    collect_less_often()
    return uvloop.run(_worker(parts, drain_s))


def collect_less_often() -> None:
    """Look for garbage cycles every 50,000 new objects instead of 700, and never among what the imports made.

    Events are many small objects without cycles: looking at them took 40 % of the relay's time (23 µs an event, 13.5
    without). What does have cycles, exceptions mostly, may wait; what a failed part leaves behind does not
    (`_supervise`).
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def run_parts(
    parts: Sequence[Part], stop: asyncio.Event, *, drain_s: float = DRAIN_S, backoff: Backoff | None = None
) -> int:
    """Run the parts until `stop`; a part that fails or ends early is said in the log and started again.

    After `stop` they have `drain_s` to return; those that do not are cancelled. Returns STOPPED or CUT_OFF.
    """
    tasks = {asyncio.create_task(_supervise(part, stop, backoff or Backoff()), name=part.name) for part in parts}
    try:
        await stop.wait()
        late: set[asyncio.Task[None]] = set()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=drain_s)
        for task in late:
            _log.error("part did not stop in time", part=task.get_name(), drain_s=drain_s)
        return CUT_OFF if late else STOPPED
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_CANCEL_S)


async def _supervise(part: Part, stop: asyncio.Event, backoff: Backoff) -> None:
    failures = 0
    while not stop.is_set():
        failures = await _one_life(part, stop, failures, backoff)
        if not failures:
            return
        # A dead part's clients and buffers hold each other: megabytes in few objects, found late otherwise.
        gc.collect()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(backoff.pause_s(failures)):
                await stop.wait()


async def _one_life(part: Part, stop: asyncio.Event, failures: int, backoff: Backoff) -> int:
    """The number of failed runs in a row; 0 when the part ended as asked."""
    started = time.monotonic()
    failed: BaseException | None = None
    try:
        await part.run(stop)
    except Exception as error:  # noqa: BLE001 - the others go on, and this one is started again
        failed = error
    except asyncio.CancelledError as error:
        if _is_asked_to_end():
            raise
        failed = error  # something inside it was cancelled (a library's future): the part would be gone without a word
    if stop.is_set() and failed is None:
        return 0
    worked_s = time.monotonic() - started
    failures = 1 if worked_s >= backoff.well_after_s else failures + 1
    what = "part ended early" if failed is None else "part failed"
    _log.error(
        what,
        part=part.name,
        failures=failures,
        restart_in_s=backoff.pause_s(failures),
        worked_s=round(worked_s, 1),
        exc_info=failed,
    )
    return failures


def _is_asked_to_end() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _worker(parts: OpenParts, drain_s: float) -> int:
    stop, begun = asyncio.Event(), asyncio.Event()

    async def whole_life() -> int:
        async with parts() as opened:
            begun.set()
            _log.info("worker started", parts=[part.name for part in opened])
            return await run_parts([*opened, *_sign_of_life()], stop, drain_s=drain_s)

    with _set_at_signals(stop):
        life = asyncio.create_task(whole_life())
        signalled = asyncio.create_task(stop.wait())
        await asyncio.wait({life, signalled}, return_when=asyncio.FIRST_COMPLETED)
        if not begun.is_set():
            life.cancel()  # asked to stop before it had begun: nothing to drain
        await asyncio.wait({life}, timeout=drain_s + _CLOSE_S)
        signalled.cancel()
        return _exit_code(life, begun=begun.is_set())


def _sign_of_life() -> Sequence[Part]:
    """With HEARTBEAT_FILE set the worker touches that file, for the health check of a container (redress.ops.probe)."""
    file = os.environ.get("HEARTBEAT_FILE")
    return [Part("heartbeat", lambda stop: run_until_stopped(stop, touch_heartbeat(Path(file))))] if file else []


def _exit_code(life: asyncio.Task[int], *, begun: bool) -> int:
    if not life.done():
        _log.error("worker did not close in time")
        life.cancel()
        return CUT_OFF
    if life.cancelled():
        return STOPPED
    error = life.exception()
    if error is None:
        _log.info("worker stopped")
        return life.result()
    _log.error("worker failed while closing" if begun else "worker could not start", exc_info=error)
    return CUT_OFF if begun else NOT_STARTED


@contextlib.contextmanager
def _set_at_signals(stop: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event | None) -> None:
        super().__init__(config)
        self._stopping = stopping

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._stopping is not None:
            self._stopping.set()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn raises the signal again after a clean stop, which would end the process as killed.
        before = {number: signal.signal(number, self.handle_exit) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
