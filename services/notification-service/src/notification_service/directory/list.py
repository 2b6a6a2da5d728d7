"""Who is in the directory."""

from collections.abc import Sequence

import msgspec

from notification_service.directory.events import DirectoryEntryRecorded
from redress.projections.projection import Connection

_decoder = msgspec.json.Decoder(DirectoryEntryRecorded)


async def entries_with_leads(
    connection: Connection, names: Sequence[tuple[str, str]]
) -> list[tuple[str, DirectoryEntryRecorded]]:
    """The entries of these (tenant, name) pairs and those of the leads they name, each with its tenant."""
    rows = await connection.fetch(
        "WITH named AS ("
        " SELECT d.tenant_id, d.entry_id, d.lead, d.doc FROM directory_current d"
        " JOIN unnest($1::text[], $2::text[]) AS w(tenant_id, entry_id) USING (tenant_id, entry_id))"
        " SELECT tenant_id, doc::text AS doc FROM named"
        " UNION SELECT l.tenant_id, l.doc::text FROM directory_current l"
        " JOIN named n ON n.tenant_id = l.tenant_id AND n.lead = l.entry_id",
        [tenant for tenant, _ in names],
        [name for _, name in names],
    )
    return [(row["tenant_id"], _decoder.decode(row["doc"])) for row in rows]
