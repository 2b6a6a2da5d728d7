"""What a process says about itself when it is asked from outside. Put on PYTHONPATH.

SIGUSR1: where each of its tasks stands, so that what hangs says where. SIGUSR2: what it keeps in memory, by type, so
that what grows says what.
"""

import asyncio
import faulthandler
import gc
import io
import os
import signal
import sys
from collections import Counter

_MOST = 25


def _write_down(_number: int, _frame: object) -> None:
    out = io.StringIO()
    for task in list(asyncio.tasks._all_tasks):  # type: ignore[attr-defined]
        if not task.done():
            out.write(f"-- {task.get_name()} {task.get_coro()}\n")
            task.print_stack(file=out)
            waits_for = getattr(task, "_fut_waiter", None)
            out.write(f"   waits for {waits_for}\n")
    os.write(2, f"== stacks of {os.getpid()}\n{out.getvalue()}== end\n".encode())


def _count(_number: int, _frame: object) -> None:
    garbage = gc.collect()
    kinds: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for thing in gc.get_objects():
        kind = f"{type(thing).__module__}.{type(thing).__qualname__}"
        kinds[kind] += 1
        sizes[kind] += sys.getsizeof(thing)
    lines = "".join(
        f"   {number:>9,} {sizes[kind] // 1024:>9,} kB {kind}\n" for kind, number in kinds.most_common(_MOST)
    )
    head = f"== memory of {os.getpid()}: {sys.getallocatedblocks():,} blocks, {garbage:,} objects were garbage"
    os.write(2, f"{head}\n{lines}== end\n".encode())


if sys.argv:  # absent in the very first moments of some start-ups
    signal.signal(signal.SIGUSR1, _write_down)
    signal.signal(signal.SIGUSR2, _count)
    faulthandler.enable()
