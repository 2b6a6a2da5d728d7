"""Lists of disputes: as they are, and as they were known at a past instant.

Two tables with the same columns (migration 0005 makes them out of the document): `dispute_current` is written with each
append, `dispute_history` follows the log and has one row per version with the time it was the known one.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response
from msgspec import Struct
from pydantic import StringConstraints
from sqlalchemy import (
    BigInteger,
    ColumnClause,
    ColumnElement,
    DateTime,
    Select,
    Text,
    Uuid,
    and_,
    column,
    literal,
    or_,
    select,
    table,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from dispute_service.disputes.document import DisputeDocument
from dispute_service.disputes.state import Status
from dispute_service.reasons.catalogue import REASON_BY_CODE
from dispute_service.settings import DisputeSettings
from redress.reading.filters import EQUALS, ONE_OF, Condition, conditions, filtering
from redress.reading.keyset import Keyset, Page, keyset
from redress.reading.moment import AskedMoment, only_known_at
from redress.reading.statements import worded
from redress.reading.tenant_reads import TenantReads
from redress.service.feature import ApiParts
from redress.web.answers import answer_page
from redress.web.auth import Principal, requires
from redress.web.bodies import VISIBLE, KnownId
from redress.web.openapi import answers
from redress.web.pages import DEFAULT_LIMIT, Cursor, CursorValue, Limit
from redress.web.problem import FieldError, kernel_problem

Reading = Annotated[Principal, Depends(requires("disputes:read"))]
Id = Annotated[KnownId | None, Query()]
Called = Annotated[str | None, Query(min_length=1, max_length=200, pattern=VISIBLE)]
Code = Annotated[str, StringConstraints(max_length=40)]

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


class DisputeFilter(Struct, frozen=True, kw_only=True):
    """Which disputes, in which order. None is no filter; several values of one filter are alternatives.

    A filter more is a line here, and a line in a migration if it needs a column of its own.
    """

    status: Annotated[list[Status] | None, Query(max_length=10), ONE_OF] = None
    reason_code: Annotated[list[Code] | None, Query(max_length=21), ONE_OF] = None
    customer_id: Annotated[Id, EQUALS] = None
    legal_entity: Annotated[Id, EQUALS] = None
    owner: Annotated[Called, EQUALS] = None
    team: Annotated[Called, EQUALS] = None
    invoice_id: Annotated[Id, Condition(lambda _, value: column("invoice_ids", ARRAY(Text)).contains([value]))] = None
    q: Annotated[
        str | None,
        Query(min_length=1, max_length=100, pattern=VISIBLE, description="Words; all must occur."),
        Condition(lambda _, words: and_(*_has_words(words))),
    ] = None
    sort: Annotated[str, Query(max_length=40, description=f"One of {', '.join(SORTS)}.")] = "-opened_at"


def _has_words(words: str) -> list[ColumnElement[bool]]:
    return [column("search", Text).contains(word, autoescape=True) for word in words.lower().split()]


async def page_of(
    reads: TenantReads, tenant_id: str, wanted: DisputeFilter, page: Keyset, known_at: datetime | None = None
) -> Page[DisputeDocument]:
    """Now, or as known at an instant."""
    sort, _ = SORTS[wanted.sort]
    statement, arguments = worded(_query(tenant_id, wanted, page, known_at))
    async with reads.of(tenant_id) as connection:
        rows = await connection.fetch(statement, *arguments)
    return page.page(
        rows, lambda row: [_portable(row[sort.name]), str(row["stream_id"])], lambda row: _document.decode(row["doc"])
    )


def _query(tenant_id: str, wanted: DisputeFilter, page: Keyset, known_at: datetime | None) -> Select[Any]:
    versions = CURRENT if known_at is None else HISTORY
    sort, down = SORTS[wanted.sort]
    where = [_tenant == tenant_id, *conditions(wanted)]
    if known_at is not None:
        where += [_known_from <= known_at, or_(_known_until.is_(None), _known_until > known_at)]
    if page.after is not None:
        here = tuple_(sort, _stream)
        place = tuple_(
            literal(_native(sort, page.after[0]), sort.type), literal(UUID(str(page.after[1])), _stream.type)
        )
        where.append(here < place if down else here > place)
    order = (sort.desc(), _stream.desc()) if down else (sort.asc(), _stream.asc())
    shown = _doc["dispute"].label("doc")
    return select(shown, sort, _stream).select_from(versions).where(and_(*where)).order_by(*order).limit(page.rows)


# A row may be older than this release: a field that joins the document later needs a default.
_document: Final = msgspec.json.Decoder(DisputeDocument)


def _portable(value: object) -> CursorValue:
    if isinstance(value, datetime):
        return value.isoformat()
    return int(str(value))


def _native(sort: ColumnClause[Any], value: CursorValue) -> object:
    return value if sort is _OPEN_MINOR else datetime.fromisoformat(str(value))


def add_list_routes(router: APIRouter, parts: ApiParts[DisputeSettings]) -> None:
    @router.get("/v1/disputes", response_class=Response, summary="A list, now or as known at a past instant")
    @answers(Page[DisputeDocument])
    async def list_disputes(  # noqa: PLR0917 - the axes and the page besides the filters
        request: Request,
        principal: Reading,
        moment: AskedMoment,
        wanted: Annotated[DisputeFilter, filtering(DisputeFilter)],
        cursor: Cursor = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Response:
        """`q` searches dispute, customer and invoice numbers, the payer's reason and claim number, owner and team."""
        _listed("sort", wanted.sort, tuple(SORTS))
        for code in wanted.reason_code or ():
            _listed("reason_code", code, tuple(REASON_BY_CODE))
        known_at = only_known_at(moment, instead="GET /v1/disputes/{dispute_id}?as_of=… for each dispute")
        filters = msgspec.structs.asdict(wanted) | {"known_at": known_at}
        asked = keyset(parts.cursors, "disputes", principal.tenant, filters, cursor, limit)
        page = await page_of(parts.reads, principal.tenant, wanted, asked, known_at)
        return answer_page(request, page.items, page.next_cursor)


def _listed(parameter: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        wrong = FieldError(None, f"{value[:60]!r} is not known here", allowed, parameter=parameter, location="query")
        raise kernel_problem("invalid_request", "one place to correct; see errors", errors=[wrong])
