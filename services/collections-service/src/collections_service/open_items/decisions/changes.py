"""The parts that the families of decisions share."""

from collections.abc import Iterator, Sequence
from datetime import date

from collections_service.open_items.events import OpenItemEvent
from collections_service.open_items.holds import hold_changes
from collections_service.open_items.refusals import CurrencyDiffers, InvoiceIsCancelled, InvoiceNotRegistered
from collections_service.open_items.state import Application, Credit, OpenItem, Terms, evolve, first_day_with_room
from redress.money import Money


def with_holds(item: OpenItem, event: OpenItemEvent, why: str, *, since: date | None = None) -> list[OpenItemEvent]:
    """The event between the changes of the holds that it causes; none of them before `since`."""
    changes = hold_changes(evolve(item, event), why, since)
    return [*changes.smaller, event, *changes.larger]


def from_newest(applications: Sequence[Application | Credit], amount: Money | None) -> Iterator[tuple[date, int]]:
    """The day and the part of each application that gives way, until `amount` is found; None: all of them."""
    left = sum(each.left for each in applications) if amount is None else amount.minor
    for each in applications:
        if part := min(left, each.left):
            yield each.applied_on, part
            left -= part


def not_cancelled(item: OpenItem, invoice_id: str) -> None:
    if item.cancelled_on is not None:
        raise InvoiceIsCancelled(invoice_id, item.cancelled_on)


def known_terms(item: OpenItem, wanted: str, legal_entity: str | None = None) -> Terms:
    if item.terms is None:
        raise InvoiceNotRegistered(wanted, legal_entity)
    return item.terms


def same_currency(terms: Terms, money: Money) -> None:
    if money.currency != terms.total.currency:
        raise CurrencyDiffers(terms.invoice_id, terms.total.currency, money.currency)


def day_with_room(item: OpenItem, wanted: date, minor: int) -> date:
    """So an invoice is never paid before it was issued, nor twice over on the days before a reversal."""
    return first_day_with_room(item.movements, wanted, minor)
