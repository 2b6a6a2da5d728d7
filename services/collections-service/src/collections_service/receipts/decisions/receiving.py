"""A receipt arrives and is applied to the invoices that it names."""

from collections.abc import Mapping, Sequence

from collections_service.open_items import decisions as open_item
from collections_service.open_items.commands import ApplyCreditMemo, ApplyPayment
from collections_service.open_items.events import OpenItemEvent
from collections_service.open_items.state import OpenItem
from collections_service.receipts.commands import NamedInvoice, PostCreditMemo, ReceivePayment
from collections_service.receipts.decisions.allocating import NOTHING, CashApplication, all_known, allocated, allocation
from collections_service.receipts.events import Allocation, CreditMemoPosted, PaymentReceived
from collections_service.receipts.refusals import AllocationsExceedAmount, ReceiptDiffers, ReceiptMovedOn
from collections_service.receipts.state import Receipt, RecordedReceipt
from collections_service.short_payments.tolerance import ShortPaymentTolerance
from redress.money import Money, total
from redress.policy.state import PolicyInForce


def receive(
    command: ReceivePayment,
    receipt: Receipt,
    items: Mapping[str, OpenItem],
    tolerance: PolicyInForce[ShortPaymentTolerance],
) -> CashApplication:
    """A payment and its effect on the invoices it names. `items` has the state of each of them.

    A payment that has come back as a whole may be presented again: from the day on which it came back it is a new one.
    """
    if receipt.recorded is not None and not _presented_again(receipt.recorded, command):
        if not _same(receipt.recorded, command.customer_id, command.amount, command.allocations, command.received_on):
            raise ReceiptDiffers(command.payment_id)
        if receipt.recorded.happened_since:
            raise ReceiptMovedOn(command.payment_id, receipt.recorded.returned_on)
        return NOTHING
    _check(command.amount, command.allocations, items)
    allocations: list[Allocation] = []
    invoices: dict[str, tuple[OpenItemEvent, ...]] = {}
    for named in command.allocations:
        apply = ApplyPayment(
            source=command.source,
            payment_id=command.payment_id,
            received_on=command.received_on,
            named=named.amount,
            remittance_reason=command.remittance_reason,
            payment_claim=command.claim_number,
            claim_number=named.claim_number,
            settles_in_full=named.settles_in_full,
            withheld_tax=named.withheld_tax,
            under_protest=named.under_protest,
        )
        events = open_item.apply_payment(apply, items[named.key], tolerance)
        invoices[named.key] = tuple(events)
        allocations.append(allocation(named, events))
    received = PaymentReceived(
        source=command.source,
        payment_id=command.payment_id,
        customer_id=command.customer_id,
        received_on=command.received_on,
        amount=command.amount,
        allocations=tuple(allocations),
        unapplied=command.amount - total((a.applied for a in allocations), command.amount.currency),
        remittance_reason=command.remittance_reason,
        legal_entity=command.legal_entity,
    )
    return CashApplication((received,), invoices)


def post_credit_memo(command: PostCreditMemo, receipt: Receipt, items: Mapping[str, OpenItem]) -> CashApplication:
    """A credit memo and its effect on the invoices it names; the excess is credit on account."""
    if receipt.recorded is not None:
        same = _same(receipt.recorded, command.customer_id, command.total, command.allocations, command.issued_on)
        if not same or receipt.recorded.dispute_id != command.dispute_id:
            raise ReceiptDiffers(command.credit_memo_id)
        if receipt.recorded.happened_since:
            raise ReceiptMovedOn(command.credit_memo_id, receipt.recorded.returned_on)
        return NOTHING
    _check(command.total, command.allocations, items)
    allocations: list[Allocation] = []
    invoices: dict[str, tuple[OpenItemEvent, ...]] = {}
    for named in command.allocations:
        apply = ApplyCreditMemo(
            source=command.source,
            credit_memo_id=command.credit_memo_id,
            issued_on=command.issued_on,
            named=named.amount,
            dispute_id=named.dispute_id,
        )
        events = open_item.apply_credit_memo(apply, items[named.key])
        invoices[named.key] = tuple(events)
        allocations.append(allocation(named, events))
    posted = CreditMemoPosted(
        source=command.source,
        credit_memo_id=command.credit_memo_id,
        legal_entity=command.legal_entity,
        customer_id=command.customer_id,
        issued_on=command.issued_on,
        total=command.total,
        allocations=tuple(allocations),
        unapplied=command.total - total((a.applied for a in allocations), command.total.currency),
        dispute_id=command.dispute_id,
    )
    return CashApplication((posted,), invoices)


def _presented_again(recorded: RecordedReceipt, command: ReceivePayment) -> bool:
    """Of the same payer and currency: another one's payment with this number is another payment."""
    if recorded.returned_on is None or not recorded.is_back or command.received_on < recorded.returned_on:
        return False
    return (recorded.customer_id, recorded.amount.currency) == (command.customer_id, command.amount.currency)


def _check(amount: Money, allocations: Sequence[NamedInvoice], items: Mapping[str, OpenItem]) -> None:
    sum_named = allocated(allocations, amount.currency)
    if amount < sum_named:
        raise AllocationsExceedAmount(sum_named, amount)
    all_known(allocations, items)


def _same(
    recorded: RecordedReceipt, customer_id: str, amount: Money, named: Sequence[NamedInvoice], on: object
) -> bool:
    allocations = [(each.key, each.named, each.dispute_id) for each in recorded.allocations]
    return (recorded.customer_id, recorded.amount, recorded.received_on, allocations) == (
        customer_id,
        amount,
        on,
        [(each.key, each.amount, each.dispute_id) for each in named],
    )
