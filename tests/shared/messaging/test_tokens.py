"""Tokens for calling other services: asked for once, renewed before they expire."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import httpx2 as httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from support.serving import serving

from redress.clock import SystemClock
from redress.messaging.source import SourceUnavailable
from redress.messaging.tokens import ClientCredentials


@dataclass
class TokenEndpoint:
    address: str = ""
    lifetime_s: float = 300.0
    asked: list[dict[str, str]] = field(default_factory=list)
    down: bool = False

    async def token(self, request: Request) -> Response:
        if self.down:
            return Response(status_code=503)
        self.asked.append(dict(parse_qsl((await request.body()).decode())))
        return JSONResponse(
            {"access_token": f"token-{len(self.asked)}", "token_type": "Bearer", "expires_in": self.lifetime_s}
        )


@pytest.fixture
async def endpoint() -> AsyncIterator[TokenEndpoint]:
    made = TokenEndpoint()
    async with serving(Starlette(routes=[Route("/token", made.token, methods=["POST"])]), lifespan="off") as address:
        made.address = f"{address}/token"
        yield made


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


async def test_a_token_is_asked_for_with_client_credentials_and_used_again(
    endpoint: TokenEndpoint, http: httpx.AsyncClient
) -> None:
    tokens = ClientCredentials(
        http, endpoint.address, "dispute-service", "s3cret", clock=SystemClock(), audience="redress"
    )
    assert [await tokens.token() for _ in range(3)] == ["token-1"] * 3
    assert endpoint.asked == [
        {
            "grant_type": "client_credentials",
            "client_id": "dispute-service",
            "client_secret": "s3cret",
            "audience": "redress",
        }
    ]


async def test_a_token_that_is_about_to_expire_is_renewed(endpoint: TokenEndpoint, http: httpx.AsyncClient) -> None:
    endpoint.lifetime_s = 0.0
    tokens = ClientCredentials(http, endpoint.address, "dispute-service", "s3cret", clock=SystemClock())
    assert [await tokens.token(), await tokens.token()] == ["token-1", "token-2"]


async def test_a_refused_token_is_replaced(endpoint: TokenEndpoint, http: httpx.AsyncClient) -> None:
    tokens = ClientCredentials(http, endpoint.address, "dispute-service", "s3cret", clock=SystemClock())
    await tokens.token()
    tokens.forget()
    assert await tokens.token() == "token-2"


async def test_an_issuer_that_is_down_makes_the_source_unavailable(
    endpoint: TokenEndpoint, http: httpx.AsyncClient
) -> None:
    endpoint.down = True
    with pytest.raises(SourceUnavailable, match="503"):
        await ClientCredentials(http, endpoint.address, "dispute-service", "s3cret", clock=SystemClock()).token()
