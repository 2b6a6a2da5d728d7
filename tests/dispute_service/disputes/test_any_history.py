"""Whatever people and the ledger do, in any order: money is conserved and every step can be repeated."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import reduce
from random import Random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as some
from support.disputes import MATRIX, MONDAY, NOW, TEXT, ask, assign_by_matrix, close, item, note, open_, record

from dispute_service.disputes import commands as c
from dispute_service.disputes.decisions import decide
from dispute_service.disputes.events import DisputeEvent
from dispute_service.disputes.refusals import DisputeRefusal
from dispute_service.disputes.state import (
    ACTIVE,
    INITIAL,
    TRANSITIONS,
    Dispute,
    State,
    Status,
    allowed_actions,
    evolve,
)
from dispute_service.reasons.catalogue import RESOLUTION_CODES
from redress.money import Money

_CODES = [code.code for code in RESOLUTION_CODES if code.code != "WITHDRAWN"]
_minor = some.integers(0, 40_000)
_invoice = some.sampled_from(["INV-1", "INV-2"])
_version = some.integers(1, 30)
_times = some.integers(0, 20).map(lambda days: MONDAY + timedelta(days=days))

_commands = some.one_of(
    some.just(assign_by_matrix()),
    some.builds(c.AssignTo, at=_times, owner=some.sampled_from(["a", None]), team=some.sampled_from(["Billing", None])),
    some.builds(c.Classify, at=_times, reason_code=some.sampled_from(["TAX", "PRICE"])),
    some.builds(ask, request_id=some.sampled_from(["q1", "q2"]), asked=some.sampled_from(["customer", "department"])),
    some.builds(record, record_id=some.sampled_from(["r1", "r2"])),
    some.just(note()),
    _minor.map(
        lambda valid: c.Decide(
            at=NOW, valid=Money(valid, "EUR"), invalid=Money(-valid, "EUR"), root_cause="UNKNOWN", rationale=TEXT
        )
    ),
    some.builds(
        c.Resolve,
        at=_times,
        resolution_code=some.sampled_from(_CODES),
        credited=some.one_of(some.none(), _minor.map(lambda minor: Money(minor, "EUR"))),
    ),
    some.just(close()),
    some.builds(c.Reopen, at=_times, reason=some.sampled_from(["x", "y"])),
    some.builds(c.Withdraw, at=_times, reason=some.just("w")),
    some.builds(c.Escalate, at=_times, level=some.integers(0, 4), reason=some.just("e")),
    some.builds(
        c.ApplyPayment,
        at=_times,
        payment_id=some.sampled_from(["P1", "P2"]),
        invoice_id=_invoice,
        ledger_version=_version,
        reduce_by=_minor,
    ),
    some.builds(
        c.ApplyCreditMemo,
        at=_times,
        credit_memo_id=some.just("CM"),
        invoice_id=_invoice,
        ledger_version=_version,
        reduce_by=_minor,
    ),
    some.builds(
        c.ApplyWriteOff,
        at=_times,
        write_off_id=some.just("WO"),
        kind=some.sampled_from(["small_difference", "bad_debt"]),
        invoice_id=_invoice,
        ledger_version=_version,
        reduce_by=_minor,
    ),
    some.builds(
        c.ReverseCreditMemo,
        at=_times,
        credit_memo_id=some.just("CM"),
        invoice_id=_invoice,
        ledger_version=_version,
        amount=_minor,
    ),
    some.builds(
        c.ReversePayment,
        at=_times,
        payment_id=some.sampled_from(["P1", "P2"]),
        invoice_id=_invoice,
        ledger_version=_version,
        amount=_minor,
    ),
    some.builds(
        c.NoteInvoice,
        at=_times,
        invoice_id=_invoice,
        legal_entity=some.just("DE"),
        ledger_version=_version,
        customer_id=some.sampled_from(["C-1", "C-1", "C-2"]),
        currency=some.sampled_from(["EUR", "EUR", "USD"]),
    ),
    some.builds(c.FitToInvoice, at=_times, invoice_id=_invoice, ledger_version=_version, reduce_by=_minor),
    some.builds(c.BreachSla, at=_times, due_at=_times),
    some.builds(c.Settle, at=_times, into=some.sampled_from(["rejected", "withdrawn"]), reason=some.just("s")),
    some.sampled_from([10, 11, 12, 13, 14, 15, 16]).map(
        lambda day: c.NoteSettlementOverdue(at=NOW, due_at=datetime(2026, 3, day, 16, 0, tzinfo=UTC))
    ),
    some.builds(c.TakeSettlementTask, at=_times, by=some.sampled_from(["anna", "ben"])),
    some.builds(c.HandOverSettlementTask, at=_times, to=some.sampled_from(["anna", None]), reason=some.just("h")),
    some.builds(c.FinishSettlementTask, at=_times, by=some.just("anna"), result=some.just("f")),
)
_LATER = NOW + timedelta(days=60)


def fold(history: Iterable[DisputeEvent]) -> State:
    return reduce(evolve, history, INITIAL)


def _decide(command: c.DisputeCommand, state: State) -> list[DisputeEvent]:
    if isinstance(command, c.Decide) and isinstance(state, Dispute):
        command = _that_adds_up(command, state)
    if isinstance(command, c.Resolve) and isinstance(state, Dispute) and command.credited is not None:
        command = _of_each_item(command, command.credited.minor, state)
    try:
        return decide(command, state, MATRIX, _LATER)
    except DisputeRefusal:
        return []


def _that_adds_up(command: c.Decide, state: Dispute) -> c.Decide:
    """In total or, every other one, per item: more often than chance would have it."""
    wanted = command.valid.minor if command.valid else 0
    if wanted % 2:
        judged = [
            c.JudgedItem(
                item=c.ItemName(position=position),
                valid=Money(min(wanted, one.contested), "EUR"),
                invalid=Money(one.contested - min(wanted, one.contested), "EUR"),
            )
            for position, one in enumerate(state.items)
            if one.contested
        ]
        return msgspec.structs.replace(command, valid=None, invalid=None, items=tuple(judged))
    valid = min(wanted, state.contested)
    return msgspec.structs.replace(command, valid=Money(valid, "EUR"), invalid=Money(state.contested - valid, "EUR"))


def _of_each_item(command: c.Resolve, wanted: int, state: Dispute) -> c.Resolve:
    if not wanted % 2:
        return command
    credits_ = [
        c.CreditedItem(item=c.ItemName(position=position), credited=Money(min(wanted, one.contested), "EUR"))
        for position, one in enumerate(state.items)
        if one.contested
    ]
    return msgspec.structs.replace(command, credited=None, items=tuple(credits_))


@settings(deadline=None)  # the first holiday of a year takes its time
@given(some.lists(_commands, max_size=25))
def test_money_is_conserved_and_every_state_means_what_it_says(commands: list[c.DisputeCommand]) -> None:
    history: list[DisputeEvent] = decide(open_(item("200.01"), item("99.99", "INV-2")), INITIAL, MATRIX, NOW)
    state = fold(history)
    for command in commands:
        events = _decide(command, state)
        for event in events:
            state = evolve(state, event)
        history += events
        assert isinstance(state, Dispute)
        _means_what_it_says(state)
        if not isinstance(command, c.FitToInvoice):  # once per posting by the invoice's own stream
            assert not _decide(command, state), "a repeated command adds nothing"
        for action in allowed_actions(state):
            assert state.status in TRANSITIONS[action]
    assert fold(history) == state


def _means_what_it_says(state: Dispute) -> None:
    for one in state.items:
        parts = (one.open, one.paid, one.credited, one.reduced, one.written_off, one.rejected, one.withdrawn)
        waits = (one.awaiting_credit, one.awaiting_write_off, one.awaiting_payment)
        assert min(*parts, *waits, one.valid, one.invalid, one.stated_paid) >= 0
        assert sum(parts) == one.disputed
        assert one.awaiting <= one.open
        assert one.stated_paid <= one.paid
        assert one.valid + one.invalid == (one.contested if state.verdict and state.status is Status.DECIDED else 0)
    if state.status in ACTIVE:
        assert state.contested > 0
    elif state.status is Status.SETTLING:
        assert state.open == state.awaiting > 0
    else:
        assert state.open == 0
    task = state.settlement_task
    assert state.awaiting or not (state.settlement or (task and task.is_live))
    assert state.settlement or not state.awaiting, "every wait has a due date"


@settings(deadline=None)  # the first holiday of a year takes its time
@given(some.lists(_commands, max_size=25), some.randoms(use_true_random=False))
def test_any_sequence_of_facts_folds(commands: list[c.DisputeCommand], random: Random) -> None:
    """Facts out of a broken or future history never stop a fold."""
    history = decide(open_(), INITIAL, MATRIX, NOW)
    for command in commands:
        history += _decide(command, fold(history))
    random.shuffle(history)
    fold(history)
