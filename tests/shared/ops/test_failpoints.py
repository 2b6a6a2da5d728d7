"""Failpoints: nothing when they are off; armed, the named place is where the process dies, fails or stands still."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from support.eventually import eventually

from redress.failpoints import Failpoint, FailpointsWrong, failpoint, read_failpoints, transaction_if_armed

ROOT = Path(__file__).parents[3]

PROGRAM = textwrap.dedent("""
    import asyncio
    from redress.failpoints import FailpointReached, failpoint

    async def work():
        for number in range(1, 4):
            print("before", number, flush=True)
            try:
                await failpoint("here", "orders")
            except FailpointReached:
                print("raised", number, flush=True)

    asyncio.run(work())
""")


def started(armed: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "REDRESS_FAILPOINTS": armed},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def outcome(armed: str) -> tuple[int, list[str]]:
    process = started(armed)
    out, _ = process.communicate(timeout=30)
    return process.returncode, out.splitlines()


class _BeginsNothing:
    def transaction(self) -> AbstractAsyncContextManager[object]:
        raise AssertionError("a transaction was begun")


async def test_an_unarmed_failpoint_is_nothing() -> None:
    await failpoint("relay.after_ack")
    assert failpoint("relay.after_ack") is failpoint("append.before")  # no object is made for it
    async with transaction_if_armed(_BeginsNothing(), "append.before_commit"):  # and no transaction begun
        pass


def test_the_process_is_gone_the_third_time_it_gets_there() -> None:
    assert outcome("here=kill@3") == (-signal.SIGKILL, ["before 1", "before 2", "before 3"])


def test_a_failure_is_raised_there_once() -> None:
    assert outcome("here=raise@2") == (0, ["before 1", "before 2", "raised 2", "before 3"])


def test_one_user_of_a_shared_place_is_meant() -> None:
    assert outcome("here/payments=kill") == (0, ["before 1", "before 2", "before 3"])
    assert outcome("here/orders=kill") == (-signal.SIGKILL, ["before 1"])


async def test_a_process_that_stands_still_goes_on_when_it_is_told_to() -> None:
    process = started("here=stop")

    async def stopped() -> bool:
        state = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state == "T"

    await eventually(stopped)
    process.send_signal(signal.SIGCONT)
    out, _ = await asyncio.to_thread(process.communicate, timeout=30)
    assert (process.returncode, out.splitlines()) == (0, ["before 1", "before 2", "before 3"])


def test_several_are_armed_in_one_line() -> None:
    assert read_failpoints("relay.after_ack=kill@3, append.before=pause:2.5,") == {
        "relay.after_ack": Failpoint("kill", nth=3),
        "append.before": Failpoint("pause", 2.5),
    }


@pytest.mark.parametrize(
    "wrong",
    ["here", "here=die", "=kill", "here=kill@0", "here=kill@soon", "here=pause", "here=pause:long", "here=kill:2"],
)
def test_what_cannot_be_read_is_named(wrong: str) -> None:
    with pytest.raises(FailpointsWrong, match=re.escape(wrong)):
        read_failpoints(wrong)


def named_in_the_sources() -> Iterator[str]:
    for folder in ("shared/src", "services"):
        for file in (ROOT / folder).rglob("*.py"):
            if file.name != "failpoints.py":
                yield from re.findall(r'await failpoint\(\s*"([^"]+)"', file.read_text())


def test_every_name_stands_at_one_place() -> None:
    names = list(named_in_the_sources())
    assert len(names) > 10
    assert sorted(names) == sorted(set(names))
