"""The ERP's door over Kafka: messages of `erp.*` topics go the same way as those over HTTP.

A message is one item or a list of items. Nobody is there to be answered: a message of which anything is refused is
kept with its reason in erp.message, copied to the topic's `.dlq` for its sender to look at, and said loudly in the
log. Doing a message twice has no second effect.
"""

import re
from collections.abc import Sequence
from typing import Protocol

import structlog

from collections_service.erp.batch import NotABatch, split
from collections_service.erp.intake import Intake
from collections_service.erp.taking import Sender
from collections_service.settings import ANY_TENANT
from redress.eventlog.connections import Connection
from redress.eventlog.events import Actor
from redress.messaging.port import Broker, BrokerError, IncomingMessage, OutgoingMessage
from redress.ops.telemetry import safe_id

TENANT_HEADER = "tenant"
_MAX_REASON = 2_000

_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")

_log = structlog.stdlib.get_logger("collections.erp")


class DeadLetters(Protocol):
    """Where refused messages are shown to their sender."""

    async def show(self, refused: Sequence[tuple[IncomingMessage, str]]) -> None:
        """Each message with the reason of its refusal."""
        ...


class DeadLetterTopic:
    """`<topic>.dlq`. The message is kept in erp.message whatever happens here, so a failure is said and no more."""

    def __init__(self, broker: Broker, topic: str) -> None:
        self._broker = broker
        self._topic = f"{topic}.dlq"

    async def show(self, refused: Sequence[tuple[IncomingMessage, str]]) -> None:
        producer = self._broker.producer()
        try:
            await producer.start()
            await producer.publish(self._topic, [_dead_letter(message, reason) for message, reason in refused])
        except BrokerError as failure:
            _log.error("dead_letters_not_shown", topic=self._topic, messages=len(refused), reason=str(failure))
        finally:
            await producer.close()


class ErpTopic:
    """Takes the messages of one topic. `tenants` as in the settings: the first is the default, `*` allows any."""

    name = "erp-intake"
    reactor = True

    def __init__(self, intake: Intake, tenants: Sequence[str], dead_letters: DeadLetters) -> None:
        self._intake = intake
        self._default = tenants[0]
        self._tenants = frozenset(tenants)
        self._dead_letters = dead_letters

    async def apply(self, _connection: Connection, events: Sequence[IncomingMessage]) -> None:
        """Takes each message through the intake's own transactions; if the process dies, they are taken again."""
        refused: list[tuple[IncomingMessage, str]] = []
        for message in events:
            if message.value is not None and (reason := await self._take(message, message.value)):
                _log.error(
                    "erp_message_rejected",
                    topic=message.topic,
                    partition=message.partition,
                    offset=message.offset,
                    reason=reason,
                )
                refused.append((message, reason))
        if refused:
            await self._dead_letters.show(refused)

    async def _take(self, message: IncomingMessage, value: bytes) -> str | None:
        """Why something of the message was refused, None if nothing was."""
        sender = Sender(
            actor=Actor("service", f"kafka:{message.topic}"),
            via=f"kafka:{message.topic}",
            correlation_id=_correlation(message),
            traceparent=_text(message.headers.get("traceparent")),
        )
        tenant = _text(message.headers.get(TENANT_HEADER)) or self._default
        if not self._allows(tenant):
            return await self._refuse(
                value, sender, "tenant_not_allowed", f"{message.topic} may not be used for tenant {tenant[:63]!r}"
            )
        try:
            items, _ = split(value)
        except NotABatch as wrong:
            return await self._refuse(value, sender, "invalid_json", str(wrong))
        result = await self._intake.take(tenant, items, sender)
        wrong_items = [item for item in result.items if item.result == "rejected"]
        return "; ".join(f"{item.pointer} {item.code}: {item.reason}" for item in wrong_items)[:_MAX_REASON] or None

    async def _refuse(self, value: bytes, sender: Sender, code: str, reason: str) -> str:
        """Kept under the topic's own tenant, because a message nobody may send is nobody else's."""
        await self._intake.refuse(self._default, value, sender, code, reason)
        return f"{code}: {reason}"

    def _allows(self, tenant: str) -> bool:
        if tenant in self._tenants:
            return tenant != ANY_TENANT
        return ANY_TENANT in self._tenants and _is_tenant(tenant)


def _dead_letter(message: IncomingMessage, reason: str) -> OutgoingMessage:
    origin = f"{message.topic}/{message.partition}/{message.offset}"
    headers = [(name, value) for name, value in message.headers.items() if name not in ("reason", "origin")]
    return OutgoingMessage(
        partition=0,
        key=message.key or origin.encode(),
        value=message.value or b"",
        headers=[*headers, ("origin", origin.encode()), ("reason", reason.encode())],
        timestamp_ms=message.timestamp_ms,
    )


def _is_tenant(text: str) -> bool:
    return _TENANT.fullmatch(text) is not None


def _correlation(message: IncomingMessage) -> str:
    named = safe_id(_text(message.headers.get("correlationid")))
    return named or f"{message.topic}/{message.partition}/{message.offset}"


def _text(header: bytes | None) -> str | None:
    return None if header is None else header.decode("utf-8", "replace")
