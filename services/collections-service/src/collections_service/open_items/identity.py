"""Which invoice a number means: an invoice is known by its legal entity and its number (decision 0047).

The first invoice with a number is on the number's own stream, and is meant wherever the number alone is unique. Another
legal entity's invoice with that number is on a stream of its own, and the number's stream lists the entity. So one
stream answers every question about a number, in the transaction that changes the answer.
"""

from typing import Final

from collections_service.open_items.refusals import AmbiguousInvoice
from collections_service.open_items.state import OpenItem

_BETWEEN: Final = "\x1f"  # no id has a control character, so no two invoices have one key


def key_of(invoice_id: str, own_entity: str | None) -> str:
    """The name of an invoice among those of a receipt; `own_entity` None: it is the first with its number."""
    return invoice_id if own_entity is None else f"{invoice_id}{_BETWEEN}{own_entity}"


def named_by(key: str) -> tuple[str, str | None]:
    """Number and entity that `key_of` was made from."""
    invoice_id, _, own_entity = key.partition(_BETWEEN)
    return invoice_id, own_entity or None


def candidates(first: OpenItem) -> tuple[str, ...]:
    """The legal entities that have an invoice with the number of this stream."""
    return () if first.terms is None else (first.terms.legal_entity, *first.shared_with)


def own_entity(first: OpenItem, invoice_id: str, legal_entity: str | None) -> str | None:
    """The entity in whose own stream the named invoice is, or would be; None: it is on the number's stream `first`.

    AmbiguousInvoice where no entity is named and several have the number.
    """
    if legal_entity is None:
        if first.shared_with:
            raise AmbiguousInvoice(invoice_id, candidates(first))
        return None
    return legal_entity if candidates(first) and candidates(first)[0] != legal_entity else None


def disputed_entity(first: OpenItem, legal_entity: str | None) -> str | None:
    """The same for what a dispute says about an invoice. It is a fact: a number alone means the first invoice, and what
    is said of an entity that has not posted the number waits on the number's stream."""
    return legal_entity if legal_entity in first.shared_with else None
