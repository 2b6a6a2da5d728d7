"""A payer's words on a remittance, read as a reason of the catalogue.

First a code that stands alone (ours, X12 element 426, Peppol), then a word of the text, in the order of the table:
the more telling word stands earlier ("damaged freight" is damage). Nothing recognised is UNIDENTIFIED, never a guess.
"""

import re

from msgspec import Struct

from dispute_service.reasons.catalogue import REASON_BY_CODE, REASONS, UNIDENTIFIED


class RecognisedReason(Struct, frozen=True):
    """The reason read from a payer's words, and how it was read."""

    reason_code: str
    explanation: str


# Word stems in English and German; compared in lower case at the start of a word.
WORDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("DUPLICATE", ("duplicate", "billed twice", "double bill", "doppelt")),
    ("ALREADY_PAID", ("already paid", "paid before", "bereits bezahlt", "schon bezahlt")),
    ("DAMAGED", ("damage", "broken", "beschädigt", "bruch", "defekt")),
    ("WRONG_ITEM", ("wrong item", "wrong product", "substitut", "falsche ware", "falscher artikel", "falschlieferung")),
    ("LATE_DELIVERY", ("late deliver", "delay", "verspät", "lieferverzug")),
    ("RETURN", ("return", "rücksend", "retoure", "rückgabe")),
    ("QUALITY", ("quality", "qualität", "mangel", "mängel")),
    ("QTY_SHORT", ("short ship", "shortage", "short deliver", "quantity", "missing", "fehlmenge", "menge", "fehlt")),
    ("FREIGHT", ("freight", "shipping", "carriage", "fracht", "versandkosten")),
    ("TAX", ("vat", "tax", "mwst", "ust", "umsatzsteuer", "steuer")),
    ("TERMS", ("discount", "terms", "skonto", "zahlungsziel")),
    ("PROMO", ("promo", "rebate", "advertis", "bonus", "werbekosten", "wkz", "aktion")),
    ("COMPLIANCE", ("compliance", "chargeback", "penalty", "vertragsstrafe")),
    ("CREDIT_MISSING", ("credit note", "credit memo", "gutschrift")),
    ("FINANCE_CHARGE", ("interest", "late fee", "zinsen", "mahngebühr")),
    ("SERVICE", ("service", "dienstleistung", "leistung")),
    ("NOT_MINE", ("not ours", "unknown invoice", "nicht unsere")),
    ("PO_REF", ("purchase order", "po number", "po missing", "bestellnummer", "bestellbezug")),
    ("PRICE", ("price", "pricing", "preis")),
)


# The most telling of the reasons that share a Peppol code; OTH says nothing and is left out.
PEPPOL: tuple[tuple[str, str], ...] = (
    ("PRI", "PRICE"),
    ("QTY", "QTY_SHORT"),
    ("QUA", "QUALITY"),
    ("ITM", "WRONG_ITEM"),
    ("DEL", "LATE_DELIVERY"),
    ("LEG", "TAX"),
    ("REC", "NOT_MINE"),
    ("UNR", "NOT_MINE"),
    ("REF", "PO_REF"),
    ("PAY", "TERMS"),
    ("FIN", "FINANCE_CHARGE"),
)


def _by_x12(code: str) -> str | None:
    return next((reason.code for reason in REASONS if code in reason.x12_426), None)


def read_reason(words: str | None) -> RecognisedReason:
    """The reason behind a payer's words or code. None, empty and unknown words are UNIDENTIFIED."""
    if words is None or not words.strip():
        return RecognisedReason(UNIDENTIFIED, "the payer gave no reason")
    text = " ".join(words.split())
    code = text.upper()
    if code in REASON_BY_CODE:
        return RecognisedReason(code, f"the payer gave our reason code {code}")
    if re.fullmatch(r"\d{2}", code) and (found := _by_x12(code)):
        return RecognisedReason(found, f"the payer gave X12 adjustment reason {code}")
    if found := dict(PEPPOL).get(code):
        return RecognisedReason(found, f"the payer gave Peppol clarification reason {code}")
    for reason_code, stems in WORDS:
        for stem in stems:
            if re.search(rf"\b{re.escape(stem)}", text, re.IGNORECASE):
                return RecognisedReason(reason_code, f"the payer's words contain “{stem}”")
    return RecognisedReason(UNIDENTIFIED, "the payer's words match no known reason")
