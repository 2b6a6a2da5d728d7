"""The contested amounts of a dispute, and how they move. Nothing here raises: a stored event has happened.

Per item, always: disputed = open + paid + credited + reduced + written_off + rejected + withdrawn. What awaits a
posting of the ERP is part of open. A share or an outcome of an item that is not there moves nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeVar

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
    disputes that were resolved before such amounts awaited their posting, and in items of another invoice.
    `claimed_back` is the part of `open` that is paid already: it holds nothing, and is answered by a refund or a credit
    on account, so of what is awaited only a credit lies on it; `denied` is the part of `paid` that was claimed back in
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
    awaiting_write_off: int = 0
    awaiting_payment: int = 0

    @property
    def awaiting(self) -> int:
        """The open part that is resolved, and that a posting is still to confirm."""
        return self.awaiting_credit + self.awaiting_money

    @property
    def awaiting_money(self) -> int:
        """The part of it that is not a credit: nobody has paid it."""
        return self.awaiting_write_off + self.awaiting_payment

    @property
    def contested(self) -> int:
        """The open part that nobody has resolved yet."""
        return self.open - self.awaiting

    @property
    def held(self) -> int:
        """The open part that holds something of the invoice: nobody has paid it."""
        return self.open - self.claimed_back

    @property
    def held_credit(self) -> int:
        """The part of it that was granted. A credit memo on the invoice comes before one on account."""
        return min(self.awaiting_credit, self.held - self.awaiting_money)

    @property
    def held_awaiting(self) -> int:
        """The part of it that is resolved: granted, to be written off, or to be paid."""
        return self.held_credit + self.awaiting_money

    @property
    def held_contested(self) -> int:
        return self.held - self.held_awaiting

    @property
    def claimed_contested(self) -> int:
        """What is claimed back and not granted."""
        return self.contested - self.held_contested

    @property
    def claimed_credit(self) -> int:
        """What is claimed back and granted."""
        return self.awaiting_credit - self.held_credit


class PaymentShare(Struct, frozen=True):
    """The amount that a payment has taken from an item. It comes back when the payment is reversed: to what `awaited` a
    posting (credit, write_off, payment), or as contested."""

    payment_id: str
    item: int
    amount: int
    source: str = ""
    awaited: str = ""

    @property
    def posting(self) -> tuple[str, str]:
        return (self.source, self.payment_id)


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
    """The same of a posted write-off."""

    write_off_id: str
    item: int
    amount: int
    source: str = ""
    awaited: str = ""

    @property
    def posting(self) -> tuple[str, str]:
        return (self.source, self.write_off_id)


Items = tuple[DisputeItem, ...]
_Taken = TypeVar("_Taken", PaymentShare, WriteOffShare)

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
    """The part of what is held that awaits this posting, or that is contested. What is paid already no posting on the
    invoice takes."""
    match name:
        case "credit":
            return item.held_credit
        case "write_off":
            return item.awaiting_write_off
        case "payment":
            return item.awaiting_payment
        case _:
            return item.held_contested


def awaited(item: DisputeItem, kind: str) -> int:
    """What awaits this posting (credit, write_off, payment), also of what is paid already."""
    return item.awaiting_credit if kind == "credit" else part(item, kind)


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
    """The shares are claimed back, as far as they are open, nobody had paid them, and they are not to be paid or
    written off."""
    for share in shares:
        if _has(items, share.item):
            item = items[share.item]
            most = item.open - item.awaiting_money
            items = _replaced(items, share.item, claimed_back=min(most, item.claimed_back + share.amount))
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
            granted = min(amount, item.claimed_credit)
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
    return item.rejected + item.withdrawn + written_off + item.stated_paid + item.denied + item.awaiting


def given_up(items: Items, shares: Iterable[e.Share], into: str, in_vain: Iterable[e.Share] = ()) -> Items:
    """Nothing is awaited any more: the shares are no longer open, and are found where `into` says. What was claimed
    back `in_vain` stays paid."""
    items = denied(without_awaited(items), in_vain)
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
    """Each share is taken back from where it went: rejected first, then withdrawn, written off, stated as paid, claimed
    back in vain.

    Nothing is awaited any more, unless grants are kept.
    """
    items = without_verdict(items)
    if not keeps_grants:
        items = without_awaited(items)
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
    """The shares are paid, as far as they are held; and what the payment took.

    A payment concedes the amounts found invalid first, and what was granted last.
    """
    taken: list[PaymentShare] = []
    for share in shares:
        if _has(items, share.item):
            parts = _parts(items[share.item], share.amount, PAYMENT_ORDER)
            items = _taken_from(items, share.item, parts, "paid", concedes=True)
            taken += [PaymentShare(payment_id, share.item, amount, source, to) for to, amount in _awaited(parts)]
    return items, tuple(taken)


def reduced_by_write_off(
    items: Items, shares: Iterable[e.Share], write_off_id: str, source: str = ""
) -> tuple[Items, tuple[WriteOffShare, ...]]:
    """The shares are written off, as far as they are held, what awaits a write-off first, then as a payment takes; and
    what the write-off took."""
    taken: list[WriteOffShare] = []
    for share in shares:
        if _has(items, share.item):
            parts = _parts(items[share.item], share.amount, WRITE_OFF_ORDER)
            items = _taken_from(items, share.item, parts, "written_off", concedes=True)
            posted_off = items[share.item].posted_off + sum(parts.values())
            items = _replaced(items, share.item, posted_off=posted_off)
            taken += [WriteOffShare(write_off_id, share.item, amount, source, to) for to, amount in _awaited(parts)]
    return items, tuple(taken)


def _awaited(parts: Mapping[str, int]) -> list[tuple[str, int]]:
    """The parts that something was taken from, by the posting that they awaited."""
    return [("" if name == CONTESTED else name, amount) for name, amount in parts.items() if amount]


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


def for_good(taken: tuple[_Taken, ...]) -> tuple[_Taken, ...]:
    """A person contests anew what the postings may leave: what comes back of them confirms nothing any more."""
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
        amount = min(share.amount, item.paid - item.stated_paid - item.denied)
        payment = (reversal.source, reversal.payment_id)
        taken, awaited = untaken(taken, payment, share.item, amount, only_awaited=reversal.into == "awaiting")
        items = _replaced(items, share.item, paid=item.paid - amount, **_returned(item, amount, reversal.into, awaited))
    return items, taken


def write_off_given_back(
    items: Items, posted_off: tuple[WriteOffShare, ...], reversal: e.WriteOffReversed
) -> tuple[Items, tuple[WriteOffShare, ...]]:
    """The same for a write-off that is gone."""
    for share in reversal.shares:
        if not _has(items, share.item):
            continue
        item = items[share.item]
        amount = min(share.amount, item.posted_off)
        write_off = (reversal.source, reversal.write_off_id)
        is_awaited = reversal.into == "awaiting"
        posted_off, awaited = untaken(posted_off, write_off, share.item, amount, only_awaited=is_awaited)
        gone = {"written_off": item.written_off - amount, "posted_off": item.posted_off - amount}
        items = _replaced(items, share.item, **gone, **_returned(item, amount, reversal.into, awaited))
    return items, posted_off


def _returned(item: DisputeItem, amount: int, into: str, awaited: Mapping[str, int]) -> dict[str, int]:
    """Where an amount is that came back; what it had `awaited` is awaited again where the reversal says so."""
    is_awaited = into == "awaiting"
    return {
        "open": item.open + (amount if into in ("open", "awaiting") else 0),
        "awaiting_credit": item.awaiting_credit + awaited["credit"] * is_awaited,
        "awaiting_write_off": item.awaiting_write_off + awaited["write_off"] * is_awaited,
        "awaiting_payment": item.awaiting_payment + awaited["payment"] * is_awaited,
        "rejected": item.rejected + (amount if into == "rejected" else 0),
        "withdrawn": item.withdrawn + (amount if into == "withdrawn" else 0),
    }


def untaken(
    taken: tuple[_Taken, ...], posting: tuple[str, str], item: int, amount: int, *, only_awaited: bool = False
) -> tuple[tuple[_Taken, ...], dict[str, int]]:
    """What postings have still taken when `amount` of one goes, and what that had awaited. Last taken, first given
    back."""
    left: list[_Taken] = []
    awaited = dict.fromkeys(("credit", "write_off", "payment", ""), 0)
    for entry in reversed(taken):
        is_it = is_same(entry.posting, posting) and entry.item == item
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
