"""Items become postings of the ledger: those that share a stream in their order, all others at the same time."""

import asyncio
import hashlib
from collections.abc import Awaitable, Iterable, Sequence

import msgspec
from msgspec import Struct

from collections_service.customers.customer_data import CustomerBook, CustomerData
from collections_service.erp.dynamics365 import is_business_event
from collections_service.erp.failing import failing_alone
from collections_service.erp.grouping import groups, invoice_awaited, receipt_awaited
from collections_service.erp.item import Item
from collections_service.erp.messages import ErpMessage
from collections_service.erp.translation import customer_of, effective_at
from collections_service.open_items.refusals import InvoiceNotRegistered
from collections_service.postings.commands import LedgerCommand, Posting
from collections_service.postings.handle import post, presumed_new
from collections_service.receipts.commands import ReceiptName
from collections_service.receipts.refusals import ReceiptNotKnown
from redress.clock import Clock
from redress.eventlog.events import Actor
from redress.eventlog.log import AppendTooLarge, CommandInFlight, KeyReused
from redress.handling.command import CommandContext, CommandResult
from redress.handling.command_runner import CommandJob, CommandRunner
from redress.handling.unit_of_work import UnitOfWork
from redress.policy.book import Policies
from redress.refusal import Refusal

AT_ONCE = 256  # groups of one batch in work; the log shares their commits
_IN_FLIGHT_PAUSES_S = (0.02, 0.05, 0.1, 0.3, 1.0)


class Sender(Struct, frozen=True, kw_only=True):
    """Who sent a batch, and how: `via` is `http` or `kafka:<topic>`."""

    actor: Actor
    via: str
    correlation_id: str
    traceparent: str | None = None


class MessageTaker:
    """Takes items. One instance per process."""

    def __init__(self, runner: CommandRunner, customers: CustomerBook, policies: Policies, clock: Clock) -> None:
        self._runner = runner
        self._customers = customers
        self._policies = policies
        self._clock = clock

    async def take(self, tenant_id: str, items: Sequence[Item], sender: Sender) -> None:
        """Take those that nothing has become of yet. An outage stops all of them; any other failure, its own item."""
        waiting = [item for item in items if item.is_open]
        await self._find_customer_news(tenant_id, waiting)
        gate = asyncio.Semaphore(AT_ONCE)

        async def take_in_order(group: Sequence[Item]) -> None:
            async with gate:
                for item in group:
                    with failing_alone(item):
                        await self._take_one(tenant_id, item, sender)

        await _all(take_in_order(group) for group in groups(tenant_id, [item for item in waiting if item.is_open]))

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
            with failing_alone(item):
                record = await self._customers.news(tenant_id, data)
                if record is not None:
                    item.customer_data, item.customer = data, record

        await _all(find(item, data) for item, data in first_with)

    async def _take_one(self, tenant_id: str, item: Item, sender: Sender) -> None:
        if item.message is None or item.command is None:
            raise ValueError("what could not be read is rejected already")
        message = item.message
        try:
            result = await self._post(self._context(tenant_id, message, sender), item, item.command)
        except InvoiceNotRegistered as early:
            item.wait(invoice_awaited(early.invoice_id, early.legal_entity), early.code, early.message)
        except ReceiptNotKnown as early:
            name = ReceiptName(kind=early.receipt_kind, source=message.source, number=early.number)
            item.wait(receipt_awaited(name), early.code, early.message)
        except Refusal as refusal:
            item.reject(refusal.code, refusal.message, _pointer(item, refusal))
        except KeyReused:
            reason = f"{message.source_event_id} of {message.source} was received before with other content"
            item.reject("source_event_id_reused", reason, "/source_event_id")
        except AppendTooLarge as refusal:
            item.reject("message_too_large", str(refusal), "")
        else:
            self._done(tenant_id, item, result)

    def _context(self, tenant_id: str, message: ErpMessage, sender: Sender) -> CommandContext:
        key = f"erp {message.source} {message.source_event_id}"  # no Idempotency-Key has a space
        return CommandContext(
            tenant=tenant_id,
            actor=sender.actor,
            key=key,
            fingerprint=_fingerprint(message),
            command_id=key,
            correlation_id=sender.correlation_id,
            now=self._clock.now(),
            traceparent=sender.traceparent,
        )

    async def _post(self, context: CommandContext, item: Item, command: LedgerCommand) -> CommandResult:
        async def work(uow: UnitOfWork) -> bytes:
            await post(uow, Posting(command=command, customer=item.customer), self._policies)
            return item.sha256

        job = CommandJob(
            work=work, presumed_new=presumed_new(context.tenant, command), effective_at=effective_at(command)
        )
        for pause_s in _IN_FLIGHT_PAUSES_S:
            try:
                return await self._runner.run_cached(context, job)
            except CommandInFlight:  # another process has the same message in hand; it will be answered from there
                await asyncio.sleep(pause_s)
        return await self._runner.run_cached(context, job)

    def _done(self, tenant_id: str, item: Item, result: CommandResult) -> None:
        if result.replayed and result.body != item.sha256:
            item.settle("duplicate", "already_received", "the same content was received before")
        elif not result.replayed and not result.changed:
            item.settle("duplicate", "already_so", "the books say so already")
        else:  # posted now, or posted by a process that died before it could say so
            item.settle("accepted")
        if item.customer_data is not None and result.changed:
            self._customers.recorded(tenant_id, item.customer_data)


def _pointer(item: Item, refusal: Refusal) -> str:
    """Into a message of our own format; the fields of a business event have other names."""
    if refusal.place is None or is_business_event(item.raw):
        return ""
    return "".join(f"/{part}" for part in refusal.place)


def _fingerprint(message: ErpMessage) -> bytes:
    """Of the content: the same message in other whitespace or key order is the same message."""
    return hashlib.sha256(msgspec.json.encode(message, order="deterministic")).digest()


async def _all(work: Iterable[Awaitable[None]]) -> None:
    """If any fails, the first failure, after all have ended."""
    for result in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
