"""One posting changes the receipt, the invoices and the customer it touches, all or nothing."""

from uuid import UUID

from collections_service.customers import decisions as customer
from collections_service.customers.stream import CUSTOMER, customer_stream
from collections_service.open_items import decisions as open_item
from collections_service.open_items.commands import CorrectInvoice, RegisterInvoice
from collections_service.open_items.stream import INVOICE, invoice_stream
from collections_service.postings.commands import LedgerCommand, Posting
from collections_service.receipts import decisions as cash
from collections_service.receipts.commands import PostCreditMemo, ReceivePayment, ReverseReceipt
from collections_service.receipts.state import Receipt
from collections_service.receipts.stream import RECEIPT, credit_memo_stream, receipt_stream
from collections_service.short_payments.tolerance import SHORT_PAYMENT_TOLERANCE, ShortPaymentTolerance, scopes_of
from redress.handling.unit_of_work import UnitOfWork
from redress.policy.book import Policies
from redress.policy.state import InForce

ReceiptPosting = ReceivePayment | PostCreditMemo | ReverseReceipt


async def post(uow: UnitOfWork, posting: Posting, policies: Policies) -> None:
    """Record what the posting means. OpenItemRefusal, ReceiptRefusal.

    The policies are no streams of the unit of work: a posting would be decided twice for each stream that it reads and
    does not write. It cites the version it was decided by instead.
    """
    command = posting.command
    policy: tuple[str, ...] = ()
    match command:
        case RegisterInvoice(invoice_id=invoice_id):
            invoice = invoice_stream(uow.tenant, invoice_id)
            item = await uow.state(INVOICE, invoice)
            uow.record(INVOICE, invoice, open_item.register(command, item))
        case CorrectInvoice(invoice_id=invoice_id):
            invoice = invoice_stream(uow.tenant, invoice_id)
            item = await uow.state(INVOICE, invoice)
            uow.record(INVOICE, invoice, open_item.correct(command, item))
        case ReceivePayment() | PostCreditMemo() | ReverseReceipt():
            policy = await _apply(uow, command, policies)
    if posting.customer is not None:
        stream = customer_stream(uow.tenant, posting.customer.customer_id)
        known = await uow.state(CUSTOMER, stream)
        uow.record(CUSTOMER, stream, customer.record(posting.customer, known), policy=policy)


async def _apply(uow: UnitOfWork, command: ReceiptPosting, policies: Policies) -> tuple[str, ...]:
    """Record the receipt and what it does to its invoices. The policies that decided."""
    stream = _receipt(uow.tenant, command)
    receipt = await uow.state(RECEIPT, stream)
    invoices = {invoice_id: invoice_stream(uow.tenant, invoice_id) for invoice_id in _invoices_of(command, receipt)}
    await uow.load(INVOICE, invoices.values())
    items = {invoice_id: await uow.state(INVOICE, invoice) for invoice_id, invoice in invoices.items()}
    policy: tuple[str, ...] = ()
    match command:
        case ReceivePayment():
            tolerance = await _tolerance(uow.tenant, command, policies)
            policy = (tolerance.citation,)
            applied = cash.receive(command, receipt, items, tolerance)
        case PostCreditMemo():
            applied = cash.post_credit_memo(command, receipt, items)
        case ReverseReceipt():
            applied = cash.reverse(command, receipt, items)
    uow.record(RECEIPT, stream, applied.receipt, policy=policy)
    for invoice_id, events in applied.invoices.items():
        uow.record(INVOICE, invoices[invoice_id], events, policy=policy)
    return policy


async def _tolerance(tenant_id: str, command: ReceivePayment, policies: Policies) -> InForce[ShortPaymentTolerance]:
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
        case CorrectInvoice() | ReverseReceipt():
            return ()


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


def _receipt(tenant_id: str, command: ReceiptPosting) -> UUID:
    if isinstance(command, PostCreditMemo):
        return credit_memo_stream(tenant_id, command.source, command.credit_memo_id)
    return receipt_stream(tenant_id, command.source, command.payment_id)


def _invoices_of(command: ReceiptPosting, receipt: Receipt) -> list[str]:
    if isinstance(command, ReverseReceipt):
        return [a.invoice_id for a in receipt.recorded.allocations] if receipt.recorded else []
    return list(dict.fromkeys(named.invoice_id for named in command.allocations))
