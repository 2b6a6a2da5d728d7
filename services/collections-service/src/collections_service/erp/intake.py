"""The ERP's door. Every message, over HTTP or Kafka, goes through `take`, and is kept before anything else happens.

A message that comes before what it speaks of waits; it is taken as soon as that has come, and never dropped.
"""

from collections import Counter
from collections.abc import Sequence

import asyncpg

from collections_service.customers.customer_data import CustomerBook
from collections_service.erp.dynamics365 import FieldMapping
from collections_service.erp.grouping import arrivals, control_numbers
from collections_service.erp.item import Item
from collections_service.erp.keeping import MessageKeeper
from collections_service.erp.message_store import MessageStore, StoredMessage
from collections_service.erp.reading import MessageReader, needs_zone
from collections_service.erp.results import BatchResult, Counts
from collections_service.erp.taking import MessageTaker, Sender
from redress.clock import Clock
from redress.eventlog.log import EventLog
from redress.eventlog.vault import Vault
from redress.failpoints import failpoint
from redress.handling.command_runner import CommandRunner
from redress.policy.book import Policies

RELEASE_ROUNDS = 10  # how long a chain of waiting messages is followed at once; the sweep does the rest


class Intake:
    """Takes the ERP's messages. One instance per process. Make it with `Intake.over`."""

    def __init__(
        self, reader: MessageReader, keeper: MessageKeeper, taker: MessageTaker, store: MessageStore, clock: Clock
    ) -> None:
        self._reader = reader
        self._keeper = keeper
        self._taker = taker
        self._store = store
        self._clock = clock

    @classmethod
    def over(
        cls,
        *,
        runner: CommandRunner,
        log: EventLog,
        pool: asyncpg.Pool,
        vault: Vault,
        policies: Policies,
        mapping: FieldMapping,
        clock: Clock,
    ) -> "Intake":
        """The intake of a process with these parts; messages are kept through the connections of `pool`."""
        store, reader = MessageStore(pool), MessageReader(mapping)
        taker = MessageTaker(runner, CustomerBook(log, vault), policies, clock)
        return cls(reader, MessageKeeper(store, vault, reader, clock), taker, store, clock)

    async def take(
        self, tenant_id: str, raw_items: Sequence[bytes], sender: Sender, *, of_batch: bool = True
    ) -> BatchResult:
        """Take the messages; the result of each, in their order. Pointers lead into the batch or its only message.

        LogUnavailable: of some messages nothing is known; sending all of them again is harmless.
        """
        now = self._clock.now()
        items = [self._reader.read(index, raw, now) for index, raw in enumerate(raw_items)]
        if any(needs_zone(item.message) for item in items):
            zones = await self._store.zones(tenant_id)
            items = [self._reader.read(index, raw, now, zones) for index, raw in enumerate(raw_items)]
        await self._keeper.keep(tenant_id, items, sender.via)
        await failpoint("intake.kept")
        await self._store.note_control_numbers(tenant_id, control_numbers(items), now)
        await self._take_kept(tenant_id, items, sender)
        results = tuple(item.as_result(of_batch=of_batch) for item in items)
        return BatchResult(counts=Counts(**Counter(result.result for result in results)), items=results)

    async def refuse(self, tenant_id: str, raw: bytes, sender: Sender, code: str, reason: str) -> None:
        """Keep what cannot be taken at all, as rejected."""
        item = Item(0, raw)
        item.reject(code, reason, "")
        await self._keeper.keep(tenant_id, [item], sender.via)
        await self._store.settle(tenant_id, [item.as_outcome()], self._clock.now())

    async def retake(self, tenant_id: str, stored: Sequence[StoredMessage], sender: Sender) -> int:
        """Take messages again that are kept already: they waited, or a process died over them. How many settled."""
        items = await self._keeper.reopen(tenant_id, stored)
        await self._take_kept(tenant_id, items, sender)
        return sum(item.result not in (None, "waiting") for item in items)

    async def _take_kept(self, tenant_id: str, items: Sequence[Item], sender: Sender) -> None:
        """Take these, then what waited for them, and so on."""
        await self._take_open(tenant_id, items, sender)
        by_id = {item.kept.id: item for item in items if item.kept is not None and not item.is_repetition}
        arrived = arrivals(items)
        for _ in range(RELEASE_ROUNDS):
            stored = await self._store.waiting_for(tenant_id, arrived)
            if not stored:
                return
            released = await self._keeper.reopen(tenant_id, stored)
            await self._take_open(tenant_id, released, sender)
            for item in released:
                if item.kept is not None and item.kept.id in by_id:
                    by_id[item.kept.id].take_over(item)
            arrived = arrivals(released)

    async def _take_open(self, tenant_id: str, items: Sequence[Item], sender: Sender) -> None:
        """Take those that nothing has become of yet, and write down what became of all."""
        await self._taker.take(tenant_id, items, sender)
        await failpoint("intake.posted")
        settled = [item.as_outcome() for item in items if not item.is_repetition and not item.failed]
        await self._store.settle(tenant_id, settled, self._clock.now())
        failed = {item.kept.id: item.reason or "" for item in items if item.failed and item.kept is not None}
        await self._store.note_failures(tenant_id, failed, self._clock.now())
