"""Whatever happens, in whatever order it is heard: at rest both services say the same of every dispute and invoice."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from support.side_by_side import TEXT, SideBySide, eur

from collections_service.open_items.commands import ReportDispute
from collections_service.open_items.decisions import report_dispute
from collections_service.open_items.stream import INVOICE, invoice_stream
from dispute_service.disputable_invoices.decisions import no_longer_fits, no_longer_paid
from dispute_service.disputes import commands as c
from dispute_service.disputes.state import Dispute, Status
from redress.handling.unit_of_work import UnitOfWork

INVOICES = ("I", "J")
DISPUTES = ("A", "B", "C", "D")
CODES = ("CREDIT_FULL", "REJECTED_COLLECT", "WRITE_OFF_SMALL", "CREDIT_PARTIAL", "CUSTOMER_PAID", "REBILL", "OFFSET")

Step = Callable[[SideBySide], object]
_amount = some.integers(1, 60_000)
_invoice = some.sampled_from(INVOICES)
_dispute = some.sampled_from(DISPUTES)
_number = some.integers(1, 5)
_line = some.sampled_from([None, None, "1", "2", "9"])


class _Named(NamedTuple):
    """A step, and what it is called where an example is shown."""

    name: str
    step: Step

    def of_existing(self, dispute: str) -> "_Named":
        return _Named(self.name, lambda both: dispute in both.opened and self.step(both))


@some.composite
def _invoices(draw: some.DrawFn) -> _Named:
    invoice_id, total = draw(_invoice), draw(some.sampled_from([100_000, 30_000]))
    lines = draw(some.sampled_from([None, {"1": 40_000, "2": 60_000}]))
    return _Named(f"invoice {invoice_id} {total} {lines}", lambda both: both.invoice(total, invoice_id, lines=lines))


@some.composite
def _corrections(draw: some.DrawFn) -> _Named:
    invoice_id, total = draw(_invoice), draw(some.one_of(some.sampled_from([None, 120_000, 70_000]), _amount))
    first = draw(some.sampled_from([0, 1_000, 20_000, 90_000]))
    lines = draw(some.sampled_from([None, {"1": first, "2": 60_000}, {"2": 60_000}, {"10": 40_000, "20": 9}]))
    return _Named(f"correct {invoice_id} {total} {lines}", lambda both: both.correct(total, invoice_id, lines=lines))


@some.composite
def _moves(draw: some.DrawFn) -> _Named:
    invoice_id, customer = draw(_invoice), draw(some.sampled_from(["C-1", "C-2"]))
    return _Named(f"{invoice_id} is owed by {customer}", lambda both: both.change_customer(customer, invoice_id))


@some.composite
def _cash(draw: some.DrawFn) -> _Named:
    invoice_id, amount, payment = draw(_invoice), draw(_amount), f"P{draw(_number)}"
    if draw(some.integers(1, 3)) == 3:
        part = draw(some.sampled_from([None, amount]))
        return _Named(f"reverse {payment} {part}", lambda both: both.reverse(payment, part))
    protest, all_of_it = draw(some.booleans()), draw(some.integers(1, 4)) == 4
    return _Named(
        f"pay {invoice_id} {'all' if all_of_it else amount} {payment} {'under protest' * protest}",
        lambda both: both.pay(
            max(1, both.item(invoice_id).open_minor) if all_of_it else amount,
            payment,
            invoice_id,
            under_protest=protest,
        ),
    )


@some.composite
def _write_offs(draw: some.DrawFn) -> _Named:
    invoice_id, amount, name = draw(_invoice), draw(_amount), f"W{draw(_number)}"
    if draw(some.booleans()):
        return _Named(f"take back {name} {amount}", lambda both: both.take_write_off_back(name, amount, invoice_id))
    return _Named(f"write off {invoice_id} {amount} {name}", lambda both: both.write_off(amount, name, invoice_id))


@some.composite
def _credits(draw: some.DrawFn) -> _Named:
    invoice_id, amount, memo = draw(_invoice), draw(_amount), f"CM{draw(_number)}"
    if draw(some.integers(1, 4)) == 4:
        part = draw(some.sampled_from([None, amount]))
        return _Named(f"reverse {memo} {part}", lambda both: both.reverse_credit(memo, part))
    named = draw(some.sampled_from([None, None, *DISPUTES, "dsp_7zzzzzzzzzzzzzzzzzzzzzzzzz"]))
    return _Named(
        f"credit {invoice_id} {amount} {memo} for {named}",
        lambda both: both.credit(
            amount, memo, invoice_id, dispute=named if named not in DISPUTES or named in both.opened else None
        ),
    )


@some.composite
def _on_account(draw: some.DrawFn) -> _Named:
    name, amount, memo = draw(_dispute), draw(_amount), f"CM{draw(_number)}"
    if draw(some.booleans()):
        return _Named(f"refund {memo} {amount}", lambda both: both.refund(amount, memo, dispute=name)).of_existing(name)
    credit = _Named(f"credit on account {memo}", lambda both: both.credit_on_account(amount, memo, dispute=name))
    return credit.of_existing(name)


@some.composite
def _openings(draw: some.DrawFn) -> _Named:
    invoice_id, name, amount = draw(_invoice), draw(_dispute), draw(_amount)
    line = draw(some.sampled_from([None, None, "1", "2", "9"]))
    who, currency = draw(some.sampled_from([("C-1", "EUR")] * 8 + [("C-2", "EUR"), ("C-1", "USD")]))
    return _Named(
        f"dispute {name} {amount} {currency} of {invoice_id} line {line} by {who}",
        lambda both: (
            name in both.opened or both.dispute(name, amount, invoice_id, line=line, customer=who, currency=currency)
        ),
    )


@some.composite
def _work(draw: some.DrawFn) -> _Named:
    name, amount, code = draw(_dispute), draw(_amount), draw(some.sampled_from(CODES))
    credited = amount if code == "CREDIT_PARTIAL" else None
    return draw(
        some.sampled_from(
            [
                _Named(f"decide {name} {amount}", lambda both: both.command(name, _verdict(both, name, amount))),
                _Named(f"resolve {name} {code} {credited}", lambda both: both.resolve(name, code, credited)),
                _Named(f"resolve {name} CREDIT_FULL", lambda both: both.resolve(name, "CREDIT_FULL")),
                _Named(f"withdraw {name}", lambda both: both.withdraw(name)),
                _Named(f"settle {name}", lambda both: both.settle(name)),
                _Named(f"reopen {name}", lambda both: both.reopen(name)),
            ]
        )
    ).of_existing(name)


_heard = _amount.map(lambda which: _Named(f"hear {which}", lambda both: _hear(both, which)))
_rest = some.just(_Named("all is heard", lambda both: both.come_to_rest()))
_steps = some.one_of(
    _invoices(), _corrections(), _moves(), _cash(), _cash(), _write_offs(), _credits(), _on_account(), _openings(),
    _openings(), _work(), _work(), _work(), _heard, _heard, _heard, _rest, _rest,
)  # fmt: skip


def _hear(both: SideBySide, which: int) -> None:
    if waiting := both.waiting():
        both.hear_one(*waiting[which % len(waiting)])


def _verdict(both: SideBySide, name: str, amount: int) -> Callable[[datetime], c.DisputeCommand]:
    state = both.state_of(name)
    contested = state.contested if isinstance(state, Dispute) else 0
    valid = min(amount, contested)
    return lambda at: c.Decide(
        at=at, valid=eur(valid), invalid=eur(contested - valid), root_cause="UNKNOWN", rationale=TEXT
    )


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example])
@given(some.lists(_steps, min_size=15, max_size=40), some.lists(_amount, min_size=1, max_size=5))
def test_at_rest_claim_hold_and_reservation_of_every_dispute_are_the_same(
    steps: list[_Named], order: list[int]
) -> None:
    both = SideBySide()
    both.invoice(100_000, "I", lines={"1": 40_000, "2": 60_000})
    for _, step in steps:
        step(both)
        _keeps_within(both)
    number = 0
    while both.waiting():
        _hear(both, order[number % len(order)])
        number += 1
    for invoice_id in INVOICES:
        held = both.held(invoice_id)
        if both.item(invoice_id).terms is not None:
            assert sum(held.values()) == both.item(invoice_id).held_minor
            assert both.item(invoice_id).held_minor + both.collectable(invoice_id) == both.item(invoice_id).open_minor
    for dispute_id, state in both.all_disputes().items():
        name = next((name for name in both.opened if both.dispute_id(name) == dispute_id), dispute_id)
        holds = sum(both.held(invoice_id).get(name, 0) for invoice_id in INVOICES)
        assert holds == sum(item.held for item in state.items if item.mismatch is None)
        assert state.status is not Status.SETTLING or state.open == state.awaiting > 0
        for item in state.items:
            gone = item.paid + item.credited + item.reduced + item.written_off + item.rejected + item.withdrawn
            assert item.disputed == item.open + gone
            assert 0 <= item.claimed_back <= item.open
            assert 0 <= item.denied + item.stated_paid <= item.paid
            assert 0 <= item.awaiting <= item.open
            assert 0 <= item.awaiting_money <= item.held


def _keeps_within(both: SideBySide) -> None:
    """dispute-service holds no more than fits into the invoice as it has heard of it, at every step."""
    for invoice_id in INVOICES:
        assert no_longer_fits(both.disputable(invoice_id), None) == []
        assert no_longer_paid(both.disputable(invoice_id)) == []


async def _take_from_its_claim(uow: UnitOfWork, both: SideBySide) -> None:
    stream = invoice_stream(uow.tenant, "I")
    (claim,) = (await uow.state(INVOICE, stream)).claims
    report = ReportDispute(
        dispute_id=claim.dispute_id,
        dispute_version=claim.version + 1,
        opened_on=claim.opened_on,
        effective_on=both.now.date(),
        claimed=eur(0),
        awaiting_credit=eur(0),
        rejected=eur(0),
        outcome="the ledger thinks so",
    )
    uow.record(INVOICE, stream, report_dispute(report, await uow.state(INVOICE, stream)))


def test_a_ledger_that_decides_for_itself_would_be_noticed() -> None:
    both = SideBySide()
    both.invoice(100_000)
    both.come_to_rest()
    both.dispute("A", 10_000)
    both.come_to_rest()
    both.credit(10_000)  # not heard of by dispute-service: the ledger still holds what that says, and it is right
    assert both.held() == {"A": 10_000}
    both.ledger.do(lambda uow: _take_from_its_claim(uow, both), both.now, both.now)
    with pytest.raises(AssertionError):
        both.held()
