"""Every mail we write, in every language, as a person reads it. A change of wording is a change of these files, read in
the review; WRITE_GOLDEN=1 writes them anew.
"""

import os
from pathlib import Path

import pytest
from support.notification_examples import WORDING, notice_of

from notification_service.wording.compose import PersonalText
from notification_service.wording.language import Language

GOLDEN = Path(__file__).parent / "golden"
NAMES = {Language.ENGLISH: "Maria Weber", Language.GERMAN: "Frau Weber"}
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
    text, html = f"Subject: {mail.subject}\n\n{mail.text}", mail.html + "\n"
    expected_text, expected_html = GOLDEN / f"{template}.{language}.txt", GOLDEN / f"{template}.{language}.html"
    if os.environ.get("WRITE_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        expected_text.write_text(text, "utf-8")
        expected_html.write_text(html, "utf-8")
    assert text == expected_text.read_text("utf-8")
    assert html == expected_html.read_text("utf-8")
