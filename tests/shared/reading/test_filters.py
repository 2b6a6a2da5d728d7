"""A filter is one field: its parameter, its bounds, its condition."""

import re
from typing import Annotated, Any

import httpx2 as httpx
from fastapi import Depends, FastAPI, Query
from msgspec import Struct
from sqlalchemy import column, select

from redress.reading.filters import EQUALS, ONE_OF, Condition, conditions
from redress.reading.statements import worded


class Wish(Struct, frozen=True, kw_only=True):
    status: Annotated[list[str] | None, Query(max_length=2), ONE_OF] = None
    owner: Annotated[str | None, Query(max_length=5), EQUALS] = None
    above: Annotated[int | None, Condition(lambda _, value: column("amount") > value)] = None
    sort: str = "name"


def _where(wish: Wish) -> tuple[str, list[object]]:
    sql, arguments = worded(select(column("id")).where(*conditions(wish)))
    return sql.partition("WHERE ")[2].replace("\n", ""), arguments


def test_only_what_was_given_is_asked_of_a_row() -> None:
    assert list(conditions(Wish())) == []
    assert list(conditions(Wish(status=[], sort="-name"))) == []


def test_each_filter_asks_in_its_own_way_and_all_of_them_hold() -> None:
    sql, arguments = _where(Wish(status=["open", "closed"], owner="anna", above=5))
    assert (
        re.sub(r"\$\d", "?", sql) == "status IN (?::VARCHAR, ?::VARCHAR) AND owner = ?::VARCHAR AND amount > ?::INTEGER"
    )
    assert sorted(arguments, key=str) == [5, "anna", "closed", "open"]


async def test_a_route_takes_each_filter_as_a_query_parameter_within_its_bounds() -> None:
    app = FastAPI()

    @app.get("/")
    async def find(wish: Annotated[Wish, Depends()], page: int = 1) -> dict[str, Any]:
        return {"status": wish.status, "owner": wish.owner, "sort": wish.sort, "page": page}

    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://list") as client:
        found = await client.get("/?status=open&status=closed&owner=anna&page=2")
        refused = await client.get("/?owner=longer-than-five")
    assert found.json() == {"status": ["open", "closed"], "owner": "anna", "sort": "name", "page": 2}
    assert refused.status_code == 422
    names = {each["name"] for each in app.openapi()["paths"]["/"]["get"]["parameters"]}
    assert names == {"status", "owner", "above", "sort", "page"}
