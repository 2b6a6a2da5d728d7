"""Reading a receivables CSV by a mapping: each row becomes an invoice, perhaps a dispute, perhaps a payment.

Pure but for reading the two files. A row that cannot be read is a `BadRow` with its line number and the reason.
"""

import csv
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from redress.money import Money, MoneyError, parse_money

DEFAULT_MAPPING: Final = Path(__file__).parent / "mappings" / "accounts_receivable.toml"
MAX_ROWS: Final = 200_000
_NEEDED: Final = ("invoice_id", "customer_id", "issued_on", "due_on", "amount")
_KNOWN: Final = {
    *_NEEDED,
    *("legal_entity", "disputed", "settled_on", "currency", "customer_name", "customer_email"),
    *("customer_language", "po_number", "reason_code"),
}


class WrongMapping(Exception):
    """The mapping cannot be used; the message says why."""


class WrongFile(Exception):
    """The file as a whole cannot be read with this mapping; the message says why."""


class MappingDefaults(Struct, frozen=True, forbid_unknown_fields=True):
    legal_entity: str = "main"
    disputed: tuple[str, ...] = ("Yes",)
    reason_code: str = "UNIDENTIFIED"


class LedgerMapping(Struct, frozen=True, forbid_unknown_fields=True):
    """Which column says what. The file `mappings/accounts_receivable.toml` explains each entry."""

    columns: dict[str, str]
    source: str = "ledger-import"
    delimiter: str = ","
    encoding: str = "utf-8-sig"
    date_format: str = "%Y-%m-%d"
    decimal_separator: str = "."
    values: MappingDefaults = MappingDefaults()


class Row(Struct, frozen=True, kw_only=True):
    """A receivable as the file has it. `settled_on` None: still open."""

    line: int
    invoice_id: str
    customer: dict[str, str]
    legal_entity: str
    issued_on: date
    due_on: date
    amount: Money
    settled_on: date | None
    disputed: bool
    reason_code: str
    po_number: str | None


class BadRow(Struct, frozen=True):
    line: int
    reason: str


def read_mapping(path: Path) -> LedgerMapping:
    """WrongMapping if the file cannot be read, has an unknown entry, or lacks a needed column."""
    try:
        mapping = msgspec.convert(tomllib.loads(path.read_text("utf-8")), LedgerMapping)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as wrong:
        raise WrongMapping(f"{path}: {wrong}") from None
    missing = [name for name in _NEEDED if name not in mapping.columns]
    unknown = sorted(mapping.columns.keys() - _KNOWN)
    if missing or unknown:
        what = [f"missing: {', '.join(missing)}"] if missing else []
        what += [f"unknown: {', '.join(unknown)} (known: {', '.join(sorted(_KNOWN))})"] if unknown else []
        raise WrongMapping(f"{path}: [columns] {'; '.join(what)}")
    if mapping.decimal_separator not in {".", ","}:
        raise WrongMapping(f"{path}: decimal_separator is {mapping.decimal_separator!r}; allowed: . and ,")
    if len(mapping.delimiter) != 1:
        raise WrongMapping(f"{path}: delimiter is {mapping.delimiter!r}; one character is allowed")
    return mapping


def read_ledger(path: Path, mapping: LedgerMapping, currency: str) -> list[Row | BadRow]:
    """Every row in the file's order. `currency` is that of rows without a currency column.

    WrongFile if there is no such file, a mapped column is not in it, or it has more than `MAX_ROWS` rows.
    """
    try:
        with path.open(encoding=mapping.encoding, newline="") as file:
            return list(_rows(csv.DictReader(file, delimiter=mapping.delimiter), mapping, currency, path))
    except (OSError, UnicodeError, LookupError, csv.Error) as wrong:
        raise WrongFile(f"{path}: {wrong}") from None


def _rows(reader: "csv.DictReader[str]", mapping: LedgerMapping, currency: str, path: Path) -> Iterator[Row | BadRow]:
    missing = sorted(set(mapping.columns.values()) - set(reader.fieldnames or ()))
    if missing:
        found = ", ".join(reader.fieldnames or ()) or "none"
        raise WrongFile(
            f"{path} has no column {', '.join(missing)}; its columns: {found}. Use --map with another mapping"
        )
    for count, raw in enumerate(reader, 1):
        if count > MAX_ROWS:
            raise WrongFile(f"{path} has more than {MAX_ROWS} rows: split it")
        line = reader.line_num
        values = {name: (raw[column] or "").strip() for name, column in mapping.columns.items()}
        try:
            yield _row(line, values, mapping, currency)
        except (ValueError, MoneyError) as wrong:
            yield BadRow(line, str(wrong))


def _row(line: int, values: Mapping[str, str], mapping: LedgerMapping, currency: str) -> Row:
    """ValueError with the reason, naming the column."""
    for name in _NEEDED:
        if not values[name]:
            raise ValueError(f"{mapping.columns[name]} is empty")
    amount = values["amount"]
    if mapping.decimal_separator == ",":
        amount = amount.replace(".", "").replace(",", ".")
    try:
        money = parse_money(amount, values.get("currency") or currency)
    except MoneyError as wrong:
        raise ValueError(f"{mapping.columns['amount']}: {wrong}") from None
    settled = values.get("settled_on")
    customer = {"id": values["customer_id"]}
    for name in ("name", "email", "language"):
        if value := values.get(f"customer_{name}"):
            customer[name] = value
    issued_on = _day("issued_on", values, mapping)
    settled_on = _day("settled_on", values, mapping) if settled else None
    if settled_on is not None and settled_on < issued_on:
        raise ValueError(f"settled on {settled_on}, before it was issued on {issued_on}")
    return Row(
        line=line,
        invoice_id=values["invoice_id"],
        customer=customer,
        legal_entity=values.get("legal_entity") or mapping.values.legal_entity,
        issued_on=issued_on,
        due_on=_day("due_on", values, mapping),
        amount=money,
        settled_on=settled_on,
        disputed=values.get("disputed", "") in mapping.values.disputed,
        reason_code=values.get("reason_code") or mapping.values.reason_code,
        po_number=values.get("po_number") or None,
    )


def _day(name: str, values: Mapping[str, str], mapping: LedgerMapping) -> date:
    text = values[name]
    try:
        return datetime.strptime(text, mapping.date_format).replace(tzinfo=UTC).date()
    except ValueError:
        raise ValueError(f"{mapping.columns[name]}: {text[:40]!r} is not a date like {mapping.date_format}") from None


def invoice_message(row: Row, source: str) -> dict[str, object]:
    """The ERP message `invoice-posted`."""
    message: dict[str, object] = {
        "kind": "invoice-posted",
        "source": source,
        "source_event_id": f"invoice:{row.invoice_id}",
        "legal_entity": row.legal_entity,
        "customer": row.customer,
        "invoice_id": row.invoice_id,
        "issued_on": row.issued_on,
        "due_on": row.due_on,
        "currency": row.amount.currency,
        "total": row.amount.amount,
    }
    return message if row.po_number is None else {**message, "po_number": row.po_number}


def payment_message(row: Row, source: str) -> dict[str, object]:
    """The ERP message `payment-received`: the whole invoice, on the day it was settled."""
    return {
        "kind": "payment-received",
        "source": source,
        "source_event_id": f"payment:{row.invoice_id}",
        "legal_entity": row.legal_entity,
        "payment_id": f"PAY-{row.invoice_id}",
        "customer_id": row.customer["id"],
        "received_on": row.settled_on,
        "currency": row.amount.currency,
        "amount": row.amount.amount,
        "allocations": [{"invoice_id": row.invoice_id, "amount": row.amount.amount}],
    }


def dispute_body(row: Row) -> dict[str, object]:
    """The body of POST /v1/disputes: the whole invoice, effective the day after it was issued (at 00:00 UTC)."""
    opened_on = datetime.combine(row.issued_on + timedelta(days=1), time(), tzinfo=UTC)
    return {
        "customer_id": row.customer["id"],
        "items": [
            {
                "invoice_id": row.invoice_id,
                "amount": {"amount": row.amount.amount, "currency": row.amount.currency},
            }
        ],
        "reason_code": row.reason_code,
        "origin": "import",
        "effective_at": opened_on,
    }
