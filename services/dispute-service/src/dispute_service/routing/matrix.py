"""The resolution matrix: who answers for a dispute, and within how many working hours.

A matrix is an ordered list of rules; the first that fits decides. It always ends in a rule that fits everything, so
every dispute has an owner. A routing is stored with the rule, the version and the explanation in words.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from dispute_service.reasons.catalogue import REASONS
from redress.calendars import BusinessCalendar, CalendarError
from redress.legal_entities.state import LegalEntity
from redress.money import Money

ANY = "*"
MAX_RULES = 500
MAX_SLA_HOURS = 2_000  # about a working year; longer is not a promise any more


class CalendarSpec(Struct, frozen=True, kw_only=True):
    """The working time SLA hours are counted in: public holidays of a country (and its part), opening hours of
    Monday to Friday in a time zone. `opens` and `closes` are HH:MM."""

    country: str
    subdivision: str | None = None
    time_zone: str
    opens: str
    closes: str


class AmountBand(Struct, frozen=True, kw_only=True):
    """Amounts of `currency` from `from_minor` (included) up to `below_minor` (excluded); None is no bound."""

    currency: str
    from_minor: int | None = None
    below_minor: int | None = None


class Rule(Struct, frozen=True, kw_only=True):
    """One row of the matrix. `reason_codes` and `legal_entities` hold codes or `*`; no `band` means any amount.

    `owner` is a person's subject and may be None: then the team's queue takes it. `backup` takes over when it
    escalates.
    """

    rule_id: str
    reason_codes: tuple[str, ...]
    legal_entities: tuple[str, ...] = (ANY,)
    band: AmountBand | None = None
    team: str
    owner: str | None = None
    backup: str | None = None
    sla_hours: int
    calendar: str


class ResolutionMatrix(Struct, frozen=True, kw_only=True):
    """Version 0 is the built-in default; a tenant's published ones count from 1. `comment` is the publisher's."""

    version: int
    rules: tuple[Rule, ...]
    calendars: dict[str, CalendarSpec]
    comment: str | None = None


class RoutingInputs(Struct, frozen=True, kw_only=True):
    """The properties of a dispute that a rule may read. `amount` is the open disputed total."""

    reason_code: str
    amount: Money
    legal_entity: str | None


class Routing(Struct, frozen=True, kw_only=True):
    """Where a dispute goes and why. `explanation` is one sentence for a person."""

    rule_id: str
    policy_version: int
    team: str
    owner: str | None
    backup: str | None
    sla_hours: int
    calendar: str
    explanation: str


def route(matrix: ResolutionMatrix, inputs: RoutingInputs) -> Routing:
    """The first rule that fits. A published matrix always has one; ValueError means it was never checked."""
    for rule in matrix.rules:
        if _fits(rule, inputs):
            return Routing(
                rule_id=rule.rule_id,
                policy_version=matrix.version,
                team=rule.team,
                owner=rule.owner,
                backup=rule.backup,
                sla_hours=rule.sla_hours,
                calendar=rule.calendar,
                explanation=_explain(matrix, rule, inputs),
            )
    raise ValueError(f"resolution matrix {matrix.version} has no rule for {inputs.reason_code}")


def _fits(rule: Rule, inputs: RoutingInputs) -> bool:
    if ANY not in rule.reason_codes and inputs.reason_code not in rule.reason_codes:
        return False
    if ANY not in rule.legal_entities and inputs.legal_entity not in rule.legal_entities:
        return False
    band = rule.band
    if band is None:
        return True
    if band.currency != inputs.amount.currency:
        return False
    if band.from_minor is not None and inputs.amount.minor < band.from_minor:
        return False
    return band.below_minor is None or inputs.amount.minor < band.below_minor


def _explain(matrix: ResolutionMatrix, rule: Rule, inputs: RoutingInputs) -> str:
    because = [f"reason {inputs.reason_code}" + ("" if ANY not in rule.reason_codes else " (any reason)")]
    if ANY not in rule.legal_entities:
        because.append(f"legal entity {inputs.legal_entity}")
    if rule.band is not None:
        bounds = []
        if rule.band.from_minor is not None:
            bounds.append(f"at least {Money(rule.band.from_minor, rule.band.currency)}")
        if rule.band.below_minor is not None:
            bounds.append(f"below {Money(rule.band.below_minor, rule.band.currency)}")
        because.append(f"amount {inputs.amount} is {' and '.join(bounds) or 'in ' + rule.band.currency}")
    who = rule.team if rule.owner is None else f"{rule.owner} of {rule.team}"
    name = "the default resolution matrix" if matrix.version == 0 else f"resolution matrix {matrix.version}"
    return (
        f"Rule {rule.rule_id} of {name} applies ({', '.join(because)}): "
        f"{who} answers within {rule.sla_hours} working hours."
    )


DEFAULT_CALENDAR = "de-office"
_OFFICE = CalendarSpec(country="DE", time_zone="Europe/Berlin", opens="09:00", closes="17:00")
OWN_CALENDAR = "legal-entity"  # in a rule: the working hours of the dispute's legal entity


def for_entity(matrix: ResolutionMatrix, entity: LegalEntity) -> ResolutionMatrix:
    """The matrix with the working hours of a legal entity under `legal-entity`, and, where no matrix was published,
    everywhere. An entity that nobody described, or whose holidays are not known here, has those of the built-in
    matrix."""
    own = _hours_of(entity)
    calendars = {OWN_CALENDAR: own or _OFFICE, **matrix.calendars}
    if own is not None and matrix.version == 0:
        calendars[DEFAULT_CALENDAR] = own
    return msgspec.structs.replace(matrix, calendars=calendars)


def _hours_of(entity: LegalEntity) -> CalendarSpec | None:
    if entity.described is None:
        return None
    hours = entity.described.calendar
    try:
        BusinessCalendar(hours.country, hours.subdivision, entity.zone)
    except CalendarError:
        return None
    return CalendarSpec(
        country=hours.country,
        subdivision=hours.subdivision,
        time_zone=entity.zone,
        opens=hours.opens,
        closes=hours.closes,
    )


def default_matrix() -> ResolutionMatrix:
    """One rule per reason code with the default owner of `reference/domain.md` §3.4, and one for everything else."""
    rules = [
        Rule(
            rule_id=f"default-{reason.code.lower().replace('_', '-')}",
            reason_codes=(reason.code,),
            team=reason.default_team,
            backup="AR coordination",
            sla_hours=reason.default_sla_hours,
            calendar=DEFAULT_CALENDAR,
        )
        for reason in REASONS
    ]
    rules.append(
        Rule(
            rule_id="default-everything-else",
            reason_codes=(ANY,),
            team="AR specialist",
            backup="AR coordination",
            sla_hours=24,
            calendar=DEFAULT_CALENDAR,
        )
    )
    return ResolutionMatrix(
        version=0,
        rules=tuple(rules),
        calendars={DEFAULT_CALENDAR: _OFFICE},
    )


class MatrixProblem(Struct, frozen=True):
    """One thing wrong with a proposed matrix; `path` is where it stands in it."""

    path: tuple[str | int, ...]
    detail: str


def problems_of(
    rules: tuple[Rule, ...], calendars: Mapping[str, CalendarSpec], known: frozenset[str]
) -> list[MatrixProblem]:
    """Everything that forbids publishing; empty when every dispute would get an owner. `known` are reason codes."""
    found: list[MatrixProblem] = []
    if not rules:
        return [MatrixProblem(("rules",), "a matrix needs at least one rule")]
    seen: set[str] = set()
    for index, rule in enumerate(rules):
        if rule.rule_id in seen:
            found.append(MatrixProblem(("rules", index, "rule_id"), f"{rule.rule_id} is used twice"))
        seen.add(rule.rule_id)
        for at, code in enumerate(rule.reason_codes):
            if code != ANY and code not in known:
                found.append(MatrixProblem(("rules", index, "reason_codes", at), f"{code} is not a reason code"))
        if rule.calendar not in calendars and rule.calendar != OWN_CALENDAR:
            found.append(
                MatrixProblem(("rules", index, "calendar"), f"{rule.calendar} is not among the matrix's calendars")
            )
        if not 1 <= rule.sla_hours <= MAX_SLA_HOURS:
            found.append(MatrixProblem(("rules", index, "sla_hours"), f"must be from 1 to {MAX_SLA_HOURS}"))
        band = rule.band
        if (
            band is not None
            and band.from_minor is not None
            and band.below_minor is not None
            and band.from_minor >= band.below_minor
        ):
            found.append(MatrixProblem(("rules", index, "band"), "the band is empty: from must be less than below"))
    last = rules[-1]
    if ANY not in last.reason_codes or ANY not in last.legal_entities or last.band is not None:
        found.append(
            MatrixProblem(
                ("rules", len(rules) - 1),
                "the last rule must fit every dispute (reason *, legal entity *, no band), or some would have no owner",
            )
        )
    return found
