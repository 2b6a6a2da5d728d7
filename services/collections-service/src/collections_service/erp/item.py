"""One message on its way through the ERP's door: what was read of it, and what became of it."""

import base64
import hashlib

from collections_service.customers.commands import RecordCustomer
from collections_service.customers.customer_data import CustomerData
from collections_service.erp.flaws import visible_fields
from collections_service.erp.message_store import FAILED, KeptMessage, MessageOutcome
from collections_service.erp.messages import ErpMessage
from collections_service.erp.results import ItemResult
from collections_service.postings.commands import LedgerCommand

_MAX_NAME = 100
_MAX_REASON = 500
_NOT_TEXT = "base64:"


class Item:
    """`result` is None until something became of it. `kept` is its row in erp.message. `failed`: for no fault of its
    sender nothing could become of it now.

    A repetition has the bytes of a message that was settled before, or of one earlier in the same batch.
    """

    def __init__(self, index: int, raw: bytes) -> None:
        self.index = index
        self.raw = raw
        self.sha256 = hashlib.sha256(raw).digest()
        self.message: ErpMessage | None = None
        self.command: LedgerCommand | None = None
        self.kept: KeptMessage | None = None
        self.is_repetition = False
        self.customer_data: CustomerData | None = None
        self.customer: RecordCustomer | None = None
        self.result: str | None = None
        self.code: str | None = None
        self.reason: str | None = None
        self.pointer: str | None = None
        self.waits_for: str | None = None
        self.failed = False

    @property
    def identity(self) -> tuple[str, str]:
        """Source and its event id, as far as they can be seen in what could not be read."""
        if self.message is not None:
            return self.message.source, self.message.source_event_id
        return _visible_identity(self.raw)

    @property
    def key(self) -> tuple[str, str, bytes]:
        return (*self.identity, self.sha256)

    @property
    def kind(self) -> str | None:
        return None if self.message is None else str(self.message.__struct_config__.tag)

    @property
    def is_open(self) -> bool:
        return self.result is None and not self.failed

    def settle(self, result: str, code: str | None = None, reason: str | None = None) -> None:
        self.result, self.code, self.reason = result, code, reason

    def reject(self, code: str, reason: str, pointer: str) -> None:
        self.settle("rejected", code, _storable(reason[:_MAX_REASON]))
        self.pointer = _storable(pointer[:_MAX_REASON])

    def wait(self, waits_for: str, code: str, reason: str) -> None:
        self.settle("waiting", code, reason)
        self.waits_for = waits_for

    def fail(self, failure: Exception) -> None:
        self.failed = True
        self.code = FAILED
        self.reason = f"something failed here ({type(failure).__name__}); the message is kept and will be tried again"

    def take_over(self, released: "Item") -> None:
        """The same message was taken again within this batch: this is what became of it in the end."""
        if released.failed:
            return
        self.result, self.code, self.reason = released.result, released.code, released.reason
        self.pointer, self.waits_for = released.pointer, released.waits_for

    def as_result(self, *, of_batch: bool) -> ItemResult:
        source, source_event_id = self.identity
        pointer = self.pointer
        if pointer is not None and of_batch:
            pointer = f"/{self.index}{pointer}"
        return ItemResult(
            index=self.index,
            result=self.result or "received",
            kind=self.kind,
            source=source or None,
            source_event_id=source_event_id or None,
            code=self.code,
            reason=self.reason,
            pointer=pointer,
            waits_for=self.waits_for,
        )

    def as_outcome(self) -> MessageOutcome:
        if self.kept is None:
            raise ValueError("the message has not been kept")
        return MessageOutcome(
            id=self.kept.id,
            result=self.result or "received",
            code=self.code,
            reason=self.reason,
            pointer=self.pointer,
            waits_for=self.waits_for,
        )


def as_text(raw: bytes) -> str:
    """Bytes as text that `as_bytes` turns back into exactly these bytes, also where they are not UTF-8."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return _NOT_TEXT + base64.b64encode(raw).decode()
    return _NOT_TEXT + base64.b64encode(raw).decode() if text.startswith(_NOT_TEXT) else text


def as_bytes(text: str) -> bytes:
    return base64.b64decode(text.removeprefix(_NOT_TEXT)) if text.startswith(_NOT_TEXT) else text.encode()


def _visible_identity(raw: bytes) -> tuple[str, str]:
    fields = visible_fields(raw)
    source = fields.get("source")
    event_id = fields.get("source_event_id", fields.get("EventId"))
    if source is None and "BusinessEventId" in fields:
        source = f"d365:{fields.get('LegalEntity', '')}"
    return _name(source), _name(event_id)


def _name(value: object) -> str:
    if not isinstance(value, str):
        return ""
    return "".join(character for character in value[:_MAX_NAME] if character.isprintable())


def _storable(text: str) -> str:
    """With replacements for what no text of PostgreSQL can hold."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
