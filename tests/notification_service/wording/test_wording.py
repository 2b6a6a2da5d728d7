from datetime import UTC, date, datetime

import pytest
from msgspec import structs
from support.notification_examples import DISPUTE, FACTS, FACTS_BY_TEMPLATE, WORDING, notice_of

from notification_service.dispute_notices import words
from notification_service.dispute_notices.facts import (
    INFORMATION_REQUEST,
    Acknowledgement,
    DisputedPart,
    InformationRequest,
    Resolution,
)
from notification_service.dispute_notices.letters import LETTERS, TEXTS
from notification_service.wording.compose import (
    PersonalText,
    Wording,
    WordingError,
    salutation,
)
from notification_service.wording.language import Language, choose, day, moment, money
from redress.money import Money

EN, DE = Language.ENGLISH, Language.GERMAN
NOBODY = PersonalText()
ASKED = PersonalText(texts={"question": "The delivery note"})


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


@pytest.mark.parametrize("template", WORDING.templates)
@pytest.mark.parametrize("language", list(Language))
def test_every_subject_carries_the_dispute_id(template: str, language: Language) -> None:
    mail = WORDING.compose(notice_of(template), ASKED, language, "Muster GmbH")
    assert mail.subject.endswith(f"[{DISPUTE}]")


@pytest.mark.parametrize("template", WORDING.templates)
@pytest.mark.parametrize("language", list(Language))
def test_a_missing_variable_blocks_the_mail(template: str, language: Language) -> None:
    complete = WORDING.variables(notice_of(template), ASKED, language, "Muster GmbH")
    incomplete = {name: value for name, value in complete.items() if name != "dispute_id"}
    with pytest.raises(WordingError, match="dispute_id"):
        WORDING.render(template, language, incomplete)


def test_a_question_without_its_text_is_not_asked() -> None:
    question = notice_of("information-request")
    assert set(WORDING.sealed_texts(question)) == {"question"}
    assert PersonalText(texts={"question": None}).erased == "question"
    assert ASKED.erased is None
    assert not WORDING.sealed_texts(notice_of("acknowledgement"))
    with pytest.raises(WordingError, match="what"):
        WORDING.compose(question, NOBODY, EN, "Muster GmbH")


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
    question = InformationRequest(
        dispute=facts, what=INFORMATION_REQUEST.read(notice_of("information-request")).what, due=date(2026, 12, 1)
    )
    for template in ("information-request", "department-request"):
        mail = WORDING.compose(
            notice_of(template, question), PersonalText(name=text, texts={"question": text}), language, text
        )
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
    mail = WORDING.compose(notice_of("acknowledgement", Acknowledgement(dispute=many)), NOBODY, DE, "Muster GmbH")
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
    mail = WORDING.compose(notice_of("resolution", paid), NOBODY, DE, "Muster GmbH")
    assert "  - Nach unserer Kenntnis bezahlt: 1.234,50 EUR" in mail.text
    assert "Gutschrift" not in mail.text
    assert "weiterhin" not in mail.text


@pytest.mark.parametrize(
    ("language", "says", "share"),
    [
        (Language.GERMAN, "lautet auf einen niedrigeren Betrag", "  - Nicht mehr in Rechnung gestellt: 500,00 EUR"),
        (Language.ENGLISH, "stands at a lower amount", "  - No longer invoiced: €500.00"),
    ],
)
def test_an_invoice_that_is_smaller_promises_no_credit_memo(language: Language, says: str, share: str) -> None:
    none = Money(0, "EUR")
    smaller = Resolution(
        dispute=FACTS, resolution_code="INVOICE_REDUCED", credited=none, rejected=none, written_off=none, paid=none,
        reduced=Money(50000, "EUR"),
    )  # fmt: skip
    mail = WORDING.compose(notice_of("resolution", smaller), NOBODY, language, "Muster GmbH")
    assert says in " ".join(mail.text.split())
    assert share in mail.text
    assert "utschrift" not in mail.text
    assert "redit" not in mail.text


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
        "INVOICE_REDUCED",
        "PAYMENT_RETURNED",
    ]
    assert [code for code in reasons if words.reason(code, language) == code] == []
    assert [code for code in outcomes if words.outcome(code, language, by_ledger=False).label == code] == []
    assert words.reason("OUR_OWN", language) == "OUR_OWN"


def test_the_same_notice_is_worded_the_same_way_every_time() -> None:
    notice = notice_of("acknowledgement")
    first = WORDING.compose(notice, NOBODY, DE, "Muster GmbH")
    assert first.sha256 == Wording(LETTERS, [TEXTS]).compose(notice, NOBODY, DE, "Muster GmbH").sha256
    assert first.wording == "acknowledgement@3"


@pytest.mark.parametrize("template", WORDING.templates)
def test_no_text_is_long_enough_to_push_the_token_out_of_the_subject(template: str) -> None:
    facts = FACTS_BY_TEMPLATE[template]
    endless = structs.replace(facts, dispute=structs.replace(facts.dispute, reason_code="R" * 5_000))
    if isinstance(endless, Resolution):
        endless = structs.replace(endless, resolution_code="O" * 5_000)
    assert WORDING.compose(notice_of(template, endless), ASKED, EN, "Muster GmbH").subject.endswith(f"[{DISPUTE}]")
