"""A payment is applied to an invoice, and gives way again."""

from collections.abc import Callable, Sequence
from datetime import date
from functools import reduce

from collections_service.open_items.commands import ApplyPayment, ReversePayment, UnapplyPayment
from collections_service.open_items.decisions.changes import (
    day_with_room,
    from_newest,
    known_terms,
    same_currency,
    with_holds,
)
from collections_service.open_items.decisions.earning import bounds_by, earned_by, judged
from collections_service.open_items.discounts import gave_way, no_longer_earned
from collections_service.open_items.events import OpenItemEvent, PaymentApplied, PaymentReversed, PaymentUnapplied
from collections_service.open_items.state import Application, OpenItem, evolve
from collections_service.short_payments.tolerance import ShortPaymentTolerance
from redress.money import Money
from redress.policy.state import PolicyInForce


def apply_payment(
    command: ApplyPayment, item: OpenItem, tolerance: PolicyInForce[ShortPaymentTolerance]
) -> list[OpenItemEvent]:
    """As much of the named amount as is open; the caller keeps the rest on the receipt. A receipt is applied once as it
    comes; what the ERP applies of it later is another step (`apply_cash`).

    The cash discount that it earns is granted with it. What is open and undisputed afterwards is judged: a deduction,
    or what is still to be paid. The judgement is recorded either way, with its numbers, its policy and its reason.
    """
    if item.paid_by(command.source, command.payment_id):
        return []
    events, after = _applied(command, item)
    if after.newest is None or not events:
        return []
    return [*events, *judged(after.newest, after, bounds_by(tolerance, known_terms(item, command.payment_id)))]


def apply_cash(command: ApplyPayment, item: OpenItem) -> list[OpenItemEvent]:
    """The same without a judgement of what stays open: the ERP applied the money, no payer has named an amount. What it
    has earned by its value date is granted all the same."""
    events, after = _applied(command, item)
    return [*events, *earned_by(after.newest, after)] if events else []


def _applied(command: ApplyPayment, item: OpenItem) -> tuple[list[OpenItemEvent], OpenItem]:
    terms = known_terms(item, command.payment_id)
    same_currency(terms, command.named)
    minor = min(command.named.minor, item.open_minor)
    if minor <= 0:
        return [], item
    applied = PaymentApplied(
        source=command.source,
        payment_id=command.payment_id,
        received_on=command.received_on,
        applied_on=day_with_room(item, command.from_day or command.received_on, minor),
        amount=Money(minor, terms.total.currency),
        remittance_reason=command.remittance_reason,
        payment_claim=command.payment_claim,
        claim_number=command.claim_number,
        settles_in_full=command.settles_in_full,
        withheld_tax=command.withheld_tax,
        under_protest=command.under_protest,
    )
    events = with_holds(item, applied, "paid", since=applied.applied_on)
    return events, reduce(evolve, events, item)


def reverse_payment(command: ReversePayment, item: OpenItem) -> list[OpenItemEvent]:
    """The money is gone again, never before the day it had been applied; newest application first. No more than is
    here of it: one event for each application that gives way."""

    def reversed_(applied_on: date, amount: Money) -> PaymentReversed:
        return PaymentReversed(
            source=command.source,
            payment_id=command.payment_id,
            reversed_on=command.reversed_on,
            effective_on=max(command.reversed_on, applied_on),
            amount=amount,
        )

    paid = item.paid_by(command.source, command.payment_id)
    return _give_way(item, paid, command.amount, reversed_, "the payment was reversed")


def unapply_payment(command: UnapplyPayment, item: OpenItem) -> list[OpenItemEvent]:
    """As for a reversal; the money stays with the receipt."""

    def unapplied(applied_on: date, amount: Money) -> PaymentUnapplied:
        return PaymentUnapplied(
            source=command.source,
            payment_id=command.payment_id,
            unapplied_on=command.unapplied_on,
            effective_on=max(command.unapplied_on, applied_on),
            amount=amount,
        )

    paid = item.paid_by(command.source, command.payment_id)
    return _give_way(item, paid, command.amount, unapplied, "the payment was unapplied")


def _give_way(
    item: OpenItem,
    paid: Sequence[Application],
    amount: Money | None,
    event: Callable[[date, Money], PaymentReversed | PaymentUnapplied],
    why: str,
) -> list[OpenItemEvent]:
    events: list[OpenItemEvent] = []
    if item.terms is None:
        return events
    for applied_on, minor in from_newest(paid, amount):
        gone = event(applied_on, Money(minor, item.terms.total.currency))
        events += _gone(reduce(evolve, events, item), gone, why)
    return events


def _gone(item: OpenItem, gone: PaymentReversed | PaymentUnapplied, why: str) -> list[OpenItemEvent]:
    """What goes of one application, and with it every discount that is no longer earned."""
    events = with_holds(item, gone, why, since=gone.effective_on)
    after = reduce(evolve, events, item)
    place = gave_way(item, after)
    while (withdrawn := no_longer_earned(after, place, gone.effective_on)) is not None:
        more = with_holds(after, withdrawn, why, since=withdrawn.effective_on)
        events += more
        after = reduce(evolve, more, after)
    return events
