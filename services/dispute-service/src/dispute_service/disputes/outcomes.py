"""A resolution code splits the open amount: credited, paid, rejected, written off or given up.

Some codes say it themselves. The others credit what the decision found valid, or what is stated, and reject the rest.
A stated credit is spread over the items by largest remainder, in proportion to what may be credited there.
"""

from collections.abc import Mapping
from types import MappingProxyType

from dispute_service.disputes.events import ItemOutcome
from dispute_service.disputes.items import DisputeItem
from dispute_service.disputes.refusals import ContradictsVerdict, CreditNotStated, CreditOutOfBounds, UnknownCode
from dispute_service.disputes.state import Dispute, Verdict
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


def outcomes_of(resolution_code: str, credited: Money | None, state: Dispute) -> tuple[ItemOutcome, ...]:
    """One outcome per item that is open. Refusals: CreditNotStated, CreditOutOfBounds, ContradictsVerdict; UnknownCode
    for WITHDRAWN, which is an action of its own."""
    where = WHOLE.get(resolution_code)
    if where is not None:
        _must_not_contradict(resolution_code, state)
        if credited is not None and (where != "credit" or credited != state.money(state.contested)):
            bound = state.money(state.contested if where == "credit" else 0)
            raise CreditOutOfBounds(credited, bound, f"{resolution_code} credits {bound}")
        return tuple(_whole(index, item.contested, where) for index, item in enumerate(state.items) if item.contested)
    if resolution_code not in CREDIT_UNLESS_SAID_OTHERWISE | CREDIT_WHAT_IS_SAID:
        raise UnknownCode(
            "resolution_code",
            resolution_code,
            (*WHOLE, *sorted(CREDIT_UNLESS_SAID_OTHERWISE | CREDIT_WHAT_IS_SAID)),
        )
    parts = _credit_parts(resolution_code, credited, state)
    return tuple(
        ItemOutcome(item=index, credit=part, rejected=item.contested - part)
        for index, (item, part) in enumerate(zip(state.items, parts, strict=True))
        if item.contested
    )


def _whole(index: int, amount: int, where: str) -> ItemOutcome:
    return ItemOutcome(
        item=index,
        credit=amount if where == "credit" else 0,
        paid=amount if where == "paid" else 0,
        rejected=amount if where == "rejected" else 0,
        written_off=amount if where == "written_off" else 0,
        withdrawn=amount if where == "withdrawn" else 0,
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


def _credit_parts(resolution_code: str, credited: Money | None, state: Dispute) -> list[int]:
    open_parts = [item.contested for item in state.items]
    valid_parts = [item.valid for item in state.items]
    verdict: Verdict | None = state.verdict
    if credited is None:
        if verdict is not None and any(valid_parts):
            parts = valid_parts
        elif verdict is None and resolution_code in CREDIT_UNLESS_SAID_OTHERWISE:
            parts = open_parts
        else:
            raise CreditNotStated(resolution_code, state.money(state.contested))
    else:
        # Goodwill is given beyond what was found valid; every other credit stays within it.
        weights = open_parts if verdict is None or resolution_code == "GOODWILL" else valid_parts
        bound = state.money(sum(weights))
        of_open = weights is open_parts
        if credited.currency != state.currency:
            raise CreditOutOfBounds(credited, bound, f"the dispute is in {state.currency}")
        if not 0 < credited.minor <= bound.minor:
            found = "is open" if of_open else "was found valid"
            raise CreditOutOfBounds(credited, bound, f"{bound} {found}")
        parts = allocate(credited.minor, weights)
    if resolution_code == "CREDIT_PARTIAL" and sum(parts) == state.contested:
        all_of_it = state.money(state.contested)
        raise CreditOutOfBounds(all_of_it, state.money(state.contested - 1), "that is all of it: use CREDIT_FULL")
    return parts


def _standing(items: tuple[DisputeItem, ...]) -> tuple[int, int]:
    return sum(item.valid for item in items), sum(item.invalid for item in items)
