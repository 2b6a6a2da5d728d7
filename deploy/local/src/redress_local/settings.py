"""The choices of a person about the local stack: five environment variables."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct

Transport = Literal["kafka", "feed"]
ClockKind = Literal["system", "test"]
SERVICES: Final = ("dispute", "collections", "notification")  # in the order of their ports
_PORT = re.compile(r"[0-9]{1,5}")


class WrongSetting(Exception):
    """A variable has a value that is not allowed; the message names the variable and what is."""


class StackSettings(Struct, frozen=True):
    """`port` is dispute-service's; collections-service has the next, notification-service the one after."""

    data: Path
    port: int
    transport: Transport
    demo: bool
    clock: ClockKind = "system"

    def port_of(self, service: str) -> int:
        return self.port + SERVICES.index(service)

    def url_of(self, service: str) -> str:
        return f"http://127.0.0.1:{self.port_of(service)}"


def data_folder(environment: Mapping[str, str] = os.environ) -> Path:
    return Path(environment.get("DATA") or ".data").expanduser().resolve()


def read_settings(environment: Mapping[str, str] = os.environ) -> StackSettings:
    """WrongSetting for the first variable that is not acceptable."""
    port = environment.get("PORT") or "8001"
    if not _PORT.fullmatch(port) or not 1024 <= int(port) <= 65533:
        raise WrongSetting(f"PORT={port}: the first of three ports is a number from 1024 to 65533")
    demo = environment.get("DEMO") or "1"
    if demo not in {"0", "1"}:
        raise WrongSetting(f"DEMO={demo}: 1 makes the simulated company, 0 leaves the stack empty")
    transport: Transport
    match environment.get("TRANSPORT") or "kafka":
        case "kafka":
            transport = "kafka"
        case "feed":
            transport = "feed"
        case other:
            raise WrongSetting(f"TRANSPORT={other}: kafka or feed")
    clock: ClockKind
    match environment.get("CLOCK") or "system":
        case "system":
            clock = "system"
        case "test":
            clock = "test"
        case other:
            raise WrongSetting(f"CLOCK={other}: test (`redress clock advance` moves it) or system (the machine's)")
    return StackSettings(
        data=data_folder(environment), port=int(port), transport=transport, demo=demo == "1", clock=clock
    )
