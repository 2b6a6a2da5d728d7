"""I16: a credit memo serves the dispute it names, then those that wait, then those that contest, the oldest first.

The rule is written here a second time, over what the log says was reserved when the credit memo was heard.
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
    """A dispute's part of an invoice. `since` is when it was opened, `entity` whose invoice it means, if it says so."""

    since: datetime
    dispute: str
    held: int
    awaited: int
    entity: str | None = None


class Memo(Struct, frozen=True):
    applied: int
    names: str | None


class HasEvents(Protocol):
    def events(self, service: str, stream_type: str | None = None) -> AsyncIterator[Any]: ...


Posting = tuple[UUID, int]  # the disputable invoice's stream, and the version of the invoice in the ledger


def memos(topics: Topics) -> dict[Posting, Memo]:
    """Every credit memo that the ledger has published."""
    found: dict[Posting, Memo] = {}
    for message in topics.messages["collections"]:
        if message.type == "credit-memo-applied":
            invoice = message.data["invoice"]
            applied = parse_money(message.data["applied"]["amount"], invoice["currency"]).minor
            stream = published_stream("disputable-invoice", message.tenant, invoice)
            found[stream, message.version] = Memo(applied, message.data.get("dispute_id"))
    return found


def served(holders: Sequence[Holder], memo: Memo) -> dict[str, int]:
    """How much of the credit memo each dispute gets."""
    left, shares = memo.applied, defaultdict[str, int](int)
    in_order = sorted(holders, key=lambda one: (one.since, one.dispute))
    named = [one for one in in_order if memo.names == public_id("dsp", UUID(one.dispute))]
    others = [one for one in in_order if one not in named]
    turns = [(one, one.held) for one in named]
    turns += [(one, one.awaited) for one in others]
    turns += [(one, one.held - one.awaited) for one in others]
    for one, room in turns:
        share = min(left, room)
        left -= share
        shares[one.dispute] += share
    return {dispute: share for dispute, share in shares.items() if share}


async def credit_rules(world: HasEvents, topics: Topics) -> Finding:
    """Without a topic nobody but the ledger knows what it published, and nothing is looked at."""
    finding = Finding("I16", "dispute", "every credit memo served whom it should, and nobody else")
    known = memos(topics)
    expected = await _expected(world, known)
    found: dict[Posting, dict[str, int]] = defaultdict(dict)
    folded: dict[UUID, FoldedDispute] = {}
    async for event in world.events("dispute", "dispute"):
        dispute = folded.setdefault(event.stream, FoldedDispute(event.tenant))
        dispute.note_entities(event.type, event.data)
        if event.type == "amount-reduced" and event.data["cause"] == "credit-memo":
            number, version = event.data["invoice_id"], event.data["ledger_version"]
            places = streams_of("disputable-invoice", event.tenant, number, dispute.entities.get(number))
            posting = next(((each, version) for each in places if (each, version) in expected), (places[0], version))
            found[posting][str(event.stream)] = sum(share["amount"] for share in event.data["shares"])
    for posting, shares in expected.items():
        there = found.get(posting, {})
        finding.must(
            there == shares, f"version {posting[1]} of the invoice served {there}, not {shares}", stream=posting[0]
        )
    return finding


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
        awaited = sum(part["awaiting_credit"] for part in data["held"])
        entity = data.get("legal_entity") or (before.entity if before else None)
        here[dispute] = Holder(since, dispute, held, awaited, entity)
