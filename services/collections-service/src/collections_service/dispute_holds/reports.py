"""Events of dispute-service, as reports about each invoice they name. Pure.

Every event carries the dispute as it is afterwards, so any of them tells all there is to know, also of types that do
not exist yet.
"""

from datetime import UTC

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from collections_service.open_items.commands import ReportDispute
from redress.business_day import business_day
from redress.contracts.dispute_events import DisputedItem, DisputeSummary
from redress.contracts.envelope import PublishedEvent
from redress.money import Money, total


class _AboutADispute(Struct, frozen=True, kw_only=True):
    dispute: DisputeSummary | None = None
    resolution_code: str | None = None
    cause: str | None = None
    by_ledger: bool = False


_decoder = msgspec.json.Decoder(_AboutADispute)


def reports(published: PublishedEvent) -> dict[str, ReportDispute]:
    """By invoice number, which is of one legal entity in a dispute; nothing for an event that is not about a dispute.
    Several lines of one invoice are added up.

    The days are UTC's: `counted_in` makes them those of the invoice's entity. An item that does not match its invoice
    (another customer's, another currency, a line it does not have) claims nothing: what becomes of it is no business of
    the ledger. Nor does what is paid already.
    """
    event = _decoder.decode(published.data)
    dispute = event.dispute
    if dispute is None:
        return {}
    by_invoice: dict[str, list[DisputedItem]] = {item.invoice_id: [] for item in dispute.items}
    for item in dispute.items:
        if item.mismatch is None:
            by_invoice[item.invoice_id].append(item)
    return {
        invoice_id: ReportDispute(
            dispute_id=dispute.dispute_id,
            dispute_version=published.version,
            opened_on=dispute.opened_at.astimezone(UTC).date(),
            opened_at=dispute.opened_at,
            effective_on=published.effective_at.astimezone(UTC).date(),
            claimed=_sum([_held(item) for item in items], dispute.currency),
            awaiting_credit=_sum([_granted(item) for item in items], dispute.currency),
            rejected=_sum([item.rejected.money() for item in items], dispute.currency),
            outcome=_outcome(published.type, event),
            given_up=published.type == "dispute-withdrawn" or event.resolution_code == "VOID_LOGGED_IN_ERROR",
            by_posting=published.type == "dispute-amount-reduced" or event.by_ledger,
            by_credit_memo=published.type == "dispute-amount-reduced" and event.cause == "credit-memo",
            legal_entity=next((i.legal_entity for i in dispute.items if i.invoice_id == invoice_id), None),
        )
        for invoice_id, items in by_invoice.items()
    }


def entity_of(published: PublishedEvent) -> str | None:
    """The legal entity that the dispute names."""
    dispute = _decoder.decode(published.data).dispute
    return None if dispute is None else dispute.legal_entity


def counted_in(zone: str, report: ReportDispute, published: PublishedEvent) -> ReportDispute:
    """The report by the business days of the invoice's legal entity."""
    return replace(
        report,
        opened_on=business_day(report.opened_at, zone) if report.opened_at else report.opened_on,
        effective_on=business_day(published.effective_at, zone),
        recorded_on=business_day(published.time, zone),
    )


def _held(item: DisputedItem) -> Money:
    """What is open and not paid."""
    return item.open.money() - item.claimed_back.money() if item.claimed_back else item.open.money()


def _granted(item: DisputedItem) -> Money:
    """The credit that is awaited of what is held. A credit memo on the invoice comes before one on account."""
    room = _held(item)
    for due in (item.awaiting_write_off, item.awaiting_payment):
        room = room - due.money() if due else room
    return min(item.awaiting_credit.money(), room)


def _sum(amounts: list[Money], currency: str) -> Money:
    return total(amounts, currency)


def _outcome(event_type: str, event: _AboutADispute) -> str:
    """Why less is claimed now, in words."""
    match event_type:
        case "dispute-resolved":
            return f"resolved as {event.resolution_code or 'agreed'}"
        case "dispute-amount-reduced":
            return event.cause or "reduced"
        case "dispute-settled":
            return "credited"
        case "dispute-settlement-given-up":
            return "nothing more comes"
        case "dispute-withdrawn":
            return "withdrawn"
        case _:
            return event_type.removeprefix("dispute-")
