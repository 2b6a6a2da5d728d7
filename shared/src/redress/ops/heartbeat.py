"""The sign of life of a process without an API: a file that its event loop touches while it is not stuck."""

import asyncio
from pathlib import Path
from typing import Final, NoReturn

INTERVAL_S: Final = 5.0
STALE_AFTER_S: Final = 30.0


async def touch_heartbeat(file: Path) -> NoReturn:
    """Touch the file at once and then every `INTERVAL_S`. Ends by cancellation, or with the OSError that forbids it."""
    while True:
        await asyncio.to_thread(file.touch)
        await asyncio.sleep(INTERVAL_S)
