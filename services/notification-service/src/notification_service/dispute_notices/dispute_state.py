"""Read model: the latest that is known of each dispute. Asked right before a mail leaves: is it still worth sending?"""

from collections.abc import Sequence

from notification_service.dispute_notices.source import DISPUTE_EVENTS
from notification_service.dispute_notices.worth import DisputeNow, still_worth_sending
from notification_service.notices.notice import Notice
from notification_service.notices.worth import Mootness
from redress.contracts.envelope import PublishedEvent
from redress.eventlog.connections import Connection
from redress.money import Money


class DisputeStates:
    """Follows dispute-service. Every event carries the dispute after it, so the newest version is the whole truth."""

    name = "dispute_state"
    tables = ("dispute_state",)

    async def apply(self, connection: Connection, events: Sequence[PublishedEvent]) -> None:
        newest = {
            (event.tenant, known.event.dispute.dispute_id): known
            for event, known in DISPUTE_EVENTS.all_received(events)
        }
        if not newest:
            return
        disputes = [known.event.dispute for known in newest.values()]
        opens = [dispute.open.money() for dispute in disputes]
        await connection.execute(
            "INSERT INTO dispute_state AS s (tenant_id, dispute_id, version, status, open_minor, currency, owner, team,"
            " resolution_code)"
            " SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::text[],"
            " $7::text[], $8::text[], $9::text[])"
            " ON CONFLICT (tenant_id, dispute_id) DO UPDATE SET version = excluded.version, status = excluded.status,"
            " open_minor = excluded.open_minor, currency = excluded.currency, owner = excluded.owner,"
            " team = excluded.team, resolution_code = excluded.resolution_code"
            " WHERE s.version < excluded.version",
            [tenant for tenant, _ in newest],
            [dispute_id for _, dispute_id in newest],
            [known.version for known in newest.values()],
            [dispute.status for dispute in disputes],
            [money.minor for money in opens],
            [money.currency for money in opens],
            [dispute.owner for dispute in disputes],
            [dispute.team for dispute in disputes],
            [dispute.resolution_code for dispute in disputes],
        )


async def dispute_now(connection: Connection, tenant_id: str, dispute_id: str) -> DisputeNow | None:
    """The known state of a dispute; None for an unknown one."""
    row = await connection.fetchrow(
        "SELECT version, status, open_minor, currency, owner, team, resolution_code FROM dispute_state"
        " WHERE tenant_id = $1 AND dispute_id = $2",
        tenant_id,
        dispute_id,
    )
    if row is None:
        return None
    return DisputeNow(
        version=row["version"],
        status=row["status"],
        open=Money(row["open_minor"], row["currency"]),
        owner=row["owner"],
        team=row["team"],
        resolution_code=row["resolution_code"],
    )


async def is_moot(connection: Connection, tenant_id: str, notice: Notice) -> Mootness | None:
    """Why a notice about a dispute is not worth sending any more, with what is known of the dispute now."""
    return still_worth_sending(notice, await dispute_now(connection, tenant_id, notice.subject.id))
