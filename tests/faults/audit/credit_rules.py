"""I16: a posting of the ERP serves the disputes that it should, the oldest first.

A credit memo serves the dispute it names, then those that wait for a credit, then those that wait for anything else,
then those that contest. A payment or write-off is what disputes wait for if it is no larger than that; a larger one is
for money that nobody holds, then for them. All but the memo's own share of it goes by what is still open at all.

The rule is written here a second time, over what the log says was reserved when the posting was heard.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from msgspec import Struct

from faults.audit.dispute_rules import FoldedDispute
from faults.audit.identity_rules import published_stream, streams_of
from faults.audit.report import Finding
from faults.audit.topic_rules import Topics
from redress.ids import public_id
from redress.money import parse_money


class Holder(Struct, frozen=True):
    """A dispute's part of an invoice, and how much of it waits for which posting. `since` is when it was opened,
    `entity` whose invoice it means, if it says so."""

    since: datetime
    dispute: str
    held: int
    awaited: int
    write_off: int = 0
    payment: int = 0
    entity: str | None = None

    @property
    def waits(self) -> int:
        return self.awaited + self.write_off + self.payment


class Memo(Struct, frozen=True):
    """A posting; `open` is what the invoice has left after it. `kind` is credit, payment or write_off."""

    applied: int
    names: str | None
    open: int
    kind: str = "credit"


class HasEvents(Protocol):
    def events(self, service: str, stream_type: str | None = None) -> AsyncIterator[Any]: ...


Posting = tuple[UUID, int]  # the disputable invoice's stream, and the version of the invoice in the ledger


_KINDS = {
    "credit-memo-applied": ("credit", "applied"),
    "payment-applied": ("payment", "applied"),
    "write-off-posted": ("write_off", "amount"),
}
_CAUSES = {"credit-memo", "payment", "write-off"}


def memos(topics: Topics) -> dict[Posting, Memo]:
    """Every credit memo, payment and write-off that the ledger has published."""
    found: dict[Posting, Memo] = {}
    for message in topics.messages["collections"]:
        if message.type in _KINDS:
            kind, field = _KINDS[message.type]
            invoice = message.data["invoice"]
            applied, left = (
                parse_money(amount["amount"], invoice["currency"]).minor
                for amount in (message.data[field], invoice["open"])
            )
            stream = published_stream("disputable-invoice", message.tenant, invoice)
            found[stream, message.version] = Memo(applied, message.data.get("dispute_id"), left, kind)
    return found


def served(holders: Sequence[Holder], memo: Memo) -> dict[str, int]:
    """How much of the posting each dispute gets."""
    shares = defaultdict[str, int](int)
    in_order = sorted(holders, key=lambda one: (one.since, one.dispute))
    held = sum(one.held for one in holders)
    left = memo.applied
    if memo.kind == "credit":
        turns = _of_a_memo(in_order, memo)
    else:
        turns = [(one, one.payment if memo.kind == "payment" else one.write_off) for one in in_order]
        if memo.applied > sum(room for _, room in turns):
            left -= max(0, memo.open + memo.applied - held)
    for one, room in turns:
        share = max(0, min(left, room))
        left -= share
        shares[one.dispute] += share
    too_much = held - sum(shares.values()) - memo.open
    for one in in_order:
        share = max(0, min(too_much, one.held - shares[one.dispute]))
        too_much -= share
        shares[one.dispute] += share
    return {dispute: share for dispute, share in shares.items() if share}


def _of_a_memo(in_order: Sequence[Holder], memo: Memo) -> list[tuple[Holder, int]]:
    named = [one for one in in_order if memo.names == public_id("dsp", UUID(one.dispute))]
    others = [one for one in in_order if one not in named]
    turns = [(one, one.held) for one in named]
    turns += [(one, one.awaited) for one in others]
    turns += [(one, one.waits - one.awaited) for one in others]
    return [*turns, *((one, one.held - one.waits) for one in others)]


async def credit_rules(world: HasEvents, topics: Topics) -> Finding:
    """Without a topic nobody but the ledger knows what it published, and nothing is looked at."""
    finding = Finding("I16", "dispute", "every posting served whom it should, and nobody else")
    known = memos(topics)
    expected = await _expected(world, known)
    found: dict[Posting, dict[str, int]] = defaultdict(dict)
    folded: dict[UUID, FoldedDispute] = {}
    async for event in world.events("dispute", "dispute"):
        dispute = folded.setdefault(event.stream, FoldedDispute(event.tenant))
        dispute.note_entities(event.type, event.data)
        if _took(event.type, event.data):
            number, version = event.data["invoice_id"], event.data["ledger_version"]
            places = streams_of("disputable-invoice", event.tenant, number, dispute.entities.get(number))
            posting = next(((each, version) for each in places if (each, version) in expected), (places[0], version))
            served_before = found[posting].get(str(event.stream), 0)
            found[posting][str(event.stream)] = served_before + sum(share["amount"] for share in event.data["shares"])
    for posting, shares in expected.items():
        there = found.get(posting, {})
        finding.must(
            there == shares, f"version {posting[1]} of the invoice served {there}, not {shares}", stream=posting[0]
        )
    return finding


def _took(kind: str, data: Mapping[str, Any]) -> bool:
    """Also what a payment under protest pays: it holds nothing any more."""
    return kind == "paid-under-protest" or (kind == "amount-reduced" and data["cause"] in _CAUSES)


async def _expected(world: HasEvents, known: Mapping[Posting, Memo]) -> dict[Posting, dict[str, int]]:
    holders: dict[UUID, dict[str, Holder]] = defaultdict(dict)
    entity_of: dict[UUID, str] = {}
    expected: dict[Posting, dict[str, int]] = {}
    async for event in world.events("dispute", "disputable-invoice"):
        here = holders[event.stream]
        if event.type == "reservation-set":
            _reserve(here, event.data)
        elif event.type == "number-shared":
            for dispute in [name for name, one in here.items() if one.entity == event.data["legal_entity"]]:
                del here[dispute]
        elif event.type == "invoice-recorded":
            entity_of[event.stream] = event.data.get("legal_entity", "")
            memo = known.get((event.stream, event.data["ledger_version"]))
            if memo is not None:
                of_it = [one for one in here.values() if one.entity in (None, entity_of[event.stream])]
                expected[event.stream, event.data["ledger_version"]] = served(of_it, memo)
    return expected


def _reserve(here: dict[str, Holder], data: dict[str, Any]) -> None:
    dispute = data["dispute_id"]
    before = here.pop(dispute, None)
    if data["held"]:
        opened_at = data["opened_at"]
        since = datetime.fromisoformat(opened_at or data["at"]) if opened_at or not before else before.since
        held = sum(part["amount"] for part in data["held"])
        awaited, write_off, payment = (
            sum(part.get(f"awaiting_{kind}", 0) for part in data["held"]) for kind in ("credit", "write_off", "payment")
        )
        entity = data.get("legal_entity") or (before.entity if before else None)
        here[dispute] = Holder(since, dispute, held, awaited, write_off, payment, entity)
