"""Policies in force, for decisions: read once, and read on when they may have changed.

A decision cites the version it used (`name@version`), so one that was taken in the second before a publication became
known here is explained by what it cites.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol, TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct

from redress.decider import fold_stored
from redress.eventlog.log import EventLog
from redress.policy.decisions import BUILT_IN, PolicyDefinition
from redress.policy.state import WHOLE_COMPANY, InForce, Policy, known_by, version_in_force
from redress.policy.stream import POLICY, policy_stream

D = TypeVar("D")

FRESH_S = 1.0  # how long a publication in another process may go unnoticed
REMEMBERED = 10_000


class Policies(Protocol):
    """Where a decision finds the policy it is taken by."""

    async def in_force(
        self,
        tenant_id: str,
        definition: PolicyDefinition[D],
        day: date,
        *,
        scopes: Sequence[str] = (),
        known_at: datetime | None = None,
    ) -> InForce[D]:
        """The policy that decides about the day. `scopes` from the most particular on; the whole company comes last.
        With `known_at`, of what was published by then."""
        ...


class _Known(Struct, frozen=True):
    read_at: float
    epoch: str
    version: int
    state: Policy


_NOTHING = _Known(0.0, "", 0, POLICY.initial)


class PolicyBook(Policies):
    """One per process and log."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._known: OrderedDict[UUID, _Known] = OrderedDict()
        self._reading: dict[UUID, asyncio.Lock] = {}

    async def in_force(
        self,
        tenant_id: str,
        definition: PolicyDefinition[D],
        day: date,
        *,
        scopes: Sequence[str] = (),
        known_at: datetime | None = None,
    ) -> InForce[D]:
        policy = await self.policy(tenant_id, definition.name)
        return in_force(definition, policy if known_at is None else known_by(policy, known_at), day, scopes=scopes)

    async def policy(self, tenant_id: str, name: str) -> Policy:
        """All versions of a policy, at most a second old. Those who ask while it is read wait for that one reading."""
        stream = policy_stream(tenant_id, name)
        known = self._known.get(stream, _NOTHING)
        if _is_fresh(known):
            return known.state
        reading = self._reading.setdefault(stream, asyncio.Lock())
        try:
            async with reading:
                known = self._known.get(stream, _NOTHING)
                return known.state if _is_fresh(known) else await self._read_on(tenant_id, stream, known)
        finally:
            if not reading.locked():
                self._reading.pop(stream, None)

    def forget(self, tenant_id: str, name: str) -> None:
        """It was changed by this process: the next decision reads it again."""
        self._known.pop(policy_stream(tenant_id, name), None)

    async def _read_on(self, tenant_id: str, stream: UUID, known: _Known) -> Policy:
        asked_at, epoch = time.monotonic(), await self._log.epoch()
        before = (known.version, known.state) if epoch == known.epoch else (0, POLICY.initial)
        inputs = await self._log.read_for_command(tenant_id, None, {stream: before[0]})
        version, state = fold_stored(POLICY, inputs.streams[stream], before)
        self._known[stream] = _Known(asked_at, epoch, version, state)
        self._known.move_to_end(stream)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return state


def _is_fresh(known: _Known) -> bool:
    return bool(known.epoch) and time.monotonic() - known.read_at <= FRESH_S


def in_force(definition: PolicyDefinition[D], state: Policy, day: date, *, scopes: Sequence[str] = ()) -> InForce[D]:
    """The version that counts on the day, the built-in one where none is published."""
    found = version_in_force(state, (*scopes, WHOLE_COMPANY), day)
    if found is None:
        return built_in(definition)
    document: D = msgspec.convert(found.document, definition.document, strict=False)
    return InForce(definition.name, found.version, found.scope, document)


def built_in(definition: PolicyDefinition[D]) -> InForce[D]:
    """The policy that a service comes with, as long as nothing else was published."""
    return InForce(definition.name, BUILT_IN, WHOLE_COMPANY, definition.built_in)
