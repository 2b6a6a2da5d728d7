"""A TCP proxy whose faults come from a seed: delay, reset, half-open connections, and replies that are cut off.

It stands between two parts as a bad network does. Without faults it only forwards.
"""

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CHUNK = 65_536
CONNECT_S = 5.0
_DRAIN_AFTER_CUT_S = 5.0

Address = tuple[str, int] | Path


@dataclass(frozen=True)
class Weather:
    """The quality of the network. `resets` is the chance of each forwarded chunk to break its connection instead."""

    delay_s: tuple[float, float] = (0.0, 0.0)
    resets: float = 0.0


CALM = Weather()


class Proxy:
    """Forwards connections on a port of its own to `target`, a host and port or a Unix socket."""

    def __init__(self, name: str, target: Address, seed: int) -> None:
        self.name = name
        self.port = 0
        self.weather = CALM
        self.forwarded = 0
        self._target = target
        self._chance = random.Random(f"{seed} {name}")
        self._server: asyncio.Server | None = None
        self._open: set[_Link] = set()
        self._swallows_replies = False
        self._swallows_requests = False
        self._refuses = False
        self._cut: Callable[[bytes], bool] | None = None
        self.cuts = 0

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        self.reset_all()

    # -- faults

    def reset_all(self) -> None:
        """Break every connection with a reset, as a rebooting router does."""
        for link in list(self._open):
            link.reset()

    def partition(self, *, requests: bool = True, replies: bool = True) -> None:
        """From now on what is sent disappears without a word, in one direction or both; new connections open, and hear
        nothing (half-open, when only the replies are lost)."""
        self._swallows_requests, self._swallows_replies = requests, replies

    def refuse(self) -> None:
        """Nobody is at home: connections are broken and new ones are closed at once."""
        self._refuses = True
        self.reset_all()

    def heal(self) -> None:
        """All faults end. Swallowed bytes stay lost, so connections that lost some are broken."""
        lossy = self._swallows_replies or self._swallows_requests
        self._swallows_replies = self._swallows_requests = self._refuses = False
        self.weather = CALM
        self._cut = None
        if lossy:
            self.reset_all()

    def cut_after_forwarding(self, when: Callable[[bytes], bool]) -> None:
        """The next request that fulfils the condition reaches its target, but its sender's connection breaks before
        the reply. Once; `cuts` counts."""
        self._cut = when

    # -- forwarding

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            _abort(writer)
            return
        try:
            async with asyncio.timeout(CONNECT_S):
                if isinstance(self._target, Path):
                    there = await asyncio.open_unix_connection(str(self._target))
                else:
                    there = await asyncio.open_connection(*self._target)
        except (OSError, TimeoutError):
            _abort(writer)
            return
        link = _Link(writer, there[1])
        self._open.add(link)
        try:
            await asyncio.gather(
                self._requests(reader, there[1], link), self._replies(there[0], writer, link), return_exceptions=True
            )
        finally:
            self._open.discard(link)
            link.close()

    async def _requests(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, link: "_Link") -> None:
        try:
            while chunk := await source.read(CHUNK):
                if self._swallows_requests:
                    continue
                await self._suffer(link)
                cut = self._cut is not None and self._cut(chunk)
                if cut:
                    self._cut = None
                    self.cuts += 1
                    link.reply_lost = True
                target.write(chunk)
                await target.drain()
                self.forwarded += len(chunk)
                if cut:
                    link.reset_client()
                    await asyncio.sleep(_DRAIN_AFTER_CUT_S)  # the other side may finish what it was asked
                    return
        finally:
            if not link.reply_lost:
                with contextlib.suppress(OSError, RuntimeError):
                    target.write_eof()

    async def _replies(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, link: "_Link") -> None:
        try:
            while chunk := await source.read(CHUNK):
                if self._swallows_replies or link.reply_lost:
                    continue
                await self._suffer(link)
                target.write(chunk)
                await target.drain()
                self.forwarded += len(chunk)
        finally:
            with contextlib.suppress(OSError, RuntimeError):
                target.write_eof()

    async def _suffer(self, link: "_Link") -> None:
        weather = self.weather
        if weather.resets and self._chance.random() < weather.resets:
            link.reset()
            raise ConnectionResetError("bad weather")
        low, high = weather.delay_s
        if high:
            await asyncio.sleep(self._chance.uniform(low, high))


class _Link:
    def __init__(self, client: asyncio.StreamWriter, target: asyncio.StreamWriter) -> None:
        self._client = client
        self._target = target
        self.reply_lost = False

    def reset(self) -> None:
        _abort(self._client)
        _abort(self._target)

    def reset_client(self) -> None:
        _abort(self._client)

    def close(self) -> None:
        self._client.close()
        self._target.close()


def _abort(writer: asyncio.StreamWriter) -> None:
    """With a reset instead of a goodbye."""
    plug = writer.get_extra_info("socket")
    if plug is not None and plug.family == socket.AF_INET:
        with contextlib.suppress(OSError):
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
