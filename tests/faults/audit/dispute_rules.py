"""I7 and I16 of dispute-service: its read models against a fold of our own, and the conservation of contested money.

The fold knows what each event does to the open amounts and to the status, and nothing else.
"""

from collections import defaultdict
from typing import Any
from uuid import UUID

from faults.audit.identity_rules import published_stream, streams_of
from faults.audit.report import Finding
from faults.audit.topic_rules import Topics
from faults.audit.world import AuditedEvent, World
from redress.money import parse_money

BUCKETS = ("open", "paid", "credited", "reduced", "written_off", "rejected", "withdrawn")


class FoldedDispute:
    """Open amount per item, the invoice of each, and the status, after every version."""

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        self.open: list[int] = []
        self.claimed_back: dict[int, int] = defaultdict(int)  # what of it is paid, by item: it holds nothing
        self.denied: dict[int, int] = defaultdict(int)  # what was claimed back in vain
        self.invoices: list[str] = []
        self.entities: dict[str, str | None] = {}  # by number: whose invoice it is, as far as the dispute knows
        self.mismatched: set[int] = set()  # items that are not of the invoice they name: they hold nothing
        self.status = ""
        self.after: list[tuple[str, int]] = []  # status and open amount after version 1, 2, …

    def take(self, event: AuditedEvent) -> None:
        """Events out of turn are left out: what they are wrong with is said elsewhere."""
        if event.version != len(self.after) + 1:
            return
        self._claims(event.type, event.data)
        self._amounts(event.type, event.data)
        self.note_entities(event.type, event.data)
        self.status = self._status(event.type, event.data)
        self.after.append((self.status, sum(self.open)))

    def note_entities(self, kind: str, data: dict[str, Any]) -> None:
        """Whose invoices it contests."""
        if kind == "dispute-opened":
            self.entities = {item["invoice_id"]: item.get("legal_entity") for item in data["items"]}
        elif kind == "invoice-became-known":
            self.entities[data["invoice_id"]] = self.entities.get(data["invoice_id"]) or data["legal_entity"]

    def by_invoice(self) -> dict[str, int]:
        """What it has to hold of each of its invoices."""
        amounts: dict[str, int] = defaultdict(int)
        for item, (invoice, amount) in enumerate(zip(self.invoices, self.open, strict=True)):
            amounts[invoice] += 0 if item in self.mismatched else amount - self.claimed_back[item]
        return amounts

    def _claims(self, kind: str, data: dict[str, Any]) -> None:
        for share in data.get("claimed_back" if kind == "dispute-opened" else "shares", ()):
            item, amount = share["item"], share["amount"]
            match kind:
                case "dispute-opened" | "paid-under-protest":
                    self.claimed_back[item] += amount
                case "claim-held-again" | "claim-denied":
                    self.claimed_back[item] -= amount
                    self.denied[item] += amount if kind == "claim-denied" else 0
                case "answer-reversed":
                    (self.denied if data["into"] == "denied" else self.claimed_back)[item] += amount
                case "amount-reduced" if data["cause"] in {"refund", "credit-on-account"}:
                    self.claimed_back[item] -= amount
                case "dispute-reopened":  # a person contests again all that was claimed back in vain
                    self.claimed_back[item] += self.denied.pop(item, 0)
                case _:
                    pass

    def _amounts(self, kind: str, data: dict[str, Any]) -> None:
        match kind:
            case "dispute-opened":
                self.open = [item["amount"] for item in data["items"]]
                self.invoices = [item["invoice_id"] for item in data["items"]]
            case "amount-reduced" | "dispute-withdrawn" | "claim-denied" | "settlement-given-up":
                for share in data["shares"]:
                    self.open[share["item"]] -= share["amount"]
            case "dispute-resolved":
                for outcome in data["outcomes"]:
                    gone = sum(outcome.get(name, 0) for name in ("rejected", "written_off", "paid", "withdrawn"))
                    self.open[outcome["item"]] -= gone
            case "dispute-reopened":
                for share in data["shares"]:
                    self.open[share["item"]] += share["amount"]
            case "payment-reversed" | "credit-reversed" | "write-off-reversed" | "answer-reversed" if data["into"] in {
                "open",
                "awaiting",
            }:
                for share in data["shares"]:
                    self.open[share["item"]] += share["amount"]
            case "items-compared":
                for found in data["items"]:
                    (self.mismatched.add if found["what"] else self.mismatched.discard)(found["item"])
            case _:
                pass

    def _status(self, kind: str, data: dict[str, Any]) -> str:  # noqa: C901, PLR0911, PLR0912 - one return per kind
        match kind:
            case "dispute-opened":
                return "open"
            case "dispute-assigned":
                return "assigned" if self.status == "open" else self.status
            case "information-requested":
                return "awaiting_customer" if data["asked"] == "customer" else "awaiting_internal"
            case "information-recorded":
                return self.status if self.status == "decided" else "investigating"
            case "dispute-decided":
                return "decided"
            case "dispute-resolved":
                return "settling" if any(self.open) else "resolved"
            case "dispute-settled" | "settlement-given-up":
                return "resolved"
            case "dispute-closed":
                return "closed"
            case "dispute-withdrawn":
                return "settling" if any(self.open) else "withdrawn"
            case "dispute-reopened":
                return "investigating"
            case "payment-reversed" | "credit-reversed" | "write-off-reversed" if (
                data["into"] == "open" and self.status == "decided"
            ):
                return "investigating"
            case "payment-reversed" | "credit-reversed" if data["into"] == "awaiting":
                return "settling"
            case _:
                return self.status


async def fold_disputes(world: World) -> dict[UUID, FoldedDispute]:
    folded: dict[UUID, FoldedDispute] = {}
    async for event in world.events("dispute", "dispute"):
        folded.setdefault(event.stream, FoldedDispute(event.tenant)).take(event)
    return folded


async def dispute_rules(world: World, topics: Topics, folded: dict[UUID, FoldedDispute]) -> list[Finding]:
    return [
        await _current(world, folded),
        await _history(world, folded),
        await _reservations(world, folded),
        await _follows_the_ledger(world, topics),
        _never_negative(folded),
        _conserved(topics, folded),
    ]


async def _current(world: World, folded: dict[UUID, FoldedDispute]) -> Finding:
    finding = Finding("I7", "dispute", "the list of disputes is a fold of the log")
    rows = await world.rows("dispute", "SELECT stream_id, version, status, open_minor FROM read.dispute_current")
    shown = {row["stream_id"]: (row["version"], row["status"], row["open_minor"]) for row in rows}
    for stream in shown.keys() | folded.keys():
        there = folded.get(stream)
        expected = None if there is None or not there.after else (len(there.after), *there.after[-1])
        finding.must(
            shown.get(stream) == expected, f"it shows {shown.get(stream)}, the log says {expected}", stream=stream
        )
    return finding


async def _history(world: World, folded: dict[UUID, FoldedDispute]) -> Finding:
    finding = Finding("I7", "dispute", "the history of every dispute has each version once, known until the next one")
    rows = await world.rows(
        "dispute",
        "SELECT stream_id, version, status, open_minor, known_from, known_until FROM read.dispute_history"
        " ORDER BY stream_id, version",
    )
    by_dispute: dict[UUID, list[Any]] = defaultdict(list)
    for row in rows:
        by_dispute[row["stream_id"]].append(row)
    for stream in by_dispute.keys() | folded.keys():
        there = folded[stream].after if stream in folded else []
        known = by_dispute.get(stream, [])
        finding.must(len(known) == len(there), f"{len(known)} of {len(there)} versions are known", stream=stream)
        for number, (row, expected) in enumerate(zip(known, there, strict=False), 1):
            if (row["version"], row["status"], row["open_minor"]) != (number, *expected):
                finding.violated(f"it shows {tuple(row)[1:4]}, the log says {expected}", stream=stream, version=number)
            until = known[number]["known_from"] if number < len(known) else None
            if row["known_until"] != until:
                finding.violated("it is not known until the next version was", stream=stream, version=number)
    return finding


async def fold_reservations(world: World) -> dict[tuple[UUID, UUID], int]:
    """What dispute-service has reserved, by the stream of the disputable invoice and by dispute."""
    reserved: dict[tuple[UUID, UUID], int] = {}
    means: dict[tuple[UUID, UUID], str | None] = {}
    async for event in world.events("dispute", "disputable-invoice"):
        if event.type == "reservation-set":
            held = sum(part["amount"] for part in event.data["held"])
            place = event.stream, UUID(event.data["dispute_id"])
            reserved[place] = held
            means[place] = event.data.get("legal_entity") or means.get(place)
        elif event.type == "number-shared":  # what was held of that entity's invoice is on its own stream now
            for place, entity in means.items():
                if place[0] == event.stream and entity == event.data["legal_entity"]:
                    reserved[place] = 0
    return reserved


async def _reservations(world: World, folded: dict[UUID, FoldedDispute]) -> Finding:
    """The reservation of every dispute on an invoice's stream is what the dispute itself has open there."""
    finding = Finding("I16", "dispute", "what an invoice has reserved is what its disputes have open")
    reserved = await fold_reservations(world)
    for stream, found in folded.items():
        for invoice_id, is_open in found.by_invoice().items():
            places = streams_of("disputable-invoice", found.tenant, invoice_id, found.entities.get(invoice_id))
            held = sum(reserved.pop((place, stream), 0) for place in places)
            finding.must(
                held == is_open, f"{held} of {invoice_id} are reserved for it, {is_open} are open", stream=stream
            )
    for (_, dispute), held in reserved.items():
        finding.must(held == 0, f"{held} are reserved for it of an invoice that it does not contest", stream=dispute)
    return finding


async def _follows_the_ledger(world: World, topics: Topics) -> Finding:
    """Its copy of each invoice is the one that the newest published event of the ledger carries."""
    finding = Finding("I7", "dispute", "it knows every invoice as the ledger last published it")
    if not topics.there or "collections" not in world.databases:
        return finding
    published: dict[tuple[str, UUID], tuple[int, int]] = {}
    for message in topics.messages["collections"]:
        if message.type in _LEDGER_FACTS:
            invoice = message.data["invoice"]
            open_ = parse_money(invoice["open"]["amount"], invoice["currency"]).minor
            stream = published_stream("disputable-invoice", message.tenant, invoice)
            published[message.tenant, stream] = (message.version, open_)
    recorded: dict[tuple[str, UUID], tuple[int, int]] = {}
    async for event in world.events("dispute", "disputable-invoice"):
        if event.type == "invoice-recorded":
            recorded[event.tenant, event.stream] = (event.data["ledger_version"], event.data["open"])
    for (tenant, stream), expected in published.items():
        found = recorded.pop((tenant, stream), None)
        finding.must(found == expected, f"it knows {found}, the ledger published {expected}", stream=stream)
    for (_, stream), found in recorded.items():
        finding.violated(f"it knows {found} of an invoice that the ledger never published", stream=stream)
    return finding


_LEDGER_FACTS = frozenset(
    {"invoice-registered", "invoice-changed", "payment-applied", "payment-reversed", "credit-memo-applied",
     "discount-granted", "discount-withdrawn", "short-payment-detected", "payment-unapplied", "credit-memo-reversed",
     "credit-memo-unapplied", "write-off-posted", "write-off-reversed", "invoice-cancelled",
     "invoice-customer-changed"}
)  # fmt: skip


def _never_negative(folded: dict[UUID, FoldedDispute]) -> Finding:
    finding = Finding("I16", "dispute", "no dispute has less than nothing open at any version")
    for stream, dispute in folded.items():
        for version, (_, open_) in enumerate(dispute.after, 1):
            finding.must(open_ >= 0, f"{open_} are open", stream=stream, version=version)
    return finding


def _conserved(topics: Topics, folded: dict[UUID, FoldedDispute]) -> Finding:
    """disputed is open + paid + credited + reduced + written off + rejected + withdrawn, wherever it was published."""
    finding = Finding("I16", "dispute", "every published dispute adds up, item by item, and is what the log says")
    for message in topics.messages["dispute"]:
        dispute = message.data["dispute"]
        currency = dispute["currency"]
        where: dict[str, Any] = {"stream": message.subject, "version": message.version, "seq": message.seq}
        total_open = 0
        for item in dispute["items"]:
            amounts = {name: parse_money(item[name]["amount"], currency).minor for name in ("disputed", *BUCKETS)}
            parts = sum(amounts[name] for name in BUCKETS)
            finding.must(parts == amounts["disputed"], f"{amounts['disputed']} became {parts}", **where)
            if min(amounts.values()) < 0:
                finding.violated(f"an amount is negative: {amounts}", **where)
            total_open += amounts["open"]
        there = folded.get(message.subject)
        expected = there.after[message.version - 1 : message.version] if there is not None else []
        if expected != [(dispute["status"], total_open)]:
            finding.violated(f"published as {dispute['status']} with {total_open} open", **where)
    return finding
