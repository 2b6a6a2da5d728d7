"""The contested amounts of a dispute, and how they move. Nothing here raises: a stored event has happened.

Per item, always: disputed = open + paid + credited + written_off + rejected + withdrawn. `awaiting_credit` is part of
open. A share or an outcome of an item that is not there moves nothing.
"""

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Struct

from dispute_service.disputable_invoices.state import is_same
from dispute_service.disputes import events as e


class DisputeItem(Struct, frozen=True, kw_only=True):
    """One contested amount and what has become of it (minor units).

    `valid` and `invalid` split what is open while a decision stands. `stated_paid` is the part of `paid` that a person
    stated and no posting has proved.
    """

    invoice_id: str
    line: str | None
    known: bool
    disputed: int
    open: int
    paid: int = 0
    credited: int = 0
    written_off: int = 0
    rejected: int = 0
    withdrawn: int = 0
    awaiting_credit: int = 0
    valid: int = 0
    invalid: int = 0
    stated_paid: int = 0


class PaymentShare(Struct, frozen=True):
    """The amount that a payment has taken from an item. It comes back when the payment is reversed."""

    payment_id: str
    item: int
    amount: int
    source: str = ""


Items = tuple[DisputeItem, ...]


def contested(opened: Iterable[e.OpenedItem]) -> Items:
    """All of it is open."""
    return tuple(
        DisputeItem(
            invoice_id=item.invoice_id, line=item.line, known=item.known, disputed=item.amount, open=item.amount
        )
        for item in opened
    )


def known(items: Items, invoice_id: str) -> Items:
    """The ledger has reported the invoice."""
    return tuple(msgspec.structs.replace(item, known=True) if item.invoice_id == invoice_id else item for item in items)


def judged(items: Items, verdicts: Iterable[e.ItemVerdict]) -> Items:
    """The verdicts stand in place of what was found before."""
    items = without_verdict(items)
    for verdict in verdicts:
        if _has(items, verdict.item):
            items = _replaced(items, verdict.item, valid=verdict.valid, invalid=verdict.invalid)
    return items


def without_verdict(items: Items) -> Items:
    return tuple(
        msgspec.structs.replace(item, valid=0, invalid=0) if item.valid or item.invalid else item for item in items
    )


def with_outcomes(items: Items, outcomes: Iterable[e.ItemOutcome]) -> Items:
    """The open amount goes where the outcome says; a credit stays open and awaits the ERP's credit memo."""
    items = without_verdict(items)
    for outcome in outcomes:
        if not _has(items, outcome.item):
            continue
        item = items[outcome.item]
        gone = outcome.rejected + outcome.written_off + outcome.paid + outcome.withdrawn
        items = _replaced(
            items,
            outcome.item,
            open=item.open - gone,
            awaiting_credit=outcome.credit,
            rejected=item.rejected + outcome.rejected,
            written_off=item.written_off + outcome.written_off,
            paid=item.paid + outcome.paid,
            stated_paid=item.stated_paid + outcome.paid,
            withdrawn=item.withdrawn + outcome.withdrawn,
        )
    return items


def withdrawn(items: Items, shares: Iterable[e.Share]) -> Items:
    """The shares are no longer contested."""
    return with_outcomes(items, [e.ItemOutcome(item=share.item, withdrawn=share.amount) for share in shares])


def reopenable(item: DisputeItem) -> int:
    """The amount that reopening would contest again besides the open one: all that no posting has settled for good."""
    return item.rejected + item.withdrawn + item.written_off + item.stated_paid + item.awaiting_credit


def contested_again(items: Items, shares: Iterable[e.Share]) -> Items:
    """Each share is taken back from where it went: rejected first, then withdrawn, written off, stated as paid.

    No credit is awaited any more.
    """
    items = tuple(msgspec.structs.replace(item, awaiting_credit=0) for item in without_verdict(items))
    for share in shares:
        if not _has(items, share.item):
            continue
        item = items[share.item]
        rejected, withdrawn, written_off, paid = filled(
            share.amount, [item.rejected, item.withdrawn, item.written_off, item.stated_paid]
        )
        items = _replaced(
            items,
            share.item,
            open=item.open + rejected + withdrawn + written_off + paid,
            rejected=item.rejected - rejected,
            withdrawn=item.withdrawn - withdrawn,
            written_off=item.written_off - written_off,
            paid=item.paid - paid,
            stated_paid=item.stated_paid - paid,
        )
    return items


def reduced_by_payment(
    items: Items, shares: Iterable[e.Share], payment_id: str, source: str = ""
) -> tuple[Items, tuple[PaymentShare, ...]]:
    """The shares are paid, as far as they are open; and what the payment took.

    A payment concedes the amounts found invalid first.
    """
    taken: list[PaymentShare] = []
    for share in shares:
        if not _has(items, share.item):
            continue
        item = items[share.item]
        amount = min(share.amount, item.open)
        left = item.open - amount
        invalid = max(0, item.invalid - amount)
        items = _replaced(
            items,
            share.item,
            open=left,
            awaiting_credit=min(item.awaiting_credit, left),
            valid=min(item.valid, left - invalid),
            invalid=invalid,
            paid=item.paid + amount,
        )
        if amount:
            taken.append(PaymentShare(payment_id, share.item, amount, source))
    return items, tuple(taken)


def reduced_by_credit(items: Items, shares: Iterable[e.Share]) -> Items:
    """The shares are credited, as far as they are open. A credit serves what was found valid first."""
    for share in shares:
        if not _has(items, share.item):
            continue
        item = items[share.item]
        amount = min(share.amount, item.open)
        left = item.open - amount
        valid = max(0, item.valid - amount)
        items = _replaced(
            items,
            share.item,
            open=left,
            awaiting_credit=min(item.awaiting_credit, left),
            valid=valid,
            invalid=min(item.invalid, left - valid),
            credited=item.credited + amount,
        )
    return items


def given_back(
    items: Items, taken: tuple[PaymentShare, ...], reversal: e.PaymentReversed
) -> tuple[Items, tuple[PaymentShare, ...]]:
    """The shares of a payment that came back are no longer paid, but where the reversal says; and what payments have
    still taken."""
    for share in reversal.shares:
        if not _has(items, share.item):
            continue
        item = items[share.item]
        amount = min(share.amount, item.paid - item.stated_paid)
        items = _replaced(
            items,
            share.item,
            paid=item.paid - amount,
            open=item.open + (amount if reversal.into == "open" else 0),
            rejected=item.rejected + (amount if reversal.into == "rejected" else 0),
            withdrawn=item.withdrawn + (amount if reversal.into == "withdrawn" else 0),
        )
        taken = _untaken(taken, (reversal.source, reversal.payment_id), share.item, amount)
    return items, taken


def _untaken(
    taken: tuple[PaymentShare, ...], payment: tuple[str, str], item: int, amount: int
) -> tuple[PaymentShare, ...]:
    """Last taken, first given back."""
    left: list[PaymentShare] = []
    for entry in reversed(taken):
        if is_same((entry.source, entry.payment_id), payment) and entry.item == item and amount:
            back = min(amount, entry.amount)
            amount -= back
            if entry.amount > back:
                left.append(msgspec.structs.replace(entry, amount=entry.amount - back))
        else:
            left.append(entry)
    return tuple(left[::-1])


def filled(amount: int, rooms: Sequence[int]) -> list[int]:
    """The amount in parts, each as large as its room, in their order; what fits nowhere is left out."""
    parts = []
    for room in rooms:
        part = min(amount, room)
        parts.append(part)
        amount -= part
    return parts


def _has(items: Items, position: int) -> bool:
    return 0 <= position < len(items)


def _replaced(items: Items, position: int, **changes: int) -> Items:
    changed = msgspec.structs.replace(items[position], **changes)
    return (*items[:position], changed, *items[position + 1 :])
