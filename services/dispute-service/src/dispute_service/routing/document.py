"""The document of a resolution matrix: amounts as text, and its version."""

from msgspec import Struct

from dispute_service.routing.matrix import CalendarSpec, ResolutionMatrix, Rule
from redress.money import Money


class BandDocument(Struct, frozen=True, kw_only=True):
    currency: str
    at_least: str | None
    below: str | None


class RuleDocument(Struct, frozen=True, kw_only=True):
    rule_id: str
    reason_codes: tuple[str, ...]
    legal_entities: tuple[str, ...]
    band: BandDocument | None
    team: str
    owner: str | None
    backup: str | None
    sla_hours: int
    calendar: str


class MatrixDocument(Struct, frozen=True, kw_only=True):
    """Version 0 is the built-in default."""

    version: int
    rules: tuple[RuleDocument, ...]
    calendars: dict[str, CalendarSpec]


def matrix_document(matrix: ResolutionMatrix) -> MatrixDocument:
    return MatrixDocument(
        version=matrix.version,
        rules=tuple(_rule_document(rule) for rule in matrix.rules),
        calendars=matrix.calendars,
    )


def _rule_document(rule: Rule) -> RuleDocument:
    band = rule.band
    return RuleDocument(
        rule_id=rule.rule_id,
        reason_codes=rule.reason_codes,
        legal_entities=rule.legal_entities,
        band=(
            BandDocument(
                currency=band.currency,
                at_least=None if band.from_minor is None else Money(band.from_minor, band.currency).amount,
                below=None if band.below_minor is None else Money(band.below_minor, band.currency).amount,
            )
            if band
            else None
        ),
        team=rule.team,
        owner=rule.owner,
        backup=rule.backup,
        sla_hours=rule.sla_hours,
        calendar=rule.calendar,
    )
