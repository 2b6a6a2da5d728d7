"""Credit memos that are taken back, and write-offs that the ERP posts."""

from support.disputes import CREDIT_BY, NOW, close, credit_memo, disputes, open_, reopen, resolve, verdict, withdraw
from support.given import euro

from dispute_service.disputes import commands as c
from dispute_service.disputes.events import (
    AmountReduced,
    CreditReversed,
    DisputeReopened,
    DisputeResolved,
    Share,
    WriteOffReversed,
)
from dispute_service.disputes.state import Status


def credit_reversal(amount: str, ledger_version: int = 7) -> c.ReverseCreditMemo:
    return c.ReverseCreditMemo(
        at=NOW, credit_memo_id="CM-1", invoice_id="INV-1", ledger_version=ledger_version, amount=euro(amount)
    )


def write_off(amount: str, kind: str = "bad_debt", ledger_version: int = 4) -> c.ApplyWriteOff:
    return c.ApplyWriteOff(
        at=NOW,
        write_off_id="W-1",
        kind=kind,
        invoice_id="INV-1",
        ledger_version=ledger_version,
        reduce_by=euro(amount),
    )


def test_a_granted_credit_whose_memo_is_reversed_is_awaited_again() -> None:
    state = (
        disputes()
        .after(open_(), resolve("CREDIT_FULL"), credit_memo("200.00"), close())
        .when(credit_reversal("200.00"))
        .then(
            CreditReversed(
                at=NOW,
                credit_memo_id="CM-1",
                invoice_id="INV-1",
                ledger_version=7,
                shares=(Share(0, 20000),),
                into="awaiting",
                settlement=CREDIT_BY,
            )
        )
    )
    assert (state.status, state.open, state.awaiting_credit) == (Status.SETTLING, 20000, 20000)
    assert (state.items[0].credited, state.resolution_code) == (0, "CREDIT_FULL")


def test_half_a_reversed_memo_makes_half_of_the_credit_awaited_again() -> None:
    state = disputes().after(open_(), resolve("CREDIT_FULL"), credit_memo("200.00"), credit_reversal("80.00")).state
    assert (state.status, state.awaiting_credit, state.items[0].credited) == (Status.SETTLING, 8000, 12000)


def test_the_memo_that_comes_after_the_reversal_settles_again() -> None:
    history = disputes().after(
        open_(), resolve("CREDIT_FULL"), credit_memo("200.00"), credit_reversal("200.00"), credit_memo("200.00", 8)
    )
    assert (history.state.status, history.state.items[0].credited) == (Status.RESOLVED, 20000)


def test_a_memo_that_came_before_any_decision_leaves_the_amount_contested_when_it_goes() -> None:
    state = disputes().after(open_(), credit_memo("50.00"), credit_reversal("50.00")).state
    assert (state.status, state.open, state.awaiting_credit) == (Status.OPEN, 20000, 0)


def test_a_dispute_that_a_memo_ended_by_itself_goes_on_when_the_memo_goes() -> None:
    outcome = disputes().after(open_(), credit_memo("200.00")).when(credit_reversal("200.00"))
    state = outcome.then_kinds(CreditReversed, DisputeReopened)
    assert (state.status, state.open, state.reopen_reason) == (
        Status.INVESTIGATING,
        20000,
        "Credit memo CM-1 was reversed.",
    )


def test_a_reopened_dispute_contests_what_the_memo_gave_and_awaits_nothing() -> None:
    history = disputes().after(open_(), resolve("CREDIT_FULL"), credit_memo("80.00"), reopen())
    state = history.after(credit_reversal("80.00")).state
    assert (state.status, state.open, state.awaiting_credit) == (Status.INVESTIGATING, 20000, 0)


def test_a_reversed_memo_takes_a_verdict_back() -> None:
    state = disputes().after(open_(), credit_memo("50.00"), verdict("100.00", "50.00"), credit_reversal("50.00")).state
    assert (state.status, state.verdict, state.items[0].valid) == (Status.INVESTIGATING, None, 0)


def test_what_a_memo_gave_to_a_withdrawn_dispute_is_collectable_when_it_goes() -> None:
    state = disputes().after(open_(), credit_memo("50.00"), withdraw(), credit_reversal("50.00")).state
    assert (state.status, state.items[0].withdrawn, state.items[0].credited) == (Status.WITHDRAWN, 20000, 0)


def test_a_reversal_counts_once_and_gives_no_more_than_the_memo_took() -> None:
    history = disputes().after(open_(), credit_memo("50.00"), credit_reversal("900.00"))
    assert history.state.open == 20000
    history.when(credit_reversal("900.00")).then_nothing()
    history.when(credit_reversal("900.00", ledger_version=8)).then_nothing()


def test_a_write_off_takes_its_part_and_is_no_credit() -> None:
    state = (
        disputes()
        .after(open_())
        .when(write_off("50.00"))
        .then(
            AmountReduced(
                at=NOW,
                cause="write-off",
                reference="W-1",
                invoice_id="INV-1",
                ledger_version=4,
                shares=(Share(0, 5000),),
            )
        )
    )
    assert (state.open, state.items[0].written_off, state.items[0].credited, state.items[0].paid) == (15000, 5000, 0, 0)


def test_a_write_off_of_all_ends_the_dispute_as_what_the_erp_posted() -> None:
    for kind, code in (("bad_debt", "WRITE_OFF_BAD_DEBT"), ("small_difference", "WRITE_OFF_SMALL")):
        outcome = disputes().after(open_()).when(write_off("200.00", kind))
        assert outcome.events[1] == DisputeResolved(
            at=NOW,
            resolution_code=code,
            outcomes=(),
            by_ledger=True,
            explanation="Write-off W-1 left nothing of the dispute open.",
        )


def write_off_reversal(amount: str, ledger_version: int = 8) -> c.ReverseWriteOff:
    return c.ReverseWriteOff(
        at=NOW, write_off_id="W-1", invoice_id="INV-1", ledger_version=ledger_version, amount=euro(amount)
    )


def test_what_a_write_off_took_is_contested_again_when_it_is_taken_back() -> None:
    state = (
        disputes()
        .after(open_(), write_off("50.00"))
        .when(write_off_reversal("50.00"))
        .then(
            WriteOffReversed(
                at=NOW,
                write_off_id="W-1",
                invoice_id="INV-1",
                ledger_version=8,
                shares=(Share(0, 5000),),
                into="open",
            )
        )
    )
    assert (state.open, state.items[0].written_off, state.items[0].posted_off) == (20000, 0, 0)


def test_a_dispute_that_a_write_off_ended_goes_on_when_it_is_taken_back() -> None:
    outcome = disputes().after(open_(), write_off("200.00")).when(write_off_reversal("80.00"))
    state = outcome.then_kinds(WriteOffReversed, DisputeReopened)
    assert (state.status, state.open, state.items[0].written_off) == (Status.INVESTIGATING, 8000, 12000)
    assert state.reopen_reason == "Write-off W-1 was taken back."


def test_what_a_write_off_took_of_a_rejected_dispute_is_to_be_collected_when_it_is_taken_back() -> None:
    state = (
        disputes().after(open_(), write_off("50.00"), resolve("REJECTED_COLLECT"), write_off_reversal("50.00")).state
    )
    assert (state.status, state.items[0].rejected, state.items[0].written_off) == (Status.RESOLVED, 20000, 0)


def test_a_write_off_is_taken_back_once_and_gives_no_more_than_it_took() -> None:
    history = disputes().after(open_(), write_off("50.00"), write_off_reversal("900.00"))
    assert history.state.open == 20000
    history.when(write_off_reversal("900.00")).then_nothing()
    history.when(write_off_reversal("900.00", ledger_version=9)).then_nothing()


def test_a_write_off_that_is_taken_back_takes_a_verdict_back() -> None:
    history = disputes().after(open_(), write_off("50.00"), verdict("100.00", "50.00"), write_off_reversal("50.00"))
    assert (history.state.status, history.state.verdict) == (Status.INVESTIGATING, None)


def test_what_the_erp_wrote_off_is_not_contested_again() -> None:
    """A person's write-off is a wish until it is posted; a posted one has left nothing to contest."""
    outcome = disputes().after(open_(), write_off("50.00"), resolve("REJECTED_COLLECT")).when(reopen())
    (reopened,) = outcome.events
    assert isinstance(reopened, DisputeReopened)
    assert reopened.shares == (Share(0, 15000),)
    state = outcome.after
    assert (state.open, state.items[0].written_off, state.items[0].rejected) == (15000, 5000, 0)
