"""Whose invoices a posting of a receipt means, where numbers alone do not tell it."""

import msgspec

from collections_service.open_items.finding import first_with, load_numbers
from collections_service.open_items.identity import candidates, named_by, own_entity
from collections_service.open_items.refusals import AmbiguousInvoice
from collections_service.postings.commands import ReceiptPosting
from collections_service.receipts.commands import (
    ApplyReceipt,
    IdentifyPayer,
    NamedInvoice,
    PostCreditMemo,
    ReceivePayment,
    RefundReceipt,
    ReverseReceipt,
    TakenOff,
    UnapplyReceipt,
)
from collections_service.receipts.state import RecordedReceipt
from redress.handling.unit_of_work import UnitOfWork

AllocatingPosting = ReceivePayment | PostCreditMemo | ApplyReceipt | UnapplyReceipt | ReverseReceipt


async def identified(uow: UnitOfWork, command: ReceiptPosting, recorded: RecordedReceipt | None) -> ReceiptPosting:
    """The posting with the entity named of those invoices that have a stream of their own, and of no others; so a
    receipt calls an invoice by one name. AmbiguousInvoice."""
    if isinstance(command, RefundReceipt | IdentifyPayer):
        return command
    await load_numbers(uow, (each.invoice_id for each in command.allocations))
    field = "applies_to" if isinstance(command, PostCreditMemo) else "allocations"
    parts: tuple[NamedInvoice | TakenOff, ...] = command.allocations
    allocations: list[NamedInvoice | TakenOff] = []
    for place, each in enumerate(parts):
        try:
            owner = await _owner(uow, command, each, recorded)
        except AmbiguousInvoice as refusal:
            raise refusal.at(field, place, "legal_entity") from None
        allocations.append(each if each.legal_entity == owner else msgspec.structs.replace(each, legal_entity=owner))
    return msgspec.structs.replace(command, allocations=tuple(allocations))


async def _owner(
    uow: UnitOfWork, command: AllocatingPosting, named: NamedInvoice | TakenOff, recorded: RecordedReceipt | None
) -> str | None:
    """Where no entity is named and several have the number: the one that the receipt speaks of already, and else the
    receipt's own."""
    first, entity = await first_with(uow, named.invoice_id), named.legal_entity
    if entity is None and first.shared_with and recorded is not None:
        spoken_of = {own for number, own in _spoken_of(command, recorded) if number == named.invoice_id}
        if len(spoken_of) == 1:
            return spoken_of.pop()
        if recorded.legal_entity in candidates(first):
            entity = recorded.legal_entity
    return own_entity(first, named.invoice_id, entity)


def _spoken_of(command: AllocatingPosting, recorded: RecordedReceipt) -> set[tuple[str, str | None]]:
    """The invoices by which the receipt knows this posting, if it does; else those that a posting takes it off."""
    match command:
        case ReceivePayment() | PostCreditMemo():
            return {(each.invoice_id, each.legal_entity) for each in recorded.allocations}
        case ApplyReceipt():
            known = recorded.known("applied", command.application_id)
            return {named_by(key) for key, _ in known.amounts} if known else set()
        case UnapplyReceipt() if known := recorded.known("unapplied", command.application_id):
            return {named_by(key) for key, _ in known.amounts}
        case _:
            return {(each.invoice_id, each.legal_entity) for each in recorded.applications}
