"""Who may contest how much of an invoice, and whom a posting takes from."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace
from support.given import Given, euro

from dispute_service.disputable_invoices import refusals
from dispute_service.disputable_invoices.commands import InvoiceCommand, RecordInvoice, SetReservation
from dispute_service.disputable_invoices.decisions import (
    Reduction,
    corrected_away,
    credited,
    decide,
    no_longer_fits,
    paid,
    written_off,
)
from dispute_service.disputable_invoices.events import HeldAmount, InvoiceEvent, KnownLine, ReservationSet
from dispute_service.disputable_invoices.state import INITIAL, DisputableInvoice, evolve

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def invoices() -> Given[InvoiceCommand, DisputableInvoice, InvoiceEvent]:
    return Given(
        decide=decide,
        evolve=evolve,
        state=INITIAL,
        refusals=refusals.InvoiceRefusal,
    )


def invoice(open_: str = "1,000.00", version: int = 1, lines: tuple[KnownLine, ...] = ()) -> RecordInvoice:
    return RecordInvoice(
        at=AT,
        ledger_version=version,
        customer_id="C-1",
        legal_entity="DE01",
        currency="EUR",
        total=euro("1,000.00"),
        open=euro(open_),
        lines=lines,
    )


def contest(
    amount: str,
    dispute_id: str = "D-1",
    *,
    line: str | None = None,
    days: int = 0,
    awaiting: str = "0",
    write_off: str = "0",
    payment: str = "0",
    customer_id: str = "C-1",
    currency: str = "EUR",
) -> SetReservation:
    waits = HeldAmount(line, euro(amount), euro(awaiting), euro(write_off), euro(payment))
    held = (waits,) if euro(amount) else ()
    return SetReservation(
        at=AT + timedelta(days=days),
        invoice_id="INV-1",
        dispute_id=dispute_id,
        customer_id=customer_id,
        currency=currency,
        held=held,
    )


LINES = (KnownLine("1", euro("600.00")), KnownLine("2", euro("240.34")))  # net; 1,000.00 with tax of 19 %


def test_what_is_open_can_be_contested() -> None:
    invoices().after(invoice()).when(contest("1,000.00")).then(
        ReservationSet(at=AT, dispute_id="D-1", held=(HeldAmount(None, 100000),))
    )


def test_the_same_reservation_again_changes_nothing() -> None:
    invoices().after(invoice(), contest("10.00")).when(contest("10.00")).then_nothing()


def test_more_than_is_open_is_refused_with_the_numbers() -> None:
    refusal = invoices().after(invoice("400.00")).when(contest("400.01")).then_refused(refusals.ExceedsOpenAmount)
    assert refusal.message == "400.01 EUR cannot be disputed on invoice INV-1: 400.00 EUR is open there."
    assert refusal.allowed == "up to 400.00 EUR"


def test_what_another_dispute_holds_is_refused_and_the_other_is_named() -> None:
    refusal = (invoices().after(invoice(), contest("700.00")).when(contest("300.01", "D-2"))).then_refused(
        refusals.AlreadyDisputed
    )
    assert refusal.details["disputes"] == ("D-1",)
    assert refusal.allowed == "up to 300.00 EUR"


def test_disjoint_amounts_live_side_by_side() -> None:
    state = invoices().after(invoice(), contest("700.00"), contest("300.00", "D-2")).state
    assert state.reserved == euro("1,000.00")


def test_a_line_takes_its_share_of_the_total_with_tax() -> None:
    # 600.00 of 840.34 net, so 714.00 of 1,000.00 gross (rounded up to the cent).
    invoices().after(invoice(lines=LINES)).when(contest("714.00", line="1")).then_kinds(ReservationSet)
    refusal = invoices().after(invoice(lines=LINES)).when(contest("714.01", line="1"))
    assert refusal.then_refused(refusals.ExceedsOpenAmount).line == "1"


def test_a_line_that_does_not_exist_names_those_that_do() -> None:
    refusal = invoices().after(invoice(lines=LINES)).when(contest("1.00", line="7")).then_refused(refusals.UnknownLine)
    assert refusal.allowed == ("1", "2")


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        (contest("1.00", customer_id="C-2"), refusals.CustomerMismatch),
        (contest("1.00", currency="USD"), refusals.CurrencyMismatch),
    ],
)
def test_somebody_elses_invoice_is_refused(command: InvoiceCommand, refusal: type[refusals.InvoiceRefusal]) -> None:
    invoices().after(invoice()).when(command).then_refused(refusal)


def test_an_invoice_the_ledger_does_not_know_takes_any_amount() -> None:
    invoices().when(contest("5,000.00")).then_kinds(ReservationSet)


def test_letting_go_is_always_possible() -> None:
    state = invoices().after(contest("5,000.00"), invoice("10.00", 2)).when(contest("0")).then_kinds(ReservationSet)
    assert state.reservations == ()


def test_an_older_fact_of_the_ledger_changes_nothing() -> None:
    invoices().after(invoice("400.00", 3)).when(invoice("1,000.00", 2)).then_nothing()
    invoices().after(invoice("400.00", 3)).when(invoice("400.00", 3)).then_nothing()


def test_an_invoice_takes_fifteen_disputes() -> None:
    many = [contest("1.00", f"D-{n}") for n in range(15)]
    invoices().after(invoice(), *many).when(contest("1.00", "D-99")).then_refused(refusals.TooManyDisputes)


def test_a_payment_or_write_off_takes_the_undisputed_part_first_then_the_oldest_dispute() -> None:
    state = invoices().after(invoice(), contest("200.00", "younger", days=2), contest("300.00", "older", days=1)).state
    for takes in (paid, written_off):
        assert takes(state, euro("500.00"), euro("500.00")) == []
        assert takes(state, euro("450.00"), euro("550.00")) == [Reduction("older", 5000)]
        both = [Reduction("older", 30000), Reduction("younger", 10000)]
        assert takes(state, euro("100.00"), euro("900.00")) == both
        assert takes(state, 0, euro("1,000.00")) == [Reduction("older", 30000), Reduction("younger", 20000)]


def _two() -> DisputableInvoice:
    older, waits = contest("300.00", "older", days=1), contest("200.00", "waits", days=2, awaiting="150.00")
    return invoices().after(invoice(), older, waits).state


def test_a_credit_memo_serves_awaited_credits_first_then_what_is_contested_the_oldest_first() -> None:
    assert credited(_two(), euro("900.00"), euro("100.00")) == [Reduction("waits", 10000)]
    # 150.00 awaited, and of the other 150.00 all can come from the older one.
    assert credited(_two(), euro("700.00"), euro("300.00")) == [
        Reduction("older", 15000),
        Reduction("waits", 15000),
    ]
    # 150.00 awaited, 300.00 contested by the older one, 50.00 by the younger one; 100.00 nobody contests.
    assert credited(_two(), euro("400.00"), euro("600.00")) == [
        Reduction("older", 30000),
        Reduction("waits", 20000),
    ]


def test_a_credit_memo_serves_the_dispute_that_it_names_before_those_that_wait() -> None:
    assert credited(_two(), euro("900.00"), euro("100.00"), named="older") == [Reduction("older", 10000)]
    assert credited(_two(), euro("650.00"), euro("350.00"), named="older") == [
        Reduction("older", 30000),
        Reduction("waits", 5000),
    ]


def _waiting() -> DisputableInvoice:
    """Of 1,000.00, 100.00 are contested, and 200.00, 150.00 and 50.00 wait for a payment, a write-off, a credit; 500.00
    nobody contests."""
    return (
        invoices()
        .after(
            invoice(),
            contest("100.00", "contests", days=1),
            contest("200.00", "pays", days=2, payment="200.00"),
            contest("150.00", "written off", days=3, write_off="150.00"),
            contest("50.00", "credit", days=4, awaiting="50.00"),
        )
        .state
    )


@pytest.mark.parametrize(
    ("amount", "leaves", "taken"),
    [
        ("200.00", "800.00", [Reduction("pays", 20000)]),
        ("80.00", "920.00", [Reduction("pays", 8000)]),
        ("200.01", "799.99", []),
        ("500.00", "500.00", []),
        ("600.00", "400.00", [Reduction("pays", 10000)]),
        ("700.00", "300.00", [Reduction("pays", 20000)]),
        ("750.00", "250.00", [Reduction("contests", 5000), Reduction("pays", 20000)]),
    ],
)
def test_a_payment_that_is_no_larger_than_what_is_waited_for_is_that_payment_and_a_larger_one_is_not(
    amount: str, leaves: str, taken: list[Reduction]
) -> None:
    assert paid(_waiting(), euro(leaves), euro(amount)) == taken


@pytest.mark.parametrize(
    ("amount", "leaves", "taken"),
    [
        ("150.00", "850.00", [Reduction("written off", 15000)]),
        ("150.01", "849.99", []),
        ("650.00", "350.00", [Reduction("written off", 15000)]),
        ("660.00", "340.00", [Reduction("contests", 1000), Reduction("written off", 15000)]),
    ],
)
def test_a_write_off_serves_what_waits_for_one_in_the_same_way(
    amount: str, leaves: str, taken: list[Reduction]
) -> None:
    assert written_off(_waiting(), euro(leaves), euro(amount)) == taken


def test_a_credit_memo_serves_what_waits_for_a_credit_then_what_waits_for_anything_else_then_a_contest() -> None:
    memo = [Reduction("credit", 5000)]
    assert credited(_waiting(), euro("950.00"), euro("50.00")) == memo
    assert credited(_waiting(), euro("750.00"), euro("250.00")) == [Reduction("pays", 20000), *memo]
    others = [Reduction("pays", 20000), Reduction("written off", 15000), *memo]
    assert credited(_waiting(), euro("600.00"), euro("400.00")) == others
    assert credited(_waiting(), euro("590.00"), euro("410.00")) == [Reduction("contests", 1000), *others]


def test_a_smaller_total_serves_all_that_is_waited_for_the_credit_first() -> None:
    before = _waiting().terms
    after = evolve(_waiting(), _recorded("740.00"))
    assert corrected_away(after, before) == [
        Reduction("pays", 20000), Reduction("written off", 1000), Reduction("credit", 5000)
    ]  # fmt: skip


def _recorded(total: str) -> InvoiceEvent:
    (event,) = decide(replace(invoice(total, 2), total=euro(total)), _waiting())
    return event


def test_a_dispute_that_comes_back_has_the_place_of_its_opening() -> None:
    again = replace(contest("100.00", "first", days=9), opened_at=AT)
    state = invoices().after(invoice(), contest("150.00", "second", days=1), again).state
    assert [one.dispute_id for one in state.reservations] == ["first", "second"]


def test_what_the_ledger_asks_for_is_not_measured_by_what_people_may() -> None:
    fact = replace(contest("900.00", "D-2"), by_ledger=True)
    assert invoices().after(invoice(), contest("300.00"), fact).state.reserved == euro("1,200.00")


def test_a_line_that_became_smaller_lets_go_of_what_it_does_not_have_the_oldest_first() -> None:
    smaller = (KnownLine("1", euro("200.00")), KnownLine("2", euro("800.00")))
    before = invoices().after(
        invoice(lines=(KnownLine("1", euro("500.00")), KnownLine("2", euro("500.00")))),
        contest("200.00", "older", line="1"),
        contest("150.00", "younger", line="1", days=1),
        contest("500.00", "elsewhere", line="2", days=2),
    )
    after = before.after(invoice(version=2, lines=smaller)).state
    assert no_longer_fits(after, before.state.terms) == [Reduction("older", 15000, "1")]


def test_a_line_that_costs_nothing_any_more_leaves_nothing_to_contest() -> None:
    before = invoices().after(invoice(lines=LINES), contest("200.00", line="1"))
    free = (KnownLine("1", 0), KnownLine("2", euro("840.34")))
    after = before.after(invoice(version=2, lines=free)).state
    assert no_longer_fits(after, before.state.terms) == [Reduction("D-1", 20000, "1")]


def test_an_invoice_below_what_is_disputed_lets_go_of_the_oldest() -> None:
    state = invoices().after(contest("500.00", "A"), contest("500.00", "B", days=1), invoice("500.00")).state
    assert no_longer_fits(state, None) == [Reduction("A", 50000)]


def test_a_smaller_total_serves_the_credit_that_is_waited_for() -> None:
    before = invoices().after(invoice(), contest("100.00"), contest("300.00", "waits", days=1, awaiting="300.00"))
    after = before.after(replace(invoice("700.00", 2), total=euro("700.00"))).state
    assert corrected_away(after, before.state.terms) == [Reduction("waits", 30000)]


def test_a_smaller_total_without_the_contested_line_takes_its_contest_away() -> None:
    before = invoices().after(invoice(lines=LINES), contest("200.00", line="1"))
    only = (KnownLine("2", euro("240.34")),)
    after = before.after(replace(invoice("850.00", 2, only), total=euro("850.00"))).state
    assert corrected_away(after, before.state.terms) == [Reduction("D-1", 15000, "1")]


def test_a_dispute_of_something_else_than_the_invoice_holds_nothing_and_is_remembered() -> None:
    state = invoices().after(replace(contest("0"), mismatched=True), invoice()).state
    assert (state.reserved, state.contested_by) == (0, ("D-1",))
    state = invoices().after(replace(contest("0"), mismatched=True), contest("0")).state
    assert state.contested_by == ()
