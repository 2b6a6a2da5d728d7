"""The order items are taken in, the names of what they wait for, and the names of what came with them. Pure."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from collections_service.customers.stream import customer_stream
from collections_service.erp.item import Item
from collections_service.open_items.commands import RegisterInvoice
from collections_service.postings.handle import receipt_name, touched_streams
from collections_service.receipts.commands import PostCreditMemo, ReceiptName, ReceivePayment


def groups(tenant_id: str, items: Sequence[Item]) -> list[list[Item]]:
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
    grouped: dict[UUID, list[Item]] = {}
    for item, stream in touched:
        grouped.setdefault(find(stream), []).append(item)
    return list(grouped.values())


def invoice_awaited(invoice_id: str, legal_entity: str | None = None) -> str:
    """Whoever's invoice with this number, or that of one legal entity."""
    return f"invoice {invoice_id}" if legal_entity is None else f"invoice {invoice_id} of {legal_entity}"


def receipt_awaited(name: ReceiptName) -> str:
    return f"{'credit memo' if name.kind == 'credit_memo' else 'payment'} {name.source} {name.number}"


def arrivals(items: Iterable[Item]) -> list[str]:
    """The names of everything that came with these items and that others may have waited for."""
    arrived: list[str] = []
    for item in items:
        if item.result not in ("accepted", "duplicate") or item.is_repetition:
            continue
        match item.command:
            case RegisterInvoice(invoice_id=invoice_id, legal_entity=legal_entity):
                arrived += [invoice_awaited(invoice_id), invoice_awaited(invoice_id, legal_entity)]
            case ReceivePayment() | PostCreditMemo():
                arrived.append(receipt_awaited(receipt_name(item.command)))
            case _:
                pass
    return arrived


def control_numbers(items: Iterable[Item]) -> dict[str, list[int]]:
    """By source, in the order of their arrival."""
    numbers: dict[str, list[int]] = {}
    for item in items:
        if item.message is not None and item.message.control_number is not None and not item.is_repetition:
            numbers.setdefault(item.message.source, []).append(item.message.control_number)
    return numbers
