"""Diagnostics that a process gives when it is asked from outside. Put on PYTHONPATH.

SIGUSR1: where each of its tasks stands, so that what hangs says where. SIGUSR2: what it keeps in memory, by type, so
that what grows says what.
"""

import asyncio
import contextlib
import ctypes
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
    for task in list(asyncio.tasks._all_tasks):  # type: ignore[attr-defined]  # all_tasks() needs a running loop
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
    os.write(2, f"{head}\n{lines}{_of_the_allocator()}== end\n".encode())


def _of_the_allocator() -> str:
    """The memory that the C library has given out, and the freed memory that it keeps."""
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallinfo2.restype = _MallInfo
        info = libc.mallinfo2()
        return "".join(
            f"   {name}: {getattr(info, name) / 1e6:.1f} MB\n" for name in ("hblkhd", "uordblks", "fordblks")
        )
    return ""


class _MallInfo(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keep",
        )
    )


if sys.argv:  # absent in the very first moments of some start-ups
    signal.signal(signal.SIGUSR1, _write_down)
    signal.signal(signal.SIGUSR2, _count)
    faulthandler.enable()
