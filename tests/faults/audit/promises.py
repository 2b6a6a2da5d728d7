"""The clients' requests and answers from the history: the promises that the databases must keep."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from faults.history import AnyLine, MissingAnswer, ReceivedAnswer, SentRequest

Key = tuple[str, str, str]  # service, tenant, idempotency key
ERP_PATH = "/v1/erp/events"


class FinalAnswer(Struct, frozen=True):
    status: int
    body: str


class ErpItem(Struct):
    """One message of an ERP, however often it was sent. `results` are all that its senders were told."""

    tenant: str
    message: dict[str, Any]
    results: set[str]
    waits: bool = False  # still, rightly, for something that has not come

    @property
    def taken(self) -> bool:
        """Somebody was promised that it is in the books, or will be as soon as what it speaks of has come."""
        return bool(self.results & {"accepted", "waiting"}) and not self.waits

    @property
    def booked(self) -> bool:
        """It is in the books by now, whoever brought it there."""
        return bool(self.results & {"accepted", "waiting", "duplicate"}) and not self.waits


class Promises:
    """Read once. `contradictions` are keys with two different final answers."""

    def __init__(self, lines: Iterable[AnyLine]) -> None:
        self.acknowledged: dict[Key, FinalAnswer] = {}
        self.contradictions: list[tuple[Key, FinalAnswer, FinalAnswer]] = []
        self.sent: dict[Key, str] = {}  # the path
        self.statuses: dict[int, int] = defaultdict(int)
        self.strange: list[ReceivedAnswer] = []
        self.unanswered = 0
        self.attempts = 0
        self.erp: dict[tuple[str, str, str], ErpItem] = {}
        self._bodies: dict[Key, list[dict[str, Any]]] = {}
        for line in lines:
            self._take(line)
        self._bodies.clear()

    def _take(self, line: AnyLine) -> None:
        match line:
            case SentRequest():
                self.attempts += 1
                key = (line.service, line.tenant, line.key)
                self.sent[key] = line.path
                if line.path == ERP_PATH and key not in self._bodies:
                    body = msgspec.json.decode(line.body)
                    self._bodies[key] = body if isinstance(body, list) else [body]
                    for message in self._bodies[key]:
                        self._item(line.tenant, message)
            case ReceivedAnswer():
                self._answered(line)
            case MissingAnswer():
                self.unanswered += 1
            case _:
                pass

    def _answered(self, line: ReceivedAnswer) -> None:
        self.statuses[line.status] += 1
        documented = 200 <= line.status < 500 or (line.status == 503 and line.retry_after is not None)
        if not documented or "Traceback" in line.body:
            self.strange.append(line)
        if not 200 <= line.status < 300:
            return
        key = (line.service, line.tenant, line.key)
        told = FinalAnswer(line.status, line.body)
        before = self.acknowledged.setdefault(key, told)
        if before != told:
            self.contradictions.append((key, before, told))
        if self.sent.get(key) == ERP_PATH and key in self._bodies:
            for message, result in zip(self._bodies[key], msgspec.json.decode(line.body)["items"], strict=True):
                self._item(line.tenant, message).results.add(result["result"])

    def _item(self, tenant: str, message: dict[str, Any]) -> ErpItem:
        identity = (tenant, str(message.get("source")), str(message.get("source_event_id")))
        return self.erp.setdefault(identity, ErpItem(tenant, message, set()))
