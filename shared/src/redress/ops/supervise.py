"""Keeps the parts of a worker running: each is crash-only, and started again after a pause that grows."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import NoReturn

import structlog

_log = structlog.stdlib.get_logger("redress.ops")

PAUSES_S = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # an outage is noticed at once and asked about every half minute
STEADY_S = 60.0  # whoever ran this long starts with the shortest pause again
HALTED_S = 60.0  # a halted part looks once a minute whether somebody has put things right


class Halted(Exception):
    """The part refuses to go on until a person has looked. Starting it again at once would be no use."""


async def supervised(name: str, part: Callable[[], Awaitable[object]]) -> NoReturn:
    """Run `part` for ever: whenever it ends or raises, say why and run it again. Ends by cancellation only."""
    failures = 0
    loop = asyncio.get_running_loop()
    while True:
        started = loop.time()
        try:
            await part()
            _log.warning("part_ended", part=name)
        except Halted as reason:
            _log.critical("part_halted", part=name, reason=str(reason))
            await asyncio.sleep(HALTED_S)
            continue
        except Exception as failure:  # noqa: BLE001 - whatever it died of, it is said and started again
            _log.error("part_failed", part=name, error=f"{type(failure).__name__}: {failure}", exc_info=failure)
        failures = 0 if loop.time() - started >= STEADY_S else failures + 1
        pause_s = PAUSES_S[min(failures, len(PAUSES_S)) - 1] if failures else PAUSES_S[0]
        await asyncio.sleep(pause_s * random.uniform(0.7, 1.0))  # noqa: S311 - spreads restarts, no secret
