"""Policies in force, for decisions: read once, and read on when they may have changed.

A decision cites the version it used (`name@version`), so one that was taken in the second before a publication became
known here is explained by what it cites.
"""

import time
from collections import OrderedDict
from collections.abc import Sequence
from datetime import date
from typing import TypeVar
from uuid import UUID

import msgspec

from redress.decider import fold_stored
from redress.eventlog.log import EventLog
from redress.policy.decisions import BUILT_IN, PolicyDefinition
from redress.policy.state import WHOLE_COMPANY, InForce, Policy, version_in_force
from redress.policy.stream import POLICY, policy_stream

D = TypeVar("D")

FRESH_S = 1.0  # how long a publication in another process may go unnoticed
REMEMBERED = 10_000


class PolicyBook:
    """One per process and log."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._known: OrderedDict[UUID, tuple[float, str, int, Policy]] = OrderedDict()

    async def in_force(
        self, tenant_id: str, definition: PolicyDefinition[D], day: date, *, scopes: Sequence[str] = ()
    ) -> InForce[D]:
        """The policy that decides about the day. `scopes` from the most particular on; the whole company comes last."""
        return in_force(definition, await self.policy(tenant_id, definition.name), day, scopes=scopes)

    async def policy(self, tenant_id: str, name: str) -> Policy:
        """All versions of a policy, at most a second old."""
        stream = policy_stream(tenant_id, name)
        read_at, epoch, version, state = self._known.get(stream, (0.0, "", 0, POLICY.initial))
        now = time.monotonic()
        if not epoch or now - read_at > FRESH_S:
            current = await self._log.epoch()
            known = (version, state) if current == epoch else (0, POLICY.initial)
            inputs = await self._log.read_for_command(tenant_id, None, {stream: known[0]})
            version, state = fold_stored(POLICY, inputs.streams[stream], known)
            self._known[stream] = (now, current, version, state)
            self._known.move_to_end(stream)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return state


def in_force(definition: PolicyDefinition[D], state: Policy, day: date, *, scopes: Sequence[str] = ()) -> InForce[D]:
    """The version that counts on the day, the built-in one where none is published."""
    found = version_in_force(state, (*scopes, WHOLE_COMPANY), day)
    if found is None:
        return InForce(definition.name, BUILT_IN, WHOLE_COMPANY, definition.built_in)
    document: D = msgspec.convert(found.document, definition.document, strict=False)
    return InForce(definition.name, found.version, found.scope, document)
