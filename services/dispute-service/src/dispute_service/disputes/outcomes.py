"""A resolution code splits the open amount: credited, paid, rejected, written off or given up.

What the ERP is to post (credit, write-off, payment) stays open and held until it is. An item that is not of the invoice
it names holds nothing, and no posting would serve it: there a write-off or a payment is over at once.

Some codes say it themselves. The others credit what the decision found valid, or what is stated, and reject the rest.
A credit is stated per item; a total alone is spread over the items by largest remainder, in proportion to what may be
credited there.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from dispute_service.disputes.commands import CreditedItem, Resolve
from dispute_service.disputes.events import DECIDED, PROPORTIONAL, STATED, ItemOutcome
from dispute_service.disputes.items import DisputeItem
from dispute_service.disputes.named_items import positions_of, within
from dispute_service.disputes.refusals import (
    ContradictsVerdict,
    CreditNotStated,
    CreditOutOfBounds,
    ItemAmountsRefused,
    UnknownCode,
)
from dispute_service.disputes.state import Dispute
from redress.money import Money, allocate

# Where all of the open amount goes, for the codes that say it themselves.
WHOLE: Mapping[str, str] = MappingProxyType(
    {
        "CREDIT_FULL": "credit",
        "CUSTOMER_PAID": "paid",
        "OFFSET": "paid",
        "CASH_REAPPLIED": "paid",
        "REJECTED_COLLECT": "rejected",
        "WRITE_OFF_SMALL": "written_off",
        "WRITE_OFF_BAD_DEBT": "written_off",
        "VOID_LOGGED_IN_ERROR": "withdrawn",
    }
)
# Credit the valid or the stated part, else all.
CREDIT_UNLESS_SAID_OTHERWISE = frozenset({"REBILL", "REFUND"})
# Credit the valid or the stated part; without either it is not known how much.
CREDIT_WHAT_IS_SAID = frozenset({"CREDIT_PARTIAL", "GOODWILL"})


def outcomes_of(command: Resolve, state: Dispute) -> tuple[tuple[ItemOutcome, ...], str | None]:
    """One outcome per item that is open, and where the credits per item come from (`DisputeResolved.spread`).

    Refusals: CreditNotStated, CreditOutOfBounds, ItemAmountsRefused, ContradictsVerdict; UnknownCode for WITHDRAWN,
    which is an action of its own.
    """
    code = command.resolution_code
    where = WHOLE.get(code)
    if where is not None:
        _must_not_contradict(code, state)
        _must_say_the_same(command, state, all_of_it=where == "credit")
        return tuple(_whole(index, item, where) for index, item in enumerate(state.items) if item.contested), None
    if code not in CREDIT_UNLESS_SAID_OTHERWISE | CREDIT_WHAT_IS_SAID:
        raise UnknownCode(
            "resolution_code", code, (*WHOLE, *sorted(CREDIT_UNLESS_SAID_OTHERWISE | CREDIT_WHAT_IS_SAID))
        )
    parts, spread = _credit_parts(command, state)
    if code == "CREDIT_PARTIAL" and sum(parts) == state.contested:
        all_of_it = state.money(state.contested)
        raise CreditOutOfBounds(all_of_it, state.money(state.contested - 1), "that is all of it: use CREDIT_FULL")
    outcomes = tuple(
        ItemOutcome(item=index, credit=part, rejected=item.contested - part)
        for index, (item, part) in enumerate(zip(state.items, parts, strict=True))
        if item.contested
    )
    return outcomes, spread


def is_what_was_resolved(command: Resolve, state: Dispute) -> bool:
    """Whether a resolved dispute was resolved with the credits that the command says; one that says none leaves them
    to the code and the decision."""
    granted = {outcome.item: outcome.credit for outcome in state.outcomes}
    if command.credited is not None and command.credited != state.money(sum(granted.values())):
        return False
    if command.items is not None:
        return _by_position(command.items, state) == granted
    return command.credited is not None or state.credit_spread in {None, DECIDED}


def _by_position(credited: Sequence[CreditedItem], state: Dispute) -> dict[int, int] | None:
    """The stated credits, whether or not they are possible. None where they are not one per item."""
    places = {(item.invoice_id, item.line): position for position, item in enumerate(state.items)}
    found: dict[int, int] = {}
    for one in credited:
        name = one.item
        position = places.get((name.invoice_id or "", name.line)) if name.position is None else name.position
        if position is None or position in found or one.credited.currency != state.currency:
            return None
        found[position] = one.credited.minor
    return found


def _must_say_the_same(command: Resolve, state: Dispute, *, all_of_it: bool) -> None:
    """A code that says it all needs no amounts; where they are stated, they say what the code says."""
    code, bound = command.resolution_code, state.money(state.contested if all_of_it else 0)
    if command.credited is not None and (not all_of_it or command.credited != bound):
        raise CreditOutOfBounds(command.credited, bound, f"{code} credits {bound}")
    items = command.items or ()
    for index, position in enumerate(positions_of([one.item for one in items], state) if items else ()):
        of_item = state.money(state.items[position].contested if all_of_it else 0)
        if items[index].credited != of_item:
            raise ItemAmountsRefused(
                f"{items[index].credited} cannot be credited: {code} credits {of_item} there.",
                ("items", index, "credited"),
                str(of_item),
            )


def _whole(index: int, item: DisputeItem, where: str) -> ItemOutcome:
    amount, awaits = item.contested, item.mismatch is None
    return ItemOutcome(
        item=index,
        credit=amount if where == "credit" else 0,
        paid=amount if where == "paid" and not awaits else 0,
        rejected=amount if where == "rejected" else 0,
        written_off=amount if where == "written_off" and not awaits else 0,
        withdrawn=amount if where == "withdrawn" else 0,
        write_off_due=amount if where == "written_off" and awaits else 0,
        payment_due=amount if where == "paid" and awaits else 0,
    )


def _must_not_contradict(resolution_code: str, state: Dispute) -> None:
    if state.verdict is None:
        return
    valid, invalid = _standing(state.items)
    if resolution_code == "CREDIT_FULL" and invalid:
        allowed = ("CREDIT_PARTIAL",) if valid else ("REJECTED_COLLECT", "GOODWILL")
        raise ContradictsVerdict(resolution_code, state.money(valid), state.money(invalid), allowed)
    if resolution_code == "REJECTED_COLLECT" and valid:
        allowed = ("CREDIT_PARTIAL",) if invalid else ("CREDIT_FULL",)
        raise ContradictsVerdict(resolution_code, state.money(valid), state.money(invalid), allowed)


def _credit_parts(command: Resolve, state: Dispute) -> tuple[list[int], str | None]:
    """The credit of each item, and where it comes from."""
    code, credited = command.resolution_code, command.credited
    # Goodwill is given beyond what was found valid; every other credit stays within it.
    of_open = state.verdict is None or code == "GOODWILL"
    bounds = [item.contested if of_open else item.valid for item in state.items]
    found = "is open" if of_open else "was found valid"
    if command.items is not None:
        return _stated_parts(command.items, credited, bounds, found, state), STATED
    if credited is not None:
        bound = state.money(sum(bounds))
        if credited.currency != state.currency:
            raise CreditOutOfBounds(credited, bound, f"the dispute is in {state.currency}")
        if not 0 < credited.minor <= bound.minor:
            raise CreditOutOfBounds(credited, bound, f"{bound} {found}")
        return allocate(credited.minor, bounds), PROPORTIONAL
    valid_parts = [item.valid for item in state.items]
    if state.verdict is not None and any(valid_parts):
        return valid_parts, DECIDED
    if state.verdict is None and code in CREDIT_UNLESS_SAID_OTHERWISE:
        return bounds, None
    raise CreditNotStated(code, state.money(state.contested))


def _stated_parts(
    items: Sequence[CreditedItem], credited: Money | None, bounds: Sequence[int], found: str, state: Dispute
) -> list[int]:
    parts = [0] * len(state.items)
    for index, position in enumerate(positions_of([one.item for one in items], state)):
        place = ("items", index, "credited")
        parts[position] = within(items[index].credited, bounds[position], state, place, f"{found} there")
    stated = state.money(sum(parts))
    if credited is not None and credited != stated:
        raise ItemAmountsRefused(
            f"{credited} is not what the items add up to: {stated}.", ("credited",), f"{stated}, or no total"
        )
    if not stated.minor:
        raise CreditOutOfBounds(stated, state.money(sum(bounds)), "no item has a credit").at("items")
    return parts


def _standing(items: tuple[DisputeItem, ...]) -> tuple[int, int]:
    return sum(item.valid for item in items), sum(item.invalid for item in items)
