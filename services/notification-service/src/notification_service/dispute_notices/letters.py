"""The values that mails about disputes may use, already written as the language writes them."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from msgspec import UNSET

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
    DisputedPart,
    DisputeFacts,
    InformationRequest,
    PartOutcome,
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
    claimed = facts.claimed_back
    return _common(facts.dispute, language) | {
        "claimed": None if claimed is None else written.money(claimed, language),
        "is_all_claimed": claimed == facts.dispute.open,
    }


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
    return _common(facts.dispute, language, _outcome_of_parts(facts, language)) | _outcome(facts, language)


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


def _common(
    dispute: DisputeFacts, language: Language, outcomes: Mapping[int, str] = MappingProxyType({})
) -> dict[str, Value]:
    """`outcomes` says by position what became of a part."""
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
                "invoice": one_line(part.invoice_id) if part.legal_entity is UNSET else _of_entity(part),
                "line": None if part.line is None else one_line(part.line),
                "amount": written.money(part.disputed, language),
                "outcome": outcomes.get(position),
            }
            for position, part in enumerate(shown)
        ],
        "parts_not_shown": len(dispute.parts) - len(shown),
        "owner": None if dispute.owner is None else one_line(dispute.owner),
        "team": None if dispute.team is None else one_line(dispute.team.removeprefix("team:")),
        "sla_due": None if dispute.sla_due_at is None else written.moment(dispute.sla_due_at, language),
    }


def _of_entity(part: DisputedPart) -> str:
    """Two legal entities use the number."""
    return f"{one_line(part.invoice_id)} ({one_line(str(part.legal_entity))})"


def _outcome(facts: Resolution, language: Language) -> dict[str, Value]:
    outcome = _ending(facts, language)
    return {
        "outcome": one_line(outcome.label, 80),
        "outcome_sentence": outcome.sentence,
        "shares": _shares(facts, outcome, language),
        "payable": written.money(facts.rejected, language) if facts.rejected.minor else None,
        "paid_in_vain": None if facts.denied is None else written.money(facts.denied, language),
    }


def _ending(facts: Resolution, language: Language) -> words.Ending:
    return words.outcome(facts.resolution_code, language, by_ledger=facts.by_ledger, after_payment=facts.after_payment)


def _shares(amounts: Resolution | PartOutcome, outcome: words.Ending, language: Language) -> list[tuple[str, str]]:
    """What became of the amount, label by label. Nothing is said of a write-off."""
    labels = _SHARES[language]
    shares = [
        (outcome.credited or labels["credited"], amounts.credited),
        (outcome.paid or labels["paid"], amounts.paid),
        (outcome.rejected or labels["rejected"], amounts.rejected),
    ]
    if isinstance(amounts, Resolution):
        more = (("denied", amounts.denied), ("reduced", amounts.reduced))
        shares += [(labels[name], amount) for name, amount in more if amount is not None]
    return [(label, written.money(amount, language)) for label, amount in shares if amount.minor]


def _outcome_of_parts(facts: Resolution, language: Language) -> dict[int, str]:
    """Of a dispute with several parts, the outcome of each in one line."""
    if len(facts.dispute.parts) == 1:
        return {}
    ending = _ending(facts, language)
    return {
        part.part: "; ".join(f"{label}: {amount}" for label, amount in shares)
        for part in facts.outcomes
        if (shares := _shares(part, ending, language))
    }


_SHARES = {
    Language.ENGLISH: {
        "credited": "Credit to you",
        "paid": "Settled",
        "rejected": "Not accepted, payable",
        "denied": "Not accepted, already paid",
        "reduced": "No longer invoiced",
    },
    Language.GERMAN: {
        "credited": "Gutschrift für Sie",
        "paid": "Ausgeglichen",
        "rejected": "Nicht anerkannt, zu zahlen",
        "denied": "Nicht anerkannt, bereits bezahlt",
        "reduced": "Nicht mehr in Rechnung gestellt",
    },
}
