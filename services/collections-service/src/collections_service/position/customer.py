"""`GET /v1/customers/{id}`: the amounts a customer owes in each currency, disputed, overdue and unapplied."""

from datetime import date, datetime

import msgspec
from msgspec import Struct

from collections_service.ageing.report import AgeingBucket, ageing
from collections_service.customers.document import CustomerDocument
from redress.contracts.common import Sealed, WireMoney
from redress.eventlog.vault import Vault
from redress.policy.book import Policies
from redress.reading.moment import Moment
from redress.reading.tenant_reads import Position, TenantReads


class CustomerPosition(Struct, frozen=True, kw_only=True):
    """In one currency. `unapplied` is negative, so that open + unapplied = balance."""

    currency: str
    open: WireMoney
    disputed: WireMoney
    undisputed: WireMoney
    overdue: WireMoney
    unapplied: WireMoney
    balance: WireMoney
    open_invoices: int
    disputes: int
    corrected_invoices: int
    buckets: tuple[AgeingBucket, ...]


class Customer(Struct, frozen=True, kw_only=True):
    """`name` and `email` are None where the ERP gave none, or where they were erased."""

    customer_id: str
    name: str | None
    email: str | None
    language: str | None
    positions: tuple[CustomerPosition, ...]
    as_of: date
    known_at: datetime
    position: Position


_document = msgspec.json.Decoder(CustomerDocument)


async def customer(  # noqa: PLR0917
    reads: TenantReads,
    policies: Policies,
    vault: Vault,
    tenant_id: str,
    customer_id: str,
    moment: Moment,
    now: datetime,
) -> Customer | None:
    """None for a customer that no invoice and no receipt is known of."""
    async with reads.of(tenant_id) as connection:
        row = await connection.fetchrow(
            "SELECT doc::text AS doc FROM customer_current WHERE tenant_id = $1 AND customer_id = $2",
            tenant_id,
            customer_id,
        )
        known = row is not None or await connection.fetchval(
            "SELECT EXISTS (SELECT FROM receipt_current WHERE tenant_id = $1 AND customer_id = $2)",
            tenant_id,
            customer_id,
        )
    if not known:
        return None
    data = _document.decode(row["doc"]) if row is not None else None
    aged = await ageing(reads, policies, tenant_id, moment, now, group_by="customer", customer_id=customer_id)
    name, email = await _opened(vault, tenant_id, data)
    return Customer(
        customer_id=customer_id,
        name=name,
        email=email,
        language=data.language if data else None,
        positions=tuple(
            CustomerPosition(
                currency=each.currency,
                open=each.open,
                disputed=each.disputed,
                undisputed=each.undisputed,
                overdue=each.overdue,
                unapplied=each.unapplied,
                balance=each.balance,
                open_invoices=each.open_invoices,
                disputes=each.disputes,
                corrected_invoices=each.corrected_invoices,
                buckets=each.buckets,
            )
            for each in aged.rows
        ),
        as_of=aged.as_of,
        known_at=aged.known_at,
        position=aged.position,
    )


async def _opened(vault: Vault, tenant_id: str, data: CustomerDocument | None) -> tuple[str | None, str | None]:
    sealed: list[Sealed] = [box for box in (data.name, data.email) if box is not None] if data else []
    texts = dict(zip(map(id, sealed), await vault.open_many(tenant_id, sealed), strict=True))
    if data is None:
        return None, None
    return texts.get(id(data.name)), texts.get(id(data.email))
