from dataclasses import dataclass

import msgspec
from support.disputes import MONDAY, eur
from support.given import Given

from dispute_service.reasons.catalogue import REASONS
from dispute_service.routing.commands import MatrixCommand, PublishMatrix
from dispute_service.routing.decisions import decide
from dispute_service.routing.events import MatrixEvent, MatrixPublished
from dispute_service.routing.matrix import (
    AmountBand,
    CalendarSpec,
    ResolutionMatrix,
    RoutingInputs,
    Rule,
    default_matrix,
    route,
)
from dispute_service.routing.refusals import MatrixNotAcceptable, MatrixRefusal
from dispute_service.routing.state import INITIAL, evolve

CALENDARS = {"us": CalendarSpec(country="US", time_zone="America/New_York", opens="08:00", closes="18:00")}
LARGE = Rule(
    rule_id="price-large",
    reason_codes=("PRICE",),
    legal_entities=("DE01",),
    band=AmountBand(currency="EUR", from_minor=1_000_000),
    team="Key accounts",
    owner="a.roth",
    sla_hours=8,
    calendar="us",
)
REST = Rule(rule_id="rest", reason_codes=("*",), team="AR specialist", sla_hours=24, calendar="us")


def matrices() -> Given[MatrixCommand, ResolutionMatrix, MatrixEvent]:
    return Given(
        decide=decide,
        evolve=evolve,
        state=INITIAL,
        refusals=MatrixRefusal,
    )


def publish(*rules: Rule) -> PublishMatrix:
    return PublishMatrix(at=MONDAY, rules=rules, calendars=CALENDARS)


def facts(amount: str, reason_code: str = "PRICE", legal_entity: str | None = "DE01") -> RoutingInputs:
    return RoutingInputs(reason_code=reason_code, amount=eur(amount), legal_entity=legal_entity)


def test_the_same_matrix_with_another_comment_is_published_and_without_one_it_is_there() -> None:
    spring = msgspec.structs.replace(publish(LARGE, REST), comment="spring review")
    published = matrices().after(spring)
    published.when(spring).then_nothing()
    published.when(publish(LARGE, REST)).then_nothing()
    summer = msgspec.structs.replace(spring, comment="summer review")
    assert published.when(summer).then_kinds(MatrixPublished).version == 2


def test_a_published_matrix_is_the_next_version() -> None:
    state = (
        matrices().when(publish(LARGE, REST)).then(MatrixPublished(at=MONDAY, rules=(LARGE, REST), calendars=CALENDARS))
    )
    assert state.version == 1
    assert matrices().after(publish(LARGE, REST), publish(REST)).state.version == 2


def test_publishing_the_matrix_in_force_changes_nothing() -> None:
    matrices().after(publish(REST)).when(publish(REST)).then_nothing()


def test_a_matrix_that_leaves_a_dispute_without_an_owner_is_refused() -> None:
    refusal = matrices().when(publish(LARGE)).then_refused(MatrixNotAcceptable)
    assert refusal.place == ("rules", 0)


def test_every_wrong_place_is_named() -> None:
    broken = msgspec.structs.replace(
        LARGE,
        reason_codes=("COLOUR",),
        calendar="mars",
        sla_hours=0,
        band=AmountBand(currency="EUR", from_minor=5, below_minor=5),
    )
    refusal = matrices().when(publish(broken, msgspec.structs.replace(REST, rule_id="price-large")))
    places = [problem.path for problem in refusal.then_refused(MatrixNotAcceptable).problems]
    assert places == [
        ("rules", 0, "reason_codes", 0),
        ("rules", 0, "calendar"),
        ("rules", 0, "sla_hours"),
        ("rules", 0, "band"),
        ("rules", 1, "rule_id"),
    ]


def test_a_calendar_of_no_country_is_refused() -> None:
    command = PublishMatrix(
        at=MONDAY,
        rules=(msgspec.structs.replace(REST, calendar="x"),),
        calendars={"x": CalendarSpec(country="ZZ", time_zone="Europe/Berlin", opens="09:00", closes="17:00")},
    )
    assert matrices().when(command).then_refused(MatrixNotAcceptable).place == ("calendars", "x")


@dataclass
class Case:
    amount: str
    legal_entity: str | None
    rule: str


def test_the_first_rule_that_fits_decides() -> None:
    matrix = matrices().after(publish(LARGE, REST)).state
    for case in (
        Case("10,000.00", "DE01", "price-large"),
        Case("9,999.99", "DE01", "rest"),
        Case("10,000.00", "US01", "rest"),
        Case("10,000.00", None, "rest"),
    ):
        assert route(matrix, facts(case.amount, legal_entity=case.legal_entity)).rule_id == case.rule


def test_a_routing_says_in_words_why() -> None:
    matrix = matrices().after(publish(LARGE, REST)).state
    assert route(matrix, facts("12,000.00")).explanation == (
        "Rule price-large of resolution matrix 1 applies (reason PRICE, legal entity DE01, "
        "amount 12000.00 EUR is at least 10000.00 EUR): a.roth of Key accounts answers within 8 working hours."
    )


def test_the_default_matrix_has_an_owner_for_every_reason() -> None:
    assert len(REASONS) == 21
    for reason in REASONS:
        routing = route(default_matrix(), facts("1.00", reason.code, None))
        assert routing.team == reason.default_team
    unidentified = route(default_matrix(), facts("1.00", "UNIDENTIFIED"))
    assert unidentified.sla_hours == min(rule.sla_hours for rule in default_matrix().rules)
