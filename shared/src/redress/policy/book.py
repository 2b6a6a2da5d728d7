"""Policies in force, for decisions: read once, and read on when they may have changed.

A decision cites the version it used (`name@version`), so one that was taken in the second before a publication became
known here is explained by what it cites.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Protocol, TypeVar

import msgspec
from msgspec import Struct

from redress.decider import fold_stored
from redress.eventlog.log import EventLog
from redress.policy.decisions import BUILT_IN, PolicyDefinition
from redress.policy.state import WHOLE_COMPANY, InForce, Policy, PolicyVersion, known_by, version_in_force
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


_Key = tuple[str, str]  # tenant and name


class _Known(Struct, frozen=True):
    """`decoded` fills as it is asked for, by the number of the version: an ERP's import asks for every payment."""

    read_at: float
    epoch: str
    version: int
    state: Policy
    decoded: dict[int, InForce[Any]]


class PolicyBook(Policies):
    """One per process and log."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._known: OrderedDict[_Key, _Known] = OrderedDict()
        self._reading: dict[_Key, asyncio.Lock] = {}

    async def in_force(
        self,
        tenant_id: str,
        definition: PolicyDefinition[D],
        day: date,
        *,
        scopes: Sequence[str] = (),
        known_at: datetime | None = None,
    ) -> InForce[D]:
        known = await self._fresh((tenant_id, definition.name))
        state = known.state if known_at is None else known_by(known.state, known_at)
        found = version_in_force(state, (*scopes, WHOLE_COMPANY), day)
        number = BUILT_IN if found is None else found.version
        decoded = known.decoded.get(number)
        if decoded is None:
            decoded = known.decoded[number] = _decoded(definition, found)
        return decoded

    def forget(self, tenant_id: str, name: str) -> None:
        """It was changed by this process: the next decision reads it again."""
        self._known.pop((tenant_id, name), None)

    async def _fresh(self, key: _Key) -> _Known:
        """All versions of a policy, at most a second old. Those who ask while it is read wait for that one reading."""
        known = self._known.get(key)
        if known is not None and _is_fresh(known):
            return known
        reading = self._reading.setdefault(key, asyncio.Lock())
        try:
            async with reading:
                known = self._known.get(key)
                return known if known is not None and _is_fresh(known) else await self._read_on(key, known)
        finally:
            if not reading.locked():
                self._reading.pop(key, None)

    async def _read_on(self, key: _Key, known: _Known | None) -> _Known:
        asked_at, epoch = time.monotonic(), await self._log.epoch()
        if known is None or known.epoch != epoch:
            known = _Known(asked_at, epoch, 0, POLICY.initial, {})
        stream = policy_stream(*key)
        inputs = await self._log.read_for_command(key[0], None, {stream: known.version})
        version, state = fold_stored(POLICY, inputs.streams[stream], (known.version, known.state))
        read = self._known[key] = _Known(asked_at, epoch, version, state, known.decoded)
        self._known.move_to_end(key)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return read


def _is_fresh(known: _Known) -> bool:
    return time.monotonic() - known.read_at <= FRESH_S


def in_force(definition: PolicyDefinition[D], state: Policy, day: date, *, scopes: Sequence[str] = ()) -> InForce[D]:
    """The version that counts on the day, the built-in one where none is published."""
    return _decoded(definition, version_in_force(state, (*scopes, WHOLE_COMPANY), day))


def built_in(definition: PolicyDefinition[D]) -> InForce[D]:
    """The policy that a service comes with, as long as nothing else was published."""
    return _decoded(definition, None)


def _decoded(definition: PolicyDefinition[D], found: PolicyVersion | None) -> InForce[D]:
    if found is None:
        return InForce(definition.name, BUILT_IN, WHOLE_COMPANY, definition.built_in)
    document: D = msgspec.convert(found.document, definition.document, strict=False)
    return InForce(definition.name, found.version, found.scope, document)
