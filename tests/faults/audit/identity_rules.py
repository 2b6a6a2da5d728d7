"""I16: an invoice is known by legal entity and number, and both services mean the same one by it.

Where an invoice's stream is, is written here a second time: the first entity's with the number on the number's own
stream, any other entity's on one of its own.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from faults.audit.report import Finding
from redress.ids import derived_uuid

if TYPE_CHECKING:
    from faults.audit.ledger_rules import FoldedInvoice


def numbers_stream(kind: str, tenant: str, invoice_id: str) -> UUID:
    return derived_uuid(kind, tenant, invoice_id)


def entitys_stream(kind: str, tenant: str, invoice_id: str, legal_entity: str) -> UUID:
    return derived_uuid(f"{kind}-of", tenant, legal_entity, invoice_id)


def published_stream(kind: str, tenant: str, invoice: Mapping[str, Any]) -> UUID:
    """Of an invoice as the ledger publishes it."""
    if invoice.get("first_entity") is None:
        return numbers_stream(kind, tenant, invoice["invoice_id"])
    return entitys_stream(kind, tenant, invoice["invoice_id"], invoice["legal_entity"])


def streams_of(kind: str, tenant: str, invoice_id: str, legal_entity: str | None) -> list[UUID]:
    """Where a dispute's part of an invoice may be: there is one place, and it is one of these."""
    own = [] if legal_entity is None else [entitys_stream(kind, tenant, invoice_id, legal_entity)]
    return [numbers_stream(kind, tenant, invoice_id), *own]


def one_invoice_each(invoices: Iterable[tuple[UUID, "FoldedInvoice"]]) -> Finding:
    """Each entity has one invoice with a number, on the stream where it belongs."""
    finding = Finding("I16", "collections", "every legal entity has one invoice with a number, on one stream")
    seen: dict[tuple[str, str, str], UUID] = {}
    first: dict[tuple[str, str], str] = {}
    for stream, invoice in invoices:
        if invoice.invoice_id is None:
            continue
        said = {
            "invoice_id": invoice.invoice_id,
            "legal_entity": invoice.legal_entity,
            "first_entity": invoice.first_entity,
        }
        expected = published_stream("invoice", invoice.tenant, said)
        finding.must(stream == expected, f"{said} is not where it belongs", stream=stream)
        name = invoice.tenant, invoice.invoice_id, invoice.legal_entity
        finding.must(name not in seen, f"{name} is on {seen.get(name)} too", stream=stream)
        seen[name] = stream
        was_first = invoice.first_entity or invoice.legal_entity
        known = first.setdefault((invoice.tenant, invoice.invoice_id), was_first)
        finding.must(known == was_first, f"{known} had {invoice.invoice_id} first", stream=stream)
    return finding
