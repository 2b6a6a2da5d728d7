"""One command of a person or a program on its way through a service."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from redress.eventlog.events import Actor, Meta


class CommandContext(Struct, frozen=True, kw_only=True):
    """Who commands, under which key, decided on which version, and when.

    `key` is the idempotency key and `fingerprint` the request it stands for. `command_id` is the same for every
    repetition, so that a repetition makes the same event ids. `expected` is the version the command was decided on,
    None where the caller names none. `now` is the time of receipt; everything one command decides, it decides at this
    one instant.
    """

    tenant: str
    actor: Actor
    key: str
    fingerprint: bytes
    command_id: str
    correlation_id: str
    now: datetime
    expected: int | None = None
    traceparent: str | None = None

    def meta(self, policy: Sequence[str] = ()) -> Meta:
        """The metadata of the events that this command causes."""
        return Meta(
            actor=self.actor,
            command_id=self.command_id,
            correlation_id=self.correlation_id,
            traceparent=self.traceparent,
            policy=tuple(policy),
        )


class CommandResult(Struct, frozen=True, kw_only=True):
    """The answer to a command. `replayed`: the stored answer of an earlier try. `changed`: events were written."""

    status: int
    body: bytes
    replayed: bool = False
    changed: bool = False


class StaleVersion(Exception):
    """The stream is at `actual`, not at the version the command was decided on."""

    def __init__(self, actual: int) -> None:
        super().__init__(f"it is at version {actual}")
        self.actual = actual
