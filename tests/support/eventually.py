"""Waiting for something that happens elsewhere: a condition, polled, with a deadline. No test sleeps otherwise."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
_POLL_S = 0.02


async def eventually(probe: Callable[[], Awaitable[T]], within_s: float = 10.0) -> T:
    """The first truthy answer of the probe; a probe that raises AssertionError is asked again.

    AssertionError, with the last answer or the last failed assertion, when the time is over.
    """
    deadline = time.monotonic() + within_s
    while True:
        failure: AssertionError | None = None
        answer: T | None = None
        try:
            answer = await probe()
            if answer:
                return answer
        except AssertionError as failed:
            failure = failed
        if time.monotonic() > deadline:
            raise AssertionError(f"not true within {within_s:g} s; last answer: {answer!r}") from failure
        await asyncio.sleep(_POLL_S)
