import pytest

from dispute_service.reasons.catalogue import REASON_BY_CODE
from dispute_service.reasons.external import read_reason


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("PRICE", "PRICE"),
        ("price per contract 4711", "PRICE"),
        ("01", "PRICE"),
        ("59", "QTY_SHORT"),
        ("QUA", "QUALITY"),
        ("2 cartons damaged, freight deducted", "DAMAGED"),
        ("Frachtkosten nicht vereinbart", "FREIGHT"),
        ("Skonto 2%", "TERMS"),
        ("Ware beschädigt", "DAMAGED"),
        ("bereits bezahlt am 3.2.", "ALREADY_PAID"),
        ("short shipment", "QTY_SHORT"),
        ("OTH", "UNIDENTIFIED"),
        ("see letter", "UNIDENTIFIED"),
        ("  ", "UNIDENTIFIED"),
        (None, "UNIDENTIFIED"),
    ],
)
def test_a_payers_words_become_a_reason(words: str | None, reason: str) -> None:
    assert read_reason(words).reason_code == reason


def test_only_reasons_that_exist_are_read() -> None:
    from dispute_service.reasons.external import PEPPOL, WORDS

    assert {code for code, _ in WORDS} | {reason for _, reason in PEPPOL} <= set(REASON_BY_CODE)


def test_a_reading_says_how_it_was_read() -> None:
    assert read_reason("Skonto 2%").explanation == "the payer's words contain “skonto”"
