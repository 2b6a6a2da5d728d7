"""An agency or a lawyer collects an invoice, and gives it back."""

from collections_service.open_items.commands import HandOverCollection, TakeCollectionBack
from collections_service.open_items.decisions.changes import known_terms, not_cancelled
from collections_service.open_items.events import CollectionHandedOver, CollectionTakenBack, OpenItemEvent
from collections_service.open_items.state import OpenItem


def hand_over(command: HandOverCollection, item: OpenItem) -> list[OpenItemEvent]:
    """An agency or a lawyer collects the invoice from now on; another one may take it over from the first."""
    known_terms(item, command.invoice_id, command.legal_entity)
    not_cancelled(item, command.invoice_id)
    handed = CollectionHandedOver(to=command.to, handed_on=command.handed_on, reference=command.reference)
    return [] if item.collected_by == handed else [handed]


def take_back(command: TakeCollectionBack, item: OpenItem) -> list[OpenItemEvent]:
    """We collect the invoice ourselves again. Nothing if nobody else does."""
    known_terms(item, command.invoice_id, command.legal_entity)
    return [] if item.collected_by is None else [CollectionTakenBack(taken_back_on=command.taken_back_on)]
