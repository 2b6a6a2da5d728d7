"""The simulated company."""

from collections.abc import Callable
from typing import Final

from redress_local.settings import StackSettings

DEMO_TENANT: Final = "demo"


async def make_demo(settings: StackSettings, say: Callable[[str], None]) -> None:
    say(f"  no demo yet {settings.port}")
