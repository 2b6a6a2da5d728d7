"""Who holds what of an invoice after a posting, worked out once more from decision 0032.

The amounts before are as dispute-service has them when it hears the posting. Where the record leaves a choice, only
what it promises is expected.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

CREDIT, WRITE_OFF, PAYMENT, CONTESTED = "credit", "write_off", "payment", "contested"
KINDS = (CREDIT, WRITE_OFF, PAYMENT, CONTESTED)


class Hold(NamedTuple):
    """What a dispute holds of an invoice: what awaits a posting of the ERP, by its kind, and what is contested."""

    opened_at: datetime
    contested: int
    credit: int
    write_off: int
    payment: int

    @property
    def granted(self) -> int:
        return self.credit + self.write_off + self.payment

    @property
    def amount(self) -> int:
        return self.contested + self.granted


Holds = Mapping[UUID, Hold]
Rooms = Iterable[tuple[UUID, str]]


def oldest_first(holds: Holds) -> list[UUID]:
    return sorted(holds, key=lambda key: (holds[key].opened_at, str(key)))


def _taken(holds: Holds, amount: int, rooms: Rooms) -> dict[UUID, Hold]:
    """The amount is taken from the first of these parts, then from the next."""
    after = dict(holds)
    for key, kind in rooms:
        there: int = getattr(after[key], kind)
        part = max(0, min(amount, there))
        after[key] = _with(after[key], kind, there - part)
        amount -= part
    return after


def _with(hold: Hold, kind: str, amount: int) -> Hold:
    changed: dict[str, Any] = {kind: amount}
    return hold._replace(**changed)


def _each(holds: Holds, *kinds: str) -> list[tuple[UUID, str]]:
    """These kinds of all disputes, the oldest dispute first within each kind."""
    return [(key, kind) for kind in kinds for key in oldest_first(holds)]


def _within(holds: Holds, is_open: int, order: Iterable[str]) -> dict[UUID, Hold]:
    """The oldest gives way first, until no more is held than is open."""
    excess = sum(hold.amount for hold in holds.values()) - is_open
    kinds = list(order)
    return _taken(holds, excess, [(key, kind) for key in oldest_first(holds) for kind in kinds])


def after_a_payment(before: Holds, amount: int, is_open: int, awaited: str = PAYMENT) -> dict[UUID, Hold]:
    """A posting that disputes wait for serves them, if it is no more than they wait for; else it serves them with what
    nobody contests leaves of it. A payment pays what nobody contests first; then the oldest gives way, and within it
    what it contests before what was granted."""
    free = max(0, is_open + amount - sum(hold.amount for hold in before.values()))
    waits = sum(getattr(hold, awaited) for hold in before.values())
    served = _taken(before, amount if amount <= waits else amount - free, _each(before, awaited))
    other = WRITE_OFF if awaited == PAYMENT else PAYMENT
    return _within(served, is_open, (awaited, CONTESTED, other, CREDIT))


def after_a_credit(before: Holds, amount: int, named: UUID | None, is_open: int) -> dict[UUID, Hold]:
    """It serves the dispute that it names (granted before contested), then awaited credits, then what else awaits a
    posting, then what is contested."""
    first = [(named, kind) for kind in KINDS] if named in before and named is not None else []
    others = {key: hold for key, hold in before.items() if key != named}
    waiting = [(key, kind) for key in oldest_first(others) for kind in (WRITE_OFF, PAYMENT)]
    after = _taken(before, amount, [*first, *_each(others, CREDIT), *waiting, *_each(others, CONTESTED)])
    return _within(after, is_open, KINDS)


def after_a_smaller_invoice(before: Holds, less: int, is_open: int) -> dict[UUID, int]:
    """How much each holds afterwards: what awaits a posting is served; the rest is kept as far as it fits."""
    waiting = [(key, kind) for key in oldest_first(before) for kind in (WRITE_OFF, PAYMENT)]
    served = _taken(before, less, [*_each(before, CREDIT), *waiting])
    return {key: hold.amount for key, hold in _within(served, is_open, KINDS).items()}
