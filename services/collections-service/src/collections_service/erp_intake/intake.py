"""The ERP's door. Every message, over HTTP or Kafka, goes through `take`, and is kept before anything else happens.

Messages of one batch that touch the same receipt or invoice are taken in their order, all others at the same time.
A message that comes before what it speaks of waits; it is taken as soon as that has come, and never dropped.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import TypeVar
from uuid import UUID

import msgspec
import structlog
from msgspec import Struct

from collections_service.command_handling.customer_data import CustomerBook, CustomerData, person_of_customer
from collections_service.command_handling.ledger import Ledger, touched_streams
from collections_service.command_handling.postings import Outcome, Posting
from collections_service.erp_intake.dynamics365 import (
    Mapping,
    is_business_event,
    pointer_into_event,
    read_business_event,
)
from collections_service.erp_intake.item import Item, as_bytes, as_text
from collections_service.erp_intake.message_store import Kept, MessageStore, NewMessage, StoredMessage
from collections_service.erp_intake.messages import ErpMessage, Unreadable, read
from collections_service.erp_intake.results import BatchResult, Counts
from collections_service.erp_intake.translation import command_of, customer_id_of, customer_of, effective_at
from collections_service.event_log.streams import customer_stream
from collections_service.open_items.commands import RegisterInvoice
from collections_service.open_items.refusals import InvoiceNotRegistered, OpenItemRefusal
from collections_service.receipts.commands import ReceivePayment
from collections_service.receipts.refusals import ReceiptNotKnown, ReceiptRefusal
from redress.clock import Clock
from redress.contracts.common import Sealed
from redress.eventlog.events import Actor, Meta
from redress.eventlog.log import AppendTooLarge, CommandInFlight, KeyReused, LogUnavailable, VersionConflict
from redress.eventlog.outage import is_outage
from redress.eventlog.vault import MAX_TEXT_CHARACTERS, Vault
from redress.failpoints import failpoint

T = TypeVar("T")

MAX_ITEM_BYTES = 200_000  # an invoice of 500 long lines; what is stored of it still fits into one event
AT_ONCE = 256  # groups of one batch in work; the log shares their commits
RELEASE_ROUNDS = 10  # how long a chain of waiting messages is followed at once; the sweep does the rest
_IN_FLIGHT_PAUSES_S = (0.02, 0.05, 0.1, 0.3, 1.0)

_log = structlog.stdlib.get_logger("collections.erp")


class Sender(Struct, frozen=True, kw_only=True):
    """Who sent a batch, and how: `via` is `http` or `kafka:<topic>`."""

    actor: Actor
    via: str
    correlation_id: str
    traceparent: str | None = None


class Intake:
    """Takes the ERP's messages. One instance per process."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        customers: CustomerBook,
        store: MessageStore,
        vault: Vault,
        mapping: Mapping,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._customers = customers
        self._store = store
        self._vault = vault
        self._mapping = mapping
        self._clock = clock

    async def take(
        self, tenant_id: str, raw_items: Sequence[bytes], sender: Sender, *, of_batch: bool = True
    ) -> BatchResult:
        """What became of each message, in their order; pointers lead into the batch, or into its only message.

        LogUnavailable: of some messages nothing is known; sending all of them again is harmless.
        """
        now = self._clock.now()
        items = [self._read(index, raw, now.date()) for index, raw in enumerate(raw_items)]
        await self._keep(tenant_id, items, sender.via)
        await failpoint("intake.kept")
        await self._store.note_control_numbers(tenant_id, _control_numbers(items), now)
        await self._take_kept(tenant_id, items, sender)
        results = tuple(item.as_result(of_batch=of_batch) for item in items)
        return BatchResult(counts=Counts(**Counter(result.result for result in results)), items=results)

    async def refuse(self, tenant_id: str, raw: bytes, sender: Sender, code: str, reason: str) -> None:
        """Keep what cannot be taken at all, as rejected."""
        item = Item(0, raw)
        item.reject(code, reason, "")
        await self._keep(tenant_id, [item], sender.via)
        await self._store.settle(tenant_id, [item.as_settled()], self._clock.now())

    async def retake(self, tenant_id: str, stored: Sequence[StoredMessage], sender: Sender) -> int:
        """Take messages again that are kept already: they waited, or a process died over them. How many settled."""
        items = await self._reopen(tenant_id, stored)
        await self._take_kept(tenant_id, items, sender)
        return sum(item.result not in (None, "waiting") for item in items)

    # -- reading and keeping

    def _read(self, index: int, raw: bytes, received_on: date) -> Item:
        item = Item(index, raw)
        try:
            item.message = self._message(raw)
            item.command = command_of(item.message, received_on)
        except Unreadable as wrong:
            item.reject(wrong.code, str(wrong), self._pointer(item, wrong))
        except (ValueError, ArithmeticError, RecursionError) as unforeseen:
            _log.exception("erp_message_not_read", sha256=item.sha256.hex())
            item.reject("invalid_message", f"the message cannot be read ({type(unforeseen).__name__})", "")
        return item

    def _pointer(self, item: Item, wrong: Unreadable) -> str:
        """Into the message as it came: a business event that could be read is refused in our words."""
        if item.message is not None and is_business_event(item.raw):
            return pointer_into_event(item.raw, self._mapping, wrong.pointer)
        return wrong.pointer

    def _message(self, raw: bytes) -> ErpMessage:
        if len(raw) > MAX_ITEM_BYTES:
            raise Unreadable("message_too_large", f"{len(raw)} bytes; at most {MAX_ITEM_BYTES}")
        return read_business_event(raw, self._mapping) if is_business_event(raw) else read(raw)

    async def _keep(self, tenant_id: str, items: Sequence[Item], via: str) -> None:
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

    async def _reopen(self, tenant_id: str, stored: Sequence[StoredMessage]) -> list[Item]:
        items: list[Item] = []
        for index, message in enumerate(stored):
            item = Item(index, b"")
            with _failing_alone(item):
                item = await self._opened(tenant_id, index, message)
            item.kept = Kept(message.id, "waiting")
            items.append(item)
        return items

    async def _opened(self, tenant_id: str, index: int, message: StoredMessage) -> Item:
        texts = await self._vault.open_many(tenant_id, [Sealed(message.person, box) for box in message.raw])
        if any(text is None for text in texts):
            item = Item(index, b"")
            item.reject("erased", "the customer was erased while the message waited", "")
            return item
        return self._read(index, as_bytes("".join(text or "" for text in texts)), message.received_at.date())

    # -- taking

    async def _take_kept(self, tenant_id: str, items: Sequence[Item], sender: Sender) -> None:
        await self._take_open(tenant_id, items, sender)
        by_id = {item.kept.id: item for item in items if item.kept is not None and not item.is_repetition}
        arrived = _arrivals(items)
        for _ in range(RELEASE_ROUNDS):
            stored = await self._store.waiting_for(tenant_id, arrived)
            if not stored:
                return
            released = await self._reopen(tenant_id, stored)
            await self._take_open(tenant_id, released, sender)
            for item in released:
                if item.kept is not None and item.kept.id in by_id:
                    by_id[item.kept.id].take_over(item)
            arrived = _arrivals(released)

    async def _take_open(self, tenant_id: str, items: Sequence[Item], sender: Sender) -> None:
        """Take those that nothing has become of yet, and write down what became of all."""
        waiting = [item for item in items if item.is_open]
        await self._find_customer_news(tenant_id, waiting)
        gate = asyncio.Semaphore(AT_ONCE)

        async def take_in_order(group: Sequence[Item]) -> None:
            async with gate:
                for item in group:
                    with _failing_alone(item):
                        await self._take_one(tenant_id, item, sender)

        await _all(take_in_order(group) for group in _groups(tenant_id, [item for item in waiting if item.is_open]))
        await failpoint("intake.posted")
        settled = [item.as_settled() for item in items if not item.is_repetition and not item.failed]
        await self._store.settle(tenant_id, settled, self._clock.now())
        failed = {item.kept.id: item.reason or "" for item in items if item.failed and item.kept is not None}
        await self._store.note_failures(tenant_id, failed, self._clock.now())

    async def _find_customer_news(self, tenant_id: str, items: Sequence[Item]) -> None:
        """Which items carry customer data that is new: the first with it only, so that the others do not contend."""
        last: dict[str, CustomerData] = {}
        first_with: list[tuple[Item, CustomerData]] = []
        for item in items:
            data = customer_of(item.message) if item.message is not None else None
            if data is not None and last.get(data.customer_id) != data:
                last[data.customer_id] = data
                first_with.append((item, data))

        async def find(item: Item, data: CustomerData) -> None:
            with _failing_alone(item):
                record = await self._customers.news(tenant_id, data)
                if record is not None:
                    item.customer_data, item.customer = data, record

        await _all(find(item, data) for item, data in first_with)

    async def _take_one(self, tenant_id: str, item: Item, sender: Sender) -> None:
        if item.message is None or item.command is None:
            raise ValueError("what could not be read is rejected already")
        key = f"erp {item.message.source} {item.message.source_event_id}"  # no Idempotency-Key has a space
        posting = Posting(
            command=item.command,
            key=key,
            fingerprint=_fingerprint(item.message),
            answer=item.sha256,
            effective_at=effective_at(item.command),
            meta=Meta(
                actor=sender.actor,
                command_id=key,
                correlation_id=sender.correlation_id,
                traceparent=sender.traceparent,
            ),
            customer=item.customer,
        )
        try:
            outcome = await self._post(tenant_id, posting)
        except InvoiceNotRegistered as early:
            item.wait(_waits_for_invoice(early.invoice_id), early.code, str(early))
        except ReceiptNotKnown as early:
            item.wait(_waits_for_payment(item.message.source, early.payment_id), early.code, str(early))
        except (OpenItemRefusal, ReceiptRefusal) as refusal:
            item.reject(refusal.code, str(refusal), "")
        except KeyReused:
            reason = f"{item.message.source_event_id} of {item.message.source} was received before with other content"
            item.reject("source_event_id_reused", reason, "/source_event_id")
        except AppendTooLarge as refusal:
            item.reject("message_too_large", str(refusal), "")
        else:
            self._done(tenant_id, item, outcome)

    def _done(self, tenant_id: str, item: Item, outcome: Outcome) -> None:
        if outcome.how == "already_so":
            item.settle("duplicate", "already_so", "the books say so already")
        elif outcome.how == "repeated" and outcome.answer != item.sha256:
            item.settle("duplicate", "already_received", "the same content was received before")
        else:  # posted now, or posted by a process that died before it could say so
            item.settle("accepted")
        if item.customer_data is not None and outcome.how == "posted":
            self._customers.recorded(tenant_id, item.customer_data)

    async def _post(self, tenant_id: str, posting: Posting) -> Outcome:
        for pause_s in _IN_FLIGHT_PAUSES_S:
            try:
                return await self._ledger.post(tenant_id, posting)
            except CommandInFlight:  # another process has the same message in hand; it will be answered from there
                await asyncio.sleep(pause_s)
        return await self._ledger.post(tenant_id, posting)


@contextmanager
def _failing_alone(item: Item) -> Iterator[None]:
    """A failure that concerns this message only is noted on it, and is nothing to its neighbours."""
    try:
        yield
    except (LogUnavailable, CommandInFlight, VersionConflict):
        raise
    except Exception as failure:
        if is_outage(failure):
            raise
        _log.exception("erp_message_failed", sha256=item.sha256.hex())
        item.fail(failure)


def _waits_for_invoice(invoice_id: str) -> str:
    return f"invoice {invoice_id}"


def _waits_for_payment(source: str, payment_id: str) -> str:
    return f"payment {source} {payment_id}"


def _arrivals(items: Iterable[Item]) -> list[str]:
    """What has come with these items that others may have waited for."""
    arrived: list[str] = []
    for item in items:
        if item.result not in ("accepted", "duplicate") or item.is_repetition:
            continue
        match item.command:
            case RegisterInvoice(invoice_id=invoice_id):
                arrived.append(_waits_for_invoice(invoice_id))
            case ReceivePayment(source=source, payment_id=payment_id):
                arrived.append(_waits_for_payment(source, payment_id))
            case _:
                pass
    return arrived


def _groups(tenant_id: str, items: Sequence[Item]) -> list[list[Item]]:
    """Items that touch a common stream, directly or through others, in the order in which they came."""
    leader: dict[UUID, UUID] = {}

    def find(stream: UUID) -> UUID:
        while leader.setdefault(stream, stream) != stream:
            leader[stream] = leader[leader[stream]]
            stream = leader[stream]
        return stream

    touched: list[tuple[Item, UUID]] = []
    for item in items:
        if item.command is None:
            continue
        first, *others = touched_streams(tenant_id, item.command)
        if item.customer is not None:
            others.append(customer_stream(tenant_id, item.customer.customer_id))
        for other in others:
            leader[find(other)] = find(first)
        touched.append((item, first))
    groups: dict[UUID, list[Item]] = {}
    for item, stream in touched:
        groups.setdefault(find(stream), []).append(item)
    return list(groups.values())


def _control_numbers(items: Iterable[Item]) -> dict[str, list[int]]:
    numbers: dict[str, list[int]] = {}
    for item in items:
        if item.message is not None and item.message.control_number is not None and not item.is_repetition:
            numbers.setdefault(item.message.source, []).append(item.message.control_number)
    return numbers


def _fingerprint(message: ErpMessage) -> bytes:
    """Of the content: the same message in other whitespace or key order is the same message."""
    return hashlib.sha256(msgspec.json.encode(message, order="deterministic")).digest()


async def _all(work: Iterable[Awaitable[T]]) -> list[T]:
    """All results in order; if any failed, the first failure, after all have ended."""
    results = await asyncio.gather(*work, return_exceptions=True)
    values: list[T] = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        values.append(result)
    return values
