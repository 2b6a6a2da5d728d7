"""The payer of a receipt becomes known."""

from collections_service.receipts.commands import IdentifyPayer
from collections_service.receipts.decisions.allocating import NOTHING, CashApplication, known_receipt
from collections_service.receipts.events import PayerIdentified
from collections_service.receipts.refusals import PayerIsKnown
from collections_service.receipts.state import Receipt


def identify(command: IdentifyPayer, receipt: Receipt) -> CashApplication:
    """The payer becomes known. A payer that is known is not changed: the payment is reversed and posted anew."""
    recorded = known_receipt(command.receipt, receipt)
    if recorded.customer_id == command.customer_id:
        return NOTHING
    if recorded.customer_id:
        raise PayerIsKnown(recorded.receipt_id, recorded.customer_id).at("customer_id")
    identified = PayerIdentified(
        payment_id=recorded.receipt_id,
        customer_id=command.customer_id,
        identified_on=command.identified_on,
        currency=recorded.amount.currency,
        cash=tuple(step for step in recorded.cash if step.minor),
    )
    return CashApplication((identified,), {})
