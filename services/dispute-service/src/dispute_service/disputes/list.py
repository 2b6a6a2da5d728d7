"""Lists of disputes: as they are, and as they were known at a past instant.

Two tables of the same columns: `dispute_current` is written with each append, `dispute_history` follows the log and has
one row per version with the time it was the known one.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response
from msgspec import Struct
from pydantic import AwareDatetime
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    MetaData,
    Select,
    Table,
    Text,
    Uuid,
    and_,
    func,
    literal,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncEngine

from dispute_service.corridor.bodies import VISIBLE
from dispute_service.disputes.document import DisputeDocument, ItemDocument
from dispute_service.disputes.state import Status
from dispute_service.reasons.catalogue import REASON_BY_CODE
from redress.web.answers import answer_page
from redress.web.auth import Principal, requires
from redress.web.pages import DEFAULT_LIMIT, Cursor, Cursors, CursorValue, Limit, filters_hash
from redress.web.problem import FieldError, kernel_problem

Reading = Annotated[Principal, Depends(requires("disputes:read"))]
Id = Annotated[str | None, Query(min_length=1, max_length=200, pattern=VISIBLE)]
KnownAt = Annotated[AwareDatetime | None, Query(description="As it was known at this instant (RFC 3339).")]

METADATA: Final = MetaData(schema="read")


def _columns() -> list[Column[Any]]:
    return [
        Column("tenant_id", Text, nullable=False),
        Column("dispute_id", Uuid, nullable=False),
        Column("version", BigInteger, nullable=False),
        Column("status", Text, nullable=False),
        Column("reason_code", Text, nullable=False),
        Column("customer_id", Text, nullable=False),
        Column("owner", Text),
        Column("team", Text),
        Column("opened_at", DateTime(timezone=True), nullable=False),
        Column("sla_due_at", DateTime(timezone=True), nullable=False),
        Column("open_minor", BigInteger, nullable=False),
        Column("invoice_ids", ARRAY(Text), nullable=False),
        Column("search", Text, nullable=False),
        Column("doc", JSONB, nullable=False),
    ]


CURRENT: Final = Table("dispute_current", METADATA, *_columns())
HISTORY: Final = Table(
    "dispute_history",
    METADATA,
    *_columns(),
    Column("known_from", DateTime(timezone=True), nullable=False),
    Column("known_until", DateTime(timezone=True)),
)

# Sort order by name: the column, and whether it goes down. Amounts compare as numbers within their currency.
SORTS: Final = {
    "opened_at": ("opened_at", False),
    "-opened_at": ("opened_at", True),
    "sla_due_at": ("sla_due_at", False),
    "-sla_due_at": ("sla_due_at", True),
    "open_amount": ("open_minor", False),
    "-open_amount": ("open_minor", True),
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
        column, _ = SORTS[wanted.sort]
        following = None
        if len(rows) > limit:
            last = rows[limit - 1]._mapping  # noqa: SLF001 - SQLAlchemy's public name
            following = self._cursors.encode([_portable(last[column]), str(last["dispute_id"])], filters)
        return Page([_in_reading_order(row.doc) for row in rows[:limit]], following)


def _query(tenant_id: str, wanted: Wanted, after: Sequence[CursorValue] | None, limit: int) -> Select[Any]:
    table = CURRENT if wanted.known_at is None else HISTORY
    name, down = SORTS[wanted.sort]
    sort, unique = table.c[name], table.c.dispute_id
    conditions = [table.c.tenant_id == tenant_id]
    if wanted.known_at is not None:
        until = HISTORY.c.known_until
        conditions += [HISTORY.c.known_from <= wanted.known_at, or_(until.is_(None), until > wanted.known_at)]
    if wanted.statuses:
        conditions.append(table.c.status.in_([status.value for status in wanted.statuses]))
    if wanted.reason_codes:
        conditions.append(table.c.reason_code.in_(wanted.reason_codes))
    for column, value in (("customer_id", wanted.customer_id), ("owner", wanted.owner), ("team", wanted.team)):
        if value is not None:
            conditions.append(table.c[column] == value)
    if wanted.invoice_id is not None:
        conditions.append(table.c.invoice_ids.contains([wanted.invoice_id]))
    if wanted.words is not None:
        conditions += [table.c.search.contains(word, autoescape=True) for word in wanted.words.lower().split()]
    if after is not None:
        here = tuple_(sort, unique)
        place = tuple_(literal(_native(name, after[0]), sort.type), literal(UUID(str(after[1])), unique.type))
        conditions.append(here < place if down else here > place)
    order = (sort.desc(), unique.desc()) if down else (sort.asc(), unique.asc())
    return select(table.c.doc, sort, unique).where(and_(*conditions)).order_by(*order).limit(limit)


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


def _native(column: str, value: CursorValue) -> object:
    return value if column == "open_minor" else datetime.fromisoformat(str(value))


def list_routes(lists: DisputeLists) -> APIRouter:
    router = APIRouter(tags=["disputes"])

    @router.get("/v1/disputes", response_class=Response, summary="A list, now or as known at a past instant")
    async def list_disputes(  # noqa: PLR0917 - one parameter per filter
        request: Request,
        principal: Reading,
        status: Annotated[list[Status] | None, Query(max_length=10)] = None,
        reason_code: Annotated[list[str] | None, Query(max_length=21)] = None,
        customer_id: Id = None,
        owner: Id = None,
        team: Id = None,
        invoice_id: Id = None,
        q: Annotated[
            str | None, Query(min_length=1, max_length=100, pattern=VISIBLE, description="Words; all must occur.")
        ] = None,
        sort: Annotated[str, Query(description=f"One of {', '.join(SORTS)}.")] = "-opened_at",
        known_at: KnownAt = None,
        cursor: Cursor = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Response:
        """`q` searches dispute, customer and invoice numbers, the payer's reason, owner and team."""
        _listed("sort", sort, tuple(SORTS))
        for code in reason_code or ():
            _listed("reason_code", code, tuple(REASON_BY_CODE))
        wanted = Wanted(
            statuses=tuple(status or ()),
            reason_codes=tuple(reason_code or ()),
            customer_id=customer_id,
            owner=owner,
            team=team,
            invoice_id=invoice_id,
            words=q,
            sort=sort,
            known_at=None if known_at is None else known_at.astimezone(UTC),
        )
        page = await lists.page(principal.tenant, wanted, cursor, limit)
        return answer_page(request, page.items, page.next_cursor)

    return router


def _listed(parameter: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        wrong = FieldError(None, f"{value[:60]!r} is not known here", allowed, parameter=parameter, location="query")
        raise kernel_problem("invalid_request", "one place to correct; see errors", errors=[wrong])
