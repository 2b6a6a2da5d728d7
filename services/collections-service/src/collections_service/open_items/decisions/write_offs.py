"""A write-off is posted, and taken back."""

from functools import reduce

from collections_service.open_items.commands import PostWriteOff, ReverseWriteOff
from collections_service.open_items.decisions.changes import day_with_room, known_terms, same_currency, with_holds
from collections_service.open_items.discounts import no_longer_earned_from
from collections_service.open_items.events import OpenItemEvent, WriteOffPosted, WriteOffReversed
from collections_service.open_items.refusals import (
    ReversalExceedsWriteOff,
    WriteOffDiffers,
    WriteOffExceedsOpen,
    WriteOffNotKnown,
    WriteOffReversalDiffers,
)
from collections_service.open_items.state import OpenItem, WriteOff, evolve
from redress.money import Money


def post_write_off(command: PostWriteOff, item: OpenItem) -> list[OpenItemEvent]:
    """Less is open. Like a payment it takes the undisputed part first, and then the oldest dispute gives way first.

    More than is open is refused, for there is nothing that could keep the rest. A write-off counts once.
    """
    terms = known_terms(item, command.invoice_id, command.legal_entity)
    same_currency(terms, command.amount)
    known = item.write_off(command.source, command.write_off_id)
    if known is not None:
        if (known.posted_on, known.minor, known.kind) != (command.posted_on, command.amount.minor, command.kind):
            raise WriteOffDiffers(command.write_off_id)
        if known.gone:
            raise WriteOffDiffers(command.write_off_id, taken_back=Money(known.gone, terms.total.currency))
        return []
    if command.amount.minor > item.open_minor:
        is_open = Money(item.open_minor, terms.total.currency)
        raise WriteOffExceedsOpen(command.invoice_id, command.amount, is_open)
    posted = WriteOffPosted(
        source=command.source,
        write_off_id=command.write_off_id,
        posted_on=command.posted_on,
        applied_on=day_with_room(item, command.posted_on, command.amount.minor),
        amount=command.amount,
        kind=command.kind,
        reason=command.reason,
    )
    return with_holds(item, posted, "written off", since=posted.applied_on)


def reverse_write_off(command: ReverseWriteOff, item: OpenItem) -> list[OpenItemEvent]:
    """What was written off is open again, never before the day on which it had been written off; no more than is left
    of it. A discount that was earned because so much less was to be paid goes with it, as for a reversed payment."""
    terms = known_terms(item, command.invoice_id, command.legal_entity)
    if command.amount is not None:
        same_currency(terms, command.amount)
    known = item.write_off(command.source, command.write_off_id)
    if known is None:
        raise WriteOffNotKnown(command.write_off_id, command.invoice_id)
    if _is_reversed_already(command, known):
        return []
    left = Money(known.left, terms.total.currency)
    amount = command.amount or left
    if amount > left or not amount.minor:
        raise ReversalExceedsWriteOff(command.write_off_id, command.amount, left)
    gone = WriteOffReversed(
        source=command.source,
        write_off_id=command.write_off_id,
        reversal_id=command.reversal_id,
        reversed_on=command.reversed_on,
        effective_on=max(command.reversed_on, known.applied_on),
        amount=amount,
        reason=command.reason,
    )
    why = "the write-off was reversed"
    events = with_holds(item, gone, why, since=gone.effective_on)
    after = reduce(evolve, events, item)
    while (withdrawn := no_longer_earned_from(after, known.place, gone.effective_on)) is not None:
        more = with_holds(after, withdrawn, why, since=withdrawn.effective_on)
        events += more
        after = reduce(evolve, more, after)
    return events


def _is_reversed_already(command: ReverseWriteOff, known: WriteOff) -> bool:
    for each in known.reversals:
        if each.reversal_id == command.reversal_id:
            if each.reversed_on != command.reversed_on or command.amount not in {None, each.amount}:
                raise WriteOffReversalDiffers(command.reversal_id)
            return True
    return False
