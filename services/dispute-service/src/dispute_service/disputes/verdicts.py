"""A verdict splits what is open of each item into valid and invalid: as stated, or out of totals in proportion."""

from collections.abc import Sequence

from dispute_service.disputes.commands import Decide, JudgedItem
from dispute_service.disputes.events import PROPORTIONAL, STATED, ItemVerdict
from dispute_service.disputes.named_items import positions_of, said, within
from dispute_service.disputes.refusals import ItemAmountsRefused, VerdictDoesNotAddUp, VerdictNotStated
from dispute_service.disputes.state import Dispute
from redress.money import Money, allocate


def verdicts_of(command: Decide, state: Dispute) -> tuple[tuple[ItemVerdict, ...], str]:
    """One verdict per item that is open, and where the amounts come from. Refusals: VerdictNotStated,
    VerdictDoesNotAddUp, ItemAmountsRefused."""
    if command.items is not None:
        verdicts = _stated(command.items, state)
        _must_agree("valid", command.valid, sum(verdict.valid for verdict in verdicts), state)
        _must_agree("invalid", command.invalid, sum(verdict.invalid for verdict in verdicts), state)
        return verdicts, STATED
    if command.valid is None or command.invalid is None:
        raise VerdictNotStated(state.money(state.contested))
    return _spread(command.valid, command.invalid, state), PROPORTIONAL


def _stated(judged: Sequence[JudgedItem], state: Dispute) -> tuple[ItemVerdict, ...]:
    found: dict[int, ItemVerdict] = {}
    positions = positions_of([one.item for one in judged], state)
    for index, (position, one) in enumerate(zip(positions, judged, strict=True)):
        is_open = state.items[position].contested
        valid = within(one.valid, is_open, state, ("items", index, "valid"), "is open there")
        invalid = within(one.invalid, is_open, state, ("items", index, "invalid"), "is open there")
        if valid + invalid != is_open:
            rest = state.money(is_open - valid)
            raise ItemAmountsRefused(
                f"{one.valid} valid and {one.invalid} invalid are not the {state.money(is_open)} that is open of "
                f"{said(position, state)}.",
                ("items", index, "invalid"),
                f"{rest}, with {one.valid} valid",
            )
        found[position] = ItemVerdict(item=position, valid=valid, invalid=invalid)
    return tuple(found[position] for position in sorted(found))


def _must_agree(field: str, total: Money | None, of_items: int, state: Dispute) -> None:
    if total is not None and total != state.money(of_items):
        raise ItemAmountsRefused(
            f"{total} is not what the items add up to: {state.money(of_items)} {field}.",
            (field,),
            f"{state.money(of_items)}, or no total",
        )


def _spread(valid: Money, invalid: Money, state: Dispute) -> tuple[ItemVerdict, ...]:
    open_amount = state.money(state.contested)
    same_currency = valid.currency == invalid.currency == state.currency
    if not same_currency or valid.minor < 0 or invalid.minor < 0 or valid.minor + invalid.minor != open_amount.minor:
        raise VerdictDoesNotAddUp(valid, invalid, open_amount)
    valid_parts = allocate(valid.minor, [item.contested for item in state.items])
    return tuple(
        ItemVerdict(item=index, valid=part, invalid=item.contested - part)
        for index, (item, part) in enumerate(zip(state.items, valid_parts, strict=True))
        if item.contested
    )
