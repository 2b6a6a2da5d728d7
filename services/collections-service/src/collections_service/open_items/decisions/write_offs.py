"""A write-off is posted."""

from collections_service.open_items.commands import PostWriteOff
from collections_service.open_items.decisions.changes import day_with_room, known_terms, same_currency, with_holds
from collections_service.open_items.events import OpenItemEvent, WriteOffPosted
from collections_service.open_items.refusals import WriteOffDiffers, WriteOffExceedsOpen
from collections_service.open_items.state import OpenItem
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
