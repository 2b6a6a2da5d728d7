"""The contested amounts of a dispute, and how they move. Nothing here raises: a stored event has happened.

Per item, always: disputed = open + paid + credited + reduced + written_off + rejected + withdrawn. What awaits a
posting of the ERP is part of open. A share or an outcome of an item that is not there moves nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec
from msgspec import Struct

from dispute_service.disputable_invoices.state import is_same
from dispute_service.disputes import events as e


class DisputeItem(Struct, frozen=True, kw_only=True):
    """One contested amount and what has become of it (minor units).

    `reduced` was never billed after all: the invoice is smaller. `valid` and `invalid` split what is contested while a
    decision stands. `awaiting_…` is what was resolved and stays open until the ERP posts it: the credit memo, the
    write-off, or the payment (also one applied anew, or an offset). `stated_paid` is the part of `paid` that a person
    stated and no posting has proved; `posted_off` is the part of `written_off` that a posting has: both differ only in
    disputes that were resolved before such amounts awaited their posting, and in items of another invoice. `mismatch`
    says what of the ledger's invoice is another (customer, currency, line): the item then holds nothing.
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
    posted_off: int = 0
    reduced: int = 0
    mismatch: str | None = None
    awaiting_write_off: int = 0
    awaiting_payment: int = 0

    @property
    def awaiting(self) -> int:
        """The open part that is resolved, and that a posting is still to confirm."""
        return self.awaiting_credit + self.awaiting_write_off + self.awaiting_payment

    @property
    def contested(self) -> int:
        """The open part that nobody has resolved yet."""
        return self.open - self.awaiting


class PaymentShare(Struct, frozen=True):
    """The amount that a payment has taken from an item. It comes back when the payment is reversed: to what `awaited` a
    posting (credit, write_off, payment), or as contested."""

    payment_id: str
    item: int
    amount: int
    source: str = ""
    awaited: str = ""


class CreditShare(Struct, frozen=True):
    """The amount that a credit memo has taken from an item. `granted` of it had awaited a posting: `write_off` a
    write-off, `payment` a payment, the rest a credit."""

    credit_memo_id: str
    item: int
    amount: int
    granted: int
    source: str = ""
    write_off: int = 0
    payment: int = 0


Items = tuple[DisputeItem, ...]

CONTESTED: Final = "contested"
CREDIT_ORDER: Final = ("credit", "write_off", "payment", CONTESTED)
PAYMENT_ORDER: Final = ("payment", CONTESTED, "write_off", "credit")
WRITE_OFF_ORDER: Final = ("write_off", CONTESTED, "payment", "credit")
"""The parts of what is open in the order in which a posting takes them: the one that awaits it; then a credit memo, or
an invoice that is smaller, serves what awaits another posting, while money takes what was resolved otherwise last."""

ORDERS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"payment": PAYMENT_ORDER, "write-off": WRITE_OFF_ORDER, "credit-memo": CREDIT_ORDER}
)
"""By the cause of a reduction; every other one serves as a credit does."""


def part(item: DisputeItem, name: str) -> int:
    """The part of what is open that awaits this posting, or that is contested."""
    match name:
        case "credit":
            return item.awaiting_credit
        case "write_off":
            return item.awaiting_write_off
        case "payment":
            return item.awaiting_payment
        case _:
            return item.contested


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


def compared(items: Items, found: Iterable[e.ItemMismatch]) -> Items:
    """The items match the ledger's invoice, or do not."""
    for one in found:
        if _has(items, one.item):
            changed = msgspec.structs.replace(items[one.item], mismatch=one.what)
            items = (*items[: one.item], changed, *items[one.item + 1 :])
    return items


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
    """The contested amount goes where the outcome says; what the ERP is to post stays open and awaits it, besides what
    awaits it already."""
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
            awaiting_credit=item.awaiting_credit + outcome.credit,
            awaiting_write_off=item.awaiting_write_off + outcome.write_off_due,
            awaiting_payment=item.awaiting_payment + outcome.payment_due,
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
    written_off = item.written_off - item.posted_off
    return item.rejected + item.withdrawn + written_off + item.stated_paid + item.awaiting


def given_up(items: Items, shares: Iterable[e.Share], into: str) -> Items:
    """Nothing is awaited any more: the shares are no longer open, and are found where `into` says."""
    items = without_awaited(items)
    for share in shares:
        if _has(items, share.item):
            item = items[share.item]
            amount = min(share.amount, item.open)
            rejected = item.rejected + (amount if into == "rejected" else 0)
            withdrawn = item.withdrawn + (amount if into == "withdrawn" else 0)
            items = _replaced(items, share.item, open=item.open - amount, rejected=rejected, withdrawn=withdrawn)
    return items


def without_awaited(items: Items) -> Items:
    """What awaited a posting is contested."""
    return tuple(
        msgspec.structs.replace(item, awaiting_credit=0, awaiting_write_off=0, awaiting_payment=0)
        if item.awaiting
        else item
        for item in items
    )


def contested_again(items: Items, shares: Iterable[e.Share], *, keeps_grants: bool = False) -> Items:
    """Each share is taken back from where it went: rejected first, then withdrawn, written off, stated as paid.

    Nothing is awaited any more, unless grants are kept.
    """
    items = without_verdict(items)
    if not keeps_grants:
        items = without_awaited(items)
    for share in shares:
        if not _has(items, share.item):
            continue
        item = items[share.item]
        rejected, withdrawn, written_off, paid = filled(
            share.amount, [item.rejected, item.withdrawn, item.written_off - item.posted_off, item.stated_paid]
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

    A payment concedes the amounts found invalid first, and what was granted last.
    """
    taken: list[PaymentShare] = []
    for share in shares:
        if _has(items, share.item):
            parts = _parts(items[share.item], share.amount, PAYMENT_ORDER)
            items = _taken_from(items, share.item, parts, "paid", concedes=True)
            taken += [
                PaymentShare(payment_id, share.item, amount, source, awaited="" if name == CONTESTED else name)
                for name, amount in parts.items()
                if amount
            ]
    return items, tuple(taken)


def reduced_by_write_off(items: Items, shares: Iterable[e.Share]) -> Items:
    """The shares are written off, as far as they are open; what awaits a write-off first, then as a payment takes."""
    for share in shares:
        if _has(items, share.item):
            parts = _parts(items[share.item], share.amount, WRITE_OFF_ORDER)
            items = _taken_from(items, share.item, parts, "written_off", concedes=True)
            posted_off = items[share.item].posted_off + sum(parts.values())
            items = _replaced(items, share.item, posted_off=posted_off)
    return items


def reduced_by_credit(items: Items, shares: Iterable[e.Share]) -> Items:
    """The shares are credited, as far as they are open. A credit serves what was granted first, then what was found
    valid."""
    return _served(items, shares, "credited")


def reduced_by_invoice(items: Items, shares: Iterable[e.Share]) -> Items:
    """The shares are not billed any more, as far as they are open; in the order in which a credit would take them."""
    return _served(items, shares, "reduced")


def _served(items: Items, shares: Iterable[e.Share], bucket: str) -> Items:
    for share in shares:
        if _has(items, share.item):
            parts = _parts(items[share.item], share.amount, CREDIT_ORDER)
            items = _taken_from(items, share.item, parts, bucket, concedes=False)
    return items


def _parts(item: DisputeItem, wanted: int, order: Sequence[str]) -> dict[str, int]:
    return dict(zip(order, filled(wanted, [part(item, name) for name in order]), strict=True))


def _taken_from(items: Items, position: int, parts: Mapping[str, int], bucket: str, *, concedes: bool) -> Items:
    """The parts are in the bucket. Who `concedes` pays what was found invalid first; a credit is for what was found
    valid first."""
    item = items[position]
    contested = item.contested - parts[CONTESTED]
    if concedes:
        invalid = max(0, item.invalid - parts[CONTESTED])
        valid = min(item.valid, contested - invalid)
    else:
        valid = max(0, item.valid - parts[CONTESTED])
        invalid = min(item.invalid, contested - valid)
    amount = sum(parts.values())
    changes = {
        "open": item.open - amount,
        "awaiting_credit": item.awaiting_credit - parts["credit"],
        "awaiting_write_off": item.awaiting_write_off - parts["write_off"],
        "awaiting_payment": item.awaiting_payment - parts["payment"],
        "valid": valid,
        "invalid": invalid,
        bucket: getattr(item, bucket) + amount,
    }
    return _replaced(items, position, **changes)


def taken_for_good(taken: tuple[PaymentShare, ...]) -> tuple[PaymentShare, ...]:
    """A person contests anew what the payments may leave: what comes back of them confirms nothing any more."""
    return tuple(msgspec.structs.replace(share, awaited="") for share in taken)


def taken_by_credit(before: Items, after: Items, credit_memo_id: str, source: str = "") -> tuple[CreditShare, ...]:
    """What a credit memo took from each item."""
    return tuple(
        CreditShare(
            credit_memo_id,
            index,
            credited,
            was.awaiting - now.awaiting,
            source,
            write_off=was.awaiting_write_off - now.awaiting_write_off,
            payment=was.awaiting_payment - now.awaiting_payment,
        )
        for index, (was, now) in enumerate(zip(before, after, strict=True))
        if (credited := now.credited - was.credited)
    )


def credit_given_back(
    items: Items, credited: tuple[CreditShare, ...], reversal: e.CreditReversed
) -> tuple[Items, tuple[CreditShare, ...]]:
    """The shares of a credit memo that is gone are no longer credited, but where the reversal says; and what credit
    memos have still taken."""
    for share in reversal.shares:
        if not _has(items, share.item):
            continue
        item = items[share.item]
        amount = min(share.amount, item.credited)
        memo = (reversal.source, reversal.credit_memo_id)
        credited, write_off, payment = _uncredited(credited, memo, share.item, amount)
        is_awaited = reversal.into == "awaiting"
        items = _replaced(
            items,
            share.item,
            credited=item.credited - amount,
            open=item.open + (amount if reversal.into in ("open", "awaiting") else 0),
            awaiting_credit=item.awaiting_credit + (amount - write_off - payment) * is_awaited,
            awaiting_write_off=item.awaiting_write_off + write_off * is_awaited,
            awaiting_payment=item.awaiting_payment + payment * is_awaited,
            rejected=item.rejected + (amount if reversal.into == "rejected" else 0),
            withdrawn=item.withdrawn + (amount if reversal.into == "withdrawn" else 0),
        )
    return items, credited


def _uncredited(
    credited: tuple[CreditShare, ...], memo: tuple[str, str], item: int, amount: int
) -> tuple[tuple[CreditShare, ...], int, int]:
    """What credit memos have still taken, and how much of what comes back had awaited a write-off and a payment.

    Last taken, first given back; what had not been granted before what had."""
    left: list[CreditShare] = []
    write_off = payment = 0
    for entry in reversed(credited):
        is_it = entry.item == item and is_same((entry.source, entry.credit_memo_id), memo)
        back = min(amount, entry.amount) if is_it else 0
        amount -= back
        rest = entry.amount - back
        # Of what stays, the grants for a credit stay first: the memo that is left serves them best.
        granted = min(entry.granted, rest)
        kept_off, kept_paid = filled(granted - min(granted, _for_credit(entry)), [entry.write_off, entry.payment])
        write_off, payment = write_off + entry.write_off - kept_off, payment + entry.payment - kept_paid
        if rest:
            changed = msgspec.structs.replace(
                entry, amount=rest, granted=granted, write_off=kept_off, payment=kept_paid
            )
            left.append(changed)
    return tuple(left[::-1]), write_off, payment


def _for_credit(entry: CreditShare) -> int:
    return entry.granted - entry.write_off - entry.payment


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
        payment = (reversal.source, reversal.payment_id)
        is_awaited = reversal.into == "awaiting"
        taken, awaited = _untaken(taken, payment, share.item, amount, only_awaited=is_awaited)
        items = _replaced(
            items,
            share.item,
            paid=item.paid - amount,
            open=item.open + (amount if reversal.into in ("open", "awaiting") else 0),
            awaiting_credit=item.awaiting_credit + awaited["credit"] * is_awaited,
            awaiting_write_off=item.awaiting_write_off + awaited["write_off"] * is_awaited,
            awaiting_payment=item.awaiting_payment + awaited["payment"] * is_awaited,
            rejected=item.rejected + (amount if reversal.into == "rejected" else 0),
            withdrawn=item.withdrawn + (amount if reversal.into == "withdrawn" else 0),
        )
    return items, taken


def _untaken(
    taken: tuple[PaymentShare, ...], payment: tuple[str, str], item: int, amount: int, *, only_awaited: bool
) -> tuple[tuple[PaymentShare, ...], dict[str, int]]:
    """What payments have still taken, and what that which comes back had awaited. Last taken, first given back."""
    left: list[PaymentShare] = []
    awaited = dict.fromkeys(("credit", "write_off", "payment", ""), 0)
    for entry in reversed(taken):
        is_it = is_same((entry.source, entry.payment_id), payment) and entry.item == item
        back = min(amount, entry.amount) if is_it and (entry.awaited or not only_awaited) else 0
        amount -= back
        awaited[entry.awaited] += back
        if rest := entry.amount - back:
            left.append(msgspec.structs.replace(entry, amount=rest) if back else entry)
    return tuple(left[::-1]), awaited


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
