"""A policy published straight into a log, as the API would have done it; and the citations of stored events."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from redress.decider import load
from redress.eventlog.events import Actor, Meta, decode_meta
from redress.eventlog.log import EventLog
from redress.handling.unit_of_work import Cause, write_on
from redress.policy.commands import DraftPolicy, PublishPolicy
from redress.policy.decisions import PolicyDefinition, decide
from redress.policy.stream import POLICY, policy_stream

MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)


async def publish(
    log: EventLog,
    definition: PolicyDefinition[Any],
    document: Mapping[str, Any],
    *,
    tenant: str = "demo",
    scope: str = "",
    at: datetime = MIDNIGHT,
) -> None:
    """In force from the day of `at` on."""
    draft = DraftPolicy(at=at, scope=scope, effective_from=at.date(), document=dict(document))
    for command in (draft, PublishPolicy(at=at, scope=scope)):
        loaded = await load(log, POLICY, tenant, policy_stream(tenant, definition.name))
        meta = Meta(
            actor=Actor("person", "admin"), command_id=f"{loaded.version} {definition.name}", correlation_id="r"
        )
        stream_write, _ = write_on(POLICY, loaded, decide(command, loaded.state, definition, at), Cause(meta, at))
        await log.append(tenant, [stream_write])


async def citations(log: EventLog, *types: str) -> dict[str, tuple[str, ...]]:
    """The policies that the stored events of these types name, the newest of each type."""
    stored = await log.read_log(0, 5_000)
    return {event.type: decode_meta(event.meta).policy for event in stored if event.type in types}
