"""Pages: from the first to the last item, and no way to read another list with a cursor."""

import base64
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

import httpx2 as httpx
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from support.issuer import Issuer
from support.kernel_app import kernel_app

from redress.web.pages import Cursors, filters_hash
from redress.web.problem import Problem

CURSORS = Cursors(b"k" * 16)
OPEN_OF_DEMO = filters_hash("disputes", "demo", {"status": "open"})


@pytest_asyncio.fixture
async def api(issuer: Issuer, client: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=kernel_app(issuer.authenticator(client)))
    async with httpx.AsyncClient(transport=transport, base_url="http://office", headers=issuer.bearer()) as api:
        yield api


async def test_following_the_link_reads_every_item_once(api: httpx.AsyncClient) -> None:
    found, address = [], "/v1/disputes?limit=50&status=open"
    while address:
        page = await api.get(address)
        found += page.json()["items"]
        address = page.links["next"]["url"] if "next" in page.links else ""
    assert found == list(range(1, 121))
    assert page.json()["next_cursor"] is None


async def test_the_body_carries_the_cursor_too_and_the_limit_may_change(api: httpx.AsyncClient) -> None:
    first = (await api.get("/v1/disputes", params={"limit": 2})).json()
    assert first["items"] == [1, 2]
    second = (await api.get("/v1/disputes", params={"limit": 3, "cursor": first["next_cursor"]})).json()
    assert second["items"] == [3, 4, 5]


async def test_a_cursor_of_another_tenant_filter_or_making_is_refused(api: httpx.AsyncClient, issuer: Issuer) -> None:
    cursor = (await api.get("/v1/disputes", params={"limit": 2})).json()["next_cursor"]
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    last_item_changed = base64.urlsafe_b64encode(raw[:-2] + b"9]").decode().rstrip("=")
    for params, headers in [
        ({"cursor": cursor, "status": "closed"}, {}),
        ({"cursor": cursor, "known_at": "2026-01-01T00:00:00Z"}, {}),
        ({"cursor": cursor}, issuer.bearer(tenant="acme")),
        ({"cursor": last_item_changed}, {}),
        ({"cursor": cursor + "A"}, {}),
        ({"cursor": ""}, {}),
        ({"cursor": "!"}, {}),
        ({"cursor": "ä"}, {}),
    ]:
        refused = await api.get("/v1/disputes", params=params, headers=headers)
        if params["cursor"] == "":
            assert refused.status_code == 200  # an empty parameter is none
            continue
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_cursor")
    assert (await api.get("/v1/disputes", params={"cursor": "x" * 3_000})).status_code == 422


async def test_limits_are_between_1_and_200(api: httpx.AsyncClient) -> None:
    limits: list[tuple[int | str, int]] = [(0, 422), (1, 200), (200, 200), (201, 422), (-1, 422), ("x", 422)]
    for limit, status in limits:
        assert (await api.get("/v1/disputes", params={"limit": limit})).status_code == status
    assert len((await api.get("/v1/disputes")).json()["items"]) == 50


def test_the_same_filters_are_the_same_list_however_they_are_said() -> None:
    assert filters_hash("disputes", "demo", {"status": "open", "owner": None}) == OPEN_OF_DEMO
    assert filters_hash("l", "t", {"a": 1, "b": 2}) == filters_hash("l", "t", {"b": 2, "a": 1})
    assert filters_hash("l", "t", {"s": {"x", "y"}}) == filters_hash("l", "t", {"s": {"y", "x"}})
    different = [
        filters_hash("disputes", "acme", {"status": "open"}),
        filters_hash("invoices", "demo", {"status": "open"}),
        filters_hash("disputes", "demo", {}),
        filters_hash("disputes", "demo", {"sort": ["a", "b"]}),
        filters_hash("disputes", "demo", {"sort": ["b", "a"]}),
        filters_hash("disputes", "demo", {"as_of": date(2026, 1, 1)}),
        filters_hash("disputes", "demo", {"as_of": datetime(2026, 1, 1, tzinfo=UTC)}),
    ]
    assert len({OPEN_OF_DEMO, *different}) == 8


def test_another_key_makes_other_cursors_and_a_short_key_none() -> None:
    cursor = CURSORS.encode([1], OPEN_OF_DEMO)
    with pytest.raises(Problem, match="invalid_cursor"):
        Cursors(b"l" * 16).decode(cursor, OPEN_OF_DEMO)
    with pytest.raises(ValueError, match="16 bytes"):
        Cursors(b"k" * 15)


@given(
    st.lists(st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.text(max_size=50)), max_size=5)
)
def test_what_a_cursor_is_made_of_comes_back(values: list[bool | int | str | None]) -> None:
    assert CURSORS.decode(CURSORS.encode(values, OPEN_OF_DEMO), OPEN_OF_DEMO) == values


@given(st.text(max_size=100))
def test_no_other_text_is_a_cursor(text: str) -> None:
    with pytest.raises(Problem, match="invalid_cursor"):
        CURSORS.decode(text, OPEN_OF_DEMO)
