"""`GET /v1/legal-entities`: by their code, now, at the end of a business day of each, or as they were known."""

from datetime import datetime
from typing import Final

import msgspec

from redress.eventlog.connections import Connection
from redress.legal_entities.document import LegalEntityDocument
from redress.legal_entities.zones import zones
from redress.reading.keyset import Keyset, Page
from redress.reading.moment import Moment
from redress.reading.tenant_reads import TenantReads

_document: Final = msgspec.json.Decoder(LegalEntityDocument)


async def legal_entities(reads: TenantReads, tenant_id: str, moment: Moment, page: Keyset) -> Page[LegalEntityDocument]:
    """Right now: one's own writes included. The day of a past answer is that of the zone each had as known then."""
    after = page.after and str(page.after[0])
    async with reads.of(tenant_id) as connection:
        if moment.is_now:
            rows = await connection.fetch(_NOW, tenant_id, after, page.rows)
        else:
            codes, befores = await _ends(connection, tenant_id, moment)
            rows = await connection.fetch(_AT_A_MOMENT, tenant_id, after, page.rows, moment.recorded_by, codes, befores)
    return page.page(rows, lambda row: [row["code"]], lambda row: _document.decode(row["doc"]))


async def how_many(connection: Connection, tenant_id: str) -> int:
    return int(await connection.fetchval("SELECT count(*) FROM legal_entity_current WHERE tenant_id = $1", tenant_id))


async def _ends(connection: Connection, tenant_id: str, moment: Moment) -> tuple[list[str], list[datetime]]:
    """Of each entity, the first instant after the day that is asked for."""
    known = (await zones(connection, tenant_id, moment.known_at)).by_code
    befores = {code: moment.before(zone) or moment.recorded_by for code, zone in known.items()}
    return list(befores), list(befores.values())


_NOW = """
SELECT code, doc::text AS doc FROM legal_entity_current
WHERE tenant_id = $1 AND ($2::text IS NULL OR code > $2) ORDER BY code LIMIT $3
"""
_AT_A_MOMENT = """
SELECT DISTINCT ON (h.code) h.code, h.doc::text AS doc
FROM legal_entity_history h JOIN unnest($5::text[], $6::timestamptz[]) AS ends(code, before) ON ends.code = h.code
WHERE h.tenant_id = $1 AND ($2::text IS NULL OR h.code > $2) AND h.known_from <= $4 AND h.described_at < ends.before
ORDER BY h.code, h.version DESC LIMIT $3
"""
