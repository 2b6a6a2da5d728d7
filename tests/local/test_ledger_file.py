"""Reading a receivables CSV by a mapping."""

from datetime import date
from pathlib import Path

import pytest

from redress.money import Money
from redress_local.ledger_file import (
    DEFAULT_MAPPING,
    BadRow,
    Row,
    WrongFile,
    WrongMapping,
    dispute_body,
    invoice_message,
    payment_message,
    read_ledger,
    read_mapping,
)

HEAD = (
    "countryCode,customerID,PaperlessDate,invoiceNumber,InvoiceDate,DueDate,InvoiceAmount,Disputed,SettledDate,"
    "PaperlessBill,DaysToSettle,DaysLate\n"
)
GERMAN = """
source = "sap"
delimiter = ";"
date_format = "%d.%m.%Y"
decimal_separator = ","
[columns]
invoice_id = "Beleg"
customer_id = "Kunde"
customer_name = "Name"
issued_on = "Belegdatum"
due_on = "Faellig"
amount = "Betrag"
currency = "Waehrung"
"""


def _file(tmp_path: Path, *lines: str, head: str = HEAD) -> Path:
    path = tmp_path / "ledger.csv"
    path.write_text(head + "".join(f"{line}\n" for line in lines))
    return path


def test_a_row_of_the_2013_ledger_becomes_an_invoice_a_dispute_and_a_payment(tmp_path: Path) -> None:
    path = _file(tmp_path, "406,8976-AMJEO,3/3/2012,0007900770,1/26/2013,2/25/2013,61.74,Yes,3/3/2013,Electronic,36,6")
    (row,) = read_ledger(path, read_mapping(DEFAULT_MAPPING), "USD")
    assert isinstance(row, Row)
    assert row.amount == Money(6174, "USD")
    assert invoice_message(row, "ledger-import") == {
        "kind": "invoice-posted",
        "source": "ledger-import",
        "source_event_id": "invoice:0007900770",
        "legal_entity": "406",
        "customer": {"id": "8976-AMJEO"},
        "invoice_id": "0007900770",
        "issued_on": date(2013, 1, 26),
        "due_on": date(2013, 2, 25),
        "currency": "USD",
        "total": "61.74",
    }
    dispute = dispute_body(row)
    assert dispute["items"] == [{"invoice_id": "0007900770", "amount": {"amount": "61.74", "currency": "USD"}}]
    assert str(dispute["effective_at"]) == "2013-01-27 00:00:00+00:00"
    payment = payment_message(row, "ledger-import")
    assert payment["received_on"] == date(2013, 3, 3)
    assert payment["allocations"] == [{"invoice_id": "0007900770", "amount": "61.74"}]


def test_a_row_that_cannot_be_read_has_its_line_number_and_the_reason_and_the_others_go_on(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        "391,A,1/1/2012,1,1/2/2013,2/1/2013,55.94,No,1/15/2013,Paper,13,0",
        "391,A,1/1/2012,2,13/45/2013,2/1/2013,55.94,No,1/15/2013,Paper,13,0",
        "391,A,1/1/2012,3,1/2/2013,2/1/2013,much,No,1/15/2013,Paper,13,0",
        "391,A,1/1/2012,4,1/2/2013,2/1/2013,55.941,No,1/15/2013,Paper,13,0",
        "391,,1/1/2012,5,1/2/2013,2/1/2013,55.94,No,1/15/2013,Paper,13,0",
        "391,A,1/1/2012,6,1/2/2013,2/1/2013,55.94,No,1/1/2013,Paper,13,0",
        "391,A,1/1/2012,7,1/2/2013,2/1/2013,55.94,No,,Paper,13,0",
    )
    rows = read_ledger(path, read_mapping(DEFAULT_MAPPING), "USD")
    assert [row for row in rows if isinstance(row, BadRow)] == [
        BadRow(3, "InvoiceDate: '13/45/2013' is not a date like %m/%d/%Y"),
        BadRow(4, "InvoiceAmount: 'much' is not a decimal amount such as 1234.50"),
        BadRow(5, "InvoiceAmount: 55.941 has more decimals than USD allows (2)"),
        BadRow(6, "customerID is empty"),
        BadRow(7, "settled on 2013-01-01, before it was issued on 2013-01-02"),
    ]
    assert [(row.line, row.settled_on) for row in rows if isinstance(row, Row)] == [(2, date(2013, 1, 15)), (8, None)]


def test_a_german_export_is_read_with_its_own_mapping(tmp_path: Path) -> None:
    (tmp_path / "mapping.toml").write_text(GERMAN)
    path = _file(
        tmp_path,
        "R-1;K7;Müller GmbH;03.02.2026;05.03.2026;1.234,50;EUR",
        head="Beleg;Kunde;Name;Belegdatum;Faellig;Betrag;Waehrung\n",
    )
    (row,) = read_ledger(path, read_mapping(tmp_path / "mapping.toml"), "USD")
    assert isinstance(row, Row)
    assert row.amount == Money(123450, "EUR")
    assert row.customer == {"id": "K7", "name": "Müller GmbH"}
    assert (row.issued_on, row.settled_on, row.disputed) == (date(2026, 2, 3), None, False)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[columns]\ninvoice_id = "a"\n', "missing: customer_id, issued_on, due_on, amount"),
        (GERMAN + 'colour = "Farbe"\n', "unknown: colour"),
        (GERMAN.replace('","', '"_"'), "allowed: . and ,"),
        (GERMAN.replace('";"', '";;"'), "one character"),
        ("columns = 7", "Expected `object`"),
        ("[columns", "Expected"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_refused_with_the_reason(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text(text)
    with pytest.raises(WrongMapping) as refused:
        read_mapping(path)
    assert reason in str(refused.value)


def test_a_file_without_a_mapped_column_is_refused_naming_both(tmp_path: Path) -> None:
    path = _file(tmp_path, "1,2", head="a,b\n")
    with pytest.raises(WrongFile, match=r"has no column Disputed, DueDate, .*its columns: a, b"):
        read_ledger(path, read_mapping(DEFAULT_MAPPING), "USD")
