"""A notice in words: subject, plain text and HTML. Pure once the templates are loaded.

`<template>/<language>.txt` is the hand-written text part, its first line the subject; `.mjml` beside it is the HTML
part before mrml has made tables of it. Jinja runs first, escaped and sandboxed, then MJML. What all mails have in
common stands in `templates/`, the texts of each template in the folder of the feature that adds it.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import mrml
import msgspec
from jinja2 import FileSystemLoader, StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from msgspec import Struct

from notification_service.notices.notice import Notice
from notification_service.wording.language import Language
from notification_service.wording.letter import Letter, Value
from notification_service.wording.plain import one_line
from redress.contracts.common import Sealed

COMMON_TEXTS = Path(__file__).parent / "templates"
WORDING_VERSION = 3  # counted up whenever a template says something else; recorded with every mail
_SUBJECT = "Subject: "


class WordingError(Exception):
    """The mail cannot be worded. The message names template and place and nothing personal."""


class PersonalText(Struct, frozen=True, kw_only=True):
    """The texts that the vault opened for this mail: the recipient's name, and the sealed texts by name. None: it does
    not exist, or it has been erased."""

    name: str | None = None
    texts: Mapping[str, str | None] = {}

    @property
    def erased(self) -> str | None:
        """The first of the texts that has been erased, None if all are there."""
        return next((name for name, text in self.texts.items() if text is None), None)


class MailText(Struct, frozen=True, kw_only=True):
    """A mail in words. `wording` is template@version, `sha256` is over subject, text and HTML."""

    language: Language
    subject: str
    text: str
    html: str
    wording: str
    sha256: str


class Wording:
    """The letters and their texts, loaded once. `texts` are the folders of the templates."""

    def __init__(self, letters: Iterable[Letter[Any]], texts: Iterable[Path]) -> None:
        folders = [COMMON_TEXTS, *texts]
        self._letters = {letter.template.name: letter for letter in letters}
        self._text = _environment(folders, escape=False)
        self._html = _environment(folders, escape=True)
        self._parser = mrml.ParserOptions(include_loader=mrml.noop_loader())
        self._options = mrml.RenderOptions(disable_comments=False, fonts={})

    @property
    def templates(self) -> tuple[str, ...]:
        return tuple(self._letters)

    def sealed_texts(self, notice: Notice) -> Mapping[str, Sealed]:
        """The texts that must be opened before it can be worded, by name. WordingError if it cannot be worded."""
        letter, facts = self._letter(notice)
        return letter.sealed(facts)

    def compose(self, notice: Notice, personal: PersonalText, language: Language, sender: str) -> MailText:
        """The mail. `sender` is the company's name under it. WordingError if anything it needs is missing."""
        return self.render(notice.template, language, self.variables(notice, personal, language, sender))

    def variables(self, notice: Notice, personal: PersonalText, language: Language, sender: str) -> dict[str, Value]:
        """The values that templates may use, already written as the language writes them. WordingError as above."""
        letter, facts = self._letter(notice)
        there = {name: text for name, text in personal.texts.items() if text is not None}
        return {
            "language": language.value,
            "salutation": salutation(personal.name, language),
            "sender": one_line(sender),
            "reference": one_line(notice.subject.id, 60),
            **letter.variables(facts, there, language),
        }

    def _letter(self, notice: Notice) -> tuple[Letter[Any], Any]:
        letter = self._letters.get(notice.template)
        if letter is None:
            raise WordingError(f"{notice.template}: there is no such template")
        try:
            return letter, letter.template.read(notice)
        except msgspec.ValidationError as error:
            raise WordingError(f"{notice.template}: the facts are not those of the template") from error

    def render(self, template: str, language: Language, values: Mapping[str, Value]) -> MailText:
        """The mail of given variables. WordingError names a variable the template asks for in vain."""
        try:
            letter = self._text.get_template(f"{template}/{language}.txt").render(values)
            head, _, text = letter.partition("\n")
            subject = one_line(head.removeprefix(_SUBJECT))
            page = self._html.get_template(f"{template}/{language}.mjml").render({**values, "subject": subject})
            html = mrml.to_html(page, parser_options=self._parser, render_options=self._options).content
        except TemplateError as error:
            raise WordingError(f"{template}/{language}: {type(error).__name__}: {error.message}") from error
        except OSError as error:  # what mrml raises for MJML it cannot read
            raise WordingError(f"{template}/{language}: the HTML part is not valid MJML") from error
        if not head.startswith(_SUBJECT):
            raise WordingError(f"{template}/{language}: the first line is not a subject")
        body = text.strip("\n") + "\n"
        digest = sha256(f"{subject}\0{body}\0{html}".encode()).hexdigest()
        return MailText(
            language=language,
            subject=subject,
            text=body,
            html=html,
            wording=f"{template}@{WORDING_VERSION}",
            sha256=digest,
        )


def _environment(folders: Iterable[Path], *, escape: bool) -> ImmutableSandboxedEnvironment:
    """Sandboxed, and a variable that is not there is an error, never an empty place. Only the text is not escaped."""
    return ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(list(folders)),
        autoescape=escape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def salutation(name: str | None, language: Language) -> str:
    """The formal opening. A name with Herr, Frau, Mr or Ms is addressed so; no sex is guessed."""
    called = None if name is None else one_line(name, 100)
    if not called:
        return {Language.ENGLISH: "Dear Sir or Madam,", Language.GERMAN: "Sehr geehrte Damen und Herren,"}[language]
    if language is Language.ENGLISH:
        return f"Dear {called},"
    title, _, rest = called.partition(" ")
    if rest and title == "Herr":
        return f"Sehr geehrter Herr {rest},"
    if rest and title == "Frau":
        return f"Sehr geehrte Frau {rest},"
    return f"Sehr geehrte/r {called},"
