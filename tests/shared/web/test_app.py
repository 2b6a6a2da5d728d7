"""What every app does around its routes: ids, headers, logs, metrics, health and docs, over a real server."""

import asyncio
import io
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2 as httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from support.issuer import Issuer
from support.kernel_app import kernel_app
from support.serving import serving

from redress.ops.logs import configure_logs
from redress.web.health import Health

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Database:
    """A database that can be down or slow."""

    def __init__(self) -> None:
        self.trouble: Exception | None = None
        self.asked = 0

    async def ask(self) -> None:
        self.asked += 1
        if self.trouble is not None:
            raise self.trouble


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def app(issuer: Issuer, client: httpx.AsyncClient, database: Database) -> FastAPI:
    health = Health(ready={"database": database.ask}, started={"migrations": database.ask})
    return kernel_app(issuer.authenticator(client), health=health)


@pytest_asyncio.fixture
async def api(app: FastAPI, issuer: Issuer) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        serving(app) as address,
        httpx.AsyncClient(base_url=address, headers=issuer.bearer("analyst"), trust_env=False) as api,
    ):
        yield api


async def test_every_answer_has_its_ids_and_the_headers_that_keep_browsers_safe(api: httpx.AsyncClient) -> None:
    for path, status in [("/v1/disputes", 200), ("/nothing", 404), ("/livez", 200)]:
        answer = await api.get(path)
        assert answer.status_code == status
        assert re.fullmatch("req_[0-9a-z]{26}", answer.headers["x-request-id"])
        assert answer.headers["x-correlation-id"] == answer.headers["x-request-id"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "server" not in answer.headers


async def test_the_callers_own_ids_are_kept_if_they_are_plain(api: httpx.AsyncClient) -> None:
    plain = await api.get("/livez", headers={"X-Request-ID": "gw-1", "X-Correlation-ID": "sap:4711"})
    assert (plain.headers["x-request-id"], plain.headers["x-correlation-id"]) == ("gw-1", "sap:4711")
    strange = await api.get("/livez", headers={"X-Request-ID": "<script>", "X-Correlation-ID": "x" * 500})
    assert strange.headers["x-request-id"].startswith("req_")
    assert strange.headers["x-correlation-id"] == strange.headers["x-request-id"]


async def test_a_refusal_names_the_trace_it_belongs_to(api: httpx.AsyncClient) -> None:
    answer = await api.get("/nothing", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    assert answer.json()["trace_id"] == TRACE


async def test_requests_at_the_same_time_keep_their_ids_apart(api: httpx.AsyncClient) -> None:
    async def ask(number: int) -> bool:
        headers = {"Idempotency-Key": "k", "X-Correlation-ID": f"c-{number}"}
        answer = await api.post("/v1/disputes/9/context", headers=headers)
        return bool(answer.json()["meta"]["correlation_id"] == answer.headers["x-correlation-id"] == f"c-{number}")

    assert all(await asyncio.gather(*(ask(number) for number in range(50))))


async def test_each_request_is_one_log_line_without_secrets_or_search_words(
    api: httpx.AsyncClient, issuer: Issuer
) -> None:
    await api.get("/v1/disputes/9")  # the issuer's keys are fetched
    stream = io.StringIO()
    configure_logs("office", "1.0", stream=stream)
    token = issuer.token("analyst", subject="anna")
    await api.get("/v1/disputes/9?q=Mustermann", headers={"Authorization": f"Bearer {token}", "X-Request-ID": "gw-1"})
    await api.post("/v1/disputes/9/fail")
    await api.get("/livez")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    assert [(line["status"], line["route"], line["level"]) for line in requests] == [
        (200, "/v1/disputes/{dispute_id}", "info"),
        (500, "/v1/disputes/{dispute_id}/fail", "error"),
    ]
    assert (requests[0]["actor"], requests[0]["tenant"], requests[0]["request_id"]) == ("anna", "demo", "gw-1")
    assert requests[0]["path"] == "/v1/disputes/9"
    (failure,) = [line for line in lines if line["event"] == "request failed"]
    assert failure["exception"].endswith("RuntimeError: password=[secret] of 10.0.0.5")
    assert failure["request_id"] == requests[1]["request_id"]
    assert len(lines) == 3
    assert "Mustermann" not in stream.getvalue()
    assert token not in stream.getvalue()


async def test_metrics_count_by_route_template(api: httpx.AsyncClient) -> None:
    for number in range(3):
        await api.get(f"/v1/disputes/{number}")
    await api.get("/v1/nothing/at/all")
    await api.request("PURGE", "/v1/disputes")
    text = (await api.get("/metrics")).text
    count = "http_server_request_duration_seconds_count"
    assert f'{count}{{method="GET",route="/v1/disputes/{{dispute_id}}",status="200"}} 3.0' in text
    assert f'{count}{{method="GET",route="unmatched",status="404"}} 1.0' in text
    assert 'method="OTHER"' in text
    assert "PURGE" not in text
    assert "/v1/nothing" not in text


async def test_two_apps_count_apart(issuer: Issuer, client: httpx.AsyncClient) -> None:
    first, second = kernel_app(issuer.authenticator(client)), kernel_app(issuer.authenticator(client))
    first.state.metrics.request_answered("GET", "/x", 200, 0.1)
    assert b'route="/x"' in first.state.metrics.exposition()
    assert b'route="/x"' not in second.state.metrics.exposition()


async def test_a_process_is_alive_whatever_the_database_does(api: httpx.AsyncClient, database: Database) -> None:
    database.trouble = ConnectionError("10.0.0.5 refused")
    asked = database.asked
    assert ((await api.get("/livez")).status_code, database.asked) == (200, asked)


async def test_a_process_is_ready_when_its_database_answers(api: httpx.AsyncClient, database: Database) -> None:
    well = await api.get("/readyz")
    assert (well.status_code, well.text, well.headers["cache-control"]) == (200, "ok", "no-store")
    database.trouble = ConnectionError("10.0.0.5 refused")
    down = await api.get("/readyz")
    assert (down.status_code, down.json()["code"]) == (503, "unavailable")
    verbose = await api.get("/readyz?verbose")
    assert verbose.status_code == 503
    assert verbose.json() == {"status": "unavailable", "checks": {"database": "ConnectionError"}}
    database.trouble = None
    assert (await api.get("/readyz?verbose")).json() == {"status": "ok", "checks": {"database": "ok"}}


async def test_a_process_has_started_once_its_first_checks_have_passed(
    api: httpx.AsyncClient, database: Database
) -> None:
    database.trouble = RuntimeError("migrations are not at head")
    assert (await api.get("/startupz")).status_code == 503
    database.trouble = None
    assert (await api.get("/startupz")).status_code == 200
    database.trouble = RuntimeError("gone again")
    assert (await api.get("/startupz")).status_code == 200  # started is started


async def test_an_app_that_is_not_running_has_not_started(app: FastAPI) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://office") as api:
        assert (await api.get("/startupz?verbose")).json()["checks"] == {"lifespan": "not running"}


async def test_the_docs_need_nothing_from_elsewhere(api: httpx.AsyncClient) -> None:
    for path in ("/docs", "/docs/problems"):
        page = await api.get(path)
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "<script" not in page.text
        assert not re.search(r"(src|href)=\"(https?:)?//", page.text)
        assert "style-src 'sha256-" in page.headers["content-security-policy"]
    assert "/v1/disputes/{dispute_id}/decide" in (await api.get("/docs")).text
    catalogue = (await api.get("/docs/problems")).text
    assert 'id="wrong_state"' in catalogue
    assert 'id="stale_version"' in catalogue


async def test_the_openapi_document_tells_of_refusals_tokens_and_headers(api: httpx.AsyncClient) -> None:
    document = (await api.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert document["components"]["schemas"]["Problem"]["required"] == ["type", "title", "status", "code"]
    decide = document["paths"]["/v1/disputes/{dispute_id}/decide"]["post"]
    assert decide["responses"]["4XX"]["content"] == {
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
    }
    assert "422" not in decide["responses"]
    assert decide["security"] == [{"HTTPBearer": []}]
    assert {parameter["name"].lower() for parameter in decide["parameters"]} == {
        "dispute_id",
        "idempotency-key",
        "if-match",
    }
    assert decide["operationId"] == "decide"


async def test_an_app_starts_with_its_lifespan_and_stops_with_it(issuer: Issuer, client: httpx.AsyncClient) -> None:
    seen = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        seen.append("opened")
        yield
        seen.append("closed")

    async with serving(kernel_app(issuer.authenticator(client), lifespan=lifespan)) as address:
        assert (await client.get(f"{address}/startupz")).status_code == 200
        assert seen == ["opened"]
    assert seen == ["opened", "closed"]
