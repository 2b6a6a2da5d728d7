"""Copies the log to Kafka: what the service published, in order, with nothing left out.

Crash-only. A batch is sent as a whole and acknowledged as a whole; on the first failure the producer is thrown away and
the relay ends. It is started again from its checkpoint and sends the last batch once more: consumers drop what they
have. The checkpoint is moved only from where this relay found it, so of two relays one ends.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import NoReturn

import asyncpg
import msgspec
import structlog
from msgspec import Struct
from prometheus_client import CollectorRegistry, Counter, Gauge

from redress.contracts.envelope import PARTITIONS, PublishedEvent, partition_of
from redress.eventlog.log import EventLog
from redress.eventlog.outage import OUTAGE
from redress.eventlog.pages import pages
from redress.failpoints import failpoint
from redress.messaging.cloudevents import plain, to_headers
from redress.messaging.port import Broker, OutgoingMessage, Producer
from redress.messaging.publication import Publication
from redress.messaging.source import EpochChanged, GapNotClosed, PositionBeyondHead
from redress.ops.run_until_stopped import run_until_stopped

_log = structlog.stdlib.get_logger("redress.messaging")

BATCH = 1_000  # about 1 MB: fills a request of every partition, and is sent again as a whole after a crash
POLL_S = 20.0
STANDBY_S = 2.0
ACQUIRE_S = 5.0
NAME = "relay"
_SHARD = 0
_LEASE = 7_011  # advisory lock: a second relay waits instead of sending everything twice


class RelayFenced(Exception):
    """Another relay has moved the checkpoint. This one ends and starts again from what is stored."""


class RelayMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.published = Counter("redress_relay_events_published", "Events acknowledged by Kafka", registry=registry)
        self.position = Gauge("redress_relay_position", "The log position that Kafka has", registry=registry)
        self.lag = Gauge("redress_relay_lag_events", "Events in the log that Kafka has not", registry=registry)


class _Position(Struct, frozen=True):
    """How far the topic goes. `last` is the seq last published on each partition: the next event's `prev`."""

    seq: int
    epoch: str
    last: tuple[int, ...]


class _PreparedBatch(Struct, frozen=True):
    """A batch ready to be sent, and the position after it."""

    messages: tuple[OutgoingMessage, ...]
    after: _Position


class _StoredPosition(Struct):
    last: tuple[int, ...]


class Relay:
    """One per service. The pool's role is the service's worker role."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        log: EventLog,
        publication: Publication,
        broker: Broker,
        topic: str,
        *,
        metrics: RelayMetrics | None = None,
        batch: int = BATCH,
    ) -> None:
        self._pool = pool
        self._log = log
        self._publication = publication
        self._broker = broker
        self._topic = topic
        self._metrics = metrics or RelayMetrics(CollectorRegistry())
        self._limit = batch

    async def run(self, stop: asyncio.Event) -> None:
        """Copy until `stop`. Any failure ends it: run again, it goes on from the checkpoint."""
        await run_until_stopped(stop, self._follow())

    async def _follow(self) -> NoReturn:
        async with self._lease(), self._producer() as producer:
            position = await self._position()
            while True:
                position = await self._copy(producer, position)
                await self._log.wait_for(position.seq + 1, POLL_S)

    async def catch_up(self) -> int:
        """Copy what the log has now, once. The position reached."""
        async with self._producer() as producer:
            return (await self._copy(producer, await self._position())).seq

    async def _copy(self, producer: Producer, position: _Position) -> _Position:
        """Everything in the log: while a batch is under way, the next one is translated and the one after it read."""
        batches = self._batches(position)
        coming = asyncio.create_task(_next(batches))
        try:
            while (prepared := await coming) is not None:
                coming = asyncio.create_task(_next(batches))
                await failpoint("relay.before_send", self._topic)
                if prepared.messages:
                    await producer.publish(self._topic, prepared.messages)
                    await failpoint("relay.after_ack", self._topic)
                await self._move(position, prepared.after)
                await failpoint("relay.after_checkpoint", self._topic)
                self._metrics.published.inc(len(prepared.messages))
                position = prepared.after
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
            await batches.aclose()
        self._metrics.lag.set(0)
        return position

    async def _batches(self, position: _Position) -> AsyncGenerator[_PreparedBatch, None]:
        """The log's events after `position`, ready to be sent."""
        async with aclosing(pages(self._log, position.seq, size=self._limit)) as found:
            async for stored in found:
                if await self._log.epoch() != position.epoch:
                    raise EpochChanged(_SHARD, position.epoch, await self._log.epoch())
                seqs = [event.seq for event in stored]
                if seqs != list(range(position.seq + 1, position.seq + len(stored) + 1)):
                    raise GapNotClosed(_SHARD, position.seq, seqs[-1] or 0)
                last = list(position.last)
                messages = tuple(message_of(event, last) for event in await self._publication.publish(stored))
                position = _Position(position.seq + len(stored), position.epoch, tuple(last))
                yield _PreparedBatch(messages, position)

    async def _position(self) -> _Position:
        head, epoch = await self._log.head(), await self._log.epoch()
        row = await self._pool.fetchrow(
            "INSERT INTO es.consumer AS c (name, service, log, shard, epoch)"
            " SELECT $1, h.service, h.log, $2, $3 FROM es.log_head h"
            " ON CONFLICT (name, service, log, shard) DO UPDATE SET name = c.name"
            " RETURNING seq, epoch, position::text AS position",
            NAME,
            _SHARD,
            epoch,
        )
        if row is None:
            raise TypeError("an upsert with RETURNING returns a row")
        if row["epoch"] != epoch:
            raise EpochChanged(_SHARD, row["epoch"], epoch)
        if row["seq"] > head:
            raise PositionBeyondHead(row["seq"], head)
        none_yet = (0,) * PARTITIONS
        last = none_yet if row["position"] is None else msgspec.json.decode(row["position"], type=_StoredPosition).last
        self._metrics.lag.set(head - row["seq"])
        return _Position(row["seq"], epoch, last)

    async def _move(self, found: _Position, to: _Position) -> None:
        done = await self._pool.execute(
            "UPDATE es.consumer c SET seq = $5, position = $6::text::jsonb, moved_at = es.now() FROM es.log_head h"
            " WHERE c.name = $1 AND (c.service, c.log) = (h.service, h.log) AND c.shard = $2 AND c.seq = $3"
            " AND c.epoch = $4",
            NAME,
            _SHARD,
            found.seq,
            found.epoch,
            to.seq,
            msgspec.json.encode(_StoredPosition(to.last)).decode(),
        )
        if done != "UPDATE 1":
            raise RelayFenced(f"the checkpoint is not at {found.seq} any more")
        self._metrics.position.set(to.seq)

    @asynccontextmanager
    async def _producer(self) -> AsyncIterator[Producer]:
        producer = self._broker.producer()
        try:
            await producer.start()
            yield producer
        finally:
            await producer.close()

    @asynccontextmanager
    async def _lease(self) -> AsyncIterator[None]:
        """Wait until no other relay of this service runs. This only saves work: the checkpoint keeps things right."""
        connection = await self._pool.acquire(timeout=ACQUIRE_S)
        try:
            while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LEASE):  # noqa: ASYNC110
                await asyncio.sleep(STANDBY_S)
            _log.info("relay_starts", topic=self._topic)
            yield
        finally:
            with contextlib.suppress(*OUTAGE):  # then the lock went with the session
                await connection.execute("SELECT pg_advisory_unlock_all()")
            await self._pool.release(connection, timeout=ACQUIRE_S)


async def _next(batches: AsyncGenerator[_PreparedBatch, None]) -> _PreparedBatch | None:
    return await anext(batches, None)


def message_of(event: PublishedEvent, last: list[int]) -> OutgoingMessage:
    """The message; `last` learns of it."""
    partition = partition_of(event.subject)
    headers = to_headers(event, prev=last[partition])
    last[partition] = event.seq
    return OutgoingMessage(
        partition,
        plain(event.subject),
        bytes(event.data),
        headers,
        int(event.time.timestamp() * 1000),
    )
