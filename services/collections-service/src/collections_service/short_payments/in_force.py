"""Which tolerance decides about a payment: its customer's or the whole company's, on the day the money came."""

from datetime import date

from collections_service.short_payments.tolerance import TOLERANCE, ShortPaymentTolerance
from redress.eventlog.log import EventLog
from redress.policy.book import PolicyBook


class Tolerances:
    """One per process and log."""

    def __init__(self, log: EventLog) -> None:
        self._book = PolicyBook(log)

    async def of_payment(self, tenant_id: str, customer_id: str, received_on: date) -> ShortPaymentTolerance:
        """A publication in another process counts within a second."""
        found = await self._book.in_force(tenant_id, TOLERANCE, received_on, scopes=[f"customer:{customer_id}"])
        return ShortPaymentTolerance(
            version=found.version, at_least=found.document.at_least, percent=found.document.percent
        )
