"""A dispute is answered within the working hours of its legal entity, unless the company's matrix says others."""

from datetime import UTC, datetime

from msgspec.structs import replace
from support.legal_entities import NEW_YORK, described

from dispute_service.disputes.settlement_terms import BUILT_IN_TERMS, settlement
from dispute_service.routing.matrix import (
    CalendarSpec,
    RoutingInputs,
    Rule,
    default_matrix,
    for_entity,
    problems_of,
    route,
)
from dispute_service.routing.sla import sla_of
from redress.legal_entities.state import LegalEntity
from redress.money import Money

FRIDAY = datetime(2026, 11, 27, 22, tzinfo=UTC)  # 17:00 in New York, on the day after Thanksgiving
DE_OFFICE = CalendarSpec(country="DE", time_zone="Europe/Berlin", opens="09:00", closes="17:00")
INPUTS = RoutingInputs(reason_code="PRICE", amount=Money(30_000, "USD"), legal_entity="US01")
LAST = Rule(rule_id="all", reason_codes=("*",), team="AR", sla_hours=8, calendar="legal-entity")


def us() -> LegalEntity:
    return LegalEntity(described=described())


def test_the_built_in_matrix_counts_in_the_hours_of_the_entity() -> None:
    matrix = for_entity(default_matrix(), us())
    sla = sla_of(matrix, replace(route(matrix, INPUTS), sla_hours=8), FRIDAY)

    # Monday 09:00 to 17:00 in New York is 14:00 to 22:00 UTC.
    assert sla.due_at == datetime(2026, 11, 30, 22, tzinfo=UTC)
    assert (sla.inputs.timezone, sla.inputs.country, sla.inputs.subdivision) == ("America/New_York", "US", "NY")


def test_what_the_erp_is_to_post_is_due_in_the_hours_of_the_entity() -> None:
    """Ten working days after Friday, counted in New York, at 17:00 there; Berlin is on Saturday already."""
    matrix = for_entity(default_matrix(), us())
    due = settlement(BUILT_IN_TERMS, ["credit"], matrix, "legal-entity", FRIDAY.replace(hour=23, minute=30))

    assert due is not None
    assert due.due_at == datetime(2026, 12, 11, 22, tzinfo=UTC)


def test_an_entity_that_nobody_described_has_the_hours_of_the_built_in_matrix() -> None:
    matrix = for_entity(default_matrix(), LegalEntity())

    assert matrix.calendars == {"de-office": DE_OFFICE, "legal-entity": DE_OFFICE}


def test_a_published_matrix_counts_in_the_hours_that_its_rules_name() -> None:
    published = replace(default_matrix(), version=1, rules=(replace(LAST, calendar="de-office"),))
    matrix = for_entity(published, us())

    assert matrix.calendars["de-office"] == DE_OFFICE
    assert matrix.calendars["legal-entity"].time_zone == "America/New_York"


def test_a_rule_may_name_the_hours_of_the_entity() -> None:
    assert problems_of((LAST,), {}, frozenset()) == []
    (problem,) = problems_of((replace(LAST, calendar="us-office"),), {}, frozenset())
    assert problem.path == ("rules", 0, "calendar")


def test_a_calendar_of_the_company_with_that_name_is_the_companys() -> None:
    own = replace(default_matrix(), version=1, calendars={"legal-entity": DE_OFFICE})

    assert for_entity(own, us()).calendars == {"legal-entity": DE_OFFICE}


def test_holidays_that_are_not_known_here_do_not_stop_a_dispute() -> None:
    unknown = LegalEntity(described=described(calendar={**NEW_YORK["calendar"], "country": "XX"}))

    assert for_entity(default_matrix(), unknown).calendars["de-office"] == DE_OFFICE
