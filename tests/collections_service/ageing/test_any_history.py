"""Whatever happened in whatever order: the ageing of every day, as known at every instant, adds up and agrees with the
streams themselves."""

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from support.collections_office import Office, about, correction, credit_memo, dispute_event, invoice, payment, reversal

from collections_service.open_items.state import OpenItem, amount_on, evolve
from collections_service.open_items.stream import INVOICE
from collections_service.receipts.events import (
    Allocation,
    CreditMemoCancelled,
    CreditMemoPosted,
    PaymentReceived,
    ReceiptApplied,
    ReceiptEvent,
    ReceiptRefunded,
    ReceiptReversed,
    ReceiptUnapplied,
)
from collections_service.receipts.stream import RECEIPT
from redress.eventlog.events import RecordedEvent
from redress.money import parse_money

CUSTOMERS, CURRENCIES = ("C-1", "C-2"), ("EUR", "USD")
FIRST = date(2026, 1, 1)
LATER = (
    *("receipt-applied", "receipt-applied", "receipt-unapplied", "receipt-unapplied"),
    *("refund-posted", "write-off-posted", "invoice-cancelled", "part-reversed"),
    *("invoice-customer-changed", "invoice-customer-changed", "write-off-reversed"),
)


def a_day(dice: random.Random) -> str:
    return str(FIRST + timedelta(days=dice.randrange(120)))


def an_amount(dice: random.Random) -> str:
    return f"{dice.randrange(1, 1500)}.{dice.randrange(100):02}"


def a_message(dice: random.Random, number: int) -> dict[str, Any]:
    invoice_id = f"INV-{dice.randrange(12)}"
    currency = CURRENCIES[int(invoice_id[4:]) % 2]
    about = {"source_event_id": f"m-{number}", "currency": currency}
    kind = dice.choice(["invoice", "invoice", "payment", "payment", "reversal", "memo", "correction", *LATER])
    if kind in LATER:
        return a_later_message(dice, kind, number, invoice_id, currency)
    if kind == "invoice":
        issued = FIRST + timedelta(days=dice.randrange(60))
        return invoice(
            invoice_id,
            total=f"{500 + 50 * int(invoice_id[4:])}.00",
            customer={"id": CUSTOMERS[int(invoice_id[4:]) % 3 % 2]},
            issued_on=str(issued),
            due_on=str(issued + timedelta(days=14)),
            **about,
        )
    if kind == "payment":
        amount = an_amount(dice)
        return payment(
            f"P-{dice.randrange(40)}", amount=amount, pays=dice.choice([{invoice_id: amount}, {}]),
            received_on=a_day(dice), customer_id=dice.choice(CUSTOMERS), **about,
        )  # fmt: skip
    if kind == "memo":
        return credit_memo(f"CM-{number}", pays={invoice_id: an_amount(dice)}, issued_on=a_day(dice), **about)
    if kind == "reversal":
        return reversal(f"P-{dice.randrange(40)}", reversed_on=a_day(dice), source_event_id=f"m-{number}")
    return correction(
        invoice_id, **dice.choice([{"total": an_amount(dice)}, {"due_on": a_day(dice)}, {"total": an_amount(dice),
        "due_on": a_day(dice)}]), corrected_on=a_day(dice), corrects_from_start=dice.random() < 0.3, **about
    )  # fmt: skip


def a_later_message(dice: random.Random, kind: str, number: int, invoice_id: str, currency: str) -> dict[str, Any]:
    """What the ERP does with money that came before; much of it is refused, and has no effect then."""
    name, on, part = f"m-{number}", a_day(dice), [{"invoice_id": invoice_id, "amount": an_amount(dice)}]
    receipt: dict[str, Any] = {"payment_id": f"P-{dice.randrange(40)}"}
    if dice.random() < 0.3:
        receipt = {"credit_memo_id": f"CM-{dice.randrange(200)}"}
    match kind:
        case "receipt-applied":
            return about(kind, name, **receipt, applied_on=on, currency=currency, allocations=part)
        case "receipt-unapplied":
            taken = [{"invoice_id": invoice_id}]
            return about(kind, name, **receipt, unapplied_on=on, currency=currency, allocations=taken)
        case "refund-posted":
            refund = {"refund_id": name, "refunded_on": on, "currency": currency, "amount": an_amount(dice)}
            return about(kind, name, **receipt, **refund)
        case "write-off-posted":
            return about(
                kind, name, write_off_id=name, invoice_id=invoice_id, posted_on=on, currency=currency,
                write_off_kind="bad_debt", amount=f"{dice.randrange(1, 99)}.00",
            )  # fmt: skip
        case "invoice-customer-changed" | "write-off-reversed" | "invoice-cancelled":
            return a_message_of_an_invoice(dice, kind, number, invoice_id)
        case _:
            amount = {"amount": an_amount(dice), "currency": currency}
            return reversal(f"P-{dice.randrange(40)}", reversed_on=on, source_event_id=name, **amount)


def a_message_of_an_invoice(dice: random.Random, kind: str, number: int, invoice_id: str) -> dict[str, Any]:
    fields: dict[str, Any] = {"cancelled_on": a_day(dice)}
    if kind == "invoice-customer-changed":
        fields = {"customer": {"id": dice.choice(CUSTOMERS)}, "changed_on": a_day(dice)}
    elif kind == "write-off-reversed":
        fields = {"write_off_id": f"m-{dice.randrange(number + 1)}", "reversed_on": a_day(dice)}
    return about(kind, f"m-{number}", invoice_id=invoice_id, **fields)


@pytest.mark.parametrize("seed", range(3))
async def test_buckets_and_unapplied_are_the_balance_on_both_axes(office: Office, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - repeatable, no secret
    instants: list[datetime] = []
    for round_ in range(8):
        await office.erp(*(a_message(dice, round_ * 100 + n) for n in range(40)))
        for name in ("one", "two", "three"):
            invoice_id = f"INV-{dice.randrange(12)}"
            on = datetime.combine(FIRST, datetime.min.time(), UTC) + timedelta(days=dice.randrange(120))
            await office.hear(
                dispute_event(
                    "dispute-amount-reduced",
                    version=round_ + 1,
                    on=on,
                    open={f"INV-{['one', 'two', 'three'].index(name) + 3}": dice.randrange(0, 60_000), invoice_id: 500},
                    name=name,
                    currency=dice.choice(CURRENCIES),
                    cause="paid",
                )
            )
        await office.follow()
        instants.append((await office.log.read_log(await office.log.head() - 1, 1))[0].recorded_at)
    stored = await office.log.read_log(0, 5_000)
    assert len(stored) > 150

    for known_at in (instants[0], instants[3], instants[7]):
        for number in (0, 20, 45, 70, 100, 130):
            as_of = FIRST + timedelta(days=number)
            answer = await office.get("/v1/ageing", as_of=str(as_of), known_at=known_at.isoformat())
            by_customer = await office.get(
                "/v1/ageing", as_of=str(as_of), known_at=known_at.isoformat(), group_by="customer"
            )
            said = {row["currency"]: row for row in answer["rows"]}
            for currency, (whole, disputed, unapplied) in from_streams(stored, as_of, known_at).items():
                row = said[currency]
                assert minor(row["open"]) == whole
                assert minor(row["disputed"]) == disputed
                assert minor(row["unapplied"]) == -unapplied
                assert sum(minor(bucket["open"]) for bucket in row["buckets"]) + minor(row["unapplied"]) == minor(
                    row["balance"]
                )
                customers = [row for row in by_customer["rows"] if row["currency"] == currency]
                assert sum(minor(row["balance"]) for row in customers) == whole - unapplied
                owed = {row["group"]: minor(row["open"]) for row in customers if minor(row["open"])}
                assert owed == owed_by_customer(stored, as_of, known_at, currency)
            listed = await office.get("/v1/invoices", as_of=str(as_of), known_at=known_at.isoformat(), limit=100)
            assert {
                each["invoice_id"]: (each["due_on"], minor(each["open"])) for each in listed["items"]
            } == dues_from_streams(stored, as_of, known_at)


def invoices_of(stored: list[RecordedEvent], known_at: datetime) -> dict[UUID, OpenItem]:
    items: dict[UUID, OpenItem] = {}
    for event in stored:
        if event.recorded_at <= known_at and event.stream_type == "invoice":
            decoded = INVOICE.codec.decode(event.type, event.schema_version, event.payload)
            items[event.stream_id] = evolve(items.get(event.stream_id, OpenItem()), decoded)
    return items


def dues_from_streams(stored: list[RecordedEvent], as_of: date, known_at: datetime) -> dict[str, tuple[str, int]]:
    """Due date and open amount of every invoice that was issued by then."""
    return {
        terms.invoice_id: (str(terms.due_on), amount_on(item.movements, as_of))
        for item in invoices_of(stored, known_at).values()
        if (terms := item.terms_on(as_of)) is not None and terms.issued_on <= as_of
    }


def owed_by_customer(stored: list[RecordedEvent], as_of: date, known_at: datetime, currency: str) -> dict[str, int]:
    owed: Counter[str] = Counter()
    for item in invoices_of(stored, known_at).values():
        if item.terms is not None and item.terms.total.currency == currency:
            owed[item.customer_on(as_of)] += amount_on(item.movements, as_of)
    return {customer: amount for customer, amount in owed.items() if amount}


def from_streams(stored: list[RecordedEvent], as_of: date, known_at: datetime) -> dict[str, tuple[int, int, int]]:
    """Open, disputed and unapplied per currency, folded from the events themselves."""
    items = invoices_of(stored, known_at)
    unapplied: Counter[str] = Counter()
    for event in stored:
        if event.recorded_at <= known_at and event.stream_type == "receipt":
            receipt_event = RECEIPT.codec.decode(event.type, event.schema_version, event.payload)
            for currency, on, change in unapplied_changes(receipt_event):
                unapplied[currency] += change if on <= as_of else 0
    whole: Counter[str] = Counter()
    disputed: Counter[str] = Counter()
    for item in items.values():
        if item.terms is not None:
            whole[item.terms.total.currency] += amount_on(item.movements, as_of)
            disputed[item.terms.total.currency] += sum(amount_on(claim.held, as_of) for claim in item.claims)
    return {
        currency: (whole[currency], disputed[currency], unapplied[currency])
        for currency in CURRENCIES
        if whole[currency] or unapplied[currency]
    }


def unapplied_changes(event: ReceiptEvent) -> list[tuple[str, date, int]]:
    allocations: tuple[Allocation, ...] = ()
    came: list[tuple[str, date, int]] = []
    match event:
        case PaymentReceived(amount=amount, received_on=on, allocations=allocations):
            came = [(amount.currency, on, amount.minor)]
        case CreditMemoPosted(total=amount, issued_on=on, allocations=allocations):
            came = [(amount.currency, on, amount.minor)]
        case ReceiptApplied(allocations=allocations):
            pass
        case ReceiptUnapplied(back=back):
            came = [(each.amount.currency, each.effective_on, each.amount.minor) for each in back]
        case (
            ReceiptReversed(unapplied_returned=amount, effective_on=on)
            | CreditMemoCancelled(unapplied_returned=amount, effective_on=on)
            | ReceiptRefunded(amount=amount, effective_on=on)
        ):
            came = [(amount.currency, on, -amount.minor)]
    taken = [(a.applied.currency, a.applied_on, -a.applied.minor) for a in allocations if a.applied_on is not None]
    return [*came, *taken]


def minor(money: dict[str, Any]) -> int:
    return parse_money(money["amount"], money["currency"]).minor
