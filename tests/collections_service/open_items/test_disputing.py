from datetime import UTC, datetime, timedelta

from msgspec.structs import replace
from support.collections_examples import after, day, dispute, disputed, eur, paid, payment, registered

from collections_service.open_items import decisions
from collections_service.open_items.commands import ApplyCreditMemo, ReversePayment
from collections_service.open_items.events import (
    CreditAwaited,
    CreditMemoApplied,
    DisputeReported,
    HoldPlaced,
    HoldReduced,
    HoldReleased,
    PastHoldRecorded,
    RecoveryTaskOpened,
    ServedCredit,
    Step,
)
from collections_service.open_items.state import OpenItem, amount_on
from redress.money import Money


def test_only_the_disputed_part_is_held() -> None:
    item = disputed(registered(100_000), dispute(30_000))

    assert (item.held_minor, item.undisputed_minor) == (30_000, 70_000)


def test_the_hold_counts_from_the_day_the_dispute_is_effective() -> None:
    events = decisions.report_dispute(dispute(30_000, on=12), registered(100_000))

    assert events[1] == HoldPlaced(dispute_id="dsp_1", steps=(Step(day(12), 30_000),), held=eur(30_000))


def test_a_claim_above_the_open_amount_holds_what_is_open() -> None:
    item = disputed(paid(registered(100_000), payment(90_000)), dispute(30_000, on=31))

    assert item.held_minor == 10_000


def test_the_same_report_again_changes_nothing() -> None:
    item = disputed(registered(100_000), dispute(30_000))

    assert decisions.report_dispute(dispute(30_000), item) == []


def test_an_older_report_changes_nothing() -> None:
    item = disputed(registered(100_000), dispute(30_000, version=4))

    assert decisions.report_dispute(dispute(10_000, version=3), item) == []


def test_a_report_that_moves_no_money_is_not_recorded() -> None:
    item = disputed(registered(100_000), dispute(30_000))

    assert decisions.report_dispute(dispute(30_000, version=2), item) == []


def test_a_dispute_in_another_currency_is_a_fact_and_holds_nothing() -> None:
    dollars, none = Money(30_000, "USD"), Money(0, "USD")
    item = disputed(registered(), replace(dispute(1), claimed=dollars, awaiting_credit=none, rejected=none))
    assert item.held_minor == 0
    rejected = replace(dispute(1, version=2), claimed=none, awaiting_credit=none, rejected=dollars)
    assert [type(event) for event in decisions.report_dispute(rejected, item)] == [DisputeReported]


def test_claims_that_do_not_fit_give_way_in_the_order_in_which_their_disputes_were_opened() -> None:
    """Not in the order of their days or ids: dispute-service has the instants too, and the same order."""
    morning = datetime(2026, 1, 20, 9, tzinfo=UTC)
    item = disputed(registered(100_000), replace(dispute(60_000, dispute_id="dsp_1"), opened_at=morning))
    earlier = replace(dispute(60_000, dispute_id="dsp_2"), opened_at=morning - timedelta(hours=1))
    item = disputed(item, earlier)
    assert [(claim.dispute_id, claim.held_now) for claim in item.claims] == [("dsp_2", 40_000), ("dsp_1", 60_000)]


def test_a_withdrawn_dispute_releases_everything() -> None:
    item = disputed(registered(100_000), dispute(30_000))

    events = decisions.report_dispute(dispute(0, version=2, on=25, outcome="withdrawn"), item)

    assert events[1:] == [
        HoldReleased(dispute_id="dsp_1", steps=(Step(day(25), -30_000),), released=eur(30_000), why="withdrawn")
    ]


def test_what_was_found_invalid_is_to_be_collected_again() -> None:
    item = disputed(registered(100_000), dispute(30_000))

    events = decisions.report_dispute(dispute(0, version=2, on=25, rejected=30_000, outcome="rejected"), item)

    assert events[1:] == [
        HoldReleased(dispute_id="dsp_1", steps=(Step(day(25), -30_000),), released=eur(30_000), why="rejected"),
        RecoveryTaskOpened(dispute_id="dsp_1", amount=eur(30_000)),
    ]


def test_a_partly_valid_dispute_holds_the_granted_credit_and_collects_the_rest() -> None:
    item = disputed(registered(100_000), dispute(30_000))

    events = decisions.report_dispute(
        dispute(20_000, version=2, on=25, awaiting=20_000, rejected=10_000, outcome="resolved"), item
    )

    assert events[1:] == [
        HoldReduced(
            dispute_id="dsp_1", steps=(Step(day(25), -10_000),), held=eur(20_000), released=eur(10_000), why="resolved"
        ),
        CreditAwaited(dispute_id="dsp_1", amount=eur(20_000)),
        RecoveryTaskOpened(dispute_id="dsp_1", amount=eur(10_000)),
    ]


def test_what_was_paid_meanwhile_is_not_collected_again() -> None:
    item = paid(disputed(registered(100_000), dispute(30_000)), payment(100_000))

    events = decisions.report_dispute(dispute(0, version=2, on=35, rejected=30_000), item)

    assert [type(event) for event in events] == [DisputeReported]


def test_a_credit_memo_leaves_claims_alone_until_dispute_service_says_whom_it_serves() -> None:
    item = disputed(registered(100_000), dispute(30_000))
    item = disputed(item, dispute(30_000, version=2, on=25, awaiting=30_000))
    command = ApplyCreditMemo(
        source="sap", credit_memo_id="CM-1", issued_on=day(28), named=eur(30_000), dispute_id="dsp_1"
    )

    events = decisions.apply_credit_memo(command, item)

    assert events == [
        CreditMemoApplied(
            source="sap",
            credit_memo_id="CM-1",
            issued_on=day(28),
            applied_on=day(28),
            amount=eur(30_000),
            dispute_id="dsp_1",
        ),
    ]
    item = after(events, item)
    assert (item.open_minor, item.held_minor) == (70_000, 30_000)
    item = disputed(item, dispute(0, version=3, on=28, outcome="credited"))
    assert (item.open_minor, item.held_minor) == (70_000, 0)


def test_of_two_claims_on_what_a_credit_memo_left_each_has_its_own_once_dispute_service_has_answered() -> None:
    """The ledger hears of the second dispute only when the memo for the first has come."""
    item = disputed(registered(69_608), dispute(66_814, awaiting=66_814))
    memo = ApplyCreditMemo(source="sap", credit_memo_id="CM-1", issued_on=day(28), named=eur(66_814))
    item = after(decisions.apply_credit_memo(memo, item), item)
    item = disputed(item, dispute(2_794, dispute_id="dsp_2", awaiting=2_794))
    item = disputed(item, dispute(0, version=2, on=28, outcome="credited"))
    assert [(claim.claimed_now, claim.held_now) for claim in item.claims] == [(0, 0), (2_794, 2_794)]


def test_before_0032_a_credit_memo_said_whom_it_serves_and_does_so_for_ever() -> None:
    item = disputed(registered(100_000), dispute(30_000, awaiting=30_000))
    stored = CreditMemoApplied(
        source="sap",
        credit_memo_id="CM-1",
        issued_on=day(28),
        applied_on=day(28),
        amount=eur(30_000),
        serves=(ServedCredit("dsp_1", 30_000),),
    )
    (claim,) = after([stored], item).claims
    assert (claim.claimed_now, claim.awaiting_credit) == (0, 0)


def test_a_dispute_that_becomes_known_after_the_payment_is_held_on_the_days_between() -> None:
    item = paid(registered(100_000), payment(100_000, on=30))

    events = decisions.report_dispute(dispute(30_000, on=12), item)

    assert events[1:] == [PastHoldRecorded(dispute_id="dsp_1", steps=(Step(day(12), 30_000), Step(day(30), -30_000)))]
    claim = after(events, item).claims[0]
    assert [amount_on(claim.held, day(n)) for n in (11, 12, 29, 30)] == [0, 30_000, 30_000, 0]


def test_a_dispute_of_an_unknown_invoice_is_remembered_and_holds_nothing() -> None:
    item = disputed(OpenItem(), dispute(30_000))

    assert (item.held_minor, item.claims[0].claimed_now) == (0, 30_000)


def test_what_a_post_dated_payment_takes_from_a_dispute_is_held_until_its_day() -> None:
    item = paid(disputed(registered(100_000), dispute(30_000)), payment(100_000, on=90))
    answer = replace(dispute(0, version=2, on=35), by_posting=True, recorded_on=day(35))
    item = disputed(item, answer)
    (claim,) = item.claims

    held = [amount_on(claim.held, on) for on in (day(35), day(89), day(90))]
    assert held == [30_000, 30_000, 0]
    assert [amount_on(item.movements, on) for on in (day(35), day(89), day(90))] == [100_000, 100_000, 0]


def test_what_a_payment_of_today_takes_from_a_dispute_is_free_today() -> None:
    item = paid(disputed(registered(100_000), dispute(30_000)), payment(80_000, on=35))
    item = disputed(item, replace(dispute(20_000, version=2, on=35), by_posting=True, recorded_on=day(35)))

    assert item.held_minor == 20_000


def test_what_a_person_takes_back_is_free_at_once_whatever_is_posted_for_later() -> None:
    item = paid(disputed(registered(100_000), dispute(30_000)), payment(70_000, on=90))
    item = disputed(item, replace(dispute(0, version=2, on=35, outcome="withdrawn"), recorded_on=day(35)))
    (claim,) = item.claims

    assert [amount_on(claim.held, on) for on in (day(34), day(35))] == [30_000, 0]


def test_a_post_dated_payment_that_is_taken_back_before_its_day_leaves_the_hold_as_it_was() -> None:
    """Found by trying: the restored claim stood beside the one that was held until the payment's day."""
    item = paid(disputed(registered(100_000), dispute(30_000)), payment(100_000, on=90))
    item = disputed(item, replace(dispute(0, version=2, on=35), by_posting=True, recorded_on=day(35)))
    back = ReversePayment(source="sap", payment_id="P-1", reversed_on=day(36), amount=None)
    item = after(decisions.reverse_payment(back, item), item)
    item = disputed(item, replace(dispute(30_000, version=3, on=36), by_posting=True, recorded_on=day(36)))
    days = (day(35), day(36), day(89), day(90), day(91))

    assert [amount_on(item.claims[0].held, on) for on in days] == [30_000] * 5
    item = disputed(item, replace(dispute(0, version=4, on=37, outcome="withdrawn"), recorded_on=day(37)))
    assert [amount_on(item.claims[0].held, on) for on in (day(36), day(37), day(90))] == [30_000, 0, 0]


def test_a_part_that_comes_back_and_more_that_is_contested_each_count_from_their_day() -> None:
    item = paid(disputed(registered(100_000), dispute(30_000)), payment(80_000, on=90))
    item = disputed(item, replace(dispute(20_000, version=2, on=35), by_posting=True, recorded_on=day(35)))
    item = disputed(item, replace(dispute(45_000, version=3, on=40), recorded_on=day(40)))
    claimed = item.claims[0].claimed

    assert [amount_on(claimed, on) for on in (day(39), day(40), day(90))] == [30_000, 45_000, 45_000]
