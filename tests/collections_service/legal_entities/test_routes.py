"""Legal entities over HTTP, as an administrator describes them and everybody reads them."""

from datetime import timedelta
from itertools import count
from typing import Any

import httpx2 as httpx
import pytest
from support.clock import SetClock
from support.collections_office import Office, invoice
from support.legal_entities import BERLIN, NEW_YORK

_keys = count(1)


async def describe(
    office: Office,
    code: str = "US01",
    body: dict[str, Any] = NEW_YORK,
    *,
    role: str = "admin",
    key: str | None = None,
    if_match: str | None = None,
) -> httpx.Response:
    headers = {**office.issuer.bearer(role), "Idempotency-Key": key or f"entity-{next(_keys)}"}
    if if_match is not None:
        headers["If-Match"] = if_match
    return await office.http.put(f"/v1/legal-entities/{code}", json=body, headers=headers)


async def test_an_entity_is_described_and_read(office: Office) -> None:
    made = await describe(office)

    assert (made.status_code, made.headers["etag"]) == (201, '"1"')
    assert made.json() == {
        "code": "US01",
        "version": 1,
        "zone": "America/New_York",
        "calendar": {"country": "US", "subdivision": "NY", "opens": "09:00", "closes": "17:00"},
        "currency": "USD",
        "sender": {
            "name": "Redress Inc.",
            "address": ["350 Fifth Avenue", "New York, NY 10118"],
            "reply_to": "ar@redress.example",
        },
        "described_at": "2026-11-23T09:00:00Z",
    }
    assert await office.get("/v1/legal-entities/US01") == made.json()
    assert (await office.get("/v1/legal-entities"))["items"] == [made.json()]
    await office.get("/v1/legal-entities/DE01", status=404)


async def test_the_same_again_changes_nothing_and_another_version_is_not_overwritten(office: Office) -> None:
    await describe(office, key="once")
    again, repeated = await describe(office), await describe(office, key="once")
    assert (again.status_code, again.headers["etag"]) == (200, '"1"')
    assert (repeated.status_code, repeated.headers["idempotent-replayed"]) == (201, "true")

    changed = await describe(office, body={**NEW_YORK, "zone": "America/Chicago"}, if_match='"1"')
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    assert (await describe(office, if_match='"1"')).status_code == 412


@pytest.mark.parametrize(
    ("wrong", "pointer", "word"),
    [
        ({"zone": "New York"}, "#/zone", "IANA"),
        ({"zone": "localtime"}, "#/zone", "IANA"),
        ({"currency": "XXQ"}, "#/currency", "ISO 4217"),
        ({"calendar": {"country": "XX"}}, "#/calendar", "holiday calendar"),
        ({"calendar": {"country": "US", "opens": "17:00", "closes": "09:00"}}, "#/calendar", "cannot open"),
        ({"sender": {"name": "X", "reply_to": "nobody"}}, "#/sender/reply_to", ""),
        ({"sender": {"name": "X", "address": ["line"] * 7}}, "#/sender/address", ""),
        ({"shoe_size": 44}, "#/shoe_size", ""),
    ],
)
async def test_what_is_wrong_is_named_with_its_place(
    office: Office, wrong: dict[str, Any], pointer: str, word: str
) -> None:
    refused = await describe(office, body={**NEW_YORK, **wrong})

    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert error["pointer"] == pointer
    assert word in error["detail"]


async def test_only_an_administrator_describes_entities(office: Office) -> None:
    assert (await describe(office, role="analyst")).status_code == 403
    assert (await describe(office, role="erp")).status_code == 403


async def test_the_past_is_answered_as_it_was_known(office: Office, clock: SetClock) -> None:
    await describe(office)
    await describe(office, "DE01", BERLIN)
    await office.follow()
    first = (await office.log.read_log(0, 10))[-1].recorded_at
    clock.advance(days=1)
    await describe(office, body={**NEW_YORK, "zone": "America/Chicago"})
    await office.follow()

    async def zones(**asked: Any) -> list[str]:
        return [each["zone"] for each in (await office.get("/v1/legal-entities", **asked))["items"]]

    assert await zones() == ["Europe/Berlin", "America/Chicago"]
    assert await zones(known_at=first.isoformat()) == ["Europe/Berlin", "America/New_York"]
    assert await zones(as_of="2026-11-23") == ["Europe/Berlin", "America/New_York"]
    assert await zones(as_of="2026-11-24") == ["Europe/Berlin", "America/Chicago"]
    assert await zones(as_of="2026-11-22") == []
    assert (await office.get("/v1/legal-entities/US01", as_of="2026-11-23"))["zone"] == "America/New_York"
    assert (await office.get("/v1/legal-entities/US01", known_at=first.isoformat()))["version"] == 1
    before = (first - timedelta(days=1)).isoformat()
    await office.get("/v1/legal-entities/US01", known_at=before, status=404)


async def test_pages_lose_and_double_nobody(office: Office) -> None:
    for code in ("B", "A", "C"):
        await describe(office, code)
    page = await office.get("/v1/legal-entities", limit=2)
    rest = await office.get("/v1/legal-entities", limit=2, cursor=page["next_cursor"])

    assert [each["code"] for each in (*page["items"], *rest["items"])] == ["A", "B", "C"]


async def test_the_health_of_a_source_names_the_entities_that_nobody_described(office: Office) -> None:
    await office.accepted(invoice(), invoice("INV-2", legal_entity="US01"), invoice("INV-3", legal_entity="US01"))

    async def undescribed() -> list[str]:
        named: list[str] = (await office.get("/v1/erp/sources/sap/health", role="erp"))["undescribed_entities"]
        return named

    assert await undescribed() == ["DE01", "US01"]
    await describe(office)
    assert await undescribed() == ["DE01"]
