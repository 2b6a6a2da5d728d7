"""The supervisor, with small processes in the place of the services."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from support.eventually import eventually

from redress_local.process import Process
from redress_local.stack import Job, Part, Stack
from redress_local.state import AlreadyRunning, end_leftovers, only_one_stack, read_state, remembered_ports, write_state

SLEEPS = "import time; time.sleep(600)"
REFUSES_TO_END = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(600)
"""
HAS_A_CHILD = """
import subprocess, sys, time
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid, flush=True)
time.sleep(600)
"""
NOTES_ITS_END = """
import signal, sys, time
def end(*_):
    open({notes!r}, "a").write({name!r} + " ")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
time.sleep(600)
"""


def _process(tmp_path: Path, name: str, program: str, grace_s: float = 5.0) -> Process:
    return Process(name, [sys.executable, "-c", program], log=tmp_path / f"{name}.log", grace_s=grace_s)


def _part(tmp_path: Path, name: str, program: str = SLEEPS, stage: int = 1, grace_s: float = 5.0) -> Part:
    process = _process(tmp_path, name, program, grace_s)
    return Part(name, process, process.start, stage)


def _stack(tmp_path: Path, say: Callable[[str], None] = lambda _: None) -> Stack:
    return Stack(tmp_path, "feed", "http://issuer", say)


async def test_a_part_that_is_killed_is_restarted_and_that_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    stack = _stack(tmp_path, said.append)
    part = _part(tmp_path, "collections-worker")
    await stack.start(part)
    first = part.process.pid
    watching = asyncio.create_task(stack.watch())
    try:
        part.process.signal(signal.SIGKILL)

        async def runs_again() -> bool:
            state = read_state(tmp_path)
            return state is not None and state.parts[0].restarts == 1 and state.parts[0].running

        await eventually(runs_again)
        assert part.process.pid != first
    finally:
        await stack.stop()
        await watching
    assert any("collections-worker" in line and "SIGKILL" in line for line in said)
    assert any("collections-worker" in line and "runs again" in line for line in said)
    assert read_state(tmp_path) is None


async def test_a_stop_leaves_nothing_behind_not_even_what_ignores_it_or_was_started_by_a_part(tmp_path: Path) -> None:
    stack = _stack(tmp_path)
    deaf = _part(tmp_path, "deaf", REFUSES_TO_END, grace_s=0.3)
    parent = _part(tmp_path, "parent", HAS_A_CHILD)
    await stack.start(deaf)
    await stack.start(parent)

    async def said_its_pid() -> bool:
        return (tmp_path / "deaf.log").read_text() == "deaf\n" and (tmp_path / "parent.log").read_text().endswith("\n")

    await eventually(said_its_pid)
    child = psutil.Process(int((tmp_path / "parent.log").read_text()))
    await stack.stop()
    assert not deaf.process.running
    assert not parent.process.running

    async def is_gone() -> bool:
        return not child.is_running() or child.status() == psutil.STATUS_ZOMBIE

    await eventually(is_gone)


async def test_what_a_killed_stack_left_running_is_ended_by_the_next_start(tmp_path: Path) -> None:
    stack = _stack(tmp_path)
    part = _part(tmp_path, "dispute-api")
    await stack.start(part)  # and then the supervisor is gone, without a word
    assert end_leftovers(tmp_path) == ["dispute-api"]
    assert not part.process.running


async def test_a_pid_that_was_given_to_somebody_else_is_left_alone(tmp_path: Path) -> None:
    stack = _stack(tmp_path)
    part = _part(tmp_path, "dispute-api")
    await stack.start(part)
    try:
        state = read_state(tmp_path)
        assert state is not None
        from msgspec.structs import replace

        stranger = replace(state.parts[0], started_at=state.parts[0].started_at - 3600)
        write_state(tmp_path, replace(state, parts=(stranger,)))
        assert end_leftovers(tmp_path) == []
        assert part.process.running
    finally:
        await stack.stop()


async def test_a_job_that_fails_says_why_and_one_that_hangs_is_ended(tmp_path: Path) -> None:
    stack = _stack(tmp_path)
    failing = _process(tmp_path, "migrations", "print('relation is missing'); raise SystemExit(3)")
    with pytest.raises(RuntimeError, match=r"migrations ended with 3:\nrelation is missing"):
        await stack.run(Job("migrations", failing))
    hanging = _process(tmp_path, "topics", SLEEPS)
    with pytest.raises(RuntimeError, match="topics took longer than 0 s"):
        await stack.run(Job("topics", hanging, within_s=0.2))
    assert not hanging.running


async def test_a_part_that_does_not_start_stops_the_start_with_the_end_of_its_log(tmp_path: Path) -> None:
    from redress_local.process import wait_for_line

    stack = _stack(tmp_path)
    process = _process(tmp_path, "dispute-api", "print('DISPUTE_DATABASE_URL is missing'); raise SystemExit(1)")

    def start() -> None:
        process.start()
        wait_for_line(process, b"ready", timeout_s=10)

    with pytest.raises(RuntimeError, match="DISPUTE_DATABASE_URL is missing"):
        await stack.start(Part("dispute-api", process, start, 1))
    await stack.stop()


async def test_higher_stages_end_before_what_they_stand_on(tmp_path: Path) -> None:
    notes = tmp_path / "order"
    stack = _stack(tmp_path)
    for name, stage in (("database", 1), ("service", 2)):
        await stack.start(_part(tmp_path, name, NOTES_ITS_END.format(notes=str(notes), name=name), stage))

    async def both_up() -> bool:
        return all((tmp_path / f"{name}.log").read_text() == "up\n" for name in ("database", "service"))

    await eventually(both_up)
    await stack.stop()
    assert notes.read_text() == "service database "


def test_one_folder_has_one_stack(tmp_path: Path) -> None:
    with only_one_stack(tmp_path), pytest.raises(AlreadyRunning, match="DATA="), only_one_stack(tmp_path):
        pass
    with only_one_stack(tmp_path):
        pass


def test_ports_are_kept_for_the_next_start_unless_somebody_took_them(tmp_path: Path) -> None:
    import socket

    first = remembered_ports(tmp_path, ("issuer", "smtp"))
    assert remembered_ports(tmp_path, ("issuer", "smtp")) == first
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first["issuer"]))
        taken.listen()
        second = remembered_ports(tmp_path, ("issuer", "smtp"))
    assert second["issuer"] != first["issuer"]
    assert second["smtp"] == first["smtp"]


def _stack_environment(tmp_path: Path, **variables: str) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if name not in {"DATA", "PORT", "TRANSPORT", "DEMO", "CLOCK"}
    }
    return {**kept, "DATA": str(tmp_path / "data"), **variables}


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("PORT", "eighty", "1024 to 65533"),
        ("PORT", "80", "1024 to 65533"),
        ("TRANSPORT", "pigeon", "kafka or feed"),
        ("DEMO", "yes", "1 makes the simulated company"),
        ("CLOCK", "sundial", "test (`redress clock advance` moves it)"),
    ],
)
async def test_a_wrong_variable_is_named_with_what_is_allowed(
    tmp_path: Path, variable: str, value: str, allowed: str
) -> None:
    exit_code, said = await _redress(["run"], _stack_environment(tmp_path, **{variable: value}))
    assert exit_code == 2
    assert f"{variable}={value}" in said
    assert allowed in said
    assert not (tmp_path / "data").exists()


async def test_a_port_in_use_is_named_with_the_variable_to_change(tmp_path: Path) -> None:
    async with await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0) as taken:
        port = taken.sockets[0].getsockname()[1]
        exit_code, said = await _redress(["run"], _stack_environment(tmp_path, PORT=str(port - 1)))
    assert exit_code == 2
    assert f"{port} (collections-service)" in said
    assert "PORT=" in said


async def test_a_token_without_a_stack_says_what_to_do(tmp_path: Path) -> None:
    exit_code, said = await _redress(["token", "--role", "analyst"], _stack_environment(tmp_path))
    assert exit_code == 2
    assert "make run" in said


async def test_the_status_of_no_stack_is_not_running(tmp_path: Path) -> None:
    exit_code, said = await _redress(["status", "--json"], _stack_environment(tmp_path))
    assert exit_code == 1
    assert '"running": false' in said


async def _redress(arguments: list[str], environment: dict[str, str]) -> tuple[int | None, str]:
    command = Path(sys.executable).with_name("redress")
    child = await asyncio.create_subprocess_exec(
        str(command), *arguments, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await asyncio.wait_for(child.communicate(), 30)
    return child.returncode, " ".join(output.decode().split())
