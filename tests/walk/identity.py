"""How an invoice is called: in the walk `DE01-7`, by its legal entity and its number in one.

Once two legal entities may use one number (issue 9 §6), the services are told the number 7 and the entity DE01; until
then the whole is the number.
"""

from typing import Any, Final
from uuid import UUID

from msgspec.structs import replace

from collections_service.open_items.state import OpenItem
from collections_service.open_items.stream import invoice_stream as ledger_stream
from collections_service.postings.commands import LedgerCommand
from collections_service.receipts.commands import NamedInvoice
from dispute_service.disputable_invoices.stream import invoice_stream as disputable_stream
from dispute_service.disputes.commands import Open

SHARED: Final = "legal_entity" in NamedInvoice.__struct_fields__
_BETWEEN: Final = "\x1f"  # in a receipt's own name of an invoice


def called(number: str, legal_entity: str | None) -> str:
    """What the walk calls the invoice of a message, an event or a dispute's item."""
    return f"{legal_entity}-{number}" if SHARED and legal_entity else number


def called_in_receipt(key: str, first: dict[str, str]) -> str:
    """The same of a receipt's name of it. `first` are the entities that had each number first."""
    number, _, entity = key.partition(_BETWEEN)
    return called(number, entity or first.get(number))


def where(item: Any) -> str:  # noqa: ANN401 - of several kinds
    """The invoice of a dispute's item."""
    return called(item.invoice_id, getattr(item, "legal_entity", None))


def number_and_entity(invoice_id: str) -> tuple[str, str | None]:
    entity, between, number = invoice_id.partition("-")
    return (number, entity) if SHARED and between else (invoice_id, None)


def told(message: LedgerCommand) -> LedgerCommand:
    """The message as the ERP words it."""
    if not SHARED:
        return message
    changes: dict[str, Any] = {}
    if "invoice_id" in message.__struct_fields__:
        number, entity = number_and_entity(message.invoice_id)  # type: ignore[union-attr]
        changes = {"invoice_id": number, "legal_entity": entity}
    if "allocations" in message.__struct_fields__:
        changes["allocations"] = tuple(_named(each) for each in message.allocations)  # type: ignore[union-attr]
    return replace(message, **changes)


def told_by_person(command: Open) -> Open:
    return replace(command, items=tuple(_named(item) for item in command.items))


def _named(each: Any) -> Any:  # noqa: ANN401
    if not SHARED:
        return each
    number, entity = number_and_entity(each.invoice_id)
    return replace(each, invoice_id=number, legal_entity=entity)


def ledger_streams(tenant: str, invoice_id: str) -> tuple[UUID, UUID]:
    """The stream of the number, and the one of its own that another entity's invoice has."""
    number, entity = number_and_entity(invoice_id)
    stream: Any = ledger_stream
    return stream(tenant, number), stream(tenant, number, entity) if SHARED else stream(tenant, number)


def disputable_streams(tenant: str, invoice_id: str) -> tuple[UUID, UUID]:
    number, entity = number_and_entity(invoice_id)
    stream: Any = disputable_stream
    return stream(tenant, number), stream(tenant, number, entity) if SHARED else stream(tenant, number)


def is_first(first: OpenItem, invoice_id: str) -> bool:
    """Whether the invoice is on the stream of its number."""
    return not SHARED or first.terms is None or first.terms.legal_entity == number_and_entity(invoice_id)[1]
