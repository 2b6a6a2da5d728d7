"""Every mail we write, in every language, as a person reads it. A change of wording is a change of these files, read in
the review; WRITE_GOLDEN=1 writes them anew.
"""

import os
from pathlib import Path

import pytest
from support.notification_examples import WORDING, WORKED_FACTS, claim_of_200, notice_of, resolution_of_two

from notification_service.dispute_notices.facts import Acknowledgement
from notification_service.wording.compose import MailText, PersonalText
from notification_service.wording.language import Language
from redress.money import Money

GOLDEN = Path(__file__).parent / "golden"
NAMES = {Language.ENGLISH: "Maria Weber", Language.GERMAN: "Frau Weber"}
# What each code makes of the two disputed parts.
OUTCOMES = {
    "CREDIT_FULL": ("credited", "credited"),
    "CREDIT_PARTIAL": ("credited", "rejected"),
    "REBILL": ("credited", "credited"),
    "REFUND": ("credited", "credited"),
    "CUSTOMER_PAID": ("paid", "paid"),
    "REJECTED_COLLECT": ("rejected", "rejected"),
    "WRITE_OFF_SMALL": ("written_off", "written_off"),
    "WRITE_OFF_BAD_DEBT": ("written_off", "written_off"),
    "GOODWILL": ("credited", "rejected"),
    "OFFSET": ("paid", "paid"),
    "VOID_LOGGED_IN_ERROR": ("withdrawn", "withdrawn"),
    "CASH_REAPPLIED": ("paid", "paid"),
    "SETTLEMENT_GIVEN_UP": ("rejected", "rejected"),
}
POSTED = ("CREDIT_FULL", "CREDIT_PARTIAL", "CUSTOMER_PAID")
QUESTIONS = {
    Language.ENGLISH: "The signed delivery note\nand a photo of the damage",
    Language.GERMAN: "Den unterschriebenen Lieferschein\nund ein Foto des Schadens",
}


@pytest.mark.parametrize("template", WORDING.templates)
@pytest.mark.parametrize("language", list(Language))
def test_the_mail_reads_as_agreed(template: str, language: Language) -> None:
    mail = WORDING.compose(
        notice_of(template),
        PersonalText(name=NAMES[language], texts={"question": QUESTIONS[language]}),
        language,
        "Muster & Söhne GmbH",
    )
    _agreed(f"{template}.{language}.txt", _text(mail))
    _agreed(f"{template}.{language}.html", mail.html + "\n")


@pytest.mark.parametrize("language", list(Language))
def test_the_outcome_of_several_items_is_said_of_each(language: Language) -> None:
    mail = _outcome_mail("CREDIT_PARTIAL", language)
    _agreed(f"resolution-per-item.{language}.txt", _text(mail))
    _agreed(f"resolution-per-item.{language}.html", mail.html + "\n")


@pytest.mark.parametrize("language", list(Language))
def test_every_outcome_reads_as_agreed(language: Language) -> None:
    """Also that of a bad debt, though no customer is told any more: notices that were queued before are still sent."""
    by_people = [(code, False) for code in OUTCOMES]
    letters = [
        f"{code}{', by a posting' if by_ledger else ''}\n\n{_text(_outcome_mail(code, language, by_ledger=by_ledger))}"
        for code, by_ledger in [*by_people, *((code, True) for code in POSTED)]
    ]
    _agreed(f"outcomes.{language}.txt", ("\n" + "=" * 80 + "\n\n").join(letters))


@pytest.mark.parametrize("language", list(Language))
def test_a_mail_about_what_is_paid_asks_for_no_money(language: Language) -> None:
    open_ = Money(WORKED_FACTS.open.minor, "EUR")
    facts = [
        Acknowledgement(dispute=WORKED_FACTS, claimed_back=open_),
        Acknowledgement(dispute=WORKED_FACTS, claimed_back=Money(1, "EUR")),
        claim_of_200("REFUND", credited=20000),
        claim_of_200("CREDIT_PARTIAL", credited=5000, denied=15000),
        claim_of_200("REJECTED_COLLECT", denied=20000),
        claim_of_200("CLAIM_GIVEN_UP", denied=20000),
        *(claim_of_200(code, by_ledger=True) for code in ("CREDIT_FULL", "CREDIT_PARTIAL", "REFUND")),
    ]
    personal = PersonalText(name=NAMES[language])
    mails = [
        WORDING.compose(
            notice_of("acknowledgement" if isinstance(each, Acknowledgement) else "resolution", each),
            personal,
            language,
            "Muster & Söhne GmbH",
        )
        for each in facts
    ]
    _agreed(f"claims-after-payment.{language}.txt", ("\n" + "=" * 80 + "\n\n").join(_text(mail) for mail in mails))
    for mail in (mails[0], *mails[2:]):
        for word in ("payable", "need not pay", "fällig", "zu zahlen"):
            assert word not in f"{mail.subject} {mail.text} {mail.html}"


@pytest.mark.parametrize("code", ["WRITE_OFF_BAD_DEBT", "WRITE_OFF_SMALL"])
@pytest.mark.parametrize("language", list(Language))
def test_a_write_off_is_never_told_as_a_waiver(code: str, language: Language) -> None:
    mail = _outcome_mail(code, language)
    for word in ("waive", "pursue", "expected", "written off", "erlass", "verfolgen", "nichts weiter", "ausgebucht"):
        assert word not in f"{mail.subject} {mail.text} {mail.html}".lower()


def _outcome_mail(code: str, language: Language, *, by_ledger: bool = False) -> MailText:
    """Of two invoices, A1 of 100 and line 10 of B1 of 200."""
    facts = resolution_of_two(code, OUTCOMES[code], by_ledger=by_ledger)
    personal = PersonalText(name=NAMES[language])
    return WORDING.compose(notice_of("resolution", facts), personal, language, "Muster & Söhne GmbH")


def _text(mail: MailText) -> str:
    return f"Subject: {mail.subject}\n\n{mail.text}"


def _agreed(name: str, words: str) -> None:
    file = GOLDEN / name
    if os.environ.get("WRITE_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        file.write_text(words, "utf-8")
    assert words == file.read_text("utf-8")
