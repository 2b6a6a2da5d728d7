"""A mail tells its days by the clocks of the company that writes, and carries its address."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace
from support.notification_examples import FACTS_BY_TEMPLATE, WORDING, notice_of

from notification_service.dispute_notices.facts import Acknowledgement, Breach
from notification_service.wording.compose import MailText, PersonalText, Place
from notification_service.wording.language import Language

EN, DE = Language.ENGLISH, Language.GERMAN
NEW_YORK = Place(address=("350 Fifth Avenue", "New York, NY 10118"), zone="America/New_York")
HALLOWEEN = datetime(2026, 11, 1, 0, 30, tzinfo=UTC)  # half past eight in the evening of 31 October in New York


def acknowledged(language: Language, place: Place) -> MailText:
    facts = FACTS_BY_TEMPLATE["acknowledgement"]
    assert isinstance(facts, Acknowledgement)
    opened = replace(facts, dispute=replace(facts.dispute, opened_at=HALLOWEEN))
    return WORDING.compose(notice_of("acknowledgement", opened), PersonalText(), language, "Redress Inc.", place)


def breached(language: Language, place: Place) -> MailText:
    facts = FACTS_BY_TEMPLATE["sla-breach"]
    assert isinstance(facts, Breach)
    late = replace(facts, due_at=HALLOWEEN)
    return WORDING.compose(notice_of("sla-breach", late), PersonalText(), language, "Redress Inc.", place)


@pytest.mark.parametrize(
    ("language", "there", "utc"), [(EN, "31 October 2026", "1 November 2026"), (DE, "31.10.2026", "01.11.2026")]
)
def test_a_dispute_of_halloween_in_new_york_was_opened_on_halloween(language: Language, there: str, utc: str) -> None:
    for mail in (acknowledged(language, NEW_YORK).text, acknowledged(language, NEW_YORK).html):
        assert there in mail
        assert utc not in mail
    assert utc in acknowledged(language, Place()).text


@pytest.mark.parametrize(
    ("zone", "english", "german"),
    [
        ("America/New_York", "31 October 2026, 20:30 EDT", "31.10.2026, 20:30 Uhr (EDT)"),
        ("UTC", "1 November 2026, 00:30 UTC", "01.11.2026, 00:30 Uhr (UTC)"),
        ("Asia/Kathmandu", "1 November 2026, 06:15 UTC+05:45", "01.11.2026, 06:15 Uhr (UTC+05:45)"),
    ],
)
def test_an_hour_names_the_clocks_it_is_told_by(zone: str, english: str, german: str) -> None:
    assert english in breached(EN, Place(zone=zone)).text
    assert german in breached(DE, Place(zone=zone)).text


@pytest.mark.parametrize("language", list(Language))
def test_the_address_stands_under_the_name(language: Language) -> None:
    mail = acknowledged(language, NEW_YORK)

    assert "Redress Inc.\n350 Fifth Avenue\nNew York, NY 10118\n\n--\n" in mail.text
    assert "Redress Inc.<br />350 Fifth Avenue<br />New York, NY 10118" in mail.html.replace("<br>", "<br />")


def test_an_address_is_text_and_no_mark_up() -> None:
    mail = acknowledged(EN, Place(address=("<script>alert(1)</script>\r\nBcc: all",)))

    assert "<script>" not in mail.html
    assert "\nBcc" not in mail.text
