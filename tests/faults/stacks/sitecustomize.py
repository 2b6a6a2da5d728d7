"""On SIGUSR1 a process writes down where each of its tasks stands: what hangs says where. Put on PYTHONPATH."""

import asyncio
import faulthandler
import io
import os
import signal
import sys


def _write_down(_number: int, _frame: object) -> None:
    out = io.StringIO()
    for task in list(asyncio.tasks._all_tasks):  # type: ignore[attr-defined]
        if not task.done():
            out.write(f"-- {task.get_name()} {task.get_coro()}\n")
            task.print_stack(file=out)
            waits_for = getattr(task, "_fut_waiter", None)
            out.write(f"   waits for {waits_for}\n")
    os.write(2, f"== stacks of {os.getpid()}\n{out.getvalue()}== end\n".encode())


if sys.argv:  # absent in the very first moments of some start-ups
    signal.signal(signal.SIGUSR1, _write_down)
    faulthandler.enable()
