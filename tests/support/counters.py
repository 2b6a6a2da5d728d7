"""A counter: the smallest decider there is, for tests of what stands around one."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import UUID

from msgspec import Struct

from redress.codec import Codec
from redress.decider import Decider
from redress.eventlog.events import Actor
from redress.handling.command import CommandContext
from redress.handling.command_runner import CommandJob
from redress.handling.unit_of_work import UnitOfWork
from redress.ids import derived_uuid
from redress.refusal import Refusal

NOW = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
LIMIT = 100


class CounterRaised(Struct, frozen=True):
    by: int


class OverLimit(Refusal):
    code = "over_the_limit"
    title = "The counter ends at a hundred"
    kind = "conflict"


def _document(_stream_id: UUID, version: int, total: int) -> bytes:
    return b'{"version":%d,"total":%d}' % (version, total)


COUNTER: Decider[int, CounterRaised] = Decider(
    stream_type="counter",
    initial=0,
    evolve=lambda total, event: total + event.by,
    codec=Codec({"counted": (1, CounterRaised)}),
    document=_document,
)


def counter(name: str) -> UUID:
    return derived_uuid("counter", name)


def decide(by: int, total: int) -> list[CounterRaised]:
    if total + by > LIMIT:
        raise OverLimit(f"{total} and {by} are more than {LIMIT}")
    return [CounterRaised(by)] if by else []


def ask(
    key: str, *, tenant: str = "acme", expected: int | None = None, request: bytes = b"the request"
) -> CommandContext:
    """A command of Anna's under a key."""
    return CommandContext(
        tenant=tenant,
        actor=Actor("person", "anna"),
        key=key,
        fingerprint=request,
        command_id=f"command {key}",
        correlation_id="r-1",
        now=NOW,
        expected=expected,
    )


def counting(*by_name: tuple[str, int], meanwhile: Callable[[], Awaitable[object]] | None = None) -> CommandJob:
    """Add to counters; answered with their totals. `meanwhile` happens after they were read."""
    streams = {counter(name): COUNTER for name, _ in by_name}

    async def work(uow: UnitOfWork) -> bytes:
        totals = []
        for name, by in by_name:
            before = await uow.state(COUNTER, counter(name))
            totals.append(uow.record(COUNTER, counter(name), decide(by, before)))
        if meanwhile is not None:
            await meanwhile()
        return repr(totals).encode()

    return CommandJob(work=work, status=201, writes=streams, stream=next(iter(streams)))
