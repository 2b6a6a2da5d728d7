"""One customer's invoice, payment, credit memo and dispute, to vary in tests. Amounts are minor units of EUR."""

from collections.abc import Sequence
from datetime import date
from functools import reduce

from collections_service.open_items import decisions
from collections_service.open_items.commands import ApplyPayment, RegisterInvoice, ReportDispute
from collections_service.open_items.events import CashDiscount, OpenItemEvent
from collections_service.open_items.state import OpenItem, evolve
from collections_service.short_payments.tolerance import SHORT_PAYMENT_TOLERANCE
from redress.money import Money
from redress.policy.book import built_in

FIRST_TOLERANCE = built_in(SHORT_PAYMENT_TOLERANCE)


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def day(number: int) -> date:
    """Day `number` of 2026."""
    return date.fromordinal(date(2025, 12, 31).toordinal() + number)


def invoice(
    total: int = 100_000,
    *,
    invoice_id: str = "INV-1",
    issued: int = 10,
    due: int = 40,
    discount: CashDiscount | None = None,
    currency: str = "EUR",
) -> RegisterInvoice:
    return RegisterInvoice(
        invoice_id=invoice_id,
        source="sap",
        legal_entity="DE01",
        customer_id="C-1",
        issued_on=day(issued),
        due_on=day(due),
        total=Money(total, currency),
        discount=discount,
    )


def payment(
    minor: int,
    *,
    on: int = 30,
    payment_id: str = "P-1",
    source: str = "sap",
    reason: str | None = None,
    payment_claim: str | None = None,
    claim: str | None = None,
    in_full: bool | None = None,
    withheld: int | None = None,
    currency: str = "EUR",
) -> ApplyPayment:
    return ApplyPayment(
        source=source,
        payment_id=payment_id,
        received_on=day(on),
        named=Money(minor, currency),
        remittance_reason=reason,
        payment_claim=payment_claim,
        claim_number=claim,
        settles_in_full=in_full,
        withheld_tax=None if withheld is None else Money(withheld, currency),
    )


def dispute(
    claimed: int,
    *,
    version: int = 1,
    on: int = 20,
    dispute_id: str = "dsp_1",
    opened: int = 20,
    awaiting: int = 0,
    rejected: int = 0,
    outcome: str = "resolved",
    given_up: bool = False,
) -> ReportDispute:
    return ReportDispute(
        dispute_id=dispute_id,
        dispute_version=version,
        opened_on=day(opened),
        effective_on=day(on),
        claimed=eur(claimed),
        awaiting_credit=eur(awaiting),
        rejected=eur(rejected),
        outcome=outcome,
        given_up=given_up,
    )


def after(events: Sequence[OpenItemEvent], item: OpenItem | None = None) -> OpenItem:
    return reduce(evolve, events, item or OpenItem())


def registered(total: int = 100_000) -> OpenItem:
    return after(decisions.register(invoice(total), OpenItem()))


def paid(item: OpenItem, command: ApplyPayment) -> OpenItem:
    return after(decisions.apply_payment(command, item, FIRST_TOLERANCE), item)


def disputed(item: OpenItem, command: ReportDispute) -> OpenItem:
    return after(decisions.report_dispute(command, item), item)
