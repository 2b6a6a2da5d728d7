"""Refusals: one form, a stable code, the place that is wrong and what would be right."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2 as httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from support.issuer import Issuer
from support.kernel_app import kernel_app

MEDIA_TYPE = "application/problem+json"


@pytest_asyncio.fixture
async def app(issuer: Issuer, client: httpx.AsyncClient) -> FastAPI:
    return kernel_app(issuer.authenticator(client))


@pytest_asyncio.fixture
async def api(app: FastAPI, issuer: Issuer) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)
    headers = {**issuer.bearer("analyst"), "Idempotency-Key": "k-1"}
    async with httpx.AsyncClient(transport=transport, base_url="http://office", headers=headers) as api:
        yield api


def good_body() -> dict[str, Any]:
    return {"reason": "PRICE", "items": [{"invoice_id": "4711", "amount": {"amount": "12.50", "currency": "EUR"}}]}


def refused(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (response.status_code, response.headers["content-type"]) == (status, MEDIA_TYPE)
    body: dict[str, Any] = response.json()
    assert (body["status"], body["code"], body["type"]) == (status, code, f"/docs/problems#{code}")
    assert body["request_id"] == response.headers["x-request-id"]
    return body


async def test_every_wrong_place_is_named_with_what_is_allowed_there(api: httpx.AsyncClient) -> None:
    body = {
        "reason": "WEATHER",
        "items": [
            {"invoice_id": "4711", "amount": {"amount": "12.50", "currency": "EUX"}},
            {"invoice_id": "", "amount": {"currency": "EUR", "vat": 1}},
        ],
        "contact": {"kind": "call", "address": "a@example.com"},
        "a/b~c": 1,
    }
    answer = refused(await api.post("/v1/disputes", json=body), 422, "invalid_request")
    assert answer["errors"] == [
        {"pointer": "#/reason", "detail": "Input should be 'PRICE' or 'QUANTITY'", "allowed": ["PRICE", "QUANTITY"]},
        {"pointer": "#/items/0/amount/currency", "detail": "'EUX' is not an ISO 4217 currency code"},
        {
            "pointer": "#/items/1/invoice_id",
            "detail": "String should have at least 1 character",
            "allowed": "length at least 1",
        },
        {"pointer": "#/items/1/amount/amount", "detail": "is required"},
        {"pointer": "#/items/1/amount/vat", "detail": "is not a field of this request"},
        {"pointer": "#/contact/number", "detail": "is required"},
        {"pointer": "#/contact/address", "detail": "is not a field of this request"},
        {"pointer": "#/a~1b~0c", "detail": "is not a field of this request"},
    ]


async def test_an_unknown_kind_is_answered_with_the_known_ones(api: httpx.AsyncClient) -> None:
    answer = refused(
        await api.post("/v1/disputes", json={**good_body(), "contact": {"kind": "fax"}}), 422, "invalid_request"
    )
    (error,) = answer["errors"]
    assert (error["pointer"], error["allowed"]) == ("#/contact", ["call", "mail"])


async def test_a_wrong_parameter_is_named_with_its_place(api: httpx.AsyncClient) -> None:
    answer = refused(await api.get("/v1/disputes", params={"limit": 201, "status": "gone"}), 422, "invalid_request")
    assert answer["errors"] == [
        {
            "parameter": "limit",
            "in": "query",
            "detail": "Input should be less than or equal to 200",
            "allowed": "at most 200",
        },
        {
            "parameter": "status",
            "in": "query",
            "detail": "Input should be 'open' or 'closed'",
            "allowed": ["open", "closed"],
        },
    ]


async def test_a_thousand_mistakes_are_answered_with_fifty(api: httpx.AsyncClient) -> None:
    body = {**good_body(), **{f"field{number}": 1 for number in range(1_000)}}
    answer = refused(await api.post("/v1/disputes", json=body), 422, "invalid_request")
    assert (len(answer["errors"]), answer["errors_total"]) == (50, 1_000)


async def test_a_missing_body_is_the_whole_document(api: httpx.AsyncClient) -> None:
    answer = refused(await api.post("/v1/disputes"), 422, "invalid_request")
    assert answer["errors"] == [{"pointer": "#", "detail": "is required"}]


@pytest.mark.parametrize(
    "content",
    [b"{", b'{"reason": nope}', b'{"a":1}}', b"\xff\xfe", b"[" * 200_000, b'{"a": ' + b"9" * 5_000 + b"}"],
    ids=str,
)
async def test_what_is_not_json_is_refused_as_that(api: httpx.AsyncClient, content: bytes) -> None:
    response = await api.post("/v1/disputes", content=content, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert response.json()["code"] in {"malformed_json", "malformed_request"}


async def test_the_position_of_a_slip_in_the_json_is_named(api: httpx.AsyncClient) -> None:
    content, headers = b'{"reason": nope}', {"Content-Type": "application/json"}
    answer = refused(await api.post("/v1/disputes", content=content, headers=headers), 400, "malformed_json")
    assert answer["detail"] == "at character 11: Expecting value"


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x", None])
async def test_another_media_type_is_refused_as_that(api: httpx.AsyncClient, media_type: str | None) -> None:
    headers = {"Content-Type": media_type} if media_type else {}
    answer = refused(await api.post("/v1/disputes", content=b'{"a":1}', headers=headers), 415, "unsupported_media_type")
    assert "application/json is expected" in answer["detail"]


async def test_a_body_above_the_limit_is_refused_whether_announced_or_not(api: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    announced = await api.post("/v1/disputes", content=b" " * 1_048_577, headers=headers)
    refused(announced, 413, "body_too_large")

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(17):
            yield b" " * 65_536

    refused(await api.post("/v1/disputes", content=pieces(), headers=headers), 413, "body_too_large")


async def test_a_route_may_accept_more_than_the_others(api: httpx.AsyncClient) -> None:
    response = await api.post("/v1/disputes/upload", content=b" " * 2_000_000)
    assert response.json() == {"bytes": 2_000_000}
    refused(await api.post("/v1/disputes/upload", content=b" " * 3_000_001), 413, "body_too_large")


async def test_an_unknown_path_and_a_wrong_method(api: httpx.AsyncClient) -> None:
    refused(await api.get("/v1/nothing"), 404, "not_found")
    response = await api.delete("/v1/disputes")
    refused(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "GET, POST"


async def test_a_thing_that_is_not_there(api: httpx.AsyncClient) -> None:
    answer = refused(await api.get("/v1/disputes/unknown"), 404, "not_found")
    assert answer["detail"] == "there is no dispute of this id"


async def test_a_wrong_state_names_what_can_be_done_and_keeps_its_standard_members(api: httpx.AsyncClient) -> None:
    answer = refused(await api.post("/v1/disputes/1/refuse"), 409, "wrong_state")
    assert answer["allowed_actions"] == ["reopen"]
    assert answer["state"] == "resolved"


async def test_an_unexpected_failure_says_nothing_but_an_id(api: httpx.AsyncClient) -> None:
    response = await api.post("/v1/disputes/1/fail")
    answer = refused(response, 500, "internal_error")
    assert set(answer) == {"type", "title", "status", "code", "detail", "request_id", "trace_id"}
    assert "hunter2" not in response.text
    assert "RuntimeError" not in response.text


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        ("reused", 422, "idempotency_key_reused"),
        ("in-flight", 409, "command_in_flight"),
        ("conflict", 409, "changed_meanwhile"),
        ("too-large", 422, "too_much_at_once"),
        ("unavailable", 503, "unavailable"),
    ],
)
async def test_refusals_of_the_event_log_have_an_answer(
    api: httpx.AsyncClient, refusal: str, status: int, code: str
) -> None:
    response = await api.post(f"/v1/disputes/1/log/{refusal}")
    refused(response, status, code)
    assert "10.0.0.5" not in response.text
    assert ("retry-after" in response.headers) == (code in {"command_in_flight", "changed_meanwhile", "unavailable"})


@pytest.mark.parametrize("how", ["starting", "refused", "wrapped"])
async def test_a_database_that_is_away_is_no_failure_of_ours_and_the_request_may_be_repeated(
    api: httpx.AsyncClient, how: str
) -> None:
    response = await api.post(f"/v1/disputes/1/away/{how}")
    refused(response, 503, "unavailable")
    assert response.headers["retry-after"] == "2"
    assert "10.0.0.5" not in response.text
