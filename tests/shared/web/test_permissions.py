"""Roles and permissions: the table that people agreed on, written out, and its effect on routes."""

from collections.abc import Callable
from typing import Annotated

import httpx2 as httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI
from msgspec import Struct
from support.issuer import Issuer
from support.kernel_app import kernel_app

from redress.web.auth import requires
from redress.web.permissions import PERMISSION_MEANINGS, PERMISSIONS, permissions_of, roles_with
from redress.web.routes import (
    OPEN_PATHS,
    OpenRoute,
    ThreadedRoute,
    listed_routes,
    refuse_open_routes,
    refuse_threaded_routes,
)

BUSINESS = "directory:read disputes:read erp:read events:read holds:read ledger:read notifications:read policies:read"
EVERYTHING = "directory:read disputes:read erp:read events:read feed:read holds:read ledger:read notifications:read ops:read policies:read texts:read"  # noqa: E501


@pytest.mark.parametrize(
    ("role", "permissions"),
    [
        (
            "analyst",
            BUSINESS + " texts:read notifications:addresses disputes:open disputes:note disputes:write disputes:decide",
        ),
        (
            "approver",
            BUSINESS + " texts:read notifications:addresses disputes:open disputes:note disputes:write disputes:decide",
        ),
        ("collector", BUSINESS + " texts:read notifications:addresses disputes:open disputes:note ledger:write"),
        ("auditor", EVERYTHING),
        ("erp", "erp:read erp:write ledger:read disputes:read disputes:open feed:read"),
        ("ops", "ops:read ops:write feed:read erp:read"),
        ("admin", BUSINESS + " policies:write directory:write legal-entities:write ops:read"),
        ("service", "feed:read events:read"),
    ],
)
def test_each_role_may_do_what_was_agreed_and_nothing_else(role: str, permissions: str) -> None:
    assert PERMISSIONS[role] == frozenset(permissions.split())


def test_there_is_no_other_role_and_every_permission_is_known_and_used() -> None:
    assert set(PERMISSIONS) == {"analyst", "approver", "collector", "auditor", "erp", "ops", "admin", "service"}
    assert frozenset().union(*PERMISSIONS.values()) == set(PERMISSION_MEANINGS)


def test_roles_add_up_and_unknown_ones_give_nothing() -> None:
    assert permissions_of(["service", "ops"]) == {"feed:read", "events:read", "ops:read", "ops:write", "erp:read"}
    assert permissions_of(["root", ""]) == frozenset()
    assert roles_with("disputes:decide") == ["analyst", "approver"]


def test_a_route_cannot_ask_for_a_permission_that_does_not_exist() -> None:
    with pytest.raises(KeyError):
        requires("disputes:destroy")


@pytest.fixture
def app(issuer: Issuer, client: httpx.AsyncClient) -> FastAPI:
    return kernel_app(issuer.authenticator(client))


def test_an_app_can_say_which_permission_each_route_asks_for(app: FastAPI) -> None:
    asked = {(route.method, route.path): route.permissions for route in listed_routes(app) if route.authenticated}
    assert asked[("POST", "/v1/disputes")] == ("disputes:open",)
    assert asked[("POST", "/v1/disputes/{dispute_id}/decide")] == ("disputes:write",)
    assert asked[("GET", "/v1/disputes/{dispute_id}")] == ("disputes:read",)
    open_paths = {route.path for route in listed_routes(app) if not route.authenticated}
    assert open_paths == OPEN_PATHS


async def test_every_route_answers_every_role_as_the_table_says(app: FastAPI, issuer: Issuer) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://office") as api:
        for route in listed_routes(app):
            if not route.authenticated:
                assert (await api.request(route.method, route.path)).status_code in {200, 503}
                continue
            path = route.path.replace("{dispute_id}", "9").replace("{refusal}", "reused")
            assert (await api.request(route.method, path)).status_code == 401
            for role, given in PERMISSIONS.items():
                answer = await api.request(route.method, path, headers=issuer.bearer(role))
                assert (answer.status_code == 403) == (not given.issuperset(route.permissions)), (route, role)


async def test_a_forbidden_caller_is_told_the_permission_and_who_has_it(app: FastAPI, issuer: Issuer) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://office") as api:
        answer = await api.post("/v1/disputes/9/decide", headers=issuer.bearer(["auditor", "ops"]))
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert answer.headers["www-authenticate"] == (
        'Bearer realm="redress", error="insufficient_scope", scope="disputes:write"'
    )
    assert answer.json()["permission"] == "disputes:write"
    assert (
        answer.json()["detail"] == "this needs disputes:write, which analyst, approver may; the token has auditor, ops"
    )


@pytest.mark.parametrize(
    ("authorization", "code", "challenge"),
    [
        (None, "missing_token", 'Bearer realm="redress"'),
        ("Basic dXNlcjpwYXNz", "missing_token", 'Bearer realm="redress"'),
        ("Bearer", "missing_token", 'Bearer realm="redress"'),
        ("Bearer nonsense", "invalid_token", 'error="invalid_token", error_description="this is not a signed JWT"'),
        ("bearer nonsense", "invalid_token", 'error="invalid_token"'),
    ],
)
async def test_a_stranger_is_told_how_to_come_in(
    app: FastAPI, authorization: str | None, code: str, challenge: str
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://office") as api:
        answer = await api.get("/v1/disputes", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert challenge in answer.headers["www-authenticate"]


async def test_without_the_issuers_keys_the_answer_is_503_and_not_an_open_door(app: FastAPI, issuer: Issuer) -> None:
    issuer.outage = True
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://office") as api:
        answer = await api.get("/v1/disputes", headers=issuer.bearer())
    assert (answer.status_code, answer.json()["code"]) == (503, "authentication_unavailable")
    assert answer.headers["retry-after"] == "5"


def test_an_app_with_a_forgotten_route_does_not_start(app: FastAPI) -> None:
    refuse_open_routes(app)
    router = APIRouter(prefix="/v1")

    @router.get("/forgotten")
    async def forgotten() -> None: ...

    app.include_router(router)
    with pytest.raises(OpenRoute, match="GET /v1/forgotten names no permission"):
        refuse_open_routes(app)


class Wanted(Struct):
    """A plain class as a dependency: FastAPI makes it in a thread."""

    customer: str | None = None


def by_word(words: str = "") -> list[str]:
    return words.split()


@pytest.mark.parametrize("dependency", [Wanted, by_word], ids=["class", "function"])
def test_an_app_whose_requests_change_threads_does_not_start(app: FastAPI, dependency: Callable[..., object]) -> None:
    refuse_threaded_routes(app)

    @app.get("/v1/slow")
    async def slow(_: Annotated[object, Depends(dependency)]) -> None: ...

    with pytest.raises(ThreadedRoute, match=rf"GET /v1/slow runs {dependency.__name__} in a thread"):
        refuse_threaded_routes(app)


def test_a_route_that_is_a_plain_function_is_threaded_too(app: FastAPI) -> None:
    @app.get("/v1/plain")
    def plain() -> None: ...

    with pytest.raises(ThreadedRoute, match="GET /v1/plain runs plain in a thread"):
        refuse_threaded_routes(app)
