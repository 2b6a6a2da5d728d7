"""Three legal entities, one number, any order of everything: at rest both services mean the same invoice by it."""

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from support.two_entities import NUMBER, TwoEntities

from dispute_service.disputable_invoices.refusals import InvoiceRefusal
from redress.refusal import Refusal

ENTITIES = ("DE01", "DE02", "FR01")
DISPUTES = ("A", "B", "C", "D")
Step = Callable[[TwoEntities], object]

_entity = some.sampled_from(ENTITIES)
_amount = some.integers(1, 60_000)
_name = some.sampled_from(DISPUTES)


def _taken(step: Step) -> Step:
    """What is refused to people and to the ERP is refused; what is heard never is."""

    def do(both: TwoEntities) -> None:
        try:
            step(both)
        except (Refusal, AssertionError):
            return

    return do


def _opened(name: str, entity: str | None, minor: int) -> Step:
    def do(both: TwoEntities) -> None:
        if name not in both.opened:
            try:
                both.contest(name, (NUMBER, entity, minor))
            except InvoiceRefusal:
                return

    return do


def _hear(which: int) -> Step:
    def do(both: TwoEntities) -> None:
        if waiting := both.waiting():
            both.hear_one(*waiting[which % len(waiting)])

    return do


def _worked(name: str, work: Callable[[TwoEntities], object]) -> Step:
    return lambda both: name in both.opened and work(both)


_steps = some.one_of(
    some.builds(lambda entity, total: _taken(lambda both: both.post(entity, total)), _entity, _amount),
    some.builds(_opened, _name, some.one_of(some.none(), _entity), _amount),
    some.builds(_opened, _name, some.one_of(some.none(), _entity), _amount),
    some.builds(
        lambda entity, minor, n: _taken(lambda both: both.receive(f"P{n}", minor, entity)), _entity, _amount,
        some.integers(1, 4),
    ),
    some.builds(
        lambda entity, minor, n: _taken(lambda both: both.memo(f"CM{n}", minor, entity)), _entity, _amount,
        some.integers(1, 4),
    ),
    some.builds(lambda n: lambda both: both.reverse(f"P{n}"), some.integers(1, 4)),
    some.builds(lambda name: _worked(name, lambda both: both.withdraw(name)), _name),
    some.builds(lambda name: _worked(name, lambda both: both.resolve(name, "CREDIT_FULL")), _name),
    some.builds(lambda name: _worked(name, lambda both: both.resolve(name, "REJECTED_COLLECT")), _name),
    some.builds(lambda name: _worked(name, lambda both: both.reopen(name)), _name),
    some.builds(_hear, some.integers(0, 50)),
    some.builds(_hear, some.integers(0, 50)),
    some.builds(_hear, some.integers(0, 50)),
    some.just(lambda both: both.come_to_rest()),
)  # fmt: skip


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example])
@given(some.lists(_steps, min_size=15, max_size=40))
def test_at_rest_every_dispute_is_on_the_invoice_of_its_entity_in_both_services(steps: list[Step]) -> None:
    both = TwoEntities()
    for step in steps:
        step(both)
    both.come_to_rest()

    first = both.ledger_of()
    assert {*both.disputable_of().shared_with} == {*first.shared_with}  # in the order in which each heard of them
    for entity in (None, *first.shared_with):
        item, disputable = both.ledger_of(entity), both.disputable_of(entity)
        assert item.terms is None or item.terms.legal_entity == (entity or item.terms.legal_entity)
        if item.terms is not None:
            assert disputable.terms is not None
            assert disputable.terms.legal_entity == item.terms.legal_entity
            both.holds(entity)
            assert item.held_minor == sum(claim.claimed_now for claim in item.claims) <= item.open_minor
    _every_dispute_is_in_one_place(both)
    reserved = {each.legal_entity for each in both.disputable_of().elsewhere}
    claimed = {each.legal_entity for each in first.elsewhere}
    assert not (reserved | claimed) & {*first.shared_with, None}


def _every_dispute_is_in_one_place(both: TwoEntities) -> None:
    places = (None, *both.ledger_of().shared_with)
    for name in both.opened:
        (item,) = both.of(name).items
        reserved = {
            entity: one.amount
            for entity in places
            for one in (*both.disputable_of(entity).reservations, *both.disputable_of(entity).elsewhere)
            if one.dispute_id == str(both.opened[name])
        }
        claimed_back = {
            entity: one.amount
            for entity in places
            for one in both.disputable_of(entity).claims
            if one.dispute_id == str(both.opened[name])
        }
        claimed = {
            entity: claim.claimed_now
            for entity in places
            for claim in (*both.ledger_of(entity).claims, *both.ledger_of(entity).elsewhere)
            if claim.dispute_id == both.dispute_id(name) and claim.claimed_now
        }
        expected = item.open - item.claimed_back if item.mismatch is None else 0
        own = item.legal_entity if item.legal_entity in places else None
        assert reserved == claimed == ({own: expected} if expected else {})
        assert claimed_back == ({own: item.claimed_back} if item.claimed_back else {})
