"""The ERP's door over Kafka: messages of `erp.*` topics go the same way as those over HTTP.

A message is one item or a list of items. Nobody is there to be answered: what is refused is kept with its reason in
erp.message, counted, and said loudly in the log. Doing a message twice has no second effect.
"""

import re
from collections.abc import Sequence

import asyncpg
import structlog

from collections_service.erp_intake.batch import NotABatch, split
from collections_service.erp_intake.intake import Intake, Sender
from redress.eventlog.events import Actor
from redress.messaging.port import Incoming
from redress.ops.telemetry import safe_id

Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy

ANY_TENANT = "*"
TENANT_HEADER = "tenant"

_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")

_log = structlog.stdlib.get_logger("collections.erp")


class ErpTopic:
    """Takes the messages of one topic. `tenants` as in the settings: the first is the default, `*` allows any."""

    name = "erp-intake"
    reactor = True

    def __init__(self, intake: Intake, tenants: Sequence[str]) -> None:
        self._intake = intake
        self._default = tenants[0]
        self._tenants = frozenset(tenants)

    async def apply(self, _connection: Connection, events: Sequence[Incoming]) -> None:
        """Takes each message through the intake's own transactions; if the process dies, they are taken again."""
        for message in events:
            if message.value is not None:
                await self._take(message, message.value)

    async def _take(self, message: Incoming, value: bytes) -> None:
        sender = Sender(
            actor=Actor("service", f"kafka:{message.topic}"),
            via=f"kafka:{message.topic}",
            correlation_id=_correlation(message),
            traceparent=_text(message.headers.get("traceparent")),
        )
        tenant = _text(message.headers.get(TENANT_HEADER)) or self._default
        if not self._allows(tenant):
            reason = f"{message.topic} may not be used for tenant {tenant[:63]!r}"
            await self._refuse(message, value, sender, "tenant_not_allowed", reason)
            return
        try:
            items, _ = split(value)
        except NotABatch as wrong:
            await self._refuse(message, value, sender, "invalid_json", str(wrong))
            return
        result = await self._intake.take(tenant, items, sender)
        for item in result.items:
            if item.result == "rejected":
                _log.error(
                    "erp_message_rejected",
                    topic=message.topic,
                    partition=message.partition,
                    offset=message.offset,
                    source=item.source,
                    source_event_id=item.source_event_id,
                    code=item.code,
                    pointer=item.pointer,
                )

    async def _refuse(self, message: Incoming, value: bytes, sender: Sender, code: str, reason: str) -> None:
        """Kept under the topic's own tenant, because a message nobody may send is nobody else's."""
        await self._intake.refuse(self._default, value, sender, code, reason)
        _log.error(
            "erp_message_rejected",
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            code=code,
            reason=reason,
        )

    def _allows(self, tenant: str) -> bool:
        if tenant in self._tenants:
            return tenant != ANY_TENANT
        return ANY_TENANT in self._tenants and _is_tenant(tenant)


def _is_tenant(text: str) -> bool:
    return _TENANT.fullmatch(text) is not None


def _correlation(message: Incoming) -> str:
    named = safe_id(_text(message.headers.get("correlationid")))
    return named or f"{message.topic}/{message.partition}/{message.offset}"


def _text(header: bytes | None) -> str | None:
    return None if header is None else header.decode("utf-8", "replace")
