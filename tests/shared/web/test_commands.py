"""Commands over HTTP: the key, the version, the fingerprint, and what a handler is given."""

from collections.abc import AsyncIterator

import httpx2 as httpx
import pytest
import pytest_asyncio
from support.clock import SetClock
from support.issuer import Issuer
from support.kernel_app import kernel_app

from redress.eventlog.events import StoredAnswer
from redress.web.etag import etag, is_current, parse_etag
from redress.web.idempotency import fingerprint, replay

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest_asyncio.fixture
async def api(issuer: Issuer, client: httpx.AsyncClient, clock: SetClock) -> AsyncIterator[httpx.AsyncClient]:
    app = kernel_app(issuer.authenticator(client), clock=clock)
    headers = issuer.bearer("analyst", subject="anna", tenant="acme")
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://office", headers=headers
    ) as api:
        yield api


async def test_a_handler_is_given_who_when_why_and_on_which_version(api: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k-1", "If-Match": '"3"', "X-Correlation-ID": "sap:4711", "traceparent": TRACE}
    shown = (await api.post("/v1/disputes/9/context", json={}, headers=headers)).json()
    assert (shown["tenant"], shown["key"], shown["expected"]) == ("acme", "k-1", 3)
    assert shown["now"] == "2026-11-23T09:00:00Z"
    meta = shown["meta"]
    assert meta["actor"] == {"kind": "person", "id": "anna", "roles": ["analyst"]}
    assert meta["correlation_id"] == "sap:4711"
    assert meta["policy"] == ["matrix@3"]
    # The same trace, a span of our own.
    assert meta["traceparent"].startswith("00-4bf92f3577b34da6a3ce929d0e0e4736-")
    assert meta["traceparent"] != TRACE


async def test_a_repeated_command_has_the_same_command_id_and_fingerprint(api: httpx.AsyncClient) -> None:
    first, again, other_key, other_body = [
        (await api.post("/v1/disputes/9/context", content=body, headers={"Idempotency-Key": key})).json()
        for key, body in [
            ("k-1", b'{"a":1,"b":2}'),
            ("k-1", b'{ "b": 2, "a": 1 }'),
            ("k-2", b'{"a":1,"b":2}'),
            ("k-1", b'{"a":1,"b":3}'),
        ]
    ]
    assert first["meta"]["command_id"] == again["meta"]["command_id"] != other_key["meta"]["command_id"]
    assert first["fingerprint"] == again["fingerprint"] == other_key["fingerprint"] != other_body["fingerprint"]


def test_the_fingerprint_is_over_method_path_version_and_canonical_body() -> None:
    # Computed apart from the code: SHA-256 over each part after its length in eight bytes.
    assert fingerprint("POST", "/v1/disputes", b'{ "b": [1, 2], "a": "\xc3\xa4" }', '"7"').hex() == (
        "64af0a6d351cc13b8ea9bb19c64cd10e071b3273e05c6dec86440c5d2e0ea1bd"
    )
    base = fingerprint("POST", "/v1/disputes", b"{}")
    assert base == fingerprint("POST", "/v1/disputes", b" { } ")
    others = [
        fingerprint("PUT", "/v1/disputes", b"{}"),
        fingerprint("POST", "/v1/dispute", b"s{}"),
        fingerprint("POST", "/v1/disputes", b"[]"),
        fingerprint("POST", "/v1/disputes", b""),
        fingerprint("POST", "/v1/disputes", b"{}", '"1"'),
        fingerprint("POST", "/v1/disputes", b"not json"),
        fingerprint("POST", "/v1/disputes", b"not  json"),
        fingerprint("POST", "/v1/disputes", b"[" * 100_000),
    ]
    assert len({base, *others}) == 9


@pytest.mark.parametrize(
    ("sent", "key"),
    [
        ("abc", "abc"),
        ('"abc"', "abc"),
        ('"8e03978e-40d5-43e8-bc93-6894a57f9324"', "8e03978e-40d5-43e8-bc93-6894a57f9324"),
        (r'"a\"b\\c"', r'a"b\c'),
        ("x" * 255, "x" * 255),
    ],
)
async def test_the_key_may_be_quoted_or_not(api: httpx.AsyncClient, sent: str, key: str) -> None:
    response = await api.post("/v1/disputes/9/context", headers={"Idempotency-Key": sent})
    assert response.json()["key"] == key


@pytest.mark.parametrize("sent", [None, "", '""', "a b", "x" * 256, "a\tb", "ä"])
async def test_a_missing_or_impossible_key_is_refused(api: httpx.AsyncClient, sent: str | None) -> None:
    headers = {} if sent is None else {b"Idempotency-Key": sent.encode()}
    response = await api.post("/v1/disputes/9/context", headers=headers)
    assert (response.status_code, response.json()["code"]) == (400, "idempotency_key_required")


async def test_a_stored_answer_is_replayed_byte_for_byte_and_marked() -> None:
    response = replay(StoredAnswer(b"f", 201, b'{"id": "dsp_1"}'), {"ETag": '"1"'})
    assert (response.status_code, response.body) == (201, b'{"id": "dsp_1"}')
    assert response.headers["idempotent-replayed"] == "true"
    assert response.headers["content-type"] == "application/json"
    assert response.headers["etag"] == '"1"'
    assert replay(StoredAnswer(b"f", 409, b"{}")).headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (None, 428, "if_match_required"),
        ("7", 400, "invalid_if_match"),
        ('W/"7"', 400, "invalid_if_match"),
        ("*", 400, "invalid_if_match"),
        ('"7", "8"', 400, "invalid_if_match"),
        ('"x"', 400, "invalid_if_match"),
        ('"6"', 412, "stale_version"),
    ],
)
async def test_a_decision_needs_the_version_it_was_made_on(
    api: httpx.AsyncClient, sent: str | None, status: int, code: str
) -> None:
    headers = {"Idempotency-Key": "k"} | ({} if sent is None else {"If-Match": sent})
    response = await api.post("/v1/disputes/9/decide", headers=headers)
    assert (response.status_code, response.json()["code"]) == (status, code)
    if code == "stale_version":
        assert response.headers["etag"] == '"7"'
        assert response.json()["current_version"] == 7


async def test_a_decision_on_the_present_version_is_accepted(api: httpx.AsyncClient) -> None:
    response = await api.post("/v1/disputes/9/decide", headers={"Idempotency-Key": "k", "If-Match": '"7"'})
    assert (response.status_code, response.headers["etag"]) == (200, '"8"')


async def test_a_reader_who_has_the_version_gets_no_body(api: httpx.AsyncClient) -> None:
    first = await api.get("/v1/disputes/9")
    assert first.headers["etag"] == '"7"'
    again = await api.get("/v1/disputes/9", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", '"7"')


def test_etags_are_versions() -> None:
    assert etag(7) == '"7"'
    assert parse_etag('"7"') == 7
    assert [parse_etag(text) for text in ('"07"', '"-7"', "7", '""', '"\u0667"')] == [None] * 5
    assert is_current('"6", W/"7"', 7)
    assert is_current("*", 7)
    assert not is_current('"6"', 7)
    assert not is_current(None, 7)
