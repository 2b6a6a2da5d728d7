"""A part payment is a part payment: when what a payment leaves open is a deduction, and when it is not."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from msgspec.structs import replace
from support.collections_examples import FIRST_TOLERANCE, after, day, dispute, disputed, eur, invoice, paid, payment

from collections_service.open_items import decisions
from collections_service.open_items.commands import ApplyPayment, CorrectInvoice, ReversePayment
from collections_service.open_items.events import OpenItemEvent, RemainderLeft, ShortPaymentDetected
from collections_service.open_items.state import OpenItem
from collections_service.short_payments.tolerance import ShortPaymentTolerance
from redress.money import Money

DUE = 40  # of the invoice over 1,000.00 or what a test says
SMALL_DIFFERENCES = replace(
    FIRST_TOLERANCE,
    document=ShortPaymentTolerance(
        at_least=Decimal(1),
        percent=Decimal("0.5"),
        difference_at_most=Decimal(50),
        difference_percent=Decimal(10),
    ),
)


def of(total: int, currency: str = "EUR") -> OpenItem:
    return after(decisions.register(invoice(total, currency=currency, due=DUE), OpenItem()))


def judged(events: Sequence[OpenItemEvent]) -> ShortPaymentDetected | RemainderLeft:
    found = [event for event in events if isinstance(event, ShortPaymentDetected | RemainderLeft)]
    assert len(found) == 1, events
    return found[0]


def left(command: ApplyPayment, item: OpenItem) -> tuple[str, Money]:
    """Why the remainder is no deduction, and how much it is."""
    event = judged(decisions.apply_payment(command, item, FIRST_TOLERANCE))
    assert isinstance(event, RemainderLeft), event
    return event.why, event.remainder


def deducted(command: ApplyPayment, item: OpenItem) -> Money:
    event = judged(decisions.apply_payment(command, item, FIRST_TOLERANCE))
    assert isinstance(event, ShortPaymentDetected), event
    return event.short


def test_of_10000_that_are_not_due_2000_are_paid_and_8000_stay_collectable() -> None:
    item = of(1_000_000)

    assert left(payment(200_000, on=20), item) == ("not-due", eur(800_000))
    assert paid(item, payment(200_000, on=20)).undisputed_minor == 800_000


@pytest.mark.parametrize(("on", "why"), [(39, "not-due"), (40, "not-due"), (41, "underpaid")])
def test_a_payer_who_says_nothing_has_deducted_nothing(on: int, why: str) -> None:
    assert left(payment(90_000, on=on), of(100_000)) == (why, eur(10_000))


@pytest.mark.parametrize("on", [20, 60])
@pytest.mark.parametrize(
    "words", [{"reason": "damaged"}, {"payment_claim": "CL-7"}, {"claim": "CL-7"}, {"in_full": True}]
)
def test_a_payer_who_says_so_has_deducted_the_remainder_also_before_the_due_date(
    on: int, words: dict[str, str]
) -> None:
    assert deducted(payment(90_000, on=on, **words), of(100_000)) == eur(10_000)  # type: ignore[arg-type]


def test_a_deduction_carries_the_payers_words_and_the_numbers_it_was_judged_by() -> None:
    command = payment(99_899, reason="damaged", payment_claim="CL-9", claim="CL-7", in_full=True)

    event = judged(decisions.apply_payment(command, of(100_000), FIRST_TOLERANCE))

    assert event == ShortPaymentDetected(
        source="sap",
        payment_id="P-1",
        received_on=day(30),
        short=eur(101),
        tolerated=eur(100),
        policy="short-payment-tolerance@1",
        explanation="1.01 EUR of 1000.00 EUR stays open and undisputed; 1.00 EUR is tolerated by "
        "short-payment-tolerance@1: short payment, the payer names claim CL-7",
        remittance_reason="damaged",
        claim_number="CL-7",
        settles_in_full=True,
    )


def test_what_is_tolerated_is_no_deduction_whatever_is_said_about_it() -> None:
    item = of(100_000)

    assert left(payment(99_900, on=60, reason="damaged"), item) == ("tolerated", eur(100))
    assert paid(item, payment(99_900)).open_minor == 100


def test_half_a_dinar_of_ten_is_not_tolerated_and_neither_are_ten_thousand_of_two_million() -> None:
    dinars, euros = of(10_000, "BHD"), of(200_000_000)

    assert left(payment(9_500, on=60, currency="BHD"), dinars) == ("underpaid", Money(500, "BHD"))
    assert left(payment(199_000_000, on=60), euros) == ("underpaid", eur(1_000_000))


@pytest.mark.parametrize(
    "words",
    [
        {"in_full": False},
        {"in_full": False, "reason": "damaged"},
        {"reason": "2. Rate"},
        {"reason": "Teilzahlung zur Rechnung INV-1"},
        {"reason": "Instalment 3 of 10"},
        {"reason": "part payment, rest follows"},
        {"reason": "Rate 3/12"},
    ],
)
def test_what_the_payer_calls_an_instalment_is_one(words: dict[str, str]) -> None:
    assert left(payment(40_000, on=60, **words), of(100_000)) == ("part-payment", eur(60_000))  # type: ignore[arg-type]


@pytest.mark.parametrize("reason", ["freight rate too high", "short on account of damage", "Rabatt", "deposit missing"])
def test_a_reason_that_only_sounds_like_an_instalment_is_a_reason(reason: str) -> None:
    assert deducted(payment(90_000, reason=reason), of(100_000)) == eur(10_000)


def test_a_claim_of_its_own_counts_although_the_rest_comes_later() -> None:
    assert deducted(payment(90_000, claim="CL-7", in_full=False), of(100_000)) == eur(10_000)


def partly_rejected() -> OpenItem:
    """1,000 with 300 disputed, of which 200 were found invalid and are asked for; 100 wait for their credit memo."""
    item = disputed(of(100_000), dispute(30_000))
    return disputed(item, dispute(10_000, version=2, awaiting=10_000, rejected=20_000, on=25))


@pytest.mark.parametrize("reason", [None, "as you asked in your mail of 25 January"])
def test_who_pays_the_200_that_a_mail_asked_for_has_deducted_nothing(reason: str | None) -> None:
    item = partly_rejected()

    assert left(payment(20_000, on=60, reason=reason), item) == ("asked-for", eur(70_000))
    assert paid(item, payment(20_000)).undisputed_minor == 70_000


def test_who_pays_all_but_what_was_found_invalid_is_asked_for_that_already() -> None:
    assert left(payment(70_000, on=60, reason="remaining amount"), partly_rejected()) == ("asked-for", eur(20_000))


def test_who_pays_what_was_found_invalid_in_two_disputes_has_paid_what_was_asked_for() -> None:
    item = disputed(of(100_000), dispute(0, rejected=20_000, dispute_id="dsp_1"))
    item = disputed(item, dispute(0, rejected=5_000, dispute_id="dsp_2"))

    assert left(payment(25_000, on=60, reason="your mails"), item) == ("asked-for", eur(75_000))
    assert left(payment(5_000, on=60, reason="your mail"), item) == ("asked-for", eur(95_000))
    assert deducted(payment(24_999, on=60, reason="damaged"), item) == eur(75_001)


def test_a_word_about_the_very_invoice_is_heard_also_with_an_amount_that_was_asked_for() -> None:
    assert deducted(payment(20_000, on=60, in_full=True), partly_rejected()) == eur(70_000)
    assert deducted(payment(20_000, on=60, claim="CL-7"), partly_rejected()) == eur(70_000)


def test_withheld_tax_stays_open_for_its_certificate_and_is_no_deduction() -> None:
    item = of(100_000)

    assert left(payment(85_000, on=60, withheld=15_000, reason="WHT 15 %"), item) == ("withheld-tax", eur(15_000))
    now = paid(item, payment(85_000, withheld=15_000))
    assert (now.open_minor, now.undisputed_minor, now.withheld_minor) == (15_000, 15_000, 15_000)


def test_what_is_missing_beside_the_withheld_tax_is_judged() -> None:
    assert deducted(payment(80_000, withheld=15_000, reason="damaged"), of(100_000)) == eur(5_000)
    assert left(payment(80_000, on=60, withheld=15_000), of(100_000)) == ("underpaid", eur(5_000))


def test_withheld_tax_waits_no_longer_when_it_was_paid_or_its_payment_came_back() -> None:
    item = paid(of(100_000), payment(85_000, withheld=15_000))

    assert paid(item, payment(10_000, payment_id="P-2")).withheld_minor == 5_000
    back = ReversePayment(source="sap", payment_id="P-1", reversed_on=day(50))
    assert after(decisions.reverse_payment(back, item), item).withheld_minor == 0


@pytest.mark.parametrize(
    ("minor", "on", "expected"),
    [
        (96_000, 60, ShortPaymentDetected),  # 40.00 after the due date: small, and nobody explained it
        (95_000, 60, ShortPaymentDetected),
        (94_999, 60, RemainderLeft),  # 50.01 is not small: it is still to be paid
        (96_000, 40, RemainderLeft),  # not overdue
        (99_900, 60, RemainderLeft),  # tolerated
    ],
)
def test_a_small_difference_after_the_due_date_is_a_deduction_where_the_company_says_what_small_is(
    minor: int, on: int, expected: type[OpenItemEvent]
) -> None:
    event = judged(decisions.apply_payment(payment(minor, on=on), of(100_000), SMALL_DIFFERENCES))

    assert isinstance(event, expected), event
    if isinstance(event, ShortPaymentDetected):
        assert event.explanation.endswith("short payment, a small difference that nobody explained, up to 50.00 EUR")


def test_what_a_dispute_holds_is_not_short_a_second_time() -> None:
    item = disputed(of(100_000), dispute(30_000))

    assert left(payment(70_000, reason="damaged"), item) == ("disputed", eur(30_000))


def withdrawn(on: int) -> OpenItem:
    """The dispute of 300 ended on day `on` of the year; the ledger hears it after a payment of 700 on day 30."""
    item = paid(disputed(of(100_000), dispute(30_000)), payment(70_000, reason="damaged"))
    events = decisions.report_dispute(dispute(0, version=2, on=on, given_up=True), item)
    return after(events, item)


def test_a_remainder_whose_dispute_was_over_before_the_payment_is_judged_when_that_is_heard() -> None:
    item = withdrawn(on=30)

    assert isinstance(item.judged, ShortPaymentDetected)
    assert (item.judged.short, item.judged.remittance_reason) == (eur(30_000), "damaged")


def test_without_a_word_of_the_payer_it_is_left_then() -> None:
    item = paid(disputed(of(100_000), dispute(30_000)), payment(70_000))

    event = judged(decisions.report_dispute(dispute(0, version=2, on=29, given_up=True), item))

    assert isinstance(event, RemainderLeft)
    assert (event.why, event.remainder) == ("not-due", eur(30_000))


def test_a_part_that_was_short_anyway_is_judged_again_with_what_the_dispute_held() -> None:
    item = paid(disputed(of(100_000), dispute(30_000)), payment(65_000, reason="damaged"))
    assert isinstance(item.judged, ShortPaymentDetected)
    assert item.judged.short == eur(5_000)

    event = judged(decisions.report_dispute(dispute(0, version=2, on=29, given_up=True), item))

    assert isinstance(event, ShortPaymentDetected)
    assert event.short == eur(35_000)


def test_what_the_customer_gave_up_after_paying_is_no_deduction_any_more() -> None:
    item = withdrawn(on=31)

    assert isinstance(item.judged, RemainderLeft)
    assert (item.judged.why, item.judged.remainder) == ("given-up", eur(30_000))
    assert item.undisputed_minor == 30_000


def test_a_dispute_about_the_payment_itself_is_not_judged_when_it_is_given_up() -> None:
    item = paid(of(100_000), payment(70_000, reason="damaged"))
    item = disputed(item, dispute(30_000, opened=31, on=31))

    assert [type(e).__name__ for e in decisions.report_dispute(dispute(0, version=2, on=33, given_up=True), item)] == [
        "DisputeReported",
        "HoldReleased",
    ]


def test_a_payment_that_came_back_is_not_judged_any_more() -> None:
    item = paid(disputed(of(100_000), dispute(30_000)), payment(70_000, reason="damaged"))
    back = ReversePayment(source="sap", payment_id="P-1", reversed_on=day(33))
    item = after(decisions.reverse_payment(back, item), item)
    assert item.judged is None

    events = decisions.report_dispute(dispute(0, version=2, on=30, given_up=True), item)

    assert not [event for event in events if isinstance(event, ShortPaymentDetected | RemainderLeft)]


@pytest.mark.parametrize(
    ("on", "from_start", "why"), [(45, False, "underpaid"), (60, False, "not-due"), (45, True, "not-due")]
)
def test_a_payment_is_judged_by_the_due_date_of_its_day(on: int, from_start: bool, why: str) -> None:
    later = CorrectInvoice(invoice_id="INV-1", corrected_on=day(50), due_on=day(90), from_start=from_start)
    item = of(100_000)
    item = after(decisions.correct(later, item), item)

    assert left(payment(20_000, on=on), item) == (why, eur(80_000))
