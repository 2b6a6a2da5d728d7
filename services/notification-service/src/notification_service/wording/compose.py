"""A notice in words: subject, plain text and HTML. Pure once the templates are loaded.

`templates/<template>/<language>.txt` is the hand-written text part, its first line the subject; `.mjml` beside it is
the HTML part before mrml has made tables of it. Jinja runs first, escaped and sandboxed, then MJML.
"""

from collections.abc import Mapping
from hashlib import sha256

import mrml
from jinja2 import PackageLoader, StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from msgspec import Struct

from notification_service.notices.notice import (
    Acknowledgement,
    Assignment,
    Breach,
    DisputeFacts,
    Facts,
    InformationRequest,
    Resolution,
)
from notification_service.wording import language as written
from notification_service.wording import words
from notification_service.wording.language import Language
from notification_service.wording.plain import one_line, paragraphs

TEMPLATES = (
    "acknowledgement",
    "assignment",
    "information-request",
    "department-request",
    "resolution",
    "sla-breach",
)
WORDING_VERSION = 1  # counted up whenever a template says something else; recorded with every mail
MAX_PARTS_SHOWN = 50
_SUBJECT = "Subject: "

Value = str | int | None | list[str] | list[dict[str, str | None]] | list[tuple[str, str]]


class WordingError(Exception):
    """The mail cannot be worded. The message names template and place and nothing personal."""


class PersonalText(Struct, frozen=True, kw_only=True):
    """What the vault gave back for this mail. None: there is none, or it has been erased."""

    name: str | None = None
    what: str | None = None


class MailText(Struct, frozen=True, kw_only=True):
    """A mail in words. `wording` is template@version, `sha256` is over subject, text and HTML."""

    language: Language
    subject: str
    text: str
    html: str
    wording: str
    sha256: str


class Wording:
    """The templates, loaded once."""

    def __init__(self) -> None:
        self._text = _environment(escape=False)
        self._html = _environment(escape=True)
        self._parser = mrml.ParserOptions(include_loader=mrml.noop_loader())
        self._options = mrml.RenderOptions(disable_comments=False, fonts={})

    def compose(self, template: str, facts: Facts, personal: PersonalText, language: Language, sender: str) -> MailText:
        """The mail. `sender` is the company's name under it. WordingError if anything it needs is missing."""
        return self.render(template, language, variables(facts, personal, language, sender))

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


def _environment(*, escape: bool) -> ImmutableSandboxedEnvironment:
    """Sandboxed, and a variable that is not there is an error, never an empty place. Only the text is not escaped."""
    return ImmutableSandboxedEnvironment(
        loader=PackageLoader("notification_service.wording", "templates"),
        autoescape=escape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def needed_text_is_erased(facts: Facts, personal: PersonalText) -> bool:
    """A question whose text has been erased asks nothing."""
    return isinstance(facts, InformationRequest) and personal.what is None


def variables(facts: Facts, personal: PersonalText, language: Language, sender: str) -> dict[str, Value]:
    """What the templates may speak of, already written as the language writes it."""
    common = _common(facts.dispute, personal, language, sender)
    match facts:
        case Acknowledgement():
            return common
        case Assignment():
            return common | {"explanation": one_line(facts.explanation, 500)}
        case InformationRequest():
            asked: dict[str, Value] = {"due": written.day(facts.due, language)}
            if personal.what is not None:
                asked["what"] = paragraphs(personal.what)
            return common | asked
        case Resolution():
            return common | _outcome(facts, language)
        case Breach():
            return common | {"due_at": written.moment(facts.due_at, language)}


def _common(dispute: DisputeFacts, personal: PersonalText, language: Language, sender: str) -> dict[str, Value]:
    shown = dispute.parts[:MAX_PARTS_SHOWN]
    return {
        "language": language.value,
        "salutation": salutation(personal.name, language),
        "sender": one_line(sender),
        "dispute_id": one_line(dispute.dispute_id, 60),
        "customer_id": one_line(dispute.customer_id),
        "reason": one_line(words.reason(dispute.reason_code, language), 80),
        "disputed": written.money(dispute.disputed, language),
        "open": written.money(dispute.open, language),
        "opened_on": written.day(dispute.opened_at.date(), language),
        "parts": [
            {
                "invoice": one_line(part.invoice_id),
                "line": None if part.line is None else one_line(part.line),
                "amount": written.money(part.disputed, language),
            }
            for part in shown
        ],
        "parts_not_shown": len(dispute.parts) - len(shown),
        "owner": None if dispute.owner is None else one_line(dispute.owner),
        "team": None if dispute.team is None else one_line(dispute.team.removeprefix("team:")),
        "sla_due": None if dispute.sla_due_at is None else written.moment(dispute.sla_due_at, language),
    }


def _outcome(facts: Resolution, language: Language) -> dict[str, Value]:
    outcome = words.outcome(facts.resolution_code, language)
    amounts = (
        ("credited", facts.credited),
        ("paid", facts.paid),
        ("rejected", facts.rejected),
        ("written_off", facts.written_off),
    )
    shares = [(_SHARES[language][name], written.money(amount, language)) for name, amount in amounts if amount.minor]
    return {
        "outcome": one_line(outcome.label, 80),
        "outcome_sentence": outcome.sentence,
        "shares": shares,
        "payable": written.money(facts.rejected, language) if facts.rejected.minor else None,
    }


_SHARES = {
    Language.ENGLISH: {
        "credited": "Credited to you",
        "paid": "Paid by you",
        "rejected": "Not accepted, payable",
        "written_off": "Waived by us",
    },
    Language.GERMAN: {
        "credited": "Ihnen gutgeschrieben",
        "paid": "von Ihnen bezahlt",
        "rejected": "nicht anerkannt, zu zahlen",
        "written_off": "von uns erlassen",
    },
}


def salutation(name: str | None, language: Language) -> str:
    """The formal opening. A name that says Herr, Frau, Mr or Ms is addressed as such; nobody's sex is guessed."""
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
