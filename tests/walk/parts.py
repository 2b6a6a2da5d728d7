"""The parts of a dispute's item, as the walk counts them: what holds, what awaits its posting, what is claimed back."""

from dispute_service.disputes.items import DisputeItem


def posted_paid(item: DisputeItem) -> int:
    """What payments took of it; not what a person said was paid, nor what was claimed back in vain."""
    return item.paid - item.stated_paid - item.denied


def held(item: DisputeItem) -> int:
    """What nobody has paid."""
    return item.open - item.claimed_back


def held_credit(item: DisputeItem) -> int:
    """What is granted of that. What is claimed back is paid, so that only a credit can be awaited of it; of a credit
    that is granted of both, what is held comes first."""
    return min(item.awaiting_credit, held(item) - item.awaiting_write_off - item.awaiting_payment)


def held_contested(item: DisputeItem) -> int:
    return held(item) - held_credit(item) - item.awaiting_write_off - item.awaiting_payment


def granted(item: DisputeItem) -> int:
    """The open part that awaits a posting."""
    return item.awaiting_credit + item.awaiting_write_off + item.awaiting_payment
