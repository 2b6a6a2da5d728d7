"""Every message is kept, sealed, before anything is decided about it, and can be opened again."""

from collections.abc import Sequence

from collections_service.customers.customer_data import person_of_customer
from collections_service.erp.failing import failing_alone
from collections_service.erp.item import Item, as_bytes, as_text
from collections_service.erp.message_store import KeptMessage, MessageStore, NewMessage, StoredMessage
from collections_service.erp.reading import MessageReader, needs_zone
from collections_service.erp.translation import customer_id_of
from redress.clock import Clock
from redress.contracts.common import Sealed
from redress.eventlog.vault import MAX_TEXT_CHARACTERS, Vault


class MessageKeeper:
    """Keeps the items of a batch, and makes items of what is kept."""

    def __init__(self, store: MessageStore, vault: Vault, reader: MessageReader, clock: Clock) -> None:
        self._store = store
        self._vault = vault
        self._reader = reader
        self._clock = clock

    async def keep(self, tenant_id: str, items: Sequence[Item], via: str) -> None:
        """Store them; an item that was taken before, or stands earlier in the batch, is a duplicate."""
        new: dict[tuple[str, str, bytes], NewMessage] = {}
        for item in items:
            if item.key not in new:
                new[item.key] = await self._sealed(tenant_id, item)
        kept = await self._store.keep(tenant_id, list(new.values()), via, self._clock.now())
        seen: set[int] = set()
        for item in items:
            row = kept[item.key]
            item.kept = row
            if row.result in ("accepted", "duplicate") or (row.id in seen and item.is_open):
                item.settle("duplicate", "already_received", "this message was received before")
            item.is_repetition = row.id in seen or row.result in ("accepted", "duplicate")
            seen.add(row.id)

    async def reopen(self, tenant_id: str, stored: Sequence[StoredMessage]) -> list[Item]:
        """The stored messages as items, read anew."""
        items: list[Item] = []
        for index, message in enumerate(stored):
            item = Item(index, b"")
            with failing_alone(item):
                item = await self._opened(tenant_id, index, message)
            item.kept = KeptMessage(message.id, "waiting")
            items.append(item)
        return items

    async def _opened(self, tenant_id: str, index: int, message: StoredMessage) -> Item:
        texts = await self._vault.open_many(tenant_id, [Sealed(message.person, box) for box in message.raw])
        if any(text is None for text in texts):
            item = Item(index, b"")
            item.reject("erased", "the customer was erased while the message waited", "")
            return item
        raw = as_bytes("".join(text or "" for text in texts))
        item = self._reader.read(index, raw, message.received_at)
        if needs_zone(item.message):
            item = self._reader.read(index, raw, message.received_at, await self._store.zones(tenant_id))
        return item

    async def _sealed(self, tenant_id: str, item: Item) -> NewMessage:
        """The message with its bytes sealed for its customer, or for its source where it names no customer."""
        source, source_event_id = item.identity
        customer_id = customer_id_of(item.message) if item.message is not None else None
        person = person_of_customer(customer_id) if customer_id else f"erp:{source or 'unreadable'}"
        text = as_text(item.raw)
        boxes = [
            (await self._vault.seal(tenant_id, person, text[at : at + MAX_TEXT_CHARACTERS])).box
            for at in range(0, len(text) or 1, MAX_TEXT_CHARACTERS)
        ]
        return NewMessage(
            source=source,
            source_event_id=source_event_id,
            sha256=item.sha256,
            kind=item.kind or "",
            person=person,
            raw=tuple(boxes),
        )
