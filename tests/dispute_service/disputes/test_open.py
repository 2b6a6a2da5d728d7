from datetime import UTC, datetime, timedelta

from msgspec.structs import replace
from support.disputes import MONDAY, NOW, disputes, item, open_
from support.given import euro

from dispute_service.disputes import refusals
from dispute_service.disputes.events import DisputeOpened, OpenedItem
from dispute_service.disputes.state import Dispute, Status, allowed_actions
from redress.money import Money


def test_a_dispute_opens_with_its_items_and_the_promise_of_the_matrix() -> None:
    opened = disputes().when(open_(item("200.00"), item("50.00", "INV-2", "1")))
    (event,) = opened.events
    assert isinstance(event, DisputeOpened)
    assert event.items == (
        OpenedItem(invoice_id="INV-1", line=None, amount=20000, known=True),
        OpenedItem(invoice_id="INV-2", line="1", amount=5000, known=True),
    )
    assert event.routing.team == "Pricing"
    assert event.routing.rule_id == "default-price"
    # 40 working hours of eight a day from Monday 10:00 in Berlin end on the Monday after, 10:00.
    assert event.sla.due_at == datetime(2026, 3, 9, 9, 0, tzinfo=UTC)
    state = opened.after
    assert isinstance(state, Dispute)
    assert state.status is Status.OPEN
    assert state.owner is None
    assert state.team is None
    assert state.open == euro("250.00")


def test_an_unidentified_reason_has_to_be_found_out_within_a_working_day() -> None:
    (event,) = disputes().when(open_(reason_code="UNIDENTIFIED")).events
    assert isinstance(event, DisputeOpened)
    assert event.sla.due_at == datetime(2026, 3, 3, 9, 0, tzinfo=UTC)


def test_the_promise_counts_from_when_the_matter_became_known_and_the_books_from_the_value_date() -> None:
    known = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
    opened = disputes(known).when(replace(open_(reason_code="UNIDENTIFIED"), clock_from=known))
    (event,) = opened.events
    assert isinstance(event, DisputeOpened)
    assert (event.at, event.sla.due_at) == (MONDAY, datetime(2026, 3, 5, 9, 0, tzinfo=UTC))
    assert opened.after.sla.inputs.start == known


def test_a_promise_never_counts_from_before_the_opening() -> None:
    (event,) = disputes().when(replace(open_(), clock_from=datetime(2026, 3, 1, tzinfo=UTC))).events
    assert isinstance(event, DisputeOpened)
    assert event.sla.inputs.start == MONDAY


def test_opening_the_same_dispute_again_changes_nothing() -> None:
    disputes().after(open_()).when(open_()).then_nothing()


def test_another_dispute_under_the_same_id_is_refused() -> None:
    disputes().after(open_()).when(open_(item("10.00"))).then_refused(refusals.AlreadyOpened)


def test_nothing_is_recorded_before_it_happens() -> None:
    refusal = disputes().when(open_(at=NOW + timedelta(seconds=1))).then_refused(refusals.EffectiveInFuture)
    assert refusal.place == ("effective_at",)


def test_a_reason_that_does_not_exist_names_those_that_do() -> None:
    refusal = disputes().when(open_(reason_code="COLOUR")).then_refused(refusals.UnknownCode)
    assert refusal.place == ("reason_code",)
    assert isinstance(refusal.allowed, tuple)
    assert len(refusal.allowed) == 21


def test_items_have_one_currency() -> None:
    dollars = item()
    command = open_(item(), type(dollars)(invoice_id="INV-2", line=None, amount=Money(100, "USD"), known=True))
    refusal = disputes().when(command).then_refused(refusals.ItemsRefused)
    assert refusal.place == ("items", 1, "amount", "currency")
    assert refusal.allowed == "EUR"


def test_an_item_is_contested_once() -> None:
    refusal = disputes().when(open_(item(), item("1.00"))).then_refused(refusals.ItemsRefused)
    assert refusal.place == ("items", 1)


def test_an_amount_of_zero_cannot_be_contested() -> None:
    refusal = disputes().when(open_(item("0.00"))).then_refused(refusals.ItemsRefused)
    assert refusal.place == ("items", 0, "amount", "amount")


def test_nothing_can_be_done_with_a_dispute_that_does_not_exist() -> None:
    from support.disputes import withdraw

    disputes().when(withdraw()).then_refused(refusals.NoSuchDispute)
    assert allowed_actions(disputes().state) == ()


def test_an_open_dispute_says_what_can_be_done() -> None:
    state = disputes().after(open_(at=MONDAY)).state
    assert allowed_actions(state) == (
        "classify",
        "assign",
        "request-information",
        "record-information",
        "add-note",
        "decide",
        "resolve",
        "withdraw",
        "escalate",
    )
