"""However the amounts of a dispute move, nothing is lost and nothing is made."""

import pytest
from hypothesis import given
from hypothesis import strategies as some
from support.disputes import NOW

from dispute_service.disputes import events as e
from dispute_service.disputes import items as moved
from dispute_service.disputes.items import DisputeItem, Items, PaymentShare

_position = some.integers(-1, 3)  # also of items that are not there
_amount = some.integers(0, 300)
_shares = some.lists(some.builds(e.Share, _position, _amount), max_size=5)


@some.composite
def _item(draw: some.DrawFn) -> DisputeItem:
    paid, credited, reduced, written_off, rejected, withdrawn, is_open = (draw(_amount) for _ in range(7))
    credit = draw(some.integers(0, is_open))
    write_off = draw(some.integers(0, is_open - credit))
    payment = draw(some.integers(0, is_open - credit - write_off))
    awaiting = credit + write_off + payment
    valid = draw(some.integers(0, is_open - awaiting))
    return DisputeItem(
        invoice_id=draw(some.sampled_from(["INV-1", "INV-2"])),
        line=None,
        known=draw(some.booleans()),
        disputed=paid + credited + reduced + written_off + rejected + withdrawn + is_open,
        open=is_open,
        paid=paid,
        credited=credited,
        reduced=reduced,
        written_off=written_off,
        rejected=rejected,
        withdrawn=withdrawn,
        awaiting_credit=credit,
        awaiting_write_off=write_off,
        awaiting_payment=payment,
        valid=valid,
        invalid=draw(some.sampled_from([0, is_open - awaiting - valid])),
        stated_paid=draw(some.integers(0, paid)),
    )


_items = some.lists(_item(), min_size=1, max_size=3).map(tuple)


def _is_conserved(items: Items, before: Items) -> None:
    assert [item.disputed for item in items] == [item.disputed for item in before]
    for item in items:
        parts = (
            item.open, item.paid, item.credited, item.reduced, item.written_off, item.rejected, item.withdrawn,
        )  # fmt: skip
        assert sum(parts) == item.disputed
        waits = (item.awaiting_credit, item.awaiting_write_off, item.awaiting_payment)
        assert min(*parts, *waits, item.valid, item.invalid, item.stated_paid) >= 0
        assert item.awaiting <= item.open
        assert item.valid + item.invalid <= item.contested
        assert item.stated_paid <= item.paid


def _outcome(index: int, item: DisputeItem, cuts: list[int]) -> e.ItemOutcome:
    """All that is contested goes somewhere, or stays and awaits a posting."""
    a, b, c, d, f, g = sorted(min(cut, item.contested) for cut in cuts)
    return e.ItemOutcome(
        item=index,
        rejected=a,
        written_off=b - a,
        paid=c - b,
        withdrawn=d - c,
        write_off_due=f - d,
        payment_due=g - f,
        credit=item.contested - g,
    )


def test_a_contested_amount_is_open() -> None:
    opened = [e.OpenedItem(invoice_id="INV-1", line="2", amount=20000, known=False)]
    assert moved.contested(opened) == (
        DisputeItem(invoice_id="INV-1", line="2", known=False, disputed=20000, open=20000),
    )


@given(_items)
def test_an_invoice_that_becomes_known_moves_nothing(items: Items) -> None:
    after = moved.known(items, "INV-1", "DE01")
    _is_conserved(after, items)
    assert all(item.legal_entity == "DE01" for item in after if item.invoice_id == "INV-1")
    assert all(item.known for item in after if item.invoice_id == "INV-1")
    assert [item.open for item in after] == [item.open for item in items]


@given(_items, some.data())
def test_a_verdict_splits_what_is_contested(items: Items, data: some.DataObject) -> None:
    valid = [data.draw(some.integers(0, item.contested)) for item in items]
    verdicts = [e.ItemVerdict(i, valid[i], item.contested - valid[i]) for i, item in enumerate(items)]
    after = moved.judged(items, [*verdicts, e.ItemVerdict(len(items), 1, 1)])
    _is_conserved(after, items)
    assert [(item.valid, item.invalid) for item in after] == [(v.valid, v.invalid) for v in verdicts]
    _is_conserved(moved.without_verdict(after), items)


@given(_items, some.lists(_amount, min_size=6, max_size=6))
def test_an_outcome_leaves_nothing_open_but_what_awaits_a_posting(items: Items, cuts: list[int]) -> None:
    outcomes = [_outcome(index, item, cuts) for index, item in enumerate(items)]
    after = moved.with_outcomes(items, [*outcomes, e.ItemOutcome(item=len(items), rejected=1)])
    _is_conserved(after, items)
    assert all(item.open == item.awaiting for item in after)


@given(_items)
def test_a_withdrawal_gives_up_what_is_contested_and_keeps_what_was_granted(items: Items) -> None:
    after = moved.withdrawn(items, [e.Share(index, item.contested) for index, item in enumerate(items)])
    _is_conserved(after, items)
    assert [item.withdrawn - before.withdrawn for item, before in zip(after, items, strict=True)] == [
        before.contested for before in items
    ]
    assert [item.open for item in after] == [before.awaiting for before in items]


@given(_items, some.sampled_from(["rejected", "withdrawn"]))
def test_what_is_given_up_is_awaited_no_more_and_stands_where_it_went(items: Items, into: str) -> None:
    after = moved.given_up(items, [e.Share(index, item.awaiting) for index, item in enumerate(items)], into)
    _is_conserved(after, items)
    for item, before in zip(after, items, strict=True):
        assert (item.awaiting, item.open) == (0, before.contested)
        assert getattr(item, into) - getattr(before, into) == before.awaiting


@given(_items, _shares)
def test_what_the_ledger_brings_back_leaves_what_was_granted_alone(items: Items, shares: list[e.Share]) -> None:
    after = moved.contested_again(items, shares, keeps_grants=True)
    _is_conserved(after, items)
    assert [item.awaiting for item in after] == [before.awaiting for before in items]


@given(_items, _shares)
def test_what_is_contested_again_comes_from_where_it_went(items: Items, shares: list[e.Share]) -> None:
    after = moved.contested_again(items, shares)
    _is_conserved(after, items)
    for item, before in zip(after, items, strict=True):
        assert before.open <= item.open <= before.open + moved.reopenable(before) - before.awaiting
        assert item.credited == before.credited
        assert item.paid >= before.paid - before.stated_paid, "a posting has proved it"


@given(_items, _shares)
def test_a_payment_takes_no_more_than_is_open_and_what_it_took_can_come_back(
    items: Items, shares: list[e.Share]
) -> None:
    after, taken = moved.reduced_by_payment(items, shares, "P-1")
    _is_conserved(after, items)
    paid = [item.paid - before.paid for item, before in zip(after, items, strict=True)]
    assert paid == [sum(one.amount for one in taken if one.item == index) for index in range(len(items))]
    back = tuple(e.Share(index, amount) for index, amount in enumerate(paid))
    restored, still_taken = moved.given_back(after, taken, _reversal(back, "open"))
    _is_conserved(restored, items)
    assert [item.open for item in restored] == [item.open for item in items]
    assert still_taken == ()


@given(_items, _shares)
def test_what_a_payment_confirmed_is_awaited_again_as_what_it_was(items: Items, shares: list[e.Share]) -> None:
    after, taken = moved.reduced_by_payment(items, shares, "P-1")
    confirmed = [sum(one.amount for one in taken if one.item == i and one.awaited) for i in range(len(items))]
    back = tuple(e.Share(index, amount) for index, amount in enumerate(confirmed))
    restored, still_taken = moved.given_back(after, taken, _reversal(back, "awaiting"))
    _is_conserved(restored, items)
    assert [_waits(item) for item in restored] == [_waits(item) for item in items]
    assert not any(one.awaited for one in still_taken)


@given(_items, _shares, some.integers(0, 300))
def test_what_a_credit_memo_confirmed_is_awaited_again_as_what_it_was(
    items: Items, shares: list[e.Share], first: int
) -> None:
    """It is cancelled in two steps. What had not been awaited is awaited as a credit then."""
    after = moved.reduced_by_credit(items, shares)
    credited = moved.taken_by_credit(items, after, "CM-1")
    for part_of in ("first", "rest"):
        amounts = [sum(one.amount for one in credited if one.item == index) for index in range(len(items))]
        back = [min(amount, first) if part_of == "first" else amount for amount in amounts]
        reversal = e.CreditReversed(
            at=NOW,
            credit_memo_id="CM-1",
            invoice_id="INV-1",
            ledger_version=2,
            shares=tuple(e.Share(index, amount) for index, amount in enumerate(back)),
            into="awaiting",
        )
        after, credited = moved.credit_given_back(after, credited, reversal)
        _is_conserved(after, items)
    assert credited == ()
    assert [item.open for item in after] == [item.open for item in items]
    assert [_waits(item)[1:] for item in after] == [_waits(item)[1:] for item in items]


def _waits(item: DisputeItem) -> tuple[int, int, int]:
    return item.awaiting_credit, item.awaiting_write_off, item.awaiting_payment


@given(_items, _shares)
def test_a_credit_takes_no_more_than_is_open(items: Items, shares: list[e.Share]) -> None:
    after = moved.reduced_by_credit(items, shares)
    _is_conserved(after, items)
    for item, before in zip(after, items, strict=True):
        credited = item.credited - before.credited
        assert credited == before.open - item.open
        assert item.awaiting_credit == max(0, before.awaiting_credit - credited), "what was granted is served first"


@given(_items, _shares)
def test_a_smaller_invoice_credits_nothing(items: Items, shares: list[e.Share]) -> None:
    after = moved.reduced_by_invoice(items, shares)
    _is_conserved(after, items)
    for item, before in zip(after, items, strict=True):
        assert (item.credited, item.paid) == (before.credited, before.paid)
        assert item.reduced - before.reduced == before.open - item.open


@given(_items, _shares)
def test_a_payment_takes_what_was_granted_last(items: Items, shares: list[e.Share]) -> None:
    after, _ = moved.reduced_by_payment(items, shares, "P-1")
    for item, before in zip(after, items, strict=True):
        assert item.awaiting_credit == min(before.awaiting_credit, item.open)


@given(_items, some.lists(some.tuples(_position, some.sampled_from(["line", None])), max_size=4))
def test_what_an_item_names_moves_no_money(items: Items, found: list[tuple[int, str | None]]) -> None:
    after = moved.compared(items, [e.ItemMismatch(item, what) for item, what in found])
    _is_conserved(after, items)
    assert [item.open for item in after] == [item.open for item in items]


@given(_items, _shares, some.sampled_from(["open", "rejected", "withdrawn"]))
def test_no_more_comes_back_than_postings_have_paid(items: Items, shares: list[e.Share], into: str) -> None:
    after, _ = moved.given_back(items, (), _reversal(tuple(shares), into))
    _is_conserved(after, items)
    assert all(item.paid >= before.stated_paid for item, before in zip(after, items, strict=True))


def test_of_two_payments_only_the_one_that_came_back_gives_up_what_it_took() -> None:
    items = moved.contested([e.OpenedItem(invoice_id="INV-1", line=None, amount=200, known=True)])
    after, first = moved.reduced_by_payment(items, [e.Share(0, 50)], "P-1")
    after, second = moved.reduced_by_payment(after, [e.Share(0, 70)], "P-2")
    _, left = moved.given_back(after, (*first, *second), _reversal((e.Share(0, 30),), "open", "P-1"))
    assert left == (PaymentShare("P-1", 0, 20), PaymentShare("P-2", 0, 70))


@given(_amount, some.lists(_amount, max_size=5))
def test_an_amount_fills_rooms_in_their_order(amount: int, rooms: list[int]) -> None:
    parts = moved.filled(amount, rooms)
    assert sum(parts) == min(amount, sum(rooms))
    assert all(part <= room for part, room in zip(parts, rooms, strict=True))
    unfilled = [index for index, room in enumerate(rooms) if parts[index] < room]
    assert not unfilled or not any(parts[unfilled[0] + 1 :])


def _reversal(shares: tuple[e.Share, ...], into: str, payment_id: str = "P-1") -> e.PaymentReversed:
    return e.PaymentReversed(
        at=NOW, payment_id=payment_id, invoice_id="INV-1", ledger_version=2, shares=shares, into=into
    )


@pytest.mark.parametrize("posting", ["payment", "write-off"])
def test_a_grant_that_stands_is_no_part_of_what_a_posting_leaves_valid(posting: str) -> None:
    """Of 400.00, 300.00 is granted; of the rest 60.00 was found valid and 40.00 invalid, and 50.00 is taken."""
    before = (
        DisputeItem(
            invoice_id="INV-1",
            line=None,
            known=True,
            disputed=40_000,
            open=40_000,
            awaiting_credit=30_000,
            valid=6_000,
            invalid=4_000,
        ),
    )
    shares = [e.Share(0, 5_000)]
    (after,) = (
        moved.reduced_by_payment(before, shares, "P-1")[0]
        if posting == "payment"
        else moved.reduced_by_write_off(before, shares, "W-1")[0]
    )
    assert (after.open, after.awaiting_credit, after.valid, after.invalid) == (35_000, 30_000, 5_000, 0)
    assert (after.paid, after.written_off) == ((5_000, 0) if posting == "payment" else (0, 5_000))
