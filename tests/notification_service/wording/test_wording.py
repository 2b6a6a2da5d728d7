from datetime import UTC, date, datetime

import pytest
from msgspec import structs
from support.notification_examples import DISPUTE, FACTS, FACTS_BY_TEMPLATE

from notification_service.rules.notice import Acknowledgement, DisputedPart, InformationRequest, Resolution
from notification_service.wording import words
from notification_service.wording.compose import (
    TEMPLATES,
    Personal,
    Wording,
    WordingError,
    needed_text_is_erased,
    salutation,
    variables,
)
from notification_service.wording.language import Language, choose, day, moment, money
from redress.money import Money

EN, DE = Language.ENGLISH, Language.GERMAN
WORDING = Wording()
NOBODY = Personal()
ASKED = Personal(what="The delivery note")


@pytest.mark.parametrize(
    ("asked", "given"),
    [("de", DE), ("de-AT", DE), ("DE_CH", DE), ("en", EN), ("en-GB", EN), ("fr", EN), ("", EN), ("den", EN)],
)
def test_german_for_those_who_ask_for_german_and_english_for_everybody_else(asked: str, given: Language) -> None:
    assert choose(asked) == given


def test_money_is_written_as_the_language_writes_it() -> None:
    assert money(Money(123450, "EUR"), DE) == "1.234,50 EUR"
    assert money(Money(123450, "EUR"), EN) == "€1,234.50"
    assert money(Money(123450, "USD"), DE) == "1.234,50 USD"
    assert money(Money(123450, "USD"), EN) == "$1,234.50"
    assert money(Money(-5, "EUR"), DE) == "-0,05 EUR"
    assert money(Money(1234, "JPY"), DE) == "1.234 JPY"
    assert money(Money(123456789012345, "EUR"), DE) == "1.234.567.890.123,45 EUR"


def test_days_are_written_as_the_language_writes_them() -> None:
    assert day(date(2026, 11, 23), DE) == "23.11.2026"
    assert day(date(2026, 11, 3), DE) == "03.11.2026"
    assert day(date(2026, 11, 23), EN) == "23 November 2026"
    at = datetime(2026, 11, 27, 16, 0, tzinfo=UTC)
    assert moment(at, DE) == "27.11.2026, 16:00 Uhr (UTC)"
    assert moment(at, EN) == "27 November 2026, 16:00 UTC"


@pytest.mark.parametrize(
    ("name", "language", "opening"),
    [
        (None, EN, "Dear Sir or Madam,"),
        (None, DE, "Sehr geehrte Damen und Herren,"),
        ("", DE, "Sehr geehrte Damen und Herren,"),
        ("Maria Weber", EN, "Dear Maria Weber,"),
        ("Maria Weber", DE, "Sehr geehrte/r Maria Weber,"),
        ("Herr Weber", DE, "Sehr geehrter Herr Weber,"),
        ("Frau Dr. Weber", DE, "Sehr geehrte Frau Dr. Weber,"),
        ("Frau", DE, "Sehr geehrte/r Frau,"),
    ],
)
def test_the_opening_is_formal_and_guesses_nobodys_sex(name: str | None, language: Language, opening: str) -> None:
    assert salutation(name, language) == opening


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("language", list(Language))
def test_every_subject_carries_the_dispute_id(template: str, language: Language) -> None:
    mail = WORDING.compose(template, FACTS_BY_TEMPLATE[template], ASKED, language, "Muster GmbH")
    assert mail.subject.endswith(f"[{DISPUTE}]")


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("language", list(Language))
def test_a_missing_variable_blocks_the_mail(template: str, language: Language) -> None:
    complete = variables(FACTS_BY_TEMPLATE[template], ASKED, language, "Muster GmbH")
    incomplete = {name: value for name, value in complete.items() if name != "dispute_id"}
    with pytest.raises(WordingError, match="dispute_id"):
        WORDING.render(template, language, incomplete)


def test_a_question_without_its_text_is_not_asked() -> None:
    question = FACTS_BY_TEMPLATE["information-request"]
    assert isinstance(question, InformationRequest)
    assert needed_text_is_erased(question, NOBODY)
    assert not needed_text_is_erased(question, ASKED)
    assert not needed_text_is_erased(Acknowledgement(dispute=FACTS), NOBODY)
    with pytest.raises(WordingError, match="what"):
        WORDING.compose("information-request", question, NOBODY, EN, "Muster GmbH")


HOSTILE = [
    "Eve\r\nBcc: all@customers.example",
    "Eve\nSubject: you won",
    "Eve\x00\x08\x1b[31m",
    "Eve \N{RIGHT-TO-LEFT OVERRIDE}gpj.exe",
    "Eve\N{LINE SEPARATOR}X-Evil: 1",
    "{{ 7 * 7 }}{% for x in y %}",
    "<script>alert(1)</script><mj-include path='/etc/passwd' />",
    "]]></mj-text></mjml>&undefined;<!--",
    '=HYPERLINK("http://evil")',
    "x" * 20_000,
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("language", list(Language))
def test_hostile_text_is_only_text(text: str, language: Language) -> None:
    facts = structs.replace(
        FACTS,
        customer_id=text,
        reason_code=text,
        owner=text,
        team=text,
        parts=(DisputedPart(invoice_id=text, line=text, disputed=Money(1, "EUR")),),
    )
    asked = FACTS_BY_TEMPLATE["information-request"]
    assert isinstance(asked, InformationRequest)
    question = InformationRequest(dispute=facts, what=asked.what, due=date(2026, 12, 1))
    for template in ("information-request", "department-request"):
        mail = WORDING.compose(template, question, Personal(name=text, what=text), language, text)
        assert "\n" not in mail.subject
        assert "\r" not in mail.subject
        assert len(mail.subject) <= 200
        assert "<script" not in mail.html
        assert "<mj-" not in mail.html
        assert ("{{ 7 * 7 }}" in text) == ("{{ 7 * 7 }}" in mail.text)
        for unwanted in ("\x00", "\x1b", "\N{RIGHT-TO-LEFT OVERRIDE}", "\N{LINE SEPARATOR}", "\r"):
            assert unwanted not in mail.text + mail.html + mail.subject
        assert len(mail.text) < 12_000


def test_a_hundred_parts_are_cut_short_and_say_so() -> None:
    part = FACTS.parts[0]
    many = structs.replace(FACTS, parts=tuple(structs.replace(part, invoice_id=f"R{n}") for n in range(120)))
    mail = WORDING.compose("acknowledgement", Acknowledgement(dispute=many), NOBODY, DE, "Muster GmbH")
    assert "R49" in mail.text
    assert "R50" not in mail.text
    assert "  - und 70 weitere" in mail.text


def test_the_outcome_names_only_shares_there_are() -> None:
    paid = Resolution(
        dispute=FACTS,
        resolution_code="CUSTOMER_PAID",
        credited=Money(0, "EUR"),
        rejected=Money(0, "EUR"),
        written_off=Money(0, "EUR"),
        paid=Money(123450, "EUR"),
    )
    mail = WORDING.compose("resolution", paid, NOBODY, DE, "Muster GmbH")
    assert "  - von Ihnen bezahlt: 1.234,50 EUR" in mail.text
    assert "gutgeschrieben" not in mail.text
    assert "Bitte zahlen" not in mail.text


@pytest.mark.parametrize("language", list(Language))
def test_every_canonical_code_has_words(language: Language) -> None:
    reasons = [
        "PRICE",
        "QTY_SHORT",
        "DAMAGED",
        "QUALITY",
        "WRONG_ITEM",
        "LATE_DELIVERY",
        "RETURN",
        "FREIGHT",
        "TAX",
        "DUPLICATE",
        "NOT_MINE",
        "PO_REF",
        "TERMS",
        "PROMO",
        "COMPLIANCE",
        "SERVICE",
        "ALREADY_PAID",
        "CREDIT_MISSING",
        "FINANCE_CHARGE",
        "UNAUTHORIZED",
        "UNIDENTIFIED",
    ]
    outcomes = [
        "CREDIT_FULL",
        "CREDIT_PARTIAL",
        "REBILL",
        "REFUND",
        "CUSTOMER_PAID",
        "REJECTED_COLLECT",
        "WRITE_OFF_SMALL",
        "WRITE_OFF_BAD_DEBT",
        "GOODWILL",
        "OFFSET",
        "WITHDRAWN",
        "VOID_LOGGED_IN_ERROR",
        "CASH_REAPPLIED",
    ]
    assert [code for code in reasons if words.reason(code, language) == code] == []
    assert [code for code in outcomes if words.outcome(code, language).label == code] == []
    assert words.reason("OUR_OWN", language) == "OUR_OWN"


def test_the_same_notice_is_worded_the_same_way_every_time() -> None:
    facts = FACTS_BY_TEMPLATE["acknowledgement"]
    first = WORDING.compose("acknowledgement", facts, NOBODY, DE, "Muster GmbH")
    assert first.sha256 == Wording().compose("acknowledgement", facts, NOBODY, DE, "Muster GmbH").sha256
    assert first.wording == "acknowledgement@1"


@pytest.mark.parametrize("template", TEMPLATES)
def test_no_text_is_long_enough_to_push_the_token_out_of_the_subject(template: str) -> None:
    facts = FACTS_BY_TEMPLATE[template]
    endless = structs.replace(facts, dispute=structs.replace(facts.dispute, reason_code="R" * 5_000))
    if isinstance(endless, Resolution):
        endless = structs.replace(endless, resolution_code="O" * 5_000)
    assert WORDING.compose(template, endless, ASKED, EN, "Muster GmbH").subject.endswith(f"[{DISPUTE}]")
