"""What no text, no sum and no table can hold, at the ERP's door: refused by itself, kept as it came, and shown."""

import json
from typing import Any

import pytest
from support.collections_office import Office, business_event, credit_memo, invoice, message, payment, results, take

from collections_service.erp.batch import NotABatch, split
from collections_service.erp.item import as_bytes
from redress.contracts.common import Sealed

DEEP = b"[" * 50_000 + b"]" * 50_000
AMOUNTS = {
    "1e26": b"1e26",
    "1e26 as text": b'"1e26"',
    "1e27 as an object": b'{"amount": 1e27, "currency": "EUR"}',
    "NaN": b"NaN",
    "NaN as text": b'"NaN"',
    "Infinity": b"Infinity",
    "-Infinity": b"-Infinity",
    "Infinity as text": b'"Infinity"',
    "400 digits": b"9" * 400,
    "5,000 digits": b"9" * 5_000,
    "400 decimals": b"0." + b"9" * 400,
    "an exponent of 22 digits": b"1e9999999999999999999999",
    "more than 10^15 minor units": b"10000000000000.01",
    "deep": DEEP,
}


def with_raw(document: dict[str, Any], raw: bytes) -> bytes:
    """The message with these bytes where its text "?" stands."""
    return json.dumps(document).encode().replace(b'"?"', raw)


def named(pointer: str) -> dict[str, Any]:
    """An invoice whose text at the pointer is "?"."""
    document = invoice(lines=[{"line": "1", "amount": "1.00"}], po_number="4711")
    *parents, last = pointer.strip("/").split("/")
    inner: Any = document
    for parent in parents:
        inner = inner[int(parent)] if parent.isdigit() else inner[parent]
    inner[last] = "?"
    return document


POISON: dict[str, tuple[bytes, str]] = {
    **{f"total {name}": (with_raw(invoice(total="?"), raw), "/total") for name, raw in AMOUNTS.items()},
    **{
        f"line's amount {name}": (with_raw(named("/lines/0/amount"), raw), "/lines/0/amount")
        for name, raw in AMOUNTS.items()
    },
    **{
        f"quantity {name}": (with_raw(named("/lines/0/quantity"), AMOUNTS[name]), "/lines/0/quantity")
        for name in ("NaN", "NaN as text", "Infinity as text", "400 digits", "an exponent of 22 digits")
    },
    **{f"payment {name}": (with_raw(payment(amount="?", pays={}), raw), "/amount") for name, raw in AMOUNTS.items()},
    **{
        f"Dynamics {name}": (
            with_raw(business_event(InvoiceAmountInAccountingCurrency="?"), raw),
            "/InvoiceAmountInAccountingCurrency",
        )
        for name, raw in AMOUNTS.items()
        if name not in ("deep", "5,000 digits")
    },
    "Dynamics deep": (with_raw(business_event(SalesOrderId="?"), DEEP), ""),
    "Dynamics 5,000 digits": (with_raw(business_event(SalesOrderId="?"), b"9" * 5_000), ""),
    **{
        f"NUL in {pointer}": (with_raw(named(pointer), b'"a\\u0000b"'), pointer)
        for pointer in (
            "/source",
            "/source_event_id",
            "/kind",
            "/invoice_id",
            "/legal_entity",
            "/currency",
            "/issued_on",
            "/po_number",
            "/customer/id",
            "/customer/name",
            "/customer/email",
            "/lines/0/line",
            "/lines/0/description",
            "/total",
        )
    },
    **{
        f"no UTF-8 in {pointer}": (with_raw(named(pointer), b'"a\xff"'), pointer)
        for pointer in ("/source_event_id", "/kind", "/customer/name", "/lines/0/description", "/total")
    },
    "half a surrogate pair": (with_raw(named("/customer/name"), b'"\\ud800"'), "/customer/name"),
    "NUL in an amount's currency": (
        with_raw(invoice(total={"amount": "1000.00", "currency": "?"}), b'"E\\u0000"'),
        "/total/currency",
    ),
    "NUL in a field's name": (with_raw({**invoice(), "?": 1}, b'"a\\u0000b"'), ""),
    "no UTF-8 in a field's name": (with_raw({**invoice(), "?": 1}, b'"a\xff"'), ""),
    "NUL in a remittance": (
        with_raw(payment(remittance_reason="?"), b'"\\u0000"'),
        "/remittance_reason",
    ),
    **{
        f"NUL in Dynamics' {name}": (with_raw({**business_event(), name: "?"}, b'"a\\u0000b"'), f"/{name}")
        for name in ("EventId", "LegalEntity", "BusinessEventId", "InvoiceId", "InvoiceAccount", "CurrencyCode")
    },
    "no UTF-8 in Dynamics' InvoiceId": (with_raw(business_event(InvoiceId="?"), b'"\xff"'), "/InvoiceId"),
    "Dynamics' InvoiceId 1e26": (with_raw(business_event(InvoiceId="?"), b"1e26"), "/InvoiceId"),
    "control number of 400 digits": (with_raw(invoice(control_number="?"), b"9" * 400), "/control_number"),
    "Dynamics' control number of 400 digits": (
        with_raw(business_event(ControlNumber="?"), b"9" * 400),
        "/ControlNumber",
    ),
    "deep in an unknown field": (with_raw(invoice(colour="?"), DEEP), "/colour"),
    "deep from the first": (DEEP, ""),
    "allocations beyond all sums": (
        json.dumps(credit_memo(pays={f"INV-{n}": "9999999999999.00" for n in range(3)})).encode(),
        "/applies_to",
    ),
    "a raw control character": (with_raw(named("/customer/name"), b'"a\nb"'), ""),
}
UNSEEN = ("deep from the first", "NUL in /source", "NUL in Dynamics' LegalEntity")  # no source can be made out


def batch(*items: bytes) -> bytes:
    return b"[" + b",".join(items) + b"]"


def good(invoice_id: str) -> bytes:
    return json.dumps(invoice(invoice_id)).encode()


async def test_it_is_refused_where_it_stands_and_stops_none_of_its_neighbours(office: Office) -> None:
    wrong: dict[str, object] = {}
    for number, (name, (poison, pointer)) in enumerate(POISON.items()):
        response = await office.post(batch(good(f"A-{number}"), poison, good(f"B-{number}")))
        items = response.json().get("items")
        if items is None or results(items) != ["accepted", "rejected", "accepted"]:
            wrong[name] = response.text[:300]
        elif items[1]["pointer"] != f"/1{pointer}":
            wrong[name] = items[1]

    assert not wrong, "\n".join(f"{k}: {v}" for k, v in wrong.items())


async def test_all_at_once_are_kept_as_they_came_and_shown(office: Office) -> None:
    response = await office.post(batch(*(poison for poison, _ in POISON.values()), good("INV-9")))

    assert results(response.json()["items"]) == [*["rejected"] * len(POISON), "accepted"]
    rows = await office.worker.fetch("SELECT person, raw, code, reason FROM erp.message WHERE result = 'rejected'")
    kept = set()
    for row in rows:
        texts = await office.vault.open_many("demo", [Sealed(row["person"], box) for box in row["raw"]])
        kept.add(as_bytes("".join(text or "" for text in texts)))
        assert row["code"]
        assert row["reason"]
    assert kept == {poison for poison, _ in POISON.values()}
    refused = [await office.get(f"/v1/erp/sources/{source}/health", role="erp") for source in ("sap", "d365:usmf")]
    assert sum(health["counts"]["rejected"] for health in refused) == len(rows) - len(UNSEEN)


async def test_over_the_topic_it_stops_neither_its_neighbours_nor_the_messages_behind_it(office: Office) -> None:
    poison = [poison for poison, _ in POISON.values()]

    shown = await take(
        office, message(batch(good("INV-1"), *poison[:5], good("INV-2"))), *map(message, poison), message(good("INV-3"))
    )

    assert len(shown) == 1 + len(poison)
    for invoice_id in ("INV-1", "INV-2", "INV-3"):
        await office.get(f"/v1/invoices/{invoice_id}")


@pytest.mark.parametrize(
    "body",
    [b'[{"kind": ', b"[{]", b'[{"a": "b}]', b"[{}] x", b"[{},]", b"[NaN", b"[}", b"{} []", b"[{}}"],
)
def test_a_body_whose_brackets_do_not_match_is_no_batch(body: bytes) -> None:
    if body.startswith(b"["):
        with pytest.raises(NotABatch):
            split(body)
    else:
        assert split(body) == ([body], False)
