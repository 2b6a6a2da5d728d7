"""Amounts that a caller states per item: every item with something open is named once, in any order."""

from collections.abc import Sequence

from dispute_service.disputes.commands import ItemName
from dispute_service.disputes.items import DisputeItem
from dispute_service.disputes.refusals import ItemAmountsRefused
from dispute_service.disputes.state import Dispute
from redress.money import Money


def positions_of(names: Sequence[ItemName], state: Dispute) -> list[int]:
    """The position of each named item. ItemAmountsRefused unless they are the items with something open, each once."""
    found: list[int] = []
    for index, name in enumerate(names):
        position = _position_of(name, index, state)
        if position in found:
            raise ItemAmountsRefused(
                f"{said(position, state)} is named twice, here and as number {found.index(position)}.",
                ("items", index),
                "each item once",
            )
        found.append(position)
    missing = [position for position, item in enumerate(state.items) if item.contested and position not in found]
    if missing:
        raise ItemAmountsRefused(
            f"{said(missing[0], state)} is missing: {state.money(state.items[missing[0]].contested)} is open there.",
            ("items",),
            _open_items(state),
        )
    return found


def within(amount: Money, bound: int, state: Dispute, place: tuple[str | int, ...], found: str) -> int:
    """The minor units of an amount of the dispute's currency up to `bound`; `found` says what the bound is."""
    if amount.currency != state.currency:
        raise ItemAmountsRefused(
            f"The dispute is in {state.currency}, not in {amount.currency}.", (*place, "currency"), state.currency
        )
    if not 0 <= amount.minor <= bound:
        raise ItemAmountsRefused(
            f"{amount} is not possible: {state.money(bound)} {found}.", place, f"zero up to {state.money(bound)}"
        )
    return amount.minor


def said(position: int, state: Dispute) -> str:
    """An item in words."""
    item = state.items[position]
    return f"Item {position} (invoice {_name(item)})"


def _position_of(name: ItemName, index: int, state: Dispute) -> int:
    if name.position is not None:
        position, place = name.position, ("items", index, "item")
        if not 0 <= position < len(state.items):
            raise ItemAmountsRefused(f"The dispute has no item {position}.", place, _open_items(state))
    else:
        place = ("items", index, "invoice_id" if name.line is None else "line")
        wanted = (name.invoice_id, name.line)
        there = [i for i, item in enumerate(state.items) if (item.invoice_id, item.line) == wanted]
        if not there:
            called = f"{name.invoice_id}" if name.line is None else f"{name.invoice_id} line {name.line}"
            raise ItemAmountsRefused(f"Invoice {called} is no item of the dispute.", place, _open_items(state))
        position = there[0]
    if not state.items[position].contested:
        raise ItemAmountsRefused(f"Of {said(position, state)} nothing is open.", place, _open_items(state))
    return position


def _open_items(state: Dispute) -> tuple[str, ...]:
    return tuple(
        f"item {position}: {_name(item)}, {state.money(item.contested)} open"
        for position, item in enumerate(state.items)
        if item.contested
    )


def _name(item: DisputeItem) -> str:
    return item.invoice_id if item.line is None else f"{item.invoice_id} line {item.line}"
