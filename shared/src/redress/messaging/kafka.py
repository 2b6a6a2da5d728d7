"""The broker port on Apache Kafka. The only module that imports aiokafka.

Every await has a deadline: `send` and `stop` of aiokafka 0.14 wait for ever while a broker is away (issues 1101, 1013).
After a fatal error its producer lets later messages through although earlier ones failed, so a producer that failed
once is never used again.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError
from aiokafka.producer.message_accumulator import BatchBuilder

from redress.failpoints import failpoint
from redress.messaging.port import (
    BrokerUnavailable,
    IncomingMessage,
    OutgoingMessage,
    PolledMessages,
    Positions,
    PublishFailed,
    TopicSpec,
)

T = TypeVar("T")

START_S = 20.0  # the first consumer of a new cluster waits while the offsets topic is created
PUBLISH_S = 30.0  # longer than a change of leader (10 s measured), shorter than an operator's patience
POLL_GRACE_S = 5.0
COMMIT_S = 3.0
CLOSE_S = 3.0  # twice this must fit into the time a process has to stop
READ_S = 10.0
REQUEST_TIMEOUT_MS = 10_000
BATCH_BYTES = 524_288  # of one partition in one request, below the broker's message.max.bytes (1 MiB)
SESSION_TIMEOUT_MS = 15_000
HEARTBEAT_MS = 3_000
MAX_POLL_INTERVAL_MS = 300_000  # a batch has 60 s in the database before that cancels it
_TOPIC_EXISTS = 36
_SET_ON_TOPIC = 1  # the source of a setting: not a default, but set on this topic

_log = structlog.stdlib.get_logger("redress.messaging")


class KafkaBroker:
    """A Kafka cluster. `security` goes to the client as it is (security_protocol, sasl_*, ssl_context)."""

    def __init__(self, bootstrap_servers: str, *, client_id: str = "redress", **security: Any) -> None:
        self._options: dict[str, Any] = {
            "bootstrap_servers": bootstrap_servers,
            "client_id": client_id,
            "request_timeout_ms": REQUEST_TIMEOUT_MS,
            **security,
        }

    def producer(self) -> "KafkaProducer":
        return KafkaProducer(self._options)

    def consumer(self, topic: str, group: str, member: str) -> "KafkaConsumer":
        return KafkaConsumer(self._options, topic, group, member)

    async def read(self, topic: str, partition: int, offset: int) -> IncomingMessage | None:
        consumer = AIOKafkaConsumer(**self._options, auto_offset_reset="none", enable_auto_commit=False)
        try:
            await _within(READ_S, consumer.start(), "connect")
            place = TopicPartition(topic, partition)
            consumer.assign([place])
            ends = await _within(READ_S, consumer.end_offsets([place]), "find the end of a partition")
            if offset >= ends[place]:
                return None
            consumer.seek(place, offset)
            found = await _within(
                READ_S, consumer.getmany(place, timeout_ms=int(READ_S * 800), max_records=1), "read a message"
            )
            records = found.get(place, [])
            return _incoming(records[0]) if records and records[0].offset == offset else None
        except OffsetOutOfRangeError:
            return None
        finally:
            await _let_go(consumer.stop())

    async def partitions(self, topic: str) -> int:
        async with self._admin() as admin:
            (described,) = await _within(READ_S, admin.describe_topics([topic]), "describe a topic")
            return 0 if described["error_code"] else len(described["partitions"])

    async def make_topics(self, topics: Sequence[TopicSpec]) -> list[str]:
        async with self._admin() as admin:
            described = await _within(
                READ_S, admin.describe_topics([topic.name for topic in topics]), "describe topics"
            )
            existing = {each["topic"]: len(each["partitions"]) for each in described if not each["error_code"]}
            for topic in topics:
                if existing.get(topic.name, topic.partitions) != topic.partitions:
                    raise ValueError(
                        f"{topic.name} has {existing[topic.name]} partitions instead of {topic.partitions};"
                        " the order inside a stream depends on their number, so it is never changed"
                    )
            missing = [topic for topic in topics if topic.name not in existing]
            created = await _create(admin, missing) if missing else []
            await _settle(admin, [topic for topic in topics if topic.settings and topic.name not in created])
            return created

    @contextlib.asynccontextmanager
    async def _admin(self) -> Any:  # noqa: ANN401 - aiokafka has no types
        admin = AIOKafkaAdminClient(**self._options)
        try:
            await _within(START_S, admin.start(), "connect")
            yield admin
        finally:
            await _let_go(admin.close())


class KafkaProducer:
    """Idempotent, acknowledged by all in-sync replicas, compressed. Batches are built here, one per partition."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._producer = AIOKafkaProducer(
            **options,
            acks="all",
            enable_idempotence=True,
            compression_type="zstd",
            max_batch_size=BATCH_BYTES,
            max_request_size=2 * BATCH_BYTES,
        )
        self._failed = False

    async def start(self) -> None:
        await _within(START_S, self._producer.start(), "connect")

    async def publish(self, topic: str, batch: Sequence[OutgoingMessage]) -> None:
        if self._failed:
            raise PublishFailed("this producer failed before")
        try:
            async with asyncio.timeout(PUBLISH_S):
                await self._publish(topic, batch)
        except (KafkaError, TimeoutError, OSError) as failure:
            self._failed = True
            raise PublishFailed(f"{type(failure).__name__}: {failure}") from failure
        except BaseException:
            self._failed = True
            raise

    async def close(self) -> None:
        if not await _let_go(self._producer.stop()):
            # stop() waits for batches that no broker will take any more. Without connections they fail.
            await _let_go(self._producer.client.close())
            sender: asyncio.Task[None] | None = self._producer._sender.sender_task  # noqa: SLF001 - no public way
            if sender is not None:
                sender.cancel()
                await asyncio.wait([sender], timeout=CLOSE_S)

    def _build(self, batch: Sequence[OutgoingMessage]) -> list[tuple[int, BatchBuilder]]:
        """Request-sized batches in the order of their messages; a partition may have several."""
        built: list[tuple[int, BatchBuilder]] = []
        open_: dict[int, BatchBuilder] = {}
        for message in batch:
            builder = open_.get(message.partition)
            if builder is None or not _append(builder, message):
                builder = self._producer.create_batch()
                if not _append(builder, message):
                    raise PublishFailed(f"a message of {len(message.value)} bytes is larger than a batch")
                open_[message.partition] = builder
                built.append((message.partition, builder))
        return built

    async def _publish(self, topic: str, batch: Sequence[OutgoingMessage]) -> None:
        """Hand everything over, then wait for every acknowledgement; the first failure ends the waiting."""
        futures: list[asyncio.Future[object]] = []
        try:
            for partition, builder in self._build(batch):
                builder.close()
                futures.append(await self._producer.send_batch(builder, topic, partition=partition))
            await failpoint("relay.after_send", topic)
            if futures:
                done, _ = await asyncio.wait(futures, return_when=asyncio.FIRST_EXCEPTION)
                for future in done:
                    future.result()
        finally:
            for future in futures:
                future.add_done_callback(_seen)


class KafkaConsumer:
    """A static member of a group. Positions come from the caller at every assignment, never from Kafka."""

    def __init__(self, options: Mapping[str, Any], topic: str, group: str, member: str) -> None:
        self._topic = topic
        self._listener: _SeekOnAssignment | None = None
        self._consumer = AIOKafkaConsumer(
            **options,
            group_id=group,
            group_instance_id=member,
            enable_auto_commit=False,
            auto_offset_reset="none",
            session_timeout_ms=SESSION_TIMEOUT_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
            max_poll_interval_ms=MAX_POLL_INTERVAL_MS,
            max_partition_fetch_bytes=4 * BATCH_BYTES,
        )

    async def start(self, positions: Positions) -> None:
        self._listener = _SeekOnAssignment(self._consumer, self._topic, positions)
        self._consumer.subscribe([self._topic], listener=self._listener)
        await _within(START_S, self._consumer.start(), "join the group")

    async def poll(self, limit: int, timeout_s: float) -> PolledMessages:
        if self._listener is not None and self._listener.failure is not None:
            raise BrokerUnavailable("the positions to read from could not be had") from self._listener.failure
        try:
            async with asyncio.timeout(timeout_s + POLL_GRACE_S):
                found = await self._consumer.getmany(timeout_ms=int(timeout_s * 1000), max_records=limit)
        except OffsetOutOfRangeError as wrong:
            return PolledMessages(lost=await self._to_the_oldest([place.partition for place in wrong.args[0]]))
        except NoOffsetForPartitionError:
            return PolledMessages()  # just assigned; the listener is about to seek
        except (KafkaError, TimeoutError, OSError) as failure:
            raise BrokerUnavailable(f"cannot read {self._topic}: {type(failure).__name__} {failure}") from failure
        messages = tuple(_incoming(record) for records in found.values() for record in records)
        return PolledMessages(messages, behind=self._behind())

    async def commit(self, offsets: Mapping[int, int]) -> None:
        assigned = {place.partition for place in self._consumer.assignment()}
        hints = {TopicPartition(self._topic, each): at for each, at in offsets.items() if each in assigned}
        with contextlib.suppress(KafkaError, TimeoutError, OSError):
            async with asyncio.timeout(COMMIT_S):
                await self._consumer.commit(hints)

    async def close(self) -> None:
        await _let_go(self._consumer.stop())

    async def _to_the_oldest(self, partitions: Sequence[int]) -> frozenset[int]:
        places = [TopicPartition(self._topic, each) for each in partitions]
        oldest = await _within(READ_S, self._consumer.beginning_offsets(places), "find the oldest offsets")
        for place, offset in oldest.items():
            _log.error("offset_out_of_range", topic=self._topic, partition=place.partition, reading_from=offset)
            if place in self._consumer.assignment():
                self._consumer.seek(place, offset)
        return frozenset(partitions)

    def _behind(self) -> int:
        behind = 0
        for place in self._consumer.assignment():
            state = self._consumer._subscription.subscription.assignment.state_value(place)  # noqa: SLF001 - no await
            if state is not None and state.has_valid_position and state.highwater is not None:
                behind += max(0, state.highwater - state.position)
        return behind


class _SeekOnAssignment(ConsumerRebalanceListener):  # type: ignore[misc]
    """`failure`: aiokafka only logs what a listener raises, and would go on from Kafka's own positions."""

    def __init__(self, consumer: AIOKafkaConsumer, topic: str, positions: Positions) -> None:
        self._consumer = consumer
        self._topic = topic
        self._positions = positions
        self.failure: Exception | None = None

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        """Nothing to do: their new owner locks the checkpoint, and the messages held here are then dropped."""

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        partitions = [place.partition for place in assigned]
        try:
            positions = await self._positions(partitions)
        except Exception as failure:
            self.failure = failure
            raise
        for partition in partitions:
            self._consumer.seek(TopicPartition(self._topic, partition), positions.get(partition, 0))


def _append(builder: BatchBuilder, message: OutgoingMessage) -> bool:
    """Whether the message fitted in."""
    headers = list(message.headers)
    return (
        builder.append(timestamp=message.timestamp_ms, key=message.key, value=message.value, headers=headers)
        is not None
    )


def _seen(future: "asyncio.Future[object]") -> None:
    """A failure of one batch has been reported; those of its neighbours need no warning of their own."""
    if not future.cancelled():
        future.exception()


async def _create(admin: AIOKafkaAdminClient, topics: Sequence[TopicSpec]) -> list[str]:
    wanted = [
        NewTopic(topic.name, topic.partitions, topic.replication, topic_configs=dict(topic.settings))
        for topic in topics
    ]
    answer = await _within(START_S, admin.create_topics(wanted), "create topics")
    created = []
    for name, code, *text in answer.topic_errors:
        if code not in (0, _TOPIC_EXISTS):
            raise BrokerUnavailable(
                f"topic {name} was not created: error {code} {' '.join(str(part) for part in text)}"
            )
        if code == 0:
            created.append(name)
    return created


async def _settle(admin: AIOKafkaAdminClient, topics: Sequence[TopicSpec]) -> None:
    """Bring the settings of existing topics up to date; what an operator has set beside ours stays."""
    if not topics:
        return
    asked = [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in topics]
    described = await _within(READ_S, admin.describe_configs(asked), "read the topics' settings")
    now = {
        name: {entry[0]: entry[1] for entry in entries if entry[3] == _SET_ON_TOPIC}
        for answer in described
        for _, _, _, name, entries in answer.resources
    }
    wanted = {topic.name: {**now.get(topic.name, {}), **topic.settings} for topic in topics}
    changed = [
        ConfigResource(ConfigResourceType.TOPIC, name, configs=settings)
        for name, settings in wanted.items()
        if settings != now.get(name)
    ]
    if not changed:
        return
    for answer in await _within(READ_S, admin.alter_configs(changed), "set the topics' settings"):
        for code, text, _, name in answer.resources:
            if code:
                raise BrokerUnavailable(f"the settings of {name} were refused: error {code} {text}")


def _incoming(record: Any) -> IncomingMessage:  # noqa: ANN401 - aiokafka has no types
    return IncomingMessage(
        record.topic,
        record.partition,
        record.offset,
        record.key,
        record.value,
        dict(record.headers),
        record.timestamp,
    )


async def _within(seconds: float, awaited: Awaitable[T], what: str) -> T:
    try:
        async with asyncio.timeout(seconds):
            return await awaited
    except OffsetOutOfRangeError:
        raise
    except (KafkaError, TimeoutError, OSError) as failure:
        raise BrokerUnavailable(f"could not {what}: {type(failure).__name__} {failure}") from failure


async def _let_go(stopping: Awaitable[object]) -> bool:
    """Whether it ended by itself in time."""
    try:
        async with asyncio.timeout(CLOSE_S):
            await stopping
    except (KafkaError, TimeoutError, OSError) as failure:
        _log.warning("client_did_not_stop", error=f"{type(failure).__name__} {failure}")
        return False
    return True
