"""The values that mails about disputes may use, already written as the language writes them."""

from pathlib import Path
from typing import Any

from notification_service.dispute_notices import words
from notification_service.dispute_notices.facts import (
    ACKNOWLEDGEMENT,
    ASSIGNMENT,
    DEPARTMENT_REQUEST,
    INFORMATION_REQUEST,
    RESOLUTION,
    SLA_BREACH,
    Acknowledgement,
    Assignment,
    Breach,
    DisputeFacts,
    InformationRequest,
    Resolution,
)
from notification_service.wording import language as written
from notification_service.wording.language import Language
from notification_service.wording.letter import Letter, Texts, Value
from notification_service.wording.plain import one_line, paragraphs
from redress.contracts.common import Sealed

TEXTS = Path(__file__).parent / "templates"
MAX_PARTS_SHOWN = 50
QUESTION = "question"


def _acknowledgement(facts: Acknowledgement, _texts: Texts, language: Language) -> dict[str, Value]:
    return _common(facts.dispute, language)


def _assignment(facts: Assignment, _texts: Texts, language: Language) -> dict[str, Value]:
    return _common(facts.dispute, language) | {"explanation": one_line(facts.explanation, 500)}


def _question(facts: InformationRequest, texts: Texts, language: Language) -> dict[str, Value]:
    asked: dict[str, Value] = {"due": written.day(facts.due, language)}
    if QUESTION in texts:
        asked["what"] = paragraphs(texts[QUESTION])
    return _common(facts.dispute, language) | asked


def _sealed_question(facts: InformationRequest) -> dict[str, Sealed]:
    return {QUESTION: facts.what}


def _resolution(facts: Resolution, _texts: Texts, language: Language) -> dict[str, Value]:
    return _common(facts.dispute, language) | _outcome(facts, language)


def _breach(facts: Breach, _texts: Texts, language: Language) -> dict[str, Value]:
    return _common(facts.dispute, language) | {"due_at": written.moment(facts.due_at, language)}


LETTERS: tuple[Letter[Any], ...] = (
    Letter(template=ACKNOWLEDGEMENT, variables=_acknowledgement),
    Letter(template=ASSIGNMENT, variables=_assignment),
    Letter(template=INFORMATION_REQUEST, variables=_question, sealed=_sealed_question),
    Letter(template=DEPARTMENT_REQUEST, variables=_question, sealed=_sealed_question),
    Letter(template=RESOLUTION, variables=_resolution),
    Letter(template=SLA_BREACH, variables=_breach),
)


def _common(dispute: DisputeFacts, language: Language) -> dict[str, Value]:
    shown = dispute.parts[:MAX_PARTS_SHOWN]
    return {
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
        ("reduced", facts.reduced),
    )
    shares = [
        (_SHARES[language][name], written.money(amount, language))
        for name, amount in amounts
        if amount is not None and amount.minor
    ]
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
        "reduced": "No longer invoiced",
    },
    Language.GERMAN: {
        "credited": "Ihnen gutgeschrieben",
        "paid": "von Ihnen bezahlt",
        "rejected": "nicht anerkannt, zu zahlen",
        "written_off": "von uns erlassen",
        "reduced": "nicht mehr in Rechnung gestellt",
    },
}
