"""Whatever is published: versions count up, and every dispute has an owner in every one of them."""

from hypothesis import given
from hypothesis import strategies as some
from support.disputes import MONDAY

from dispute_service.reasons.catalogue import REASONS
from dispute_service.routing.commands import PublishMatrix
from dispute_service.routing.decisions import decide
from dispute_service.routing.matrix import RoutingInputs, Rule, default_matrix, route
from dispute_service.routing.refusals import MatrixRefusal
from dispute_service.routing.state import INITIAL, evolve
from redress.money import Money

_codes = some.sampled_from([*(reason.code for reason in REASONS), "*", "NONSENSE"])
_rules = some.builds(
    Rule,
    rule_id=some.sampled_from(["a", "b", "c", "d"]),
    reason_codes=some.lists(_codes, min_size=1, max_size=3).map(tuple),
    legal_entities=some.sampled_from([("*",), ("DE01",)]),
    team=some.just("Team"),
    sla_hours=some.integers(0, 3),
    calendar=some.sampled_from(["de-office", "none"]),
)


@given(some.lists(some.lists(_rules, max_size=4), max_size=6))
def test_every_published_version_routes_every_dispute(proposals: list[list[Rule]]) -> None:
    state, published = INITIAL, 0
    for rules in proposals:
        command = PublishMatrix(at=MONDAY, rules=tuple(rules), calendars=default_matrix().calendars)
        try:
            events = decide(command, state)
        except MatrixRefusal:
            continue
        for event in events:
            state = evolve(state, event)
        published += len(events)
        assert decide(command, state) == []
    assert state.version == published
    for reason in REASONS:
        facts = RoutingInputs(reason_code=reason.code, amount=Money(1, "EUR"), legal_entity=None)
        assert route(state, facts).team
