"""From the bytes of a message to the command it stands for, or to the reason why it is refused."""

from datetime import datetime

import structlog

from collections_service.erp.dynamics365 import (
    FieldMapping,
    is_business_event,
    pointer_into_event,
    read_business_event,
)
from collections_service.erp.item import Item
from collections_service.erp.messages import ErpMessage, InvoiceCorrected, InvoiceCustomerChanged, Unreadable, read
from collections_service.erp.translation import command_of
from redress.business_day import business_day
from redress.legal_entities.zones import ALL_UTC, Zones

MAX_ITEM_BYTES = 200_000  # 500 long lines, or 1,000 allocations; what is stored of it still fits into one event

_log = structlog.stdlib.get_logger("collections.erp")


def needs_zone(message: ErpMessage | None) -> bool:
    """Whether the zone of a legal entity says on which day the message counts."""
    match message:
        case InvoiceCorrected():
            return message.corrected_on is None and message.legal_entity is not None
        case InvoiceCustomerChanged():
            return message.legal_entity is not None
        case _:
            return False


class MessageReader:
    """Reads our own format, and business events of Dynamics 365 by a mapping."""

    def __init__(self, mapping: FieldMapping) -> None:
        self._mapping = mapping

    def read(self, index: int, raw: bytes, received_at: datetime, zones: Zones = ALL_UTC) -> Item:
        """The item with its message and command, or rejected. A message that names no day of its own counts on the day
        it was received, by the clocks of the legal entity that it names."""
        item = Item(index, raw)
        try:
            item.message = self._message(raw)
            received_on = business_day(received_at, zones.of(getattr(item.message, "legal_entity", None)))
            item.command = command_of(item.message, received_on)
        except Unreadable as wrong:
            item.reject(wrong.code, str(wrong), self._pointer(item, wrong))
        except (ValueError, ArithmeticError, RecursionError) as unforeseen:
            _log.exception("erp_message_not_read", sha256=item.sha256.hex())
            item.reject("invalid_message", f"the message cannot be read ({type(unforeseen).__name__})", "")
        return item

    def _message(self, raw: bytes) -> ErpMessage:
        if len(raw) > MAX_ITEM_BYTES:
            raise Unreadable("message_too_large", f"{len(raw)} bytes; at most {MAX_ITEM_BYTES}")
        return read_business_event(raw, self._mapping) if is_business_event(raw) else read(raw)

    def _pointer(self, item: Item, wrong: Unreadable) -> str:
        """Into the message as it came: a business event that could be read is refused in our words."""
        if item.message is not None and is_business_event(item.raw):
            return pointer_into_event(item.raw, self._mapping, wrong.pointer)
        return wrong.pointer
