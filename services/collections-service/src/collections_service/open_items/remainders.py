"""What the open and undisputed remainder behind a payment is: a deduction, or just what is still to be paid.

It is a deduction when the payer says so: a claim number, a remittance that claims to settle in full, a reason. Without
a word it is one only within the company's bound for a small unexplained difference, after the due date. Everything
else stays open and collectable, and the judgement is recorded with its numbers and its reason.
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct

from collections_service.open_items.discounts import would_have_earned
from collections_service.open_items.events import PaymentApplied, RemainderLeft, ShortPaymentDetected
from collections_service.open_items.state import OpenItem
from redress.money import Money


class Why(StrEnum):
    """Why a remainder is no deduction."""

    DISPUTED = "disputed"
    WITHHELD_TAX = "withheld-tax"
    TOLERATED = "tolerated"
    PART_PAYMENT = "part-payment"
    ASKED_FOR = "asked-for"
    DISCOUNT_NOT_EARNED = "discount-not-earned"
    NOT_DUE = "not-due"
    UNDERPAID = "underpaid"
    GIVEN_UP = "given-up"


class Bounds(Struct, frozen=True, kw_only=True):
    """A policy's bounds for this invoice: what is `tolerated`, and the largest unexplained `difference` that is a
    deduction. `policy` cites it."""

    tolerated: Money
    difference: Money
    policy: str


def judge(
    payment: PaymentApplied, item: OpenItem, bounds: Bounds, owed: Sequence[int]
) -> ShortPaymentDetected | RemainderLeft | None:
    """The judgement on `item` as `payment` left it; None if nothing is open. `owed` are the amounts that had been
    asked for as found invalid."""
    if item.terms is None or item.open_minor <= 0:
        return None
    currency = item.terms.total.currency
    if item.undisputed_minor <= 0:
        held = Money(item.held_minor, currency)
        return left(payment, held, bounds, Why.DISPUTED, f"disputes hold all that is open, {held}")
    withheld = Money(item.withheld_minor, currency)
    rest = Money(item.undisputed_minor, currency) - withheld
    if rest.minor <= 0:
        return left(
            payment, withheld, bounds, Why.WITHHELD_TAX, f"{withheld} tax was withheld and waits for its certificate"
        )
    told = f"{rest} of {item.terms.total} stays open and undisputed; {bounds.tolerated} is tolerated by {bounds.policy}"
    why, words = _judged(payment, item, rest, bounds, owed)
    if why is not None:
        return left(payment, rest, bounds, why, f"{told}: {words}")
    return ShortPaymentDetected(
        source=payment.source,
        payment_id=payment.payment_id,
        received_on=payment.received_on,
        short=rest,
        tolerated=bounds.tolerated,
        policy=bounds.policy,
        explanation=f"{told}: short payment, {words}",
        remittance_reason=payment.remittance_reason,
        claim_number=payment.claim_number or payment.payment_claim,
        settles_in_full=payment.settles_in_full,
    )


def left(payment: PaymentApplied, remainder: Money, bounds: Bounds, why: Why, explanation: str) -> RemainderLeft:
    return RemainderLeft(
        source=payment.source,
        payment_id=payment.payment_id,
        received_on=payment.received_on,
        remainder=remainder,
        tolerated=bounds.tolerated,
        difference=bounds.difference,
        policy=bounds.policy,
        why=why.value,
        explanation=explanation,
    )


def _judged(  # noqa: PLR0911 - one return per rule, in the order in which they count
    payment: PaymentApplied, item: OpenItem, rest: Money, bounds: Bounds, owed: Sequence[int]
) -> tuple[Why | None, str]:
    """Why it is no deduction (None: it is one), and in words."""
    if rest <= bounds.tolerated:
        return Why.TOLERATED, "not a short payment, left open for the ERP to post off"
    if payment.claim_number:
        return None, f"the payer names claim {payment.claim_number}"
    if payment.settles_in_full is False or (not payment.settles_in_full and _is_part_payment(payment)):
        return Why.PART_PAYMENT, "the payer says that it is a part payment"
    if payment.settles_in_full:
        return None, "the payer claims to settle in full"
    if payment.amount.minor in owed or rest.minor in owed:
        return Why.ASKED_FOR, "the amount that was paid, or the one that is left, is one that was asked for"
    if payment.payment_claim:
        return None, f"the payer names claim {payment.payment_claim}"
    if payment.remittance_reason:
        return None, "the payer gives a reason"
    return _unexplained(payment, item, rest, bounds)


def _unexplained(payment: PaymentApplied, item: OpenItem, rest: Money, bounds: Bounds) -> tuple[Why | None, str]:
    if would_have_earned(item, rest.minor):
        return Why.DISCOUNT_NOT_EARNED, "it is the cash discount, and the payment came too late for it"
    terms = item.terms_on(payment.received_on)
    if terms is not None and payment.received_on <= terms.due_on:
        return Why.NOT_DUE, f"it is due on {terms.due_on} and the payer says nothing about it"
    if rest <= bounds.difference:
        return None, f"a small difference that nobody explained, up to {bounds.difference}"
    return Why.UNDERPAID, "the payer says nothing about it"


_PART_PAYMENT: Final = re.compile(
    r"\b(instal?lment|(part|partial)[ -]payment|down[ -]payment|payment on account"
    r"|teilzahlung|ratenzahlung|abschlagszahlung|anzahlung|akontozahlung|\d+\. ?rate|rate \d+ ?(/|of|von))",
    re.IGNORECASE,
)


def _is_part_payment(payment: PaymentApplied) -> bool:
    """The payer calls it an instalment, in English or German."""
    return payment.remittance_reason is not None and _PART_PAYMENT.search(payment.remittance_reason) is not None
