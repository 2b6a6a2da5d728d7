"""The parts of a dispute's item, also where other parts of issue 9 have brought more of them.

What is resolved awaits its posting (§4); what is claimed back of a paid invoice holds nothing of it (§5).
"""

from typing import Final

from dispute_service.disputes.items import DisputeItem

STATED_WAITS: Final = "awaiting_payment" in DisputeItem.__struct_fields__
"""Whether write-offs and payments that a person states stay held until their posting comes."""


def held_contested(item: DisputeItem) -> int:
    amount: int = getattr(item, "held_contested", item.contested)
    return amount


def posted_paid(item: DisputeItem) -> int:
    """What payments took of it; not what a person said was paid, nor what was claimed back in vain."""
    denied: int = getattr(item, "denied", 0)
    return item.paid - item.stated_paid - denied


def held_credit(item: DisputeItem) -> int:
    amount: int = getattr(item, "held_awaiting", item.awaiting_credit)
    return amount


def awaiting_write_off(item: DisputeItem) -> int:
    amount: int = getattr(item, "awaiting_write_off", 0)
    return amount


def awaiting_payment(item: DisputeItem) -> int:
    amount: int = getattr(item, "awaiting_payment", 0)
    return amount


def granted(item: DisputeItem) -> int:
    """The open part that awaits a posting."""
    return item.open - item.contested
