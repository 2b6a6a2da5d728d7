"""The events of a dispute in order, and the difference between two of its versions."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

from dispute_service.disputes.stream import DISPUTE
from redress.contracts.common import Sealed
from redress.eventlog.events import Actor, RecordedEvent, decode_meta
from redress.eventlog.vault import Vault
from redress.ids import public_id

AnyJson = Annotated[Any, Meta(description="Any JSON value.")]


class TimelineEntry(Struct, frozen=True, kw_only=True):
    """One event. `effective_at` counts in the books, `recorded_at` is when it was recorded.

    In `data`, amounts are minor units of the dispute's currency; personal text is `{"text": …}`, or
    `{"text": null, "withheld": "erased" | "not-permitted"}`.
    """

    event_id: str
    version: int
    type: str
    effective_at: datetime
    recorded_at: datetime
    actor: Actor
    correlation_id: str
    causation_id: str | None
    policy: tuple[str, ...]
    hash: str
    data: Mapping[str, Any]


class Change(Struct, frozen=True, kw_only=True):
    """One place that is different. `path` is a JSON pointer; a side that does not have it is null."""

    path: str
    before: AnyJson
    after: AnyJson


class Timeline(Struct, frozen=True):
    """Events in the order of their versions; `next_after` is None on the last page."""

    items: Sequence[TimelineEntry]
    next_after: int | None


class DisputeDiff(Struct, frozen=True, kw_only=True):
    """The places that differ between two versions, and the events between them."""

    from_version: int = field(name="from")
    to_version: int = field(name="to")
    changes: Sequence[Change]
    events: Sequence[TimelineEntry]


async def timeline(
    events: Sequence[RecordedEvent], tenant_id: str, vault: Vault, *, may_read_text: bool
) -> list[TimelineEntry]:
    """The events for reading. Personal text is opened only for those who may read it."""
    decoded = [DISPUTE.codec.decode(event.type, event.schema_version, event.payload) for event in events]
    boxes = [box for event in decoded for box in sealed_in(event)]
    texts = await vault.open_many(tenant_id, boxes) if may_read_text else [None] * len(boxes)
    opened = iter(
        [
            {"text": text} if text is not None else {"text": None, "withheld": _why(may_read_text=may_read_text)}
            for text in texts
        ]
    )
    return [_entry(event, _plain(fact, opened)) for event, fact in zip(events, decoded, strict=True)]


def _why(*, may_read_text: bool) -> str:
    return "erased" if may_read_text else "not-permitted"


def _entry(event: RecordedEvent, data: Any) -> TimelineEntry:  # noqa: ANN401 - JSON
    meta = decode_meta(event.meta)
    return TimelineEntry(
        event_id=public_id("evt", event.event_id),
        version=event.version,
        type=event.type,
        effective_at=event.effective_at,
        recorded_at=event.recorded_at,
        actor=meta.actor,
        correlation_id=meta.correlation_id,
        causation_id=meta.causation_id,
        policy=meta.policy,
        hash=event.hash.hex(),
        data=data,
    )


def sealed_in(value: object) -> Iterator[Sealed]:
    """Every sealed text in a fact, in the order of its fields."""
    if isinstance(value, Sealed):
        yield value
    elif isinstance(value, Struct):
        for field in value.__struct_fields__:
            yield from sealed_in(getattr(value, field))
    elif isinstance(value, tuple):
        for part in value:
            yield from sealed_in(part)


def _plain(value: object, opened: Iterator[Mapping[str, Any]]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, Sealed):
        return next(opened)
    if isinstance(value, Struct):
        return {field: _plain(getattr(value, field), opened) for field in value.__struct_fields__}
    if isinstance(value, tuple):
        return [_plain(part, opened) for part in value]
    return msgspec.to_builtins(value)


def changes(before: Struct, after: Struct) -> list[Change]:
    """Where two documents differ, deepest places first named, in the order of the documents' fields."""
    return list(_changes("", msgspec.to_builtins(before), msgspec.to_builtins(after)))


def _changes(path: str, before: Any, after: Any) -> Iterator[Change]:  # noqa: ANN401 - JSON
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys([*before, *after]):
            yield from _changes(f"{path}/{_escaped(name)}", before.get(name), after.get(name))
    elif isinstance(before, tuple) and isinstance(after, tuple) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _changes(f"{path}/{index}", one, other)
    elif before != after:
        yield Change(path=path, before=before, after=after)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
