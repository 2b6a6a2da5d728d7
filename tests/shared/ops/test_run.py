"""Processes: parts that fail come back, signals stop, what runs on is cut off, and the exit code tells."""

import asyncio
import gc
import signal
import socket
import subprocess
import sys
import textwrap
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.eventually import eventually

from redress.ops.probe import trouble
from redress.ops.run import CUT_OFF, STOPPED, Backoff, Part, run_parts

AT_ONCE = Backoff(first_s=0.01, most_s=0.05)


class Worked:
    """A part that notes its starts and stops; `failing` first starts fail."""

    def __init__(self, failing: int = 0) -> None:
        self.starts = 0
        self.stops = 0
        self._failing = failing

    async def __call__(self, stop: asyncio.Event) -> None:
        self.starts += 1
        if self.starts <= self._failing:
            raise ConnectionError("the broker is gone")
        await stop.wait()
        self.stops += 1

    async def has_started(self, times: int = 1) -> None:
        async def probe() -> bool:
            return self.starts >= times

        await eventually(probe)


async def test_parts_run_until_they_are_asked_to_stop() -> None:
    stop, first, second = asyncio.Event(), Worked(), Worked()
    running = asyncio.create_task(run_parts([Part("first", first), Part("second", second)], stop))
    await first.has_started()
    await second.has_started()
    stop.set()
    assert await running == STOPPED
    assert (first.stops, second.stops) == (1, 1)


async def test_a_part_that_fails_is_started_again_and_the_others_do_not_notice() -> None:
    stop, shaky, calm = asyncio.Event(), Worked(failing=3), Worked()
    running = asyncio.create_task(run_parts([Part("shaky", shaky), Part("calm", calm)], stop, backoff=AT_ONCE))
    await shaky.has_started(times=4)
    stop.set()
    assert await running == STOPPED
    assert (shaky.stops, calm.starts) == (1, 1)


async def test_what_a_failed_part_had_in_hand_is_gone_when_it_starts_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its clients hold each other in circles, which the collector of a worker does not look for by itself."""

    class Forgets:
        """A log that keeps no traceback, as pytest's does."""

        def error(self, *_what: object, **_more: object) -> None: ...

    monkeypatch.setattr("redress.ops.run._log", Forgets())

    class Client:
        def __init__(self) -> None:
            self.itself = self

    left: list[weakref.ref[Client]] = []
    at_start: list[int] = []

    async def shaky(stop: asyncio.Event) -> None:
        at_start.append(sum(each() is not None for each in left))
        client = Client()
        left.append(weakref.ref(client))
        if len(left) < 4:
            raise ConnectionError("the broker is gone")
        await stop.wait()

    stop = asyncio.Event()
    gc.disable()
    try:
        running = asyncio.create_task(run_parts([Part("shaky", shaky)], stop, backoff=AT_ONCE))
        await eventually(lambda: _reached(at_start, 4))
        stop.set()
        await running
    finally:
        gc.enable()
    assert at_start == [0, 0, 0, 0]


async def _reached(at_start: list[int], starts: int) -> bool:
    return len(at_start) == starts


async def test_a_part_in_which_something_was_cancelled_is_started_again_too() -> None:
    lives = 0
    stop = asyncio.Event()

    async def broken_inside(_: asyncio.Event) -> None:
        nonlocal lives
        lives += 1
        if lives == 3:
            stop.set()
            return
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    assert await run_parts([Part("broken inside", broken_inside)], stop, backoff=AT_ONCE) == STOPPED
    assert lives == 3


async def test_a_part_that_just_ends_is_started_again_too() -> None:
    stop, starts = asyncio.Event(), []

    async def brief(_: asyncio.Event) -> None:
        starts.append(1)
        if len(starts) == 3:
            stop.set()

    assert await run_parts([Part("brief", brief)], stop, backoff=AT_ONCE) == STOPPED
    assert len(starts) == 3


async def test_a_part_that_does_not_stop_is_cut_off() -> None:
    stop, begun, cancelled = asyncio.Event(), asyncio.Event(), []

    async def deaf(_: asyncio.Event) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    running = asyncio.create_task(run_parts([Part("deaf", deaf)], stop, drain_s=0.05))
    await begun.wait()
    stop.set()
    assert await running == CUT_OFF
    assert cancelled == [True]


async def test_stopping_does_not_wait_for_a_pause_between_restarts() -> None:
    stop, broken = asyncio.Event(), Worked(failing=1_000)
    backoff = Backoff(first_s=60, most_s=60)
    running = asyncio.create_task(run_parts([Part("broken", broken)], stop, backoff=backoff))
    await broken.has_started()
    stop.set()
    assert await asyncio.wait_for(running, 5) == STOPPED


def test_pauses_double_up_to_a_bound() -> None:
    backoff = Backoff(first_s=0.5, most_s=30)
    assert [backoff.pause_s(failures) for failures in (1, 2, 3, 6, 7, 8, 10_000)] == [0.5, 1, 2, 16, 30, 30, 30]


WORKER = """
    import asyncio, sys
    from contextlib import asynccontextmanager
    from redress.ops.logs import configure_logs
    from redress.ops.run import Part, run_worker

    async def work(stop):
        print("working", flush=True)
        await stop.wait()

    async def deaf(stop):
        await asyncio.Event().wait()

    @asynccontextmanager
    async def parts():
        if sys.argv[1] == "unable":
            raise ConnectionError("no database")
        if sys.argv[1] == "slow":
            print("working", flush=True)
            await asyncio.sleep(60)
        yield [Part("work", work), *([Part("deaf", deaf)] if sys.argv[1] == "deaf" else [])]
        print("closed", flush=True)

    configure_logs("office", "1.0")
    sys.exit(run_worker(parts, drain_s=0.3))
"""

API = """
    import asyncio, sys
    from contextlib import asynccontextmanager
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route
    from redress.ops.logs import configure_logs
    from redress.ops.run import run_api

    @asynccontextmanager
    async def lifespan(app):
        if sys.argv[1] == "unable":
            raise ConnectionError("no database")
        yield
        print("closed", flush=True)

    async def poll(request):
        print("polling", flush=True)
        await request.app.state.stopping.wait()
        return PlainTextResponse("nothing new")

    app = Starlette(routes=[Route("/poll", poll)], lifespan=lifespan)
    app.state.stopping = asyncio.Event()
    configure_logs("office", "1.0")
    sys.exit(run_api(app, "127.0.0.1", int(sys.argv[2])))
"""


@pytest.mark.parametrize(
    ("kind", "number", "code", "closed"),
    [
        ("well", signal.SIGTERM, 0, True),
        ("well", signal.SIGINT, 0, True),
        ("deaf", signal.SIGTERM, 1, True),
        ("slow", signal.SIGTERM, 0, False),
    ],
    ids=["SIGTERM", "SIGINT", "deaf part", "still starting"],
)
def test_a_worker_stops_at_a_signal(tmp_path: Path, kind: str, number: int, code: int, closed: bool) -> None:
    with _program(tmp_path, WORKER, kind) as process:
        assert _says(process, "working")
        process.send_signal(number)
        rest = process.communicate(timeout=10)[0]
        assert process.returncode == code
        assert ("closed" in rest) == closed


async def test_a_worker_gives_a_sign_of_life_where_a_container_looks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heartbeat = tmp_path / "heartbeat"
    monkeypatch.setenv("HEARTBEAT_FILE", str(heartbeat))
    with _program(tmp_path, WORKER, "well") as process:

        async def is_well() -> bool:
            return trouble(heartbeat.as_uri()) is None

        await eventually(is_well)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
        assert process.returncode == 0


def test_a_worker_that_cannot_start_says_why(tmp_path: Path) -> None:
    with _program(tmp_path, WORKER, "unable") as process:
        output = process.communicate(timeout=10)[0]
        assert process.returncode == 3
    assert '"event":"worker could not start"' in output
    assert "ConnectionError: no database" in output


def test_an_api_stops_at_a_signal_and_ends_its_long_polls(tmp_path: Path) -> None:
    port = _free_port()
    fetch = f"import urllib.request as u; print(u.urlopen('http://127.0.0.1:{port}/poll', timeout=20).read())"
    with _program(tmp_path, API, "well", str(port)) as process:
        assert _says(process, "Uvicorn running")
        with _program(tmp_path, fetch) as reader:
            assert _says(process, "polling")
            begun = time.monotonic()
            process.send_signal(signal.SIGTERM)
            rest = process.communicate(timeout=15)[0]
            assert time.monotonic() - begun < 5  # and not the ten seconds that requests are given
            assert reader.communicate(timeout=5)[0] == "b'nothing new'\n"
        assert process.returncode == 0
    assert "closed" in rest


def test_an_api_that_cannot_start_says_why(tmp_path: Path) -> None:
    with _program(tmp_path, API, "unable", str(_free_port())) as process:
        output = process.communicate(timeout=10)[0]
        assert process.returncode == 3
    assert "no database" in output


def test_an_api_whose_port_is_taken_says_so(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with _program(tmp_path, API, "well", str(taken.getsockname()[1])) as process:
            output = process.communicate(timeout=10)[0]
            assert process.returncode == 3
    assert '"event":"the API could not listen"' in output


@contextmanager
def _program(folder: Path, program: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    script = folder / f"program{len(list(folder.iterdir()))}.py"
    script.write_text(textwrap.dedent(program))
    process = subprocess.Popen(
        [sys.executable, str(script), *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _says(process: subprocess.Popen[str], text: str) -> bool:
    """Read on until a line has the text; False if the output ends before."""
    assert process.stdout is not None
    return any(text in line for line in process.stdout)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
