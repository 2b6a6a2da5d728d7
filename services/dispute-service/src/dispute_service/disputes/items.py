"""The contested amounts of a dispute, and how they move. Nothing here raises: a stored event has happened.

Per item, always: disputed = open + paid + credited + reduced + written_off + rejected + withdrawn. `awaiting_credit`
is part of open. A share or an outcome of an item that is not there moves nothing.
"""

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Struct

from dispute_service.disputable_invoices.state import is_same
from dispute_service.disputes import events as e


class DisputeItem(Struct, frozen=True, kw_only=True):
    """One contested amount and what has become of it (minor units).

    `reduced` was never billed after all: the invoice is smaller. `valid` and `invalid` split what is contested while a
    decision stands. `stated_paid` is the part of `paid` that a person stated and no posting has proved; `posted_off` is
    the part of `written_off` that a posting has. `claimed_back` is the part of `open` that is paid already: it holds
    nothing, and is answered by a refund or a credit on account; `denied` the part of `paid` that was claimed back in
    vain. `mismatch` says what of the ledger's invoice is another (customer, currency, line): the item then holds
    nothing. `legal_entity` is whose invoice it is; None where nobody has said it: the first with the number. All items
    of one number are of one entity. `shares_number`: another entity used the number too by the time the invoice was
    known.
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
    legal_entity: str | None = None
    shares_number: bool = False
    claimed_back: int = 0
    denied: int = 0

    @property
    def contested(self) -> int:
        """The open part that nothing is granted of yet."""
        return self.open - self.awaiting_credit

    @property
    def held(self) -> int:
        """The open part that holds something of the invoice: nobody has paid it."""
        return self.open - self.claimed_back

    @property
    def held_awaiting(self) -> int:
        """The part of it that was granted. A credit memo on the invoice comes before one on account."""
        return min(self.awaiting_credit, self.held)

    @property
    def held_contested(self) -> int:
        return self.held - self.held_awaiting

    @property
    def claimed_contested(self) -> int:
        """What is claimed back and not granted."""
        return self.contested - self.held_contested


class PaymentShare(Struct, frozen=True):
    """The amount that a payment has taken from an item. It comes back when the payment is reversed."""

    payment_id: str
    item: int
    amount: int
    source: str = ""


class CreditShare(Struct, frozen=True):
    """The amount that a credit memo has taken from an item; `granted` of it had been awaited."""

    credit_memo_id: str
    item: int
    amount: int
    granted: int
    source: str = ""


class ClaimAnswer(Struct, frozen=True, kw_only=True):
    """What a refund or credit on account (`cause`) has given to a claim on an item; `granted` of it had been
    awaited."""

    cause: str
    source: str
    reference: str
    item: int
    amount: int
    granted: int


class WriteOffShare(Struct, frozen=True):
    """The amount that a posted write-off has taken from an item. It comes back when the write-off is taken back."""

    write_off_id: str
    item: int
    amount: int
    source: str = ""


Items = tuple[DisputeItem, ...]


def contested(opened: Iterable[e.OpenedItem], claimed: Iterable[e.Share] = ()) -> Items:
    """All of it is open; what is `claimed` back is paid already."""
    items = tuple(
        DisputeItem(
            invoice_id=item.invoice_id,
            line=item.line,
            known=item.known,
            disputed=item.amount,
            open=item.amount,
            legal_entity=item.legal_entity,
            shares_number=item.shares_number,
        )
        for item in opened
    )
    return paid_under_protest(items, claimed)


def paid_under_protest(items: Items, shares: Iterable[e.Share]) -> Items:
    """The shares are claimed back, as far as they are open and nobody had paid them."""
    for share in shares:
        if _has(items, share.item):
            item = items[share.item]
            items = _replaced(items, share.item, claimed_back=min(item.open, item.claimed_back + share.amount))
    return items


def held_again(items: Items, shares: Iterable[e.Share]) -> Items:
    """The shares are not paid any more."""
    for share in shares:
        if _has(items, share.item):
            item = items[share.item]
            items = _replaced(items, share.item, claimed_back=max(0, item.claimed_back - share.amount))
    return items


def denied(items: Items, shares: Iterable[e.Share]) -> Items:
    """The shares are claimed back no longer: they are paid."""
    items = without_verdict(items)
    for share in shares:
        if _has(items, share.item):
            item = items[share.item]
            amount = min(share.amount, item.claimed_contested)
            items = _replaced(
                items,
                share.item,
                open=item.open - amount,
                claimed_back=item.claimed_back - amount,
                paid=item.paid + amount,
                denied=item.denied + amount,
            )
    return items


def claims_answered(items: Items, shares: Iterable[e.Share]) -> Items:
    """The shares are refunded, or credited on account: what was granted first, then what was found valid."""
    for share in shares:
        if _has(items, share.item):
            item = items[share.item]
            amount = min(share.amount, item.claimed_back)
            granted = min(amount, item.awaiting_credit - item.held_awaiting)
            valid = max(0, item.valid - (amount - granted))
            left = item.contested - (amount - granted)
            items = _replaced(
                items,
                share.item,
                open=item.open - amount,
                claimed_back=item.claimed_back - amount,
                awaiting_credit=item.awaiting_credit - granted,
                credited=item.credited + amount,
                valid=valid,
                invalid=min(item.invalid, left - valid),
            )
    return items


def known(items: Items, invoice_id: str, legal_entity: str, *, shares_number: bool = False) -> Items:
    """The ledger has reported the invoice."""
    return tuple(
        msgspec.structs.replace(
            item,
            known=True,
            legal_entity=item.legal_entity or legal_entity,
            shares_number=item.shares_number or shares_number,
        )
        if item.invoice_id == invoice_id
        else item
        for item in items
    )


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
    """The contested amount goes where the outcome says; a credit stays open and awaits the ERP's credit memo, besides
    what awaits one already."""
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


def answers_of(before: Items, after: Items, answer: e.AmountReduced) -> tuple[ClaimAnswer, ...]:
    """What a refund or credit on account has given to each item."""
    return tuple(
        ClaimAnswer(
            cause=answer.cause,
            source=answer.source,
            reference=answer.reference,
            item=index,
            amount=amount,
            granted=was.awaiting_credit - now.awaiting_credit,
        )
        for index, (was, now) in enumerate(zip(before, after, strict=True))
        if (amount := now.credited - was.credited)
    )


def answer_given_back(
    items: Items, answers: tuple[ClaimAnswer, ...], reversal: e.AnswerReversed
) -> tuple[Items, tuple[ClaimAnswer, ...]]:
    """The shares of a credit on account that is gone are no longer credited; and what others have still given."""
    for share in reversal.shares:
        if not _has(items, share.item):
            continue
        item = items[share.item]
        amount = min(share.amount, item.credited)
        is_open = reversal.into != "denied"
        items = _replaced(
            items,
            share.item,
            credited=item.credited - amount,
            open=item.open + (amount if is_open else 0),
            claimed_back=item.claimed_back + (amount if is_open else 0),
            awaiting_credit=item.awaiting_credit + (amount if reversal.into == "awaiting" else 0),
            paid=item.paid + (0 if is_open else amount),
            denied=item.denied + (0 if is_open else amount),
        )
        answers = _less(answers, reversal, share.item, amount)
    return items, answers


def _less(
    answers: tuple[ClaimAnswer, ...], reversal: e.AnswerReversed, item: int, amount: int
) -> tuple[ClaimAnswer, ...]:
    left: list[ClaimAnswer] = []
    for entry in answers:
        is_it = (entry.source, entry.reference, entry.item) == (reversal.source, reversal.reference, item)
        back = min(amount, entry.amount) if is_it and entry.cause == "credit-on-account" else 0
        amount -= back
        if rest := entry.amount - back:
            left.append(msgspec.structs.replace(entry, amount=rest, granted=min(entry.granted, rest)))
    return tuple(left)


def reopenable(item: DisputeItem) -> int:
    """The amount that reopening would contest again besides the open one: all that no posting has settled for good."""
    written_off = item.written_off - item.posted_off
    return item.rejected + item.withdrawn + written_off + item.stated_paid + item.denied + item.awaiting_credit


def contested_again(items: Items, shares: Iterable[e.Share], *, keeps_grants: bool = False) -> Items:
    """Each share is taken back from where it went: rejected first, then withdrawn, written off, stated as paid, claimed
    back in vain.

    No credit is awaited any more, unless grants are kept.
    """
    items = without_verdict(items)
    if not keeps_grants:
        items = tuple(msgspec.structs.replace(item, awaiting_credit=0) for item in items)
    for share in shares:
        if not _has(items, share.item):
            continue
        item = items[share.item]
        rejected, withdrawn, written_off, paid, denied_ = filled(
            share.amount,
            [item.rejected, item.withdrawn, item.written_off - item.posted_off, item.stated_paid, item.denied],
        )
        items = _replaced(
            items,
            share.item,
            open=item.open + rejected + withdrawn + written_off + paid + denied_,
            rejected=item.rejected - rejected,
            withdrawn=item.withdrawn - withdrawn,
            written_off=item.written_off - written_off,
            paid=item.paid - paid - denied_,
            stated_paid=item.stated_paid - paid,
            denied=item.denied - denied_,
            claimed_back=item.claimed_back + denied_,
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
            left, amount = _conceded(items[share.item], share.amount)
            items = _replaced(items, share.item, **left, paid=items[share.item].paid + amount)
            if amount:
                taken.append(PaymentShare(payment_id, share.item, amount, source))
    return items, tuple(taken)


def reduced_by_write_off(items: Items, shares: Iterable[e.Share]) -> Items:
    """The shares are written off, as far as they are open; in the order in which a payment would take them."""
    for share in shares:
        if _has(items, share.item):
            item = items[share.item]
            left, amount = _conceded(item, share.amount)
            written_off, posted_off = item.written_off + amount, item.posted_off + amount
            items = _replaced(items, share.item, **left, written_off=written_off, posted_off=posted_off)
    return items


def taken_by_write_off(before: Items, after: Items, write_off_id: str, source: str = "") -> tuple[WriteOffShare, ...]:
    """What a write-off took from each item."""
    return tuple(
        WriteOffShare(write_off_id, index, amount, source)
        for index, (was, now) in enumerate(zip(before, after, strict=True))
        if (amount := now.posted_off - was.posted_off)
    )


def write_off_given_back(
    items: Items, posted_off: tuple[WriteOffShare, ...], reversal: e.WriteOffReversed
) -> tuple[Items, tuple[WriteOffShare, ...]]:
    """The shares of a write-off that is gone are no longer written off, but where the reversal says; and what
    write-offs have still taken."""
    for share in reversal.shares:
        if not _has(items, share.item):
            continue
        item = items[share.item]
        amount = min(share.amount, item.posted_off)
        items = _replaced(
            items,
            share.item,
            written_off=item.written_off - amount,
            posted_off=item.posted_off - amount,
            open=item.open + (amount if reversal.into == "open" else 0),
            rejected=item.rejected + (amount if reversal.into == "rejected" else 0),
            withdrawn=item.withdrawn + (amount if reversal.into == "withdrawn" else 0),
        )
        posted_off = _unposted(posted_off, (reversal.source, reversal.write_off_id), share.item, amount)
    return items, posted_off


def _unposted(
    posted_off: tuple[WriteOffShare, ...], write_off: tuple[str, str], item: int, amount: int
) -> tuple[WriteOffShare, ...]:
    left: list[WriteOffShare] = []
    for entry in posted_off:
        is_it = entry.item == item and is_same((entry.source, entry.write_off_id), write_off)
        back = min(amount, entry.amount) if is_it else 0
        amount -= back
        if entry.amount > back:
            left.append(msgspec.structs.replace(entry, amount=entry.amount - back))
    return tuple(left)


def _conceded(item: DisputeItem, wanted: int) -> tuple[dict[str, int], int]:
    """What is left of the open parts of an item when it is paid, and how much was taken of them: what was found invalid
    first, what was granted last."""
    amount = min(wanted, item.open)
    left = item.open - amount
    awaiting = min(item.awaiting_credit, left)
    invalid = max(0, item.invalid - amount)
    valid = min(item.valid, left - awaiting - invalid)
    return {"open": left, "awaiting_credit": awaiting, "valid": valid, "invalid": invalid}, amount


def reduced_by_credit(items: Items, shares: Iterable[e.Share]) -> Items:
    """The shares are credited, as far as they are open. A credit serves what was granted first, then what was found
    valid."""
    for share in shares:
        if _has(items, share.item):
            left, amount = _served(items[share.item], share.amount)
            items = _replaced(items, share.item, **left, credited=items[share.item].credited + amount)
    return items


def reduced_by_invoice(items: Items, shares: Iterable[e.Share]) -> Items:
    """The shares are not billed any more, as far as they are open; in the order in which a credit would take them."""
    for share in shares:
        if _has(items, share.item):
            left, amount = _served(items[share.item], share.amount)
            items = _replaced(items, share.item, **left, reduced=items[share.item].reduced + amount)
    return items


def _served(item: DisputeItem, wanted: int) -> tuple[dict[str, int], int]:
    """What is left of the open parts of an item when it is credited, and how much was taken of them: what was granted
    first, then what was found valid."""
    amount = min(wanted, item.open)
    awaiting = max(0, item.awaiting_credit - amount)
    valid = max(0, item.valid - max(0, amount - item.awaiting_credit))
    left = {
        "open": item.open - amount,
        "awaiting_credit": awaiting,
        "valid": valid,
        "invalid": min(item.invalid, item.open - amount - awaiting - valid),
    }
    return left, amount


def taken_by_credit(before: Items, after: Items, credit_memo_id: str, source: str = "") -> tuple[CreditShare, ...]:
    """What a credit memo took from each item."""
    return tuple(
        CreditShare(credit_memo_id, index, credited, was.awaiting_credit - now.awaiting_credit, source)
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
        items = _replaced(
            items,
            share.item,
            credited=item.credited - amount,
            open=item.open + (amount if reversal.into in ("open", "awaiting") else 0),
            awaiting_credit=item.awaiting_credit + (amount if reversal.into == "awaiting" else 0),
            rejected=item.rejected + (amount if reversal.into == "rejected" else 0),
            withdrawn=item.withdrawn + (amount if reversal.into == "withdrawn" else 0),
        )
        credited = _uncredited(credited, (reversal.source, reversal.credit_memo_id), share.item, amount)
    return items, credited


def _uncredited(
    credited: tuple[CreditShare, ...], memo: tuple[str, str], item: int, amount: int
) -> tuple[CreditShare, ...]:
    """Last taken, first given back; what had not been granted before what had."""
    left: list[CreditShare] = []
    for entry in reversed(credited):
        is_it = entry.item == item and is_same((entry.source, entry.credit_memo_id), memo)
        back = min(amount, entry.amount) if is_it else 0
        amount -= back
        if rest := entry.amount - back:
            left.append(msgspec.structs.replace(entry, amount=rest, granted=min(entry.granted, rest)))
    return tuple(left[::-1])


def given_back(
    items: Items, taken: tuple[PaymentShare, ...], reversal: e.PaymentReversed
) -> tuple[Items, tuple[PaymentShare, ...]]:
    """The shares of a payment that came back are no longer paid, but where the reversal says; and what payments have
    still taken."""
    for share in reversal.shares:
        if not _has(items, share.item):
            continue
        item = items[share.item]
        amount = min(share.amount, item.paid - item.stated_paid - item.denied)
        items = _replaced(
            items,
            share.item,
            paid=item.paid - amount,
            open=item.open + (amount if reversal.into == "open" else 0),
            rejected=item.rejected + (amount if reversal.into == "rejected" else 0),
            withdrawn=item.withdrawn + (amount if reversal.into == "withdrawn" else 0),
        )
        taken = untaken(taken, (reversal.source, reversal.payment_id), share.item, amount)
    return items, taken


def untaken(
    taken: tuple[PaymentShare, ...], payment: tuple[str, str], item: int, amount: int
) -> tuple[PaymentShare, ...]:
    """What payments have still taken when `amount` of one goes. Last taken, first given back."""
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
