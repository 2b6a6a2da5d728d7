"""Read model: the latest known state of each dispute. Read right before a mail leaves: is it still worth sending?"""

from collections.abc import Sequence

from notification_service.dispute_notices.source import DISPUTE_EVENTS
from notification_service.dispute_notices.worth import (
    DisputeNow,
    is_worked_on,
    still_worth_sending,
    waits_for_an_answer,
)
from notification_service.notices.notice import Notice
from notification_service.notices.worth import Mootness
from redress.contracts.envelope import PublishedEvent
from redress.eventlog.connections import Connection
from redress.money import Money


class DisputeStates:
    """Follows dispute-service. Every event carries the dispute after it, so the newest version says how it is; that it
    was contested or answered in between, the versions before it say."""

    name = "dispute_state"
    tables = ("dispute_state",)

    async def apply(self, connection: Connection, events: Sequence[PublishedEvent]) -> None:
        newest = {
            (event.tenant, known.event.dispute.dispute_id): known
            for event, known in DISPUTE_EVENTS.all_received(events)
        }
        if not newest:
            return
        contested: dict[tuple[str, str], int] = {}
        answered: dict[tuple[str, str], int] = {}
        for event, known in DISPUTE_EVENTS.all_received(events):
            dispute = known.event.dispute
            key = (event.tenant, dispute.dispute_id)
            if is_worked_on(dispute.status):
                contested[key] = max(known.version, contested.get(key, 0))
            if not waits_for_an_answer(dispute.status):
                answered[key] = max(known.version, answered.get(key, 0))
        disputes = [known.event.dispute for known in newest.values()]
        opens = [dispute.open.money() for dispute in disputes]
        await connection.execute(
            "INSERT INTO dispute_state AS s (tenant_id, dispute_id, version, status, open_minor, currency, owner, team,"
            " resolution_code, contested_at, answered_at)"
            " SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::text[],"
            " $7::text[], $8::text[], $9::text[], $10::bigint[], $11::bigint[])"
            " ON CONFLICT (tenant_id, dispute_id) DO UPDATE SET version = excluded.version, status = excluded.status,"
            " open_minor = excluded.open_minor, currency = excluded.currency, owner = excluded.owner,"
            " team = excluded.team, resolution_code = excluded.resolution_code,"
            " contested_at = greatest(s.contested_at, excluded.contested_at),"
            " answered_at = greatest(s.answered_at, excluded.answered_at)"
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
            [contested.get(key, 0) for key in newest],
            [answered.get(key, 0) for key in newest],
        )


async def dispute_now(connection: Connection, tenant_id: str, dispute_id: str) -> DisputeNow | None:
    """The known state of a dispute; None for an unknown one."""
    row = await connection.fetchrow(
        "SELECT version, status, open_minor, currency, owner, team, resolution_code, contested_at, answered_at"
        " FROM dispute_state"
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
        contested_at=row["contested_at"],
        answered_at=row["answered_at"],
    )


async def is_moot(connection: Connection, tenant_id: str, notice: Notice) -> Mootness | None:
    """Why a notice about a dispute is not worth sending any more, with what is known of the dispute now."""
    return still_worth_sending(notice, await dispute_now(connection, tenant_id, notice.subject.id))
