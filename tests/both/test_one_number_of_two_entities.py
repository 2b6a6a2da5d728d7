"""Two legal entities use one number: both services mean the same invoice, whatever they hear first."""

from itertools import permutations

import pytest
from support.side_by_side import TENANT, eur
from support.two_entities import NUMBER, TwoEntities

from collections_service.open_items.stream import invoice_stream as ledger_stream
from collections_service.receipts.commands import NamedInvoice, ReceivePayment
from dispute_service.disputable_invoices.refusals import AlreadyDisputed, AmbiguousInvoice, ExceedsOpenAmount
from dispute_service.disputes.refusals import ItemsOfTwoEntities


@pytest.fixture
def both() -> TwoEntities:
    return TwoEntities()


def test_each_entitys_invoice_is_contested_up_to_what_is_open_of_it(both: TwoEntities) -> None:
    both.post("DE01", 1_000)
    both.post("DE02", 500)
    both.come_to_rest()

    both.contest("A", (NUMBER, "DE01", 900))
    with pytest.raises(ExceedsOpenAmount):
        both.contest("B", (NUMBER, "DE02", 501))
    both.contest("B", (NUMBER, "DE02", 500))
    with pytest.raises(AlreadyDisputed):
        both.contest("C", (NUMBER, "DE01", 101))
    both.come_to_rest()

    assert (both.holds(), both.holds("DE02")) == ({"A": 900}, {"B": 500})
    assert both.of("B").legal_entity == "DE02"
    assert both.of("B").items[0].legal_entity == "DE02"
    assert both.of("B").items[0].known


def test_a_shared_number_without_an_entity_is_refused_with_the_candidates(both: TwoEntities) -> None:
    both.post("DE01")
    both.post("DE02")
    both.come_to_rest()

    with pytest.raises(AmbiguousInvoice) as refused:
        both.contest("A", ("other", None, 5), (NUMBER, None, 100))

    assert refused.value.details["legal_entities"] == ("DE01", "DE02")
    assert refused.value.place == ("items", 1, "legal_entity")


def test_candidates_are_known_from_the_second_entitys_invoice_alone(both: TwoEntities) -> None:
    both.post("DE01")
    both.post("DE02")
    both.hear_one("ledger", ledger_stream(TENANT, NUMBER, "DE02"))

    with pytest.raises(AmbiguousInvoice) as refused:
        both.contest("A", (NUMBER, None, 100))

    assert refused.value.details["legal_entities"] == ("DE01", "DE02")


def test_a_number_of_one_entity_needs_none_and_the_dispute_tells_it(both: TwoEntities) -> None:
    both.post("DE01")
    both.come_to_rest()

    opened = both.contest("A", (NUMBER, None, 100))

    assert (opened.legal_entity, opened.items[0].legal_entity, opened.items[0].known) == ("DE01", "DE01", True)


def test_items_of_two_entities_are_refused_by_name(both: TwoEntities) -> None:
    both.post("DE01")
    both.post("DE02", number="9")
    both.come_to_rest()

    with pytest.raises(ItemsOfTwoEntities) as refused:
        both.contest("A", (NUMBER, None, 100), ("9", None, 100))

    assert refused.value.details == {"legal_entities": ("DE01", "DE02")}
    assert refused.value.place == ("items", 1, "legal_entity")
    with pytest.raises(ItemsOfTwoEntities):
        both.contest("A", ("new", "DE01", 100), ("newer", "DE02", 100))


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("entity", [None, "DE01", "DE02", "FR01"])
def test_a_dispute_opened_before_the_invoices_are_known_ends_on_one_invoice_in_both_services(
    both: TwoEntities, order: tuple[int, ...], entity: str | None
) -> None:
    """The two invoices and the dispute are heard in every order."""
    both.contest("A", (NUMBER, entity, 300))
    both.post("DE01", 1_000)
    both.post("DE02", 1_000)
    ways = [
        ("ledger", ledger_stream(TENANT, NUMBER)),
        ("ledger", ledger_stream(TENANT, NUMBER, "DE02")),
        ("disputes", both.opened["A"]),
    ]
    for place in order:
        both.hear_one(*ways[place])
    both.come_to_rest()

    assert (both.holds(), both.holds("DE02")) == {
        None: ({"A": 300}, {}),
        "DE01": ({"A": 300}, {}),
        "DE02": ({}, {"A": 300}),
        "FR01": ({}, {}),
    }[entity]
    assert both.of("A").items[0].known is (entity != "FR01")
    assert both.of("A").items[0].legal_entity == (entity or "DE01")


def test_a_dispute_that_waits_for_its_entitys_invoice_limits_nobody_elses(both: TwoEntities) -> None:
    both.contest("A", (NUMBER, "FR01", 99_000))
    both.post("DE01", 1_000)
    both.come_to_rest()

    both.contest("B", (NUMBER, None, 1_000))
    both.come_to_rest()
    assert both.holds() == {"B": 1_000}

    both.withdraw("A")
    both.post("FR01", 500)
    both.come_to_rest()
    assert both.holds("FR01") == {}
    assert both.disputable_of().elsewhere == ()


def test_a_waiting_dispute_is_brought_within_what_its_invoice_asks_for(both: TwoEntities) -> None:
    both.contest("A", (NUMBER, "DE02", 800))
    both.post("DE01", 1_000)
    both.come_to_rest()
    both.post("DE02", 500)
    both.come_to_rest()

    assert (both.holds(), both.holds("DE02")) == ({}, {"A": 500})
    assert both.of("A").items[0].reduced == 300


def test_payments_and_credits_of_one_entity_leave_the_others_disputes_alone(both: TwoEntities) -> None:
    both.post("DE01", 1_000)
    both.post("DE02", 1_000)
    both.come_to_rest()
    both.contest("A", (NUMBER, "DE01", 400))
    both.contest("B", (NUMBER, "DE02", 400))
    both.come_to_rest()

    both.receive("P", 800, "DE02")
    both.come_to_rest()
    assert (both.holds(), both.holds("DE02")) == ({"A": 400}, {"B": 200})

    assert both.resolve("A", "CREDIT_FULL")
    both.come_to_rest()
    both.memo("CM", 400, "DE01")
    both.come_to_rest()
    assert (both.holds(), both.holds("DE02")) == ({}, {"B": 200})
    assert both.of("A").items[0].credited == 400


def test_one_payment_short_on_two_entities_invoices_of_one_number_makes_two_disputes(both: TwoEntities) -> None:
    both.post("DE01", 1_000)
    both.post("DE02", 1_000)
    both.come_to_rest()
    parts = tuple(NamedInvoice(NUMBER, eur(600), settles_in_full=True, legal_entity=e) for e in ("DE01", "DE02"))
    command = ReceivePayment(
        source="erp", payment_id="P", customer_id="C-1", received_on=both.now.date(), amount=eur(1_200),
        allocations=parts,
    )  # fmt: skip
    assert both._post(command, both.now.date())
    both.come_to_rest()

    assert sorted(each.legal_entity or "" for each in both.all_disputes().values()) == ["DE01", "DE02"]
    assert (both.holds(), both.holds("DE02")) == ({"short payment": 400}, {"short payment": 400})


def test_an_event_heard_twice_shares_the_number_once(both: TwoEntities) -> None:
    both.contest("A", (NUMBER, "DE02", 300))
    both.post("DE01")
    both.post("DE02")
    stream = ledger_stream(TENANT, NUMBER, "DE02")
    both.ledger.unheard[stream] *= 2
    both.come_to_rest()

    assert both.disputable_of().shared_with == ("DE02",)
    assert both.holds("DE02") == {"A": 300}
