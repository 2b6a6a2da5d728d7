"""Whatever the ledger and the disputes do: no more is granted than fits, and every step can be repeated."""

from functools import reduce

from hypothesis import given
from hypothesis import strategies as some
from support.disputes import MONDAY

from dispute_service.disputable_invoices.commands import InvoiceCommand, RecordInvoice, SetReservation
from dispute_service.disputable_invoices.decisions import decide, paid
from dispute_service.disputable_invoices.events import HeldAmount, InvoiceEvent, InvoiceRecorded
from dispute_service.disputable_invoices.refusals import InvoiceRefusal
from dispute_service.disputable_invoices.state import INITIAL, evolve

_disputes = some.sampled_from(["D-1", "D-2", "D-3"])
_lines = some.sampled_from([None, "1", "2"])
_amounts = some.integers(0, 120_00)
_commands = some.one_of(
    some.builds(
        RecordInvoice,
        at=some.just(MONDAY),
        ledger_version=some.integers(1, 20),
        customer_id=some.just("C-1"),
        legal_entity=some.just("DE01"),
        currency=some.just("EUR"),
        total=some.just(100_00),
        open=some.integers(-10_00, 100_00),
        lines=some.just(()),
    ),
    some.builds(
        SetReservation,
        at=some.just(MONDAY),
        invoice_id=some.just("INV-1"),
        dispute_id=_disputes,
        customer_id=some.just("C-1"),
        currency=some.just("EUR"),
        held=some.lists(some.builds(HeldAmount, line=_lines, amount=_amounts), max_size=2).map(tuple),
    ),
)


@given(some.lists(_commands, max_size=30))
def test_granted_reservations_fit_and_reductions_make_them_fit_again(commands: list[InvoiceCommand]) -> None:
    state = INITIAL
    history: list[InvoiceEvent] = []
    for command in commands:
        before = state.reserved
        try:
            events = decide(command, state)
        except InvoiceRefusal:
            continue
        for event in events:
            state = evolve(state, event)
        history += events
        assert decide(command, state) == [], "a repeated command adds nothing"
        if state.terms and state.reserved > before:
            assert state.reserved <= state.terms.open
        if any(isinstance(event, InvoiceRecorded) for event in events) and state.terms:
            taken = sum(reduction.amount for reduction in paid(state, state.terms.open, 0))
            assert state.reserved - taken == min(state.reserved, max(0, state.terms.open))
    assert reduce(evolve, history, INITIAL) == state
