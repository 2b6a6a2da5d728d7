"""Payments, credit memos, reversals and corrections of the ledger."""

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace
from support.disputes import (
    NOW,
    ask,
    assign_by_matrix,
    close,
    credit_memo,
    disputes,
    escalate,
    fit,
    item,
    note_invoice,
    open_,
    payment,
    record,
    reopen,
    resolve,
    reversal,
    verdict,
    withdraw,
)
from support.given import Given

from dispute_service.disputes import commands as c
from dispute_service.disputes.events import (
    AmountReduced,
    DisputeEvent,
    DisputeReopened,
    DisputeResolved,
    DisputeSettled,
    InvoiceBecameKnown,
    ItemOutcome,
    ItemsCompared,
    PaymentReversed,
    Share,
)
from dispute_service.disputes.items import PaymentShare
from dispute_service.disputes.refusals import CreditOfMismatch, UnknownCode
from dispute_service.disputes.state import Dispute, Status


def test_a_payment_takes_its_part() -> None:
    state = (
        disputes()
        .after(open_())
        .when(payment("50.00"))
        .then(
            AmountReduced(
                at=NOW,
                cause="payment",
                reference="P-1",
                invoice_id="INV-1",
                ledger_version=2,
                shares=(Share(0, 5000),),
            )
        )
    )
    assert (state.status, state.open, state.items[0].paid) == (Status.OPEN, 15000, 5000)


def test_a_full_payment_ends_the_dispute_as_paid_by_the_customer() -> None:
    outcome = disputes().after(open_()).when(payment("200.00"))
    assert outcome.events[1] == DisputeResolved(
        at=NOW,
        resolution_code="CUSTOMER_PAID",
        outcomes=(),
        by_ledger=True,
        explanation="Payment P-1 left nothing of the dispute open.",
    )
    assert outcome.after.status is Status.RESOLVED


def test_a_posting_counts_once() -> None:
    disputes().after(open_(), payment("50.00")).when(payment("50.00")).then_nothing()


def test_a_payment_takes_no_more_than_is_open() -> None:
    state = disputes().after(open_(), payment("999.00")).state
    assert (state.open, state.items[0].paid) == (0, 20000)


def test_a_payment_of_another_invoice_leaves_the_dispute_alone() -> None:
    disputes().after(open_()).when(payment("50.00", invoice_id="INV-9")).then_nothing()


def test_an_ended_dispute_has_nothing_left_to_take() -> None:
    disputes().after(open_(), withdraw()).when(payment("50.00")).then_nothing()


def test_a_payment_gives_in_on_the_invalid_part_first() -> None:
    state = disputes().after(open_(), verdict("150.00", "50.00"), payment("60.00")).state
    assert (state.items[0].valid, state.items[0].invalid, state.items[0].open) == (14000, 0, 14000)


def test_the_awaited_credit_memo_settles() -> None:
    outcome = disputes().after(open_(), resolve("CREDIT_FULL")).when(credit_memo("200.00"))
    assert outcome.events[1:] == [DisputeSettled(at=NOW)]
    assert outcome.after.status is Status.RESOLVED
    assert outcome.after.resolution_code == "CREDIT_FULL"


def test_half_a_credit_memo_does_not_settle() -> None:
    state = disputes().after(open_(), resolve("CREDIT_FULL"), credit_memo("80.00")).state
    assert (state.status, state.awaiting_credit, state.items[0].credited) == (Status.SETTLING, 12000, 8000)


def test_a_credit_memo_nobody_waited_for_ends_the_dispute_in_the_customers_favour() -> None:
    outcome = disputes().after(open_()).when(credit_memo("200.00"))
    assert isinstance(outcome.events[1], DisputeResolved)
    assert outcome.events[1].resolution_code == "CREDIT_FULL"


def test_a_reversed_payment_gives_back_what_it_took() -> None:
    state = (
        disputes()
        .after(open_(), payment("50.00"))
        .when(reversal("50.00"))
        .then(
            PaymentReversed(
                at=NOW,
                payment_id="P-1",
                invoice_id="INV-1",
                ledger_version=5,
                shares=(Share(0, 5000),),
                into="open",
            )
        )
    )
    assert (state.open, state.items[0].paid) == (20000, 0)
    disputes().after(open_(), payment("50.00"), reversal("50.00")).when(reversal("50.00")).then_nothing()


def test_a_reversal_gives_back_no_more_than_its_payment_took() -> None:
    state = disputes().after(open_(), payment("50.00"), payment("10.00", "P-2", 3), reversal("900.00")).state
    assert (state.open, state.items[0].paid) == (19000, 1000)


def test_a_reversed_full_payment_reopens_by_itself() -> None:
    outcome = disputes().after(open_(), payment("200.00"), close()).when(reversal("200.00"))
    state = outcome.then_kinds(PaymentReversed, DisputeReopened)
    assert (state.status, state.open, state.resolution_code) == (Status.INVESTIGATING, 20000, None)
    reopened = outcome.events[1]
    assert isinstance(reopened, DisputeReopened)
    assert reopened.by_ledger


def test_a_reversal_takes_a_verdict_back() -> None:
    state = disputes().after(open_(), payment("50.00"), verdict("100.00", "50.00"), reversal("50.00")).state
    assert (state.status, state.verdict, state.items[0].valid) == (Status.INVESTIGATING, None, 0)


def test_a_reversed_payment_of_a_rejected_dispute_is_to_be_collected_like_the_rest() -> None:
    state = disputes().after(open_(), payment("50.00"), resolve("REJECTED_COLLECT"), reversal("50.00")).state
    assert (state.status, state.items[0].rejected) == (Status.RESOLVED, 20000)


def test_an_invoice_becomes_known_later() -> None:
    unknown = c.ContestedItem(invoice_id="INV-1", line=None, amount=item().amount, known=False)
    command = note_invoice()
    state = (
        disputes()
        .after(open_(unknown))
        .when(command)
        .then(InvoiceBecameKnown(at=NOW, invoice_id="INV-1", legal_entity="DE02", ledger_version=1))
    )
    assert state.items[0].known
    disputes().after(open_(unknown), command).when(command).then_nothing()


def test_an_invoice_that_is_smaller_takes_what_no_longer_fits_and_credits_nothing() -> None:
    outcome = disputes().after(open_()).when(fit("200.00"))
    state = outcome.then_kinds(AmountReduced, DisputeResolved)
    assert (state.items[0].reduced, state.items[0].credited) == (20000, 0)
    assert (state.status, state.resolution_code) == (Status.RESOLVED, "INVOICE_REDUCED")
    resolved = outcome.events[1]
    assert isinstance(resolved, DisputeResolved)
    assert resolved.explanation == "The smaller amount of invoice INV-1 left nothing of the dispute open."


def test_a_line_that_is_smaller_takes_from_the_items_on_it() -> None:
    both = open_(item("100.00", line="1"), item("50.00", line="2"))
    state = disputes().after(both, fit("30.00", line="2")).state
    assert [one.open for one in state.items] == [10000, 2000]


def test_a_correction_instead_of_a_credit_memo_settles() -> None:
    state = disputes().after(open_(), resolve("CREDIT_FULL")).when(fit("200.00")).then_kinds(
        AmountReduced, DisputeSettled
    )  # fmt: skip
    assert (state.status, state.items[0].reduced, state.items[0].credited) == (Status.RESOLVED, 20000, 0)
    assert state.resolution_code == "CREDIT_FULL"


def test_before_the_bucket_a_correction_counted_as_credited_and_does_so_for_ever() -> None:
    stored = AmountReduced(
        at=NOW,
        cause="invoice-changed",
        reference="INV-1",
        invoice_id="INV-1",
        ledger_version=2,
        shares=(Share(0, 5000),),
    )
    assert disputes().after(open_()).given(stored).state.items[0].credited == 5000


def test_a_grant_outlives_the_reversal_of_an_unrelated_payment() -> None:
    paid = disputes().after(open_(item("400.00")), payment("100.00"), resolve("CREDIT_FULL"))
    state = paid.after(reversal("100.00")).state
    assert (state.status, state.open, state.awaiting_credit, state.contested) == (
        Status.INVESTIGATING, 40000, 30000, 10000,
    )  # fmt: skip
    after_memo = paid.after(reversal("100.00"), credit_memo("300.00", ledger_version=6)).state
    assert (after_memo.status, after_memo.open, after_memo.awaiting_credit) == (Status.INVESTIGATING, 10000, 0)
    assert after_memo.items[0].credited == 30000


def _granted_and_contested() -> Given[c.DisputeCommand, Dispute, DisputeEvent]:
    """300.00 are granted, 100.00 came back from the bank and are contested."""
    return disputes().after(open_(item("400.00")), payment("100.00"), resolve("CREDIT_FULL"), reversal("100.00"))


def test_what_was_granted_is_not_decided_again() -> None:
    state = _granted_and_contested().after(verdict("40.00", "60.00")).state
    assert (state.items[0].valid, state.items[0].invalid) == (4000, 6000)
    state = _granted_and_contested().after(verdict("40.00", "60.00"), resolve("CREDIT_PARTIAL")).state
    assert (state.status, state.awaiting_credit, state.items[0].rejected) == (Status.SETTLING, 34000, 6000)


def test_rejecting_what_came_back_leaves_what_was_granted() -> None:
    state = _granted_and_contested().after(resolve("REJECTED_COLLECT")).state
    assert (state.status, state.open, state.awaiting_credit, state.items[0].rejected) == (
        Status.SETTLING, 30000, 30000, 10000,
    )  # fmt: skip


def test_withdrawing_what_came_back_leaves_what_was_granted() -> None:
    state = _granted_and_contested().after(withdraw()).state
    assert (state.status, state.awaiting_credit, state.items[0].withdrawn) == (Status.SETTLING, 30000, 10000)
    _granted_and_contested().after(withdraw()).when(withdraw()).then_nothing()
    state = _granted_and_contested().after(withdraw(), credit_memo("300.00", ledger_version=6)).state
    assert (state.status, state.open) == (Status.RESOLVED, 0)


def test_a_payment_that_leaves_only_what_was_granted_lets_it_settle_again() -> None:
    outcome = _granted_and_contested().when(payment("100.00", "P-2", ledger_version=7))
    state = outcome.then_kinds(AmountReduced, DisputeResolved)
    assert (state.status, state.open, state.awaiting_credit) == (Status.SETTLING, 30000, 30000)
    resolved = outcome.events[1]
    assert isinstance(resolved, DisputeResolved)
    assert resolved.explanation == "Payment P-2 left nothing open but the credit that was granted."


def test_a_person_who_reopens_takes_the_grant_back() -> None:
    state = _granted_and_contested().after(resolve("CREDIT_FULL"), reopen()).state
    assert (state.status, state.open, state.awaiting_credit) == (Status.INVESTIGATING, 40000, 0)


@pytest.mark.parametrize(
    ("change", "mismatch"),
    [({"customer_id": "C-2"}, "customer"), ({"currency": "USD"}, "currency"), ({"lines": ("1", "2")}, "line")],
)
def test_an_item_that_turns_out_to_name_another_invoice_is_a_mismatch(change: dict[str, Any], mismatch: str) -> None:
    unknown = c.ContestedItem(invoice_id="INV-1", line="9", amount=item().amount, known=False)
    outcome = disputes().after(open_(unknown)).when(replace(note_invoice(), **change))
    state = outcome.then_kinds(InvoiceBecameKnown, ItemsCompared)
    assert (state.items[0].mismatch, state.open, state.status) == (mismatch, 20000, Status.OPEN)
    again = disputes().after(open_(unknown), replace(note_invoice(), **change))
    again.when(payment("200.00")).then_nothing()
    corrected = again.after(replace(note_invoice(), lines=("1", "9"))).state
    assert corrected.items[0].mismatch is None


def test_no_credit_is_granted_for_what_no_credit_memo_would_serve() -> None:
    unknown = c.ContestedItem(invoice_id="INV-1", line=None, amount=item().amount, known=False)
    wrong = disputes().after(open_(unknown), replace(note_invoice(), customer_id="C-2"))
    refusal = wrong.when(resolve("CREDIT_FULL")).then_refused(CreditOfMismatch)
    assert refusal.message == (
        "Item 0 is not of invoice INV-1, which has another customer: no credit memo would serve it."
    )
    assert "VOID_LOGGED_IN_ERROR" in (refusal.allowed or ())
    wrong.when(resolve("VOID_LOGGED_IN_ERROR")).then_kinds(DisputeResolved)


def test_a_line_that_was_there_when_it_was_contested_is_no_mismatch_when_the_lines_are_numbered_anew() -> None:
    on_line = open_(item(line="1"))
    disputes().after(on_line).when(replace(note_invoice(), lines=("10", "20"))).then_nothing()


def test_a_fact_does_not_count_before_the_opening() -> None:
    early = datetime(2026, 3, 1, tzinfo=UTC)
    outcome = disputes().after(open_()).when(payment("200.00", at=early))
    assert [event.at for event in outcome.events] == [datetime(2026, 3, 2, 9, 0, tzinfo=UTC)] * 2


def test_a_reversed_payment_gives_back_what_the_payment_of_its_own_erp_took() -> None:
    taken = (payment("70.00", "7", 2, source="erp-a"), payment("30.00", "7", 3, source="erp-b"))
    state = disputes().after(open_(), *taken, reversal("30.00", "7", 4, source="erp-b")).state
    assert (state.open, state.items[0].paid) == (13000, 7000)
    other = disputes().after(open_(), *taken, reversal("70.00", "7", 4, source="erp-a")).state
    assert (other.open, other.taken) == (17000, (PaymentShare("7", 0, 3000, "erp-b"),))


def test_what_was_taken_before_payments_had_a_source_comes_back_with_any_of_its_number() -> None:
    assert disputes().after(open_(), payment("70.00"), reversal("70.00", source="erp-a")).state.open == 20000


def test_a_dispute_ends_when_the_short_payment_that_made_it_comes_back() -> None:
    noted = PaymentReversed(
        at=NOW, payment_id="P-1", invoice_id="INV-1", ledger_version=5, shares=(), into="nothing", source="sap"
    )
    state = (
        disputes()
        .after(open_())
        .when(reversal("800.00", source="sap", made_it=True))
        .then(
            noted,
            DisputeResolved(
                at=NOW,
                resolution_code="PAYMENT_RETURNED",
                outcomes=(ItemOutcome(item=0, withdrawn=20000),),
                by_ledger=True,
                explanation="Payment P-1, which was short and made the dispute, came back.",
            ),
        )
    )
    assert (state.status, state.open, state.items[0].withdrawn) == (Status.RESOLVED, 0, 20000)
    disputes().after(open_(), reversal("800.00", made_it=True)).when(reversal("800.00", made_it=True)).then_nothing()


@pytest.mark.parametrize(
    ("judged", "status"),
    [
        ((verdict("200.00", "0.00"),), Status.DECIDED),
        ((resolve("CREDIT_FULL"),), Status.SETTLING),
        ((withdraw(), reopen()), Status.INVESTIGATING),
    ],
)
def test_what_people_judged_or_reopened_does_not_depend_on_the_payment_that_made_it(
    judged: tuple[c.DisputeCommand, ...], status: Status
) -> None:
    outcome = disputes().after(open_(), *judged).when(reversal("800.00", made_it=True))
    state = outcome.then_kinds(PaymentReversed)
    assert (state.status, state.open) == (status, 20000)


def test_that_a_payment_was_returned_is_said_by_the_ledger_and_by_no_person() -> None:
    refused = disputes().after(open_()).when(resolve("PAYMENT_RETURNED")).then_refused(UnknownCode)
    assert "PAYMENT_RETURNED" not in (refused.allowed or "")


def test_work_that_is_no_judgement_does_not_keep_it_open() -> None:
    worked = (assign_by_matrix(), ask(), record(), escalate())
    outcome = disputes().after(open_(), *worked).when(reversal("800.00", made_it=True))
    outcome.then_kinds(PaymentReversed, DisputeResolved)


def test_a_part_that_another_payment_had_taken_comes_back_as_no_longer_contested() -> None:
    returned = (payment("50.00", "P-2", 4), reversal("800.00", made_it=True))
    state = disputes().after(open_(), *returned, reversal("50.00", "P-2", 6)).state
    assert (state.status, state.items[0].withdrawn, state.open) == (Status.RESOLVED, 20000, 0)
