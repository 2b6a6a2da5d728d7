"""Load, decide, append: what one posting does to the receipt, the invoices and the customer it touches, all or nothing.

States are remembered between commands. Every append names the versions it was decided on, so a remembered state that
is out of date costs a second try and never a wrong event. A refusal, and whatever leaves a stream alone that it looked
at, is decided on fresh states only.
"""

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from collections_service.command_handling.loading import Loader
from collections_service.command_handling.postings import LedgerCommand, Outcome, Posting
from collections_service.customers import decisions as customer
from collections_service.event_log.streams import (
    CUSTOMER,
    INVOICE,
    RECEIPT,
    credit_memo_stream,
    customer_stream,
    invoice_stream,
    receipt_stream,
)
from collections_service.open_items import decisions as open_item
from collections_service.open_items.commands import CorrectInvoice, RegisterInvoice
from collections_service.open_items.refusals import OpenItemRefusal
from collections_service.open_items.state import OpenItem
from collections_service.policies.tolerance import ShortPaymentTolerance
from collections_service.receipts import decisions as cash
from collections_service.receipts.commands import PostCreditMemo, ReceivePayment, ReverseReceipt
from collections_service.receipts.refusals import ReceiptRefusal
from collections_service.receipts.state import Receipt
from redress.eventlog.aggregates import Aggregate, Loaded, write
from redress.eventlog.events import CommandRecord, Meta, StreamWrite
from redress.eventlog.log import Conflict, EventLog, KeyReused, VersionConflict
from redress.eventlog.remembered import RememberedStates

S = TypeVar("S")
E = TypeVar("E")

REMEMBERED = 10_000  # states of invoices, receipts and customers, some twenty megabytes; a batch touches a few thousand
ATTEMPTS = 5


class Ledger:
    """Takes postings, one at a time or many at once. Refusals are those of the aggregates."""

    def __init__(self, log: EventLog, loader: Loader, tolerance: ShortPaymentTolerance) -> None:
        self._log = log
        self._loader = loader
        self._tolerance = tolerance
        self._remembered = RememberedStates(REMEMBERED)

    async def post(self, tenant_id: str, posting: Posting) -> Outcome:
        """Store what the posting means. OpenItemRefusal, ReceiptRefusal, KeyReused, LogUnavailable."""
        for attempt in range(ATTEMPTS):
            fresh = attempt > 0
            try:
                work = await self._decide(tenant_id, posting, fresh=fresh)
                if work.leaves_alone and not fresh:
                    work = await self._decide(tenant_id, posting, fresh=True)
            except (OpenItemRefusal, ReceiptRefusal):
                if not fresh:
                    continue
                known = await self._answered(tenant_id, posting)
                if known is None:
                    raise
                return known
            record = CommandRecord(
                key=posting.key, fingerprint=posting.fingerprint, status=200, response=posting.answer
            )
            try:
                appended = await self._log.append(tenant_id, work.writes, record)
            except Conflict as conflict:
                if attempt == ATTEMPTS - 1:
                    raise
                if isinstance(conflict, VersionConflict):
                    self._remembered.forget(tenant_id, conflict.stream_id)
                continue
            if appended.replayed is not None:
                for stream_write in work.writes:
                    self._remembered.forget(tenant_id, stream_write.stream_id)
                return Outcome("repeated", appended.replayed.response)
            for stream_id, version, state in work.after:
                self._remembered.keep(work.epoch, tenant_id, stream_id, version, state)
            return Outcome("posted" if work.writes else "already_so", posting.answer)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _decide(self, tenant_id: str, posting: Posting, *, fresh: bool) -> "_Work":
        work = _Work(posting, tenant_id, await self._log.epoch())
        command = posting.command
        match command:
            case RegisterInvoice(invoice_id=invoice_id):
                # A posted invoice is usually new: that is taken for granted first, and the append finds out.
                item = await self._get(work, INVOICE, invoice_stream(tenant_id, invoice_id), fresh=fresh, new=True)
                work.add(INVOICE, item, open_item.register(command, item.state))
            case CorrectInvoice(invoice_id=invoice_id):
                item = await self._get(work, INVOICE, invoice_stream(tenant_id, invoice_id), fresh=fresh)
                work.add(INVOICE, item, open_item.correct(command, item.state))
            case ReceivePayment() | PostCreditMemo() | ReverseReceipt():
                await self._apply(command, work, fresh=fresh)
        if posting.customer is not None:
            stream = customer_stream(tenant_id, posting.customer.customer_id)
            known = await self._get(work, CUSTOMER, stream, fresh=fresh)
            work.add(CUSTOMER, known, customer.record(posting.customer, known.state))
        return work

    async def _apply(
        self, command: ReceivePayment | PostCreditMemo | ReverseReceipt, work: "_Work", *, fresh: bool
    ) -> None:
        tenant_id = work.tenant_id
        is_new = not isinstance(command, ReverseReceipt)  # taken for granted first, as for invoices
        receipt = await self._get(work, RECEIPT, _receipt(tenant_id, command), fresh=fresh, new=is_new)
        items: dict[str, Loaded[OpenItem]] = {}
        for invoice_id in _invoices_of(command, receipt.state):
            items[invoice_id] = await self._get(work, INVOICE, invoice_stream(tenant_id, invoice_id), fresh=fresh)
        states = {invoice_id: item.state for invoice_id, item in items.items()}
        match command:
            case ReceivePayment():
                applied = cash.receive(command, receipt.state, states, self._tolerance)
                work.policy = (self._tolerance.name,)
            case PostCreditMemo():
                applied = cash.post_credit_memo(command, receipt.state, states)
            case ReverseReceipt():
                applied = cash.reverse(command, receipt.state, states)
        work.add(RECEIPT, receipt, applied.receipt)
        for invoice_id, item in items.items():
            work.add(INVOICE, item, applied.invoices.get(invoice_id, ()))

    async def _get(
        self, work: "_Work", aggregate: Aggregate[S, E], stream_id: UUID, *, fresh: bool, new: bool = False
    ) -> Loaded[S]:
        """The remembered state unless a fresh one is asked for; `new` takes an unknown stream for an empty one."""
        known = None if fresh else self._remembered.of(work.epoch, work.tenant_id, stream_id)
        if known is not None:
            return Loaded(stream_id, *known)
        if new and not fresh:
            return Loaded(stream_id, 0, aggregate.initial)
        loaded = await self._loader.load(aggregate, work.tenant_id, stream_id)
        if loaded.version:
            self._remembered.keep(work.epoch, work.tenant_id, stream_id, loaded.version, loaded.state)
        return loaded

    async def _answered(self, tenant_id: str, posting: Posting) -> Outcome | None:
        """A repetition is answered as the first time, also where the books would refuse it by now."""
        stored = await self._log.answer(tenant_id, posting.key)
        if stored is None:
            return None
        if stored.fingerprint != posting.fingerprint:
            raise KeyReused(posting.key)
        return Outcome("repeated", stored.response)


class _Work:
    """The writes of one posting, and what its streams are `after` them: version and state.

    `leaves_alone`: it rests on a stream that it does not write to. The append checks the versions of what is written;
    what is left alone must have been read just now, or a change by another process would be passed over.
    """

    def __init__(self, posting: Posting, tenant_id: str, epoch: str) -> None:
        self._posting = posting
        self.tenant_id = tenant_id
        self.epoch = epoch
        self.writes: list[StreamWrite] = []
        self.after: list[tuple[UUID, int, Any]] = []
        self.leaves_alone = False
        self.policy: tuple[str, ...] = ()

    def add(self, aggregate: Aggregate[S, E], loaded: Loaded[S], events: Sequence[E]) -> None:
        if not events:
            self.leaves_alone = True
            return
        stream_write, state = write(aggregate, loaded, events, self._meta(), self._posting.effective_at)
        self.writes.append(stream_write)
        self.after.append((loaded.stream_id, loaded.version + len(events), state))

    def _meta(self) -> Meta:
        meta = self._posting.meta
        return Meta(
            actor=meta.actor,
            command_id=meta.command_id,
            correlation_id=meta.correlation_id,
            causation_id=meta.causation_id,
            traceparent=meta.traceparent,
            policy=self.policy or meta.policy,
        )


def touched_streams(tenant_id: str, command: LedgerCommand) -> list[UUID]:
    """The streams whose order matters to the command, as far as the command itself tells."""
    match command:
        case RegisterInvoice(invoice_id=invoice_id) | CorrectInvoice(invoice_id=invoice_id):
            return [invoice_stream(tenant_id, invoice_id)]
        case ReceivePayment() | PostCreditMemo():
            named = [invoice_stream(tenant_id, each.invoice_id) for each in command.allocations]
            return [_receipt(tenant_id, command), *named]
        case ReverseReceipt():
            return [_receipt(tenant_id, command)]


def _receipt(tenant_id: str, command: ReceivePayment | PostCreditMemo | ReverseReceipt) -> UUID:
    if isinstance(command, PostCreditMemo):
        return credit_memo_stream(tenant_id, command.source, command.credit_memo_id)
    return receipt_stream(tenant_id, command.source, command.payment_id)


def _invoices_of(command: ReceivePayment | PostCreditMemo | ReverseReceipt, receipt: Receipt) -> list[str]:
    if isinstance(command, ReverseReceipt):
        return [a.invoice_id for a in receipt.recorded.allocations] if receipt.recorded else []
    return list(dict.fromkeys(named.invoice_id for named in command.allocations))
