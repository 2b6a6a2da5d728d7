"""One posting changes the receipt, the invoices and the customer it touches, all or nothing."""

from typing import assert_never
from uuid import UUID

import msgspec

from collections_service.customers import decisions as customer
from collections_service.customers.stream import CUSTOMER, customer_stream
from collections_service.open_items import decisions as open_item
from collections_service.open_items.commands import (
    CancelInvoice,
    ChangeCustomer,
    CorrectInvoice,
    HandOverCollection,
    PostWriteOff,
    RegisterInvoice,
    ReverseWriteOff,
    TakeCollectionBack,
)
from collections_service.open_items.events import OpenItemEvent
from collections_service.open_items.finding import find_invoice
from collections_service.open_items.identity import named_by
from collections_service.open_items.state import OpenItem
from collections_service.open_items.stream import INVOICE, invoice_stream
from collections_service.postings.commands import (
    ChangingInvoice,
    InvoicePosting,
    LedgerCommand,
    Posting,
    ReceiptPosting,
)
from collections_service.postings.naming import identified
from collections_service.receipts import decisions as cash
from collections_service.receipts.commands import (
    ApplyReceipt,
    IdentifyPayer,
    PostCreditMemo,
    ReceiptName,
    ReceivePayment,
    RefundReceipt,
    ReverseReceipt,
    UnapplyReceipt,
)
from collections_service.receipts.state import Receipt
from collections_service.receipts.stream import RECEIPT, credit_memo_stream, receipt_stream
from collections_service.short_payments.tolerance import SHORT_PAYMENT_TOLERANCE, ShortPaymentTolerance, scopes_of
from redress.handling.unit_of_work import UnitOfWork
from redress.policy.book import Policies
from redress.policy.state import PolicyInForce


async def post(uow: UnitOfWork, posting: Posting, policies: Policies) -> None:
    """Record what the posting means. OpenItemRefusal, ReceiptRefusal.

    The policies are no streams of the unit of work: a posting would be decided twice for each stream that it reads and
    does not write. It cites the version it was decided by instead.
    """
    command = posting.command
    policy: tuple[str, ...] = ()
    if isinstance(command, RegisterInvoice):
        await _register(uow, command)
    elif isinstance(command, InvoicePosting):
        found = await find_invoice(uow, command.invoice_id, command.legal_entity)
        uow.record(INVOICE, found.stream, _decide(command, await uow.state(INVOICE, found.stream)))
    else:
        policy = await _apply(uow, command, policies)
    if posting.customer is not None:
        stream = customer_stream(uow.tenant, posting.customer.customer_id)
        known = await uow.state(CUSTOMER, stream)
        uow.record(CUSTOMER, stream, customer.record(posting.customer, known), policy=policy)


async def _register(uow: UnitOfWork, command: RegisterInvoice) -> None:
    """The first invoice with a number gets the number's stream, one of another entity a stream of its own."""
    number, entity = invoice_stream(uow.tenant, command.invoice_id), command.legal_entity
    first = await uow.state(INVOICE, number)
    found = await find_invoice(uow, command.invoice_id, entity)
    if found.own_entity is not None and first.terms is not None:
        uow.record(INVOICE, number, open_item.share(first, command.invoice_id, entity))
        uow.record(INVOICE, found.stream, open_item.brought_along(first, entity))
        command = msgspec.structs.replace(command, first_entity=first.terms.legal_entity)
    uow.record(INVOICE, found.stream, open_item.register(command, await uow.state(INVOICE, found.stream)))


def _decide(command: ChangingInvoice, item: OpenItem) -> list[OpenItemEvent]:  # noqa: PLR0911 - one per command
    match command:
        case CorrectInvoice():
            return open_item.correct(command, item)
        case ChangeCustomer():
            return open_item.change_customer(command, item)
        case PostWriteOff():
            return open_item.post_write_off(command, item)
        case ReverseWriteOff():
            return open_item.reverse_write_off(command, item)
        case CancelInvoice():
            return open_item.cancel(command, item)
        case HandOverCollection():
            return open_item.hand_over(command, item)
        case TakeCollectionBack():
            return open_item.take_back(command, item)
    assert_never(command)


async def _apply(uow: UnitOfWork, command: ReceiptPosting, policies: Policies) -> tuple[str, ...]:
    """Record the receipt and what it does to its invoices. The policies that decided."""
    stream = _receipt(uow.tenant, command)
    receipt = await uow.state(RECEIPT, stream)
    command = await identified(uow, command, receipt.recorded)
    invoices = {key: invoice_stream(uow.tenant, *named_by(key)) for key in _invoices_of(command, receipt)}
    await uow.load(INVOICE, invoices.values())
    items = {key: await uow.state(INVOICE, invoice) for key, invoice in invoices.items()}
    policy: tuple[str, ...] = ()
    match command:
        case ReceivePayment():
            tolerance = await _tolerance(uow.tenant, command, policies)
            policy = (tolerance.citation,)
            applied = cash.receive(command, receipt, items, tolerance)
        case PostCreditMemo():
            applied = cash.post_credit_memo(command, receipt, items)
        case ApplyReceipt():
            applied = cash.apply(command, receipt, items)
        case UnapplyReceipt():
            applied = cash.unapply(command, receipt, items)
        case ReverseReceipt():
            applied = cash.reverse(command, receipt, items)
        case RefundReceipt():
            applied = cash.refund(command, receipt)
        case IdentifyPayer():
            applied = cash.identify(command, receipt)
    uow.record(RECEIPT, stream, applied.receipt, policy=policy)
    for key, events in applied.invoices.items():
        uow.record(INVOICE, invoices[key], events, policy=policy)
    return policy


async def _tolerance(
    tenant_id: str, command: ReceivePayment, policies: Policies
) -> PolicyInForce[ShortPaymentTolerance]:
    """The one in force on the day the payment was received: the customer's own, else the company's."""
    scopes = scopes_of(command.customer_id)
    return await policies.in_force(tenant_id, SHORT_PAYMENT_TOLERANCE, command.received_on, scopes=scopes)


def presumed_new(tenant_id: str, command: LedgerCommand) -> tuple[UUID, ...]:
    """The stream that the command usually begins: that is taken for granted, and the append finds out."""
    match command:
        case RegisterInvoice(invoice_id=invoice_id):
            return (invoice_stream(tenant_id, invoice_id),)
        case ReceivePayment() | PostCreditMemo():
            return (_receipt(tenant_id, command),)
        case _:
            return ()


def touched_streams(tenant_id: str, command: LedgerCommand) -> list[UUID]:
    """The streams whose order matters to the command, as far as the command itself tells."""
    if isinstance(command, InvoicePosting):
        return [invoice_stream(tenant_id, command.invoice_id)]
    named: list[UUID] = []
    if not isinstance(command, RefundReceipt | IdentifyPayer):
        named = [invoice_stream(tenant_id, each.invoice_id) for each in command.allocations]  # of the numbers
    return [_receipt(tenant_id, command), *named]


def receipt_name(command: ReceiptPosting) -> ReceiptName:
    match command:
        case ReceivePayment():
            return ReceiptName(kind="payment", source=command.source, number=command.payment_id)
        case PostCreditMemo():
            return ReceiptName(kind="credit_memo", source=command.source, number=command.credit_memo_id)
        case _:
            return command.receipt


def _receipt(tenant_id: str, command: ReceiptPosting) -> UUID:
    name = receipt_name(command)
    stream = credit_memo_stream if name.kind == "credit_memo" else receipt_stream
    return stream(tenant_id, name.source, name.number)


def _invoices_of(command: ReceiptPosting, receipt: Receipt) -> list[str]:
    """The invoices that the posting may change, by their keys. A reversal may take from all that have something of the
    receipt."""
    match command:
        case ReverseReceipt():
            recorded = receipt.recorded
            return list(dict.fromkeys(each.key for each in recorded.applications)) if recorded else []
        case RefundReceipt() | IdentifyPayer():
            return []
        case _:
            return list(dict.fromkeys(each.key for each in command.allocations))
