"""I7 and I16 of collections-service: every balance against a fold of our own, and all against the ERP's totals."""

from collections import defaultdict
from typing import Any
from uuid import UUID

from faults.audit.dispute_rules import FoldedDispute, fold_reservations
from faults.audit.identity_rules import one_invoice_each, streams_of
from faults.audit.promises import Promises
from faults.audit.report import Finding
from faults.audit.topic_rules import Topics
from faults.audit.world import AuditedEvent, World
from redress.ids import public_id
from redress.money import parse_money


class FoldedInvoice:
    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        self.invoice_id: str | None = None
        self.total = 0
        self.open = 0
        self.written_off = 0
        self.granted = 0  # as cash discount, less what went with its payment
        self.holds: dict[str, int] = {}
        self.claimed: dict[str, tuple[int, int]] = {}  # dispute: version, claim
        self.means: dict[str, str | None] = {}  # dispute: the legal entity whose invoice it claims, if it says so
        self.legal_entity = ""
        self.first_entity: str | None = None
        self.tasks = 0
        self.versions = 0
        self.least = 0

    @property
    def held(self) -> int:
        return sum(self.holds.values())

    def claim_of(self, dispute: UUID) -> int:
        return self.claimed.get(public_id("dsp", dispute), (0, 0))[1]

    def claims_here(self) -> int:
        """Without those of another entity's invoice, which wait for it."""
        return sum(
            claim
            for dispute, (_, claim) in self.claimed.items()
            if self.means.get(dispute) in (None, self.legal_entity)
        )

    def hold_of(self, dispute: UUID) -> int:
        return self.holds.get(public_id("dsp", dispute), 0)

    def take(self, event: AuditedEvent) -> None:  # noqa: C901, PLR0912 - one arm per kind
        if event.version != self.versions + 1:
            return  # what is wrong with the order is said elsewhere
        self.versions = event.version
        data = event.data
        self.granted += _granted(event)
        match event.type:
            case "invoice-registered":
                self.invoice_id = data["invoice_id"]
                self.total = self.open = data["total"]["minor"]
                self.legal_entity, self.first_entity = data["legal_entity"], data.get("first_entity")
            case "number-shared":
                gone = [dispute for dispute, entity in self.means.items() if entity == data["legal_entity"]]
                for dispute in gone:
                    del self.claimed[dispute], self.means[dispute]
            case "invoice-corrected":
                self.total += data["change"]
                self.open += data["change"]
            case "payment-applied" | "credit-memo-applied" | "discount-granted":  # none changes what disputes claim
                self.open -= data["amount"]["minor"]
            case (
                "payment-reversed"
                | "payment-unapplied"
                | "discount-withdrawn"
                | "credit-memo-reversed"
                | "credit-memo-unapplied"
            ):
                self.open += data["amount"]["minor"]
            case "write-off-posted" | "write-off-reversed":
                more = data["amount"]["minor"] if event.type == "write-off-posted" else -data["amount"]["minor"]
                self.open -= more
                self.written_off += more
            case "invoice-cancelled":
                self.open += data["change"]
                self.total = 0
            case "hold-placed" | "hold-reduced":
                self.holds[data["dispute_id"]] = data["held"]["minor"]
            case "hold-released":
                self.holds.pop(data["dispute_id"], None)
            case "dispute-reported":
                self.claimed[data["dispute_id"]] = (data["dispute_version"], data["claimed"])
                self.means[data["dispute_id"]] = data.get("legal_entity") or self.means.get(data["dispute_id"])
            case "recollection-task-opened":
                self.tasks += 1
            case _:
                pass
        self.least = min(self.least, self.open, self.open - self.held)


def _granted(event: AuditedEvent) -> int:
    sign = {"discount-granted": 1, "discount-withdrawn": -1}.get(event.type, 0)
    return int(sign * event.data["amount"]["minor"]) if sign else 0


class FoldedLedger:
    def __init__(self) -> None:
        self.invoices: dict[UUID, FoldedInvoice] = {}
        self.unapplied: dict[UUID, tuple[str, int]] = {}
        self.received: dict[str, int] = defaultdict(int)  # by tenant: cash and credit that came, less what went back
        self.billed: dict[str, int] = defaultdict(int)
        self.written_off: dict[str, int] = defaultdict(int)

    def take(self, event: AuditedEvent) -> None:
        """An event of a receipt."""
        data = event.data
        _, unapplied = self.unapplied.get(event.stream, (event.tenant, 0))
        match event.type:
            case "payment-received" | "credit-memo-posted":
                amount = data["amount" if event.type == "payment-received" else "total"]["minor"]
                self.received[event.tenant] += amount
                unapplied = data["unapplied"]["minor"]
            case "receipt-applied":
                unapplied -= data["applied"]["minor"]
            case "receipt-unapplied":
                unapplied += data["unapplied"]["minor"]
            case "receipt-reversed" | "credit-memo-cancelled":
                self.received[event.tenant] -= data["returned"]["minor"]
                unapplied -= data["unapplied_returned"]["minor"]
            case "receipt-refunded":
                self.received[event.tenant] -= data["amount"]["minor"]
                unapplied -= data["amount"]["minor"]
            case _:
                return
        self.unapplied[event.stream] = (event.tenant, unapplied)


async def fold_ledger(world: World) -> FoldedLedger:
    ledger = FoldedLedger()
    async for event in world.events("collections"):
        if event.stream_type == "invoice":
            ledger.invoices.setdefault(event.stream, FoldedInvoice(event.tenant)).take(event)
        elif event.stream_type == "receipt":
            ledger.take(event)
    for invoice in ledger.invoices.values():
        ledger.billed[invoice.tenant] += invoice.total
        ledger.written_off[invoice.tenant] += invoice.written_off
    return ledger


async def ledger_rules(
    world: World, topics: Topics, promises: Promises, ledger: FoldedLedger, disputes: dict[UUID, FoldedDispute]
) -> list[Finding]:
    return [
        await _current(world, ledger),
        await _movements(world, ledger),
        await _tasks(world, ledger),
        _never_negative(ledger),
        _published_positions(topics),
        _account_balance(ledger),
        one_invoice_each(ledger.invoices.items()),
        _control_totals(ledger, promises),
        *holds_agree(ledger, disputes, await fold_reservations(world) if disputes else {}),
    ]


async def _current(world: World, ledger: FoldedLedger) -> Finding:
    finding = Finding("I7", "collections", "the list of invoices is a fold of the log")
    rows = await world.rows(
        "collections", "SELECT stream_id, version, open_minor, held_minor FROM read.invoice_current"
    )
    shown = {row["stream_id"]: (row["version"], row["open_minor"], row["held_minor"]) for row in rows}
    expected = {
        stream: (invoice.versions, invoice.open, invoice.held)
        for stream, invoice in ledger.invoices.items()
        if invoice.invoice_id is not None
    }
    for stream in shown.keys() | expected.keys():
        there = expected.get(stream)
        finding.must(shown.get(stream) == there, f"it shows {shown.get(stream)}, the log says {there}", stream=stream)
    return finding


async def _movements(world: World, ledger: FoldedLedger) -> Finding:
    finding = Finding("I7", "collections", "the books by day add up to what is open, held and unapplied")
    rows = await world.rows(
        "collections", "SELECT item, kind, sum(delta)::bigint AS total FROM read.movement GROUP BY 1, 2"
    )
    booked = {(row["item"], row["kind"]): row["total"] for row in rows}
    expected: dict[tuple[UUID, str], int] = {}
    for stream, invoice in ledger.invoices.items():
        expected[stream, "open"] = invoice.open
        expected[stream, "disputed"] = invoice.held
    for stream, (_, amount) in ledger.unapplied.items():
        expected[stream, "unapplied"] = amount
    for item in booked.keys() | expected.keys():
        found, there = booked.get(item, 0), expected.get(item, 0)
        finding.must(found == there, f"{item[1]} adds up to {found}, the log says {there}", stream=item[0])
    return finding


async def _tasks(world: World, ledger: FoldedLedger) -> Finding:
    finding = Finding("I7", "collections", "every task to collect again is on the list once")
    rows = await world.rows("collections", "SELECT item, count(*) AS n FROM read.recovery_task GROUP BY 1")
    listed = {row["item"]: row["n"] for row in rows}
    for stream, invoice in ledger.invoices.items():
        found = listed.pop(stream, 0)
        finding.must(found == invoice.tasks, f"{found} tasks are listed, {invoice.tasks} were opened", stream=stream)
    for stream, found in listed.items():
        finding.violated(f"{found} tasks of an unknown invoice", stream=stream)
    twice = await world.rows(
        "collections",
        "SELECT item, dispute_id FROM read.recovery_task WHERE state IN ('open', 'taken')"
        " GROUP BY 1, 2 HAVING count(*) > 1",
    )
    for row in twice:
        finding.violated(f"{row['dispute_id']} is to be collected by two tasks", stream=row["item"])
    return finding


def _never_negative(ledger: FoldedLedger) -> Finding:
    finding = Finding(
        "I16", "collections", "no invoice is open by less than nothing, or held by more than is open, at any version"
    )
    for stream, invoice in ledger.invoices.items():
        finding.must(invoice.least >= 0, f"it went to {invoice.least}", stream=stream)
    return finding


def _published_positions(topics: Topics) -> Finding:
    """0 ≤ disputed ≤ open ≤ total at every published position, and each position follows from the one before."""
    finding = Finding("I16", "collections", "every published invoice adds up and follows from the one before it")
    open_before: dict[UUID, int] = {}
    for message in topics.messages["collections"]:
        if "invoice" not in message.data:
            continue
        invoice = message.data["invoice"]
        currency = invoice["currency"]
        total, open_, held = (
            parse_money(invoice[name]["amount"], currency).minor for name in ("total", "open", "disputed")
        )
        where: dict[str, Any] = {"stream": message.subject, "version": message.version, "seq": message.seq}
        finding.must(0 <= held <= open_ <= total, f"total {total}, open {open_}, disputed {held}", **where)
        before = open_before.get(message.subject)
        change = _change(message.type, message.data, currency)
        if before is not None and change is not None and before + change != open_:
            finding.violated(f"{before} and {change:+} became {open_}", **where)
        open_before[message.subject] = open_
    return finding


def _change(kind: str, data: dict[str, Any], currency: str) -> int | None:
    """The change of the open amount by the event; None for a correction, which does not say."""
    match kind:
        case "payment-applied" | "credit-memo-applied":
            return -parse_money(data["applied"]["amount"], currency).minor
        case "discount-granted":
            return -parse_money(data["granted"]["amount"], currency).minor
        case (
            "payment-reversed"
            | "payment-unapplied"
            | "discount-withdrawn"
            | "credit-memo-reversed"
            | "credit-memo-unapplied"
            | "write-off-reversed"
        ):
            return parse_money(data["amount"]["amount"], currency).minor
        case "write-off-posted":
            return -parse_money(data["amount"]["amount"], currency).minor
        case "invoice-changed" | "invoice-cancelled":
            return None
        case _:
            return 0


def _account_balance(ledger: FoldedLedger) -> Finding:
    """Inside the ledger: billed - received - written off - discount = open - unapplied, per tenant; and no receipt
    owes."""
    finding = Finding(
        "I16",
        "collections",
        "what was billed less what came, was written off or was granted as discount is what is open less unapplied",
    )
    open_: dict[str, int] = defaultdict(int)
    for invoice in ledger.invoices.values():
        open_[invoice.tenant] += invoice.open + invoice.granted
    for stream, (tenant, amount) in ledger.unapplied.items():
        finding.must(amount >= 0, f"{amount} of a receipt are unapplied", stream=stream)
        open_[tenant] -= amount
    for tenant in ledger.billed.keys() | ledger.received.keys():
        expected = ledger.billed[tenant] - ledger.received[tenant] - ledger.written_off[tenant]
        finding.must(open_[tenant] == expected, f"{tenant}: {open_[tenant]} instead of {expected}")
    return finding


def _control_totals(ledger: FoldedLedger, promises: Promises) -> Finding:
    """Against the outside: what the ERP sent and was told is in the books, each message once."""
    finding = Finding("I16", "collections", "the balance of every company is its ERP's control total")
    control: dict[str, int] = defaultdict(int)
    whole: dict[tuple[str, str], int] = {}  # what an invoice was billed at, a payment or credit memo brought
    back: dict[tuple[str, str], int] = defaultdict(int)  # what has come back or was paid out of each
    untaken: set[str] = set()
    booked = [item for item in promises.erp.values() if item.booked]
    for item in promises.erp.values():
        if not item.results:
            untaken.add(item.tenant)
    for item in booked:
        amount = _brought(item.message)
        if amount is not None:
            name, minor = amount
            whole[item.tenant, name] = abs(minor)
            control[item.tenant] += minor
    for item in booked:
        taken = _taken_back(item.message)
        if taken is not None and taken[1] is not None:
            back[item.tenant, taken[0]] += taken[1]
    for item in booked:
        taken = _taken_back(item.message)
        if taken is not None and taken[1] is None:  # all that is left of it
            back[item.tenant, taken[0]] = whole.get((item.tenant, taken[0]), 0)
    for (tenant, name), minor in back.items():
        control[tenant] += -minor if name.startswith("invoice ") else minor
    for tenant, total in control.items():
        if tenant in untaken:
            continue  # of some messages nobody was told anything: they may be in the books or not
        found = ledger.billed[tenant] - ledger.received[tenant] - ledger.written_off[tenant]
        finding.must(found == total, f"{tenant}: {found} in the books, {total} by the ERP's messages")
    return finding


def _brought(message: dict[str, Any]) -> tuple[str, int] | None:
    """What a message brought into the balance, and its name there."""
    currency = str(message.get("currency", "EUR"))
    match message["kind"]:
        case "invoice-posted":
            return _invoice_of(message), _minor(message["total"], currency)
        case "payment-received":
            return f"payment {message['payment_id']}", -_minor(message["amount"], currency)
        case "credit-memo-posted":
            amounts = [_minor(each["amount"], currency) for each in message["applies_to"]]
            minor = _minor(message["total"], currency) if message.get("total") else sum(amounts)
            return f"credit memo {message['credit_memo_id']}", -minor
        case _:
            return None


def _taken_back(message: dict[str, Any]) -> tuple[str, int | None] | None:
    """What a message takes back of an earlier one; None: all that is left of it."""
    amount = _minor(message["amount"], "EUR") if "amount" in message else None
    match message["kind"]:
        case "payment-reversed" | "refund-posted" if "payment_id" in message:
            return f"payment {message['payment_id']}", amount
        case "credit-memo-reversed" | "refund-posted":
            return f"credit memo {message['credit_memo_id']}", amount
        case "write-off-reversed":
            return f"invoice {message['invoice_id']}", -(amount or 0)
        case "write-off-posted" | "invoice-cancelled":
            return _invoice_of(message), amount
        case _:
            return None


def _invoice_of(message: dict[str, Any]) -> str:
    """A message without an entity means the only one that has the number, which in these companies is the first."""
    return f"invoice {message['invoice_id']} of {message.get('legal_entity', 'DE01')}"


def _minor(amount: object, currency: str) -> int:
    return parse_money(str(amount["amount"] if isinstance(amount, dict) else amount), currency).minor


def holds_agree(
    ledger: FoldedLedger, disputes: dict[UUID, FoldedDispute], reserved: dict[tuple[UUID, UUID], int]
) -> list[Finding]:
    """At rest: both services say of every dispute and invoice how much it holds, and say the same."""
    same = Finding("I16", "both", "reservation, claim and hold of every dispute on every invoice are the same")
    fits = Finding("I16", "both", "the hold on every invoice is what its disputes claim there")
    for dispute_stream, dispute in disputes.items():
        for invoice_id, open_ in dispute.by_invoice().items():
            entity = dispute.entities.get(invoice_id)
            named = (dispute.tenant, invoice_id, entity)
            places = [ledger.invoices[each] for each in streams_of("invoice", *named) if each in ledger.invoices]
            claimed = sum(place.claim_of(dispute_stream) for place in places)
            held = sum(place.hold_of(dispute_stream) for place in places)
            is_reserved = sum(
                reserved.get((each, dispute_stream), 0) for each in streams_of("disputable-invoice", *named)
            )
            is_known = any(place.invoice_id is not None and entity in (None, place.legal_entity) for place in places)
            expected = (open_, open_, open_ if is_known else 0)
            same.must(
                (is_reserved, claimed, held) == expected,
                f"of {invoice_id} {open_} are open in it, {is_reserved} reserved, {claimed} claimed, {held} held",
                stream=dispute_stream,
            )
    for stream, invoice in ledger.invoices.items():
        if invoice.invoice_id is not None:
            claimed = invoice.claims_here()
            fits.must(
                invoice.held == claimed <= invoice.open,
                f"{invoice.held} held, {claimed} claimed of {invoice.open}",
                stream=stream,
            )
    return [same, fits]
