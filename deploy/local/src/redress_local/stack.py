"""The supervisor behind `make run`: starts the parts in order, reports progress, restarts dead parts, ends all of them.

A part is a process that should always run; a job is one that should end well once (migrations, topics). Which there are
stands in `blueprint.py`; here is only what is true of all of them.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from redress_local.process import Process, log_tail, started_at
from redress_local.state import StackState, part_state, remove_state, write_state

T = TypeVar("T")

_WATCH_S = 0.25
_RESTART_PAUSES_S: Final = (0.2, 1.0, 2.0, 5.0, 10.0)  # then every ten seconds
_HEALTHY_AFTER_S = 60.0  # a part that ran this long begins with the first pause again
_THREADS = 24
_SAID_WHY: Final = 2  # a program that ends with this has said the cause in one line, its last
END_S: Final = 13.0  # promised are fifteen seconds


@dataclass(frozen=True)
class Part:
    """A process that should always run. `start` returns when the part serves, or raises with the reason.

    `stage` orders the end: higher stages stop first, together. `before_end` makes the end quick; it runs while higher
    stages stop, and may fail.
    """

    name: str
    process: Process
    start: Callable[[], None]
    stage: int
    address: str | None = None
    before_end: Callable[[], Coroutine[object, object, None]] | None = None


@dataclass(frozen=True)
class Job:
    """A process that runs to its end. `within_s` bounds it."""

    name: str
    process: Process
    within_s: float = 60.0


class Stack:
    """Runs parts and jobs. `say` gets one line for each thing a person wants to know."""

    def __init__(self, data: Path, transport: str, issuer: str, say: Callable[[str], None]) -> None:
        self.data = data
        self._transport = transport
        self._issuer = issuer
        self._say = say
        self._parts: list[Part] = []
        self._jobs: list[Job] = []
        self._serving: list[Part] = []
        self._outages: dict[str, _Outage] = {}
        self._addresses: dict[str, str] = {}
        self._restarting: dict[str, asyncio.Task[None]] = {}
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="stack")
        self.stopping = asyncio.Event()

    async def start(self, part: Part) -> None:
        """Start a part and wait until it serves. RuntimeError or TimeoutError with the end of its log."""
        begun = time.monotonic()
        self._parts.append(part)
        await self._in_thread(part.start)
        self._serving.append(part)
        self.record()
        where = f"  {part.address}" if part.address else ""
        self._say(f"  {part.name:<22} ready in {time.monotonic() - begun:4.1f} s{where}")

    async def run(self, job: Job) -> None:
        """Run a job to its end. RuntimeError with its reason or the end of its log if it fails or takes too long."""
        begun = time.monotonic()
        self._jobs.append(job)
        try:
            job.process.start()
            self.record()
            while job.process.running:
                if time.monotonic() - begun > job.within_s:
                    raise RuntimeError(f"{job.name} took longer than {job.within_s:.0f} s, see {job.process.log}")
                await asyncio.sleep(0.02)
            if job.process.exit_code == _SAID_WHY:
                raise RuntimeError(log_tail(job.process.log, 1))
            if job.process.exit_code != 0:
                end = log_tail(job.process.log)
                raise RuntimeError(
                    f"{job.name} ended with {job.process.exit_code}:\n{end}\n(all of it: {job.process.log})"
                )
        finally:
            job.process.kill()
            self._jobs.remove(job)
        self._say(f"  {job.name:<22} done in {time.monotonic() - begun:5.1f} s")

    def know(self, **addresses: str) -> None:
        """Addresses that `redress status` shows besides those of the parts."""
        self._addresses.update(addresses)
        self.record()

    def record(self) -> None:
        """Write down what runs, so that a next start finds it even if this process is killed now."""
        processes = [(part.name, part.process, part.address) for part in self._parts]
        processes += [(job.name, job.process, None) for job in self._jobs]
        me = os.getpid()
        state = StackState(
            pid=me,
            started_at=started_at(me),
            transport=self._transport,
            issuer=self._issuer,
            addresses=dict(self._addresses),
            parts=tuple(
                part_state(name, one.log, one.pid if one.running else None, address, self._restarts_of(name))
                for name, one, address in processes
            ),
        )
        write_state(self.data, state)

    def _restarts_of(self, name: str) -> int:
        return self._outages[name].restarts if name in self._outages else 0

    async def watch(self) -> None:
        """Restart what dies, until the stack is asked to stop."""
        while not self.stopping.is_set():
            for part in self._serving:
                if not part.process.running and part.name not in self._restarting:
                    self._restarting[part.name] = asyncio.create_task(self._restart(part))
            for name in [name for name, task in self._restarting.items() if task.done()]:
                self._restarting.pop(name).result()
            await self._pause(_WATCH_S)

    async def _restart(self, part: Part) -> None:
        while not self.stopping.is_set():
            outage = self._outages.setdefault(part.name, _Outage())
            pause_s = outage.next_pause_s()
            self._say(f"  {part.name:<22} {_how_it_ended(part.process)}; starting it again in {pause_s:g} s")
            self.record()
            await self._pause(pause_s)
            if self.stopping.is_set():
                return
            outage.restarts += 1
            outage.last_start = time.monotonic()
            try:
                await self._in_thread(part.start)
            except (RuntimeError, TimeoutError, OSError) as failed:
                part.process.kill()
                if not self.stopping.is_set():
                    self._say(f"  {part.name:<22} did not come back: {failed}")
            else:
                self._say(f"  {part.name:<22} runs again")
                self.record()
                return

    async def stop(self) -> None:
        """End everything within `END_S`: highest stage first, each stage together. Nothing stays.

        Each part has its grace, the lowest stage all that is left of the time.
        """
        deadline = time.monotonic() + END_S
        self.stopping.set()
        for process in [part.process for part in self._parts] + [job.process for job in self._jobs]:
            process.retire()
        for job in list(self._jobs):
            job.process.kill()
        preparing = [asyncio.create_task(part.before_end()) for part in self._parts if part.before_end is not None]
        stages = sorted({part.stage for part in self._parts}, reverse=True)
        for stage in stages:
            left_s = max(0.5, deadline - time.monotonic())
            lowest = stage == stages[-1]
            together = [part.process for part in self._parts if part.stage == stage]
            await asyncio.gather(
                *(
                    self._in_thread(partial(process.stop, left_s if lowest else min(process.grace_s, left_s)))
                    for process in together
                )
            )
        for task in preparing:
            task.cancel()
        await asyncio.gather(*preparing, return_exceptions=True)
        await asyncio.gather(*self._restarting.values(), return_exceptions=True)
        self._pool.shutdown(wait=False, cancel_futures=True)
        remove_state(self.data)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)

    async def _in_thread(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, function)


@dataclass
class _Outage:
    """The restarts of one part. Pauses grow while it keeps dying, and begin anew when it has run for a while."""

    restarts: int = 0
    last_start: float = 0.0
    in_a_row: int = 0

    def next_pause_s(self) -> float:
        if time.monotonic() - self.last_start > _HEALTHY_AFTER_S:
            self.in_a_row = 0
        pause = _RESTART_PAUSES_S[min(self.in_a_row, len(_RESTART_PAUSES_S) - 1)]
        self.in_a_row += 1
        return pause


def _how_it_ended(process: Process) -> str:
    code = process.exit_code
    if code is not None and code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with {code} (see {process.log})"
