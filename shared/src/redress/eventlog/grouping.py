"""Which of the commands that wait are appended together.

Commands of one group share a statement and a commit. They touch no stream twice, unless the later one was decided on
what the earlier one leaves behind: then it goes along behind it, or is refused with it.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from uuid import UUID

from msgspec import Struct

from redress.eventlog.events import Appended, CommandRecord, StreamWrite
from redress.eventlog.log import VersionConflict

GROUP_COMMANDS = 256  # beyond this a group gains nothing and its members wait longer
GROUP_BYTES = 8_000_000


class Queued(Struct, eq=False, kw_only=True):
    """A command on its way into the log. `done` is its outcome: await it.

    `after` are the commands whose outcome was taken for granted when this one was decided.
    """

    tenant_id: str
    writes: Sequence[StreamWrite]
    command: CommandRecord | None
    done: asyncio.Future[Appended]
    bytes: int
    after: Sequence["Queued"] = ()

    @property
    def stored(self) -> bool:
        """Whether exactly these events are known to be in the log."""
        done = self.done
        return done.done() and not done.cancelled() and done.exception() is None and done.result().replayed is None

    @property
    def unfounded(self) -> bool:
        """Whether it was decided on something that did not come about."""
        return any(before.done.done() and not before.stored for before in self.after)

    def claims(self) -> set[object]:
        """What no other command may touch at the same time."""
        claimed: set[object] = {write.stream_id for write in self.writes}
        if self.command is not None:
            claimed.add((self.tenant_id, self.command.key))
        return claimed

    def settle(self, outcome: Appended | Exception) -> None:
        if self.done.done():
            return
        if isinstance(outcome, Exception):
            self.done.set_exception(outcome)
            self.done.exception()  # whoever asked may have gone: that is no error of its own
        else:
            self.done.set_result(outcome)

    def refuse_as_unfounded(self) -> None:
        """As if another had been faster: load again and decide anew."""
        first = self.writes[0]
        self.settle(VersionConflict(first.stream_id, first.expected, first.expected - 1))


class Waiting:
    """The queue in front of the database. Several appenders may take groups from it at the same time."""

    def __init__(self) -> None:
        self._queue: deque[Queued] = deque()
        self._in_flight: set[object] = set()

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing is in flight."""
        return not self._queue and not self._in_flight

    @property
    def can_be_taken(self) -> bool:
        """Something waits that no group in flight can stand in the way of."""
        return bool(self._queue) and not self._in_flight

    def put(self, queued: Queued) -> None:
        self._queue.append(queued)

    def take(self) -> list[Queued]:
        """The oldest commands that can go together now, in the order they came; give them back with `release`.

        Those whose ground has gone are refused on the way. A command never overtakes another one on the same stream.
        """
        group: list[Queued] = []
        holders: dict[object, Queued | None] = dict.fromkeys(self._in_flight)
        skipped: list[Queued] = []
        size = 0
        while self._queue and len(group) < GROUP_COMMANDS and size < GROUP_BYTES:
            queued = self._queue.popleft()
            if queued.done.done():
                continue
            if queued.unfounded:
                queued.refuse_as_unfounded()
                continue
            claims = queued.claims()
            if all(_may_follow(queued, holders[claim], claim) for claim in claims if claim in holders):
                group.append(queued)
                size += queued.bytes
                holders.update(dict.fromkeys(claims, queued))
            else:
                skipped.append(queued)
                holders.update(dict.fromkeys(claims))
        self._queue.extendleft(reversed(skipped))
        for queued in group:
            self._in_flight |= queued.claims()
        return group

    def release(self, group: Sequence[Queued]) -> None:
        for queued in group:
            self._in_flight -= queued.claims()

    def refuse_all(self, failure: Exception) -> None:
        """For the end of the process: whoever still waits is told."""
        while self._queue:
            self._queue.popleft().settle(failure)


def _may_follow(queued: Queued, holder: Queued | None, claim: object) -> bool:
    """`holder` is of the same group, or None: in flight, or left where it is."""
    return holder is not None and isinstance(claim, UUID) and holder in queued.after
