"""Answers about the past, asked again later, on both axes of time."""

import inspect
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

from support.side_by_side import TENANT, at_once

from collections_service.ageing.movements import project
from collections_service.open_items import events as ledger
from collections_service.open_items.read import Invoice, invoice
from collections_service.open_items.stream import INVOICE
from redress.eventlog.events import RecordedEvent
from redress.reading.moment import Moment
from walk.identity import number_and_entity
from walk.promises import Promise, holds

_parameters = inspect.signature(invoice).parameters


class _Asked(NamedTuple):
    invoice_id: str
    day: date
    known_at: datetime
    answer: Invoice


class _Log:
    """The events of one stream, as the reading of an invoice wants them."""

    def __init__(self, log: Sequence[RecordedEvent]) -> None:
        self._log = log

    async def read_stream(self, _: str, stream_id: UUID) -> list[RecordedEvent]:
        return [event for event in self._log if event.stream_id == stream_id]


class Past:
    """Remembers some answers, and asks for them again."""

    def __init__(self, log: Sequence[RecordedEvent], stream: Callable[[str], UUID]) -> None:
        self._log = log
        self._stream = stream
        self._asked: list[_Asked] = []

    def ask(self, invoices: Sequence[str], now: datetime, random: Random) -> None:
        """New questions about some of the invoices, and some of the old ones again."""
        for each in random.sample(self._asked, min(3, len(self._asked))):
            self._again(each, now)
        for invoice_id in random.sample(invoices, min(2, len(invoices))):
            day = now.date() - timedelta(days=random.randint(0, 45))
            answer = self._answer(invoice_id, day, now, now)
            if answer is not None:
                self._asked.append(_Asked(invoice_id, day, now, answer))
        self._asked = self._asked[-300:]

    def _answer(self, invoice_id: str, day: date, known_at: datetime, now: datetime) -> Invoice | None:
        log: Any = _Log(self._log)
        number, entity = number_and_entity(invoice_id)
        whose = {"legal_entity": entity} if "legal_entity" in _parameters else {}
        ask: Any = invoice
        work = ask(log, tenant_id=TENANT, invoice_id=number, moment=Moment(day, known_at), now=now, **whose)
        answer: Invoice | None = at_once(work)
        if answer is not None:
            self._is_what_ageing_sums_up(invoice_id, day, known_at, answer)
        return answer

    def _is_what_ageing_sums_up(self, invoice_id: str, day: date, known_at: datetime, answer: Invoice) -> None:
        sums = {"open": 0, "disputed": 0}
        for event in self._stored(invoice_id):
            if event.recorded_at <= known_at:
                for movement in project(event).movements:
                    if movement.effective_on <= day:
                        sums[movement.kind] += movement.delta
        said = {"open": answer.open.money().minor, "disputed": answer.disputed.money().minor}
        holds(Promise.TWO_VIEWS, said == sums, f"{invoice_id} on {day}: {said}, movements {sums}")

    def _again(self, asked: _Asked, now: datetime) -> None:
        told = f"{asked.invoice_id} on {asked.day}, as known at {asked.known_at}"
        same = self._answer(asked.invoice_id, asked.day, asked.known_at, now)
        holds(Promise.KNOWN_AT, same == asked.answer, f"{told}: {same}, was {asked.answer}")
        since = [event for event in self._stored(asked.invoice_id) if event.recorded_at > asked.known_at]
        if any(_is_about(event, asked.day) for event in since):
            return
        newest = self._answer(asked.invoice_id, asked.day, now, now)
        was, is_now = _amounts(asked.answer), _amounts(newest)
        holds(Promise.AS_OF, was == is_now, f"{told}: {was}, now {is_now}; since {[event.type for event in since]}")

    def _stored(self, invoice_id: str) -> list[RecordedEvent]:
        stream = self._stream(invoice_id)
        return [event for event in self._log if event.stream_id == stream]


def _amounts(answer: Invoice | None) -> object:
    return answer and (answer.open, answer.disputed, answer.status, [(h.dispute_id, h.held) for h in answer.holds])


_HOLDS = (ledger.HoldPlaced, ledger.HoldReduced, ledger.HoldReleased, ledger.PastHoldRecorded)


def _is_about(event: RecordedEvent, day: date) -> bool:
    """Whether something is recorded about that day or an earlier one. A hold is no matter of its own: it follows."""
    fact = INVOICE.codec.decode(event.type, event.schema_version, event.payload)
    if isinstance(fact, _HOLDS):
        return False
    if isinstance(fact, ledger.DisputeReported):
        return fact.effective_on <= day
    return any(movement.effective_on <= day for movement in project(event).movements)
