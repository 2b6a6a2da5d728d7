"""Free ports on the loopback interface."""

import random
import socket
from contextlib import ExitStack, suppress
from typing import Final

# Below those that Linux (from 32768) and macOS (from 49152) give to outgoing connections: one of those may be taken by
# any connection of the machine between a process's end and its next start.
_FOR_SERVERS: Final = range(10_000, 32_000)


def free_ports(count: int) -> list[int]:
    """Ports that are free right now, all different, and that no outgoing connection will get."""
    found: list[int] = []
    with ExitStack() as held:
        for port in random.SystemRandom().sample(_FOR_SERVERS, len(_FOR_SERVERS)):
            if len(found) == count:
                return found
            one = held.enter_context(socket.socket())
            with suppress(OSError):
                one.bind(("127.0.0.1", port))
                found.append(port)
    raise OSError(f"{count} free ports were asked for and only {len(found)} are left")


def is_free(port: int) -> bool:
    """Whether a server could listen on the port."""
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def accepts(port: int) -> bool:
    """Whether a process accepts connections on the port."""
    with socket.socket() as one:
        one.settimeout(0.5)
        return one.connect_ex(("127.0.0.1", port)) == 0
