"""What a person resolves stays with the dispute and is held until the ERP has posted it; then it is over.

Of 200.00 on INV-1, contested since Monday. NOW is Wednesday 4 March 2026, 10:00 in Berlin.
"""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace
from support.disputes import (
    CREDIT_BY,
    MATRIX,
    NOW,
    PAYMENT_BY,
    close,
    credit_memo,
    disputes,
    eur,
    fit,
    item,
    note_invoice,
    open_,
    payment,
    reopen,
    resolve,
    reversal,
    withdraw,
)
from support.given import euro

from dispute_service.disputes import commands as c
from dispute_service.disputes import refusals
from dispute_service.disputes.decisions import decide
from dispute_service.disputes.events import (
    DisputeReopened,
    DisputeResolved,
    DisputeSettled,
    PaymentReversed,
    Settlement,
    SettlementGivenUp,
    SettlementOverdue,
    SettlementTaskAssigned,
    SettlementTaskDone,
    Share,
)
from dispute_service.disputes.settlement_terms import BUILT_IN_TERMS, SETTLEMENT_TERMS, SettlementTerms, Term
from dispute_service.disputes.state import Dispute, SettlementTask, Status, evolve
from redress.policy.state import PolicyInForce

LATER = CREDIT_BY.due_at + timedelta(hours=1)


def write_off(amount: str, ledger_version: int = 4) -> c.ApplyWriteOff:
    return c.ApplyWriteOff(
        at=NOW,
        write_off_id="W-1",
        kind="small_difference",
        invoice_id="INV-1",
        ledger_version=ledger_version,
        reduce_by=euro(amount),
    )


def memo_reversal(amount: str, ledger_version: int = 7) -> c.ReverseCreditMemo:
    return c.ReverseCreditMemo(
        at=NOW, credit_memo_id="CM-1", invoice_id="INV-1", ledger_version=ledger_version, amount=euro(amount)
    )


def ring(due_at: datetime = CREDIT_BY.due_at) -> c.NoteSettlementOverdue:
    return c.NoteSettlementOverdue(at=LATER, due_at=due_at)


def settle(into: str = "rejected") -> c.Settle:
    return c.Settle(at=LATER, into=into, reason="the memo was posted on account")


TAKE = c.TakeSettlementTask(at=LATER, by="person:anna")
PAID_CODES = ("CUSTOMER_PAID", "OFFSET", "CASH_REAPPLIED")
WRITTEN_OFF_CODES = ("WRITE_OFF_SMALL", "WRITE_OFF_BAD_DEBT")


# -- the posting that is waited for, and another one in its place


@pytest.mark.parametrize("code", [*PAID_CODES, *WRITTEN_OFF_CODES, "CREDIT_FULL"])
@pytest.mark.parametrize(
    ("posting", "where"),
    [
        (payment("200.00"), "paid"),
        (credit_memo("200.00"), "credited"),
        (write_off("200.00"), "written_off"),
        (fit("200.00"), "reduced"),
    ],
)
def test_whatever_the_erp_posts_in_its_place_ends_the_wait_and_is_called_what_it_is(
    code: str, posting: c.DisputeCommand, where: str
) -> None:
    outcome = disputes().after(open_(), resolve(code)).when(posting)
    assert isinstance(outcome.events[-1], DisputeSettled)
    state = outcome.after
    (one,) = state.items
    assert (state.status, state.open, getattr(one, where)) == (Status.RESOLVED, 0, 20000)
    assert (state.resolution_code, state.settlement) == (code, None)


@pytest.mark.parametrize(
    ("code", "posting"),
    [
        ("CUSTOMER_PAID", payment("150.00")),
        ("WRITE_OFF_SMALL", write_off("150.00")),
        ("OFFSET", credit_memo("150.00")),
        ("WRITE_OFF_BAD_DEBT", fit("150.00")),
    ],
)
def test_a_posting_of_a_part_leaves_the_rest_awaited(code: str, posting: c.DisputeCommand) -> None:
    state = disputes().after(open_(), resolve(code), posting).state
    assert (state.status, state.open, state.awaiting, state.contested) == (Status.SETTLING, 5000, 5000, 0)


@pytest.mark.parametrize(
    ("code", "posting"),
    [
        ("CUSTOMER_PAID", payment("100.00", "P-2", 6)),
        ("WRITE_OFF_SMALL", write_off("100.00", 6)),
        ("CREDIT_FULL", credit_memo("100.00", 6)),
        ("OFFSET", credit_memo("100.00", 6)),
        ("WRITE_OFF_BAD_DEBT", fit("100.00", ledger_version=6)),
    ],
)
def test_a_posting_serves_what_awaits_it_before_what_is_contested_besides(code: str, posting: c.DisputeCommand) -> None:
    """120.00 await the posting, 80.00 came back and are contested; 100.00 are posted."""
    state = disputes().after(open_(), payment("80.00"), resolve(code), reversal("80.00"), posting).state
    assert (state.status, state.contested, state.awaiting) == (Status.INVESTIGATING, 8000, 2000)


@pytest.mark.parametrize(
    ("code", "posting"), [("WRITE_OFF_SMALL", payment("100.00", "P-2", 6)), ("CUSTOMER_PAID", write_off("100.00", 6))]
)
def test_money_takes_what_awaits_another_posting_last(code: str, posting: c.DisputeCommand) -> None:
    state = disputes().after(open_(), payment("80.00"), resolve(code), reversal("80.00"), posting).state
    assert (state.status, state.contested, state.awaiting) == (Status.SETTLING, 0, 10000)
    assert state.resolution_code == code


def test_of_two_items_the_posting_serves_the_one_that_awaits_it() -> None:
    """INV-1 is not told apart by lines: 100.00 awaits a write-off, 100.00 a payment that a reversal brought back."""
    lines = open_(item("100.00", line="1"), item("100.00", line="2"))
    history = disputes().after(lines, payment("100.00"), resolve("WRITE_OFF_SMALL"), reversal("100.00"))
    state = history.after(resolve("CUSTOMER_PAID")).state
    assert [(one.awaiting_write_off, one.awaiting_payment) for one in state.items] == [(0, 10000), (10000, 0)]
    after = history.after(resolve("CUSTOMER_PAID"), write_off("100.00", 9)).state
    assert [(one.written_off, one.open) for one in after.items] == [(0, 10000), (10000, 0)]


# -- reopening, and postings that come back


@pytest.mark.parametrize("code", [*PAID_CODES, *WRITTEN_OFF_CODES])
def test_a_person_who_reopens_takes_back_what_was_awaited(code: str) -> None:
    state = disputes().after(open_(), resolve(code), reopen()).state
    assert (state.contested, state.awaiting, state.settlement) == (20000, 0, None)
    assert (state.items[0].paid, state.items[0].written_off) == (0, 0)


@pytest.mark.parametrize("code", [*PAID_CODES, *WRITTEN_OFF_CODES, "CREDIT_FULL"])
def test_a_payment_that_confirmed_the_outcome_and_comes_back_is_awaited_again(code: str) -> None:
    outcome = disputes().after(open_(), resolve(code), payment("200.00"), close()).when(reversal("200.00"))
    (event,) = outcome.events
    due = PAYMENT_BY if code in PAID_CODES else CREDIT_BY
    assert isinstance(event, PaymentReversed)
    assert (event.into, event.settlement) == ("awaiting", due)
    state = outcome.after
    assert (state.status, state.open, state.awaiting) == (Status.SETTLING, 20000, 20000)
    assert (state.resolution_code, state.items[0].paid) == (code, 0)
    awaits = (state.items[0].awaiting_credit, state.items[0].awaiting_write_off, state.items[0].awaiting_payment)
    kinds = (code == "CREDIT_FULL", code in WRITTEN_OFF_CODES, code in PAID_CODES)
    assert awaits == tuple(20000 * is_it for is_it in kinds)


@pytest.mark.parametrize("code", [*PAID_CODES, *WRITTEN_OFF_CODES])
def test_a_credit_memo_that_confirmed_the_outcome_and_is_reversed_is_awaited_as_what_was_resolved(code: str) -> None:
    state = disputes().after(open_(), resolve(code), credit_memo("200.00"), memo_reversal("120.00")).state
    awaits = (state.items[0].awaiting_credit, state.items[0].awaiting_write_off, state.items[0].awaiting_payment)
    assert awaits == ((0, 0, 12000) if code in PAID_CODES else (0, 12000, 0))
    assert (state.status, state.items[0].credited) == (Status.SETTLING, 8000)


def test_what_a_payment_took_before_anybody_resolved_is_contested_when_it_comes_back() -> None:
    history = disputes().after(open_(), payment("80.00"), resolve("CUSTOMER_PAID"), payment("120.00", "P-2", 3))
    assert history.state.status is Status.RESOLVED
    outcome = history.when(reversal("80.00"))
    state = outcome.then_kinds(PaymentReversed, DisputeReopened)
    assert (state.status, state.contested, state.awaiting) == (Status.INVESTIGATING, 8000, 0)


def test_a_payment_that_confirmed_a_part_and_took_another_comes_back_to_each() -> None:
    """80.00 is contested besides 120.00 that await a payment; P-3 pays all of it."""
    history = disputes().after(
        open_(),
        payment("80.00"),
        resolve("CUSTOMER_PAID"),
        reversal("80.00"),
        payment("200.00", "P-3", 6),
    )
    assert history.state.status is Status.RESOLVED
    outcome = history.when(reversal("200.00", "P-3", 8))
    state = outcome.then_kinds(PaymentReversed, PaymentReversed, DisputeReopened)
    assert (state.contested, state.awaiting, state.items[0].awaiting_payment) == (8000, 12000, 12000)


def test_after_a_person_reopened_a_payment_that_comes_back_confirms_nothing_any_more() -> None:
    history = disputes().after(
        open_(), resolve("CUSTOMER_PAID"), payment("150.00"), reopen(), resolve("REJECTED_COLLECT"), reversal("150.00")
    )
    assert (history.state.status, history.state.items[0].rejected) == (Status.RESOLVED, 20000)


def test_what_is_still_awaited_outlives_the_withdrawal_of_what_is_contested_besides() -> None:
    history = disputes().after(open_(), payment("80.00"), resolve("WRITE_OFF_SMALL"), reversal("80.00"), withdraw())
    state = history.state
    assert (state.status, state.items[0].withdrawn, state.awaiting) == (Status.SETTLING, 8000, 12000)


def test_an_item_of_another_invoice_waits_for_nothing_because_no_posting_would_serve_it() -> None:
    other = replace(note_invoice(), customer_id="C-2")
    unknown = replace(item(), known=False)
    for code, where in (("OFFSET", "paid"), ("WRITE_OFF_SMALL", "written_off")):
        state = disputes().after(open_(unknown), other, resolve(code)).state
        assert (state.status, state.awaiting, getattr(state.items[0], where)) == (Status.RESOLVED, 0, 20000)


# -- by when


def _due(terms: SettlementTerms, code: str, now: datetime = NOW) -> Settlement | None:
    in_force = PolicyInForce(SETTLEMENT_TERMS.name, 7, "", terms)
    command = c.Resolve(at=now, resolution_code=code, terms=in_force)
    resolved = decide(command, disputes().after(open_()).state, MATRIX, now)[-1]
    assert isinstance(resolved, DisputeResolved)
    return resolved.settlement


def test_working_days_leave_out_weekends_and_holidays_and_calendar_days_do_not() -> None:
    """From Wednesday 1 April 2026: Good Friday is the 3rd, Easter Monday the 6th. 17:00 in Berlin is 15:00 UTC then."""
    april = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
    terms = SettlementTerms(
        credit_memo=Term(days=3), write_off=Term(days=3, counted="calendar"), payment=Term(days=1, counted="working")
    )
    due = {code: _due(terms, code, april) for code in ("CREDIT_FULL", "WRITE_OFF_SMALL", "OFFSET")}
    assert {code: (one.due_at, one.policy) if one else None for code, one in due.items()} == {
        "CREDIT_FULL": (datetime(2026, 4, 8, 15, 0, tzinfo=UTC), "settlement-terms@7"),
        "WRITE_OFF_SMALL": (datetime(2026, 4, 4, 15, 0, tzinfo=UTC), "settlement-terms@7"),
        "OFFSET": (datetime(2026, 4, 2, 15, 0, tzinfo=UTC), "settlement-terms@7"),
    }


def test_a_resolution_that_is_recorded_late_is_awaited_from_the_day_it_counts() -> None:
    resolved = disputes().after(open_(), resolve("CREDIT_FULL", at=NOW - timedelta(days=1)))
    due = resolved.state.settlement
    assert due is not None
    assert due.due_at == CREDIT_BY.due_at - timedelta(days=1)


@pytest.mark.parametrize("days", [0, -1, 366])
def test_a_term_has_bounds(days: int) -> None:
    terms = replace(BUILT_IN_TERMS.document, write_off=Term(days=days))
    (problem,) = SETTLEMENT_TERMS.check(terms)
    assert (problem.path, problem.allowed) == (("write_off", "days"), "1 to 365")


# -- overdue: a task for accounting


def _settling() -> Dispute:
    """It awaits its credit memo until CREDIT_BY."""
    return disputes().after(open_(), resolve("CREDIT_FULL")).state


def _with_task(*commands: c.DisputeCommand) -> Dispute:
    """A dispute whose credit memo is overdue, after these commands."""
    state = _settling()
    for command in (ring(), *commands):
        for event in decide(command, state, MATRIX, LATER):
            after = evolve(state, event)
            assert isinstance(after, Dispute)
            state = after
    return state


def test_what_is_not_posted_in_time_is_a_task_once() -> None:
    overdue = SettlementOverdue(at=CREDIT_BY.due_at, due_at=CREDIT_BY.due_at)
    assert decide(ring(), _settling(), MATRIX, LATER) == [overdue]
    assert _with_task().settlement_task == SettlementTask(due_at=CREDIT_BY.due_at)
    assert decide(ring(), _with_task(), MATRIX, LATER) == []


def test_a_timer_of_another_due_date_or_too_early_or_of_a_settled_dispute_says_nothing() -> None:
    assert decide(ring(CREDIT_BY.due_at + timedelta(days=1)), _settling(), MATRIX, LATER) == []
    assert decide(ring(), _settling(), MATRIX, CREDIT_BY.due_at - timedelta(seconds=1)) == []
    settled = disputes().after(open_(), resolve("CREDIT_FULL"), credit_memo("200.00")).state
    assert decide(ring(), settled, MATRIX, LATER) == []


def test_a_task_is_taken_handed_over_and_given_back() -> None:
    taken = decide(TAKE, _with_task(), MATRIX, LATER)
    assert taken == [SettlementTaskAssigned(at=LATER, owner="person:anna", previous_owner=None, reason=None)]
    assert decide(TAKE, _with_task(TAKE), MATRIX, LATER) == []
    other = replace(TAKE, by="person:ben")
    with pytest.raises(refusals.SettlementTaskTaken) as refused:
        decide(other, _with_task(TAKE), MATRIX, LATER)
    assert refused.value.allowed_actions == ("hand-over", "finish")
    over = c.HandOverSettlementTask(at=LATER, to=None, reason="on holiday")
    assert decide(over, _with_task(TAKE), MATRIX, LATER) == [
        SettlementTaskAssigned(at=LATER, owner=None, previous_owner="person:anna", reason="on holiday")
    ]
    assert decide(over, _with_task(TAKE, over), MATRIX, LATER) == []
    task = _with_task(TAKE, over, other).settlement_task
    assert task is not None
    assert (task.state, task.owner) == ("taken", "person:ben")


def test_a_task_that_is_done_makes_the_posting_awaited_anew_and_overdue_again() -> None:
    """LATER is Wednesday 18 March: ten working days on is Wednesday 1 April, 17:00 in Berlin, summer time."""
    done = c.FinishSettlementTask(at=LATER, by="person:anna", result="the ERP posts it with the next run")
    anew = Settlement(due_at=datetime(2026, 4, 1, 15, 0, tzinfo=UTC), policy="settlement-terms@1", calendar="de-office")
    assert decide(done, _with_task(TAKE), MATRIX, LATER) == [
        SettlementTaskDone(at=LATER, by="person:anna", result=done.result, settlement=anew)
    ]
    state = _with_task(TAKE, done)
    assert (state.status, state.awaiting, state.settlement) == (Status.SETTLING, 20000, anew)
    assert decide(done, state, MATRIX, LATER) == []
    with pytest.raises(refusals.SettlementTaskIsOver):
        decide(TAKE, state, MATRIX, LATER)
    again = decide(ring(anew.due_at), state, MATRIX, anew.due_at)
    assert again == [SettlementOverdue(at=anew.due_at, due_at=anew.due_at)]


@pytest.mark.parametrize(
    ("command", "why"),
    [(credit_memo("200.00"), "posted"), (reopen(), "reopened"), (settle(), "given up")],
)
def test_a_task_closes_by_itself_when_nothing_is_awaited_any_more(command: c.DisputeCommand, why: str) -> None:
    task = _with_task(TAKE, command).settlement_task
    assert task is not None
    assert (task.state, task.why, task.owner) == ("closed", why, "person:anna")


def test_a_posting_of_a_part_leaves_the_task_open_with_the_rest() -> None:
    state = _with_task(credit_memo("199.99"))
    assert state.settlement_task is not None
    assert (state.settlement_task.state, state.awaiting) == ("open", 1)


def test_there_is_no_task_where_nothing_was_overdue() -> None:
    with pytest.raises(refusals.NoSettlementTask):
        decide(TAKE, _settling(), MATRIX, LATER)


# -- nothing more comes


@pytest.mark.parametrize("into", ["rejected", "withdrawn"])
def test_a_person_says_that_nothing_more_comes(into: str) -> None:
    history = disputes(now=LATER).after(open_(), resolve("CREDIT_FULL"), credit_memo("199.99"))
    state = history.when(settle(into)).then(
        SettlementGivenUp(at=LATER, shares=(Share(0, 1),), into=into, reason="the memo was posted on account")
    )
    assert (state.status, state.open, getattr(state.items[0], into)) == (Status.RESOLVED, 0, 1)
    assert state.resolution_code == "CREDIT_FULL"
    history.after(settle(into)).when(settle(into)).then_nothing()


@pytest.mark.parametrize("state", [[open_()], [open_(), resolve("REJECTED_COLLECT")], [open_(), withdraw()]])
def test_only_what_is_awaited_is_given_up(state: list[c.DisputeCommand]) -> None:
    disputes(now=LATER).after(*state).when(settle()).then_refused(refusals.WrongState)


def test_what_was_given_up_can_be_contested_again() -> None:
    state = disputes(now=LATER).after(open_(), resolve("OFFSET"), settle(), reopen(at=LATER)).state
    assert (state.status, state.contested, state.items[0].rejected) == (Status.INVESTIGATING, 20000, 0)


def test_the_amount_of_a_wait_is_no_part_of_a_later_decision() -> None:
    """80.00 came back besides 120.00 that await a write-off: 80.00 are judged and resolved."""
    history = disputes().after(open_(), payment("80.00"), resolve("WRITE_OFF_SMALL"), reversal("80.00"))
    assert history.state.money(history.state.contested) == eur("80.00")
    state = history.after(resolve("REJECTED_COLLECT")).state
    assert (state.status, state.items[0].rejected, state.items[0].awaiting_write_off) == (Status.SETTLING, 8000, 12000)
