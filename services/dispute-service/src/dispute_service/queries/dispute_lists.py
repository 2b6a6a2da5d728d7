"""Lists of disputes: as they are, and as they were known at a past instant.

Two tables with the same columns (migration 0005 makes them out of the document): `dispute_current` is written with each
append, `dispute_history` follows the log and has one row per version with the time it was the known one.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    ColumnClause,
    DateTime,
    Select,
    Text,
    Uuid,
    and_,
    column,
    func,
    literal,
    or_,
    select,
    table,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncEngine

from dispute_service.disputes.state import Status
from dispute_service.event_log.document import DisputeDocument, ItemDocument
from redress.web.pages import Cursors, CursorValue, filters_hash

CURRENT: Final = table("dispute_current", schema="read")
HISTORY: Final = table("dispute_history", schema="read")

_tenant = column("tenant_id", Text)
_stream = column("stream_id", Uuid)
_doc = column("doc", JSONB)
_known_from = column("known_from", DateTime(timezone=True))
_known_until = column("known_until", DateTime(timezone=True))

_OPENED_AT = column("opened_at", DateTime(timezone=True))
_SLA_DUE_AT = column("sla_due_at", DateTime(timezone=True))
_OPEN_MINOR = column("open_minor", BigInteger)

# Sort order by name: the column, and whether it goes down. Amounts compare as numbers within their currency.
SORTS: Final[Mapping[str, tuple[ColumnClause[Any], bool]]] = {
    "opened_at": (_OPENED_AT, False),
    "-opened_at": (_OPENED_AT, True),
    "sla_due_at": (_SLA_DUE_AT, False),
    "-sla_due_at": (_SLA_DUE_AT, True),
    "open_amount": (_OPEN_MINOR, False),
    "-open_amount": (_OPEN_MINOR, True),
}


class Wanted(Struct, frozen=True, kw_only=True):
    """Which disputes, in which order. None is no filter; several values of one filter are alternatives."""

    statuses: tuple[Status, ...] = ()
    reason_codes: tuple[str, ...] = ()
    customer_id: str | None = None
    owner: str | None = None
    team: str | None = None
    invoice_id: str | None = None
    words: str | None = None
    sort: str = "-opened_at"
    known_at: datetime | None = None


class Page(Struct, frozen=True):
    items: list[dict[str, Any]]
    next_cursor: str | None


class DisputeLists:
    """Reads pages of one company's disputes."""

    def __init__(self, engine: AsyncEngine, cursors: Cursors) -> None:
        self._engine = engine
        self._cursors = cursors

    async def page(self, tenant_id: str, wanted: Wanted, cursor: str | None, limit: int) -> Page:
        """The page after `cursor`, the first for None. Problem 400 for a cursor of another list."""
        filters = filters_hash("disputes", tenant_id, msgspec.structs.asdict(wanted))
        after = None if cursor is None else self._cursors.decode(cursor, filters)
        query = _query(tenant_id, wanted, after, limit + 1)
        async with self._engine.connect() as connection:
            await connection.execute(select(func.set_config("app.tenant", tenant_id, True)))
            rows = (await connection.execute(query)).all()
        sort, _ = SORTS[wanted.sort]
        following = None
        if len(rows) > limit:
            last = rows[limit - 1]._mapping  # noqa: SLF001 - SQLAlchemy's public name
            following = self._cursors.encode([_portable(last[sort.name]), str(last["stream_id"])], filters)
        return Page([_in_reading_order(row.doc) for row in rows[:limit]], following)


def _query(tenant_id: str, wanted: Wanted, after: Sequence[CursorValue] | None, limit: int) -> Select[Any]:
    versions = CURRENT if wanted.known_at is None else HISTORY
    sort, down = SORTS[wanted.sort]
    conditions = [_tenant == tenant_id]
    if wanted.known_at is not None:
        conditions += [_known_from <= wanted.known_at, or_(_known_until.is_(None), _known_until > wanted.known_at)]
    if wanted.statuses:
        conditions.append(column("status", Text).in_([status.value for status in wanted.statuses]))
    if wanted.reason_codes:
        conditions.append(column("reason_code", Text).in_(wanted.reason_codes))
    for name, value in (("customer_id", wanted.customer_id), ("owner", wanted.owner), ("team", wanted.team)):
        if value is not None:
            conditions.append(column(name, Text) == value)
    if wanted.invoice_id is not None:
        conditions.append(column("invoice_ids", ARRAY(Text)).contains([wanted.invoice_id]))
    if wanted.words is not None:
        conditions += [column("search", Text).contains(word, autoescape=True) for word in wanted.words.lower().split()]
    if after is not None:
        here = tuple_(sort, _stream)
        place = tuple_(literal(_native(sort, after[0]), sort.type), literal(UUID(str(after[1])), _stream.type))
        conditions.append(here < place if down else here > place)
    order = (sort.desc(), _stream.desc()) if down else (sort.asc(), _stream.asc())
    shown = _doc["dispute"].label("doc")
    return select(shown, sort, _stream).select_from(versions).where(and_(*conditions)).order_by(*order).limit(limit)


def _in_reading_order(doc: dict[str, Any]) -> dict[str, Any]:
    """jsonb forgets the order of fields; people read lists too."""
    ordered = {name: doc[name] for name in DisputeDocument.__struct_fields__ if name in doc}
    ordered["items"] = [
        {name: item[name] for name in ItemDocument.__struct_fields__ if name in item} for item in doc["items"]
    ]
    return ordered


def _portable(value: object) -> CursorValue:
    if isinstance(value, datetime):
        return value.isoformat()
    return int(str(value))


def _native(sort: ColumnClause[Any], value: CursorValue) -> object:
    return value if sort is _OPEN_MINOR else datetime.fromisoformat(str(value))
