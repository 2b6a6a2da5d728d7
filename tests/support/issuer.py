"""An issuer of tokens with real keys, whose JWKS is served over HTTP on loopback.

async with Issuer().serving() as issuer:
    auth = issuer.authenticator(client)
    headers = issuer.bearer("analyst")
"""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import cache
from typing import Any

import httpx2 as httpx
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from support.serving import serving

from redress.clock import Clock
from redress.web.auth import Authenticator

AUDIENCE = "redress"


class Issuer:
    """`published` is what the JWKS shows now (change it to rotate); `fetches` counts how often it was read.

    `outage` makes the JWKS answer 503. `clock` dates the tokens; the machine's time if None.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self.key: RSAKey | ECKey = _first_key()
        self.published: list[dict[str, Any]] = [self.key.as_dict(private=False)]
        self.fetches = 0
        self.outage = False
        self.iss = "https://issuer.test"
        self.jwks_url = ""
        self._clock = clock

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Issuer"]:
        async with serving(Starlette(routes=[Route("/jwks", self.jwks)]), lifespan="off") as address:
            self.jwks_url = f"{address}/jwks"
            yield self

    def authenticator(self, client: httpx.AsyncClient, **settings: Any) -> Authenticator:
        chosen: dict[str, Any] = {
            "issuer": self.iss,
            "audience": AUDIENCE,
            "jwks_url": self.jwks_url,
            "clock": self._clock,
            **settings,
        }
        return Authenticator(client=client, **chosen)

    def token(
        self,
        role: str | Sequence[str] = "analyst",
        *,
        tenant: str | None = "demo",
        subject: str = "anna",
        expires_in: timedelta = timedelta(minutes=15),
        key: RSAKey | ECKey | OctKey | None = None,
        header: dict[str, Any] | None = None,
        **claims: object,
    ) -> str:
        """A token. A claim or header member given as None is left out."""
        signer = key or self.key
        now = int(self._clock.now().timestamp() if self._clock else time.time())
        all_claims = {
            "iss": self.iss,
            "aud": AUDIENCE,
            "sub": subject,
            "tenant": tenant,
            "roles": [role] if isinstance(role, str) else list(role),
            "iat": now,
            "nbf": now,
            "exp": now + int(expires_in.total_seconds()),
            **claims,
        }
        algorithm = {"RSA": "RS256", "EC": "ES256", "oct": "HS256"}[signer.key_type]
        all_headers = {"alg": algorithm, "kid": signer.kid, "typ": "at+jwt", **(header or {})}
        return jwt.encode(
            {name: value for name, value in all_headers.items() if value is not None},
            {name: value for name, value in all_claims.items() if value is not None},
            signer,
            algorithms=[all_headers["alg"]],
            default_type=None,
        )

    def bearer(self, role: str | Sequence[str] = "analyst", **settings: Any) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(role, **settings)}"}

    async def jwks(self, _: Request) -> Response:
        self.fetches += 1
        if self.outage:
            return Response(status_code=503)
        return JSONResponse({"keys": self.published})


class Issuers:
    """Several issuers behind one server, for tests that each want a fresh one without starting a server."""

    def __init__(self) -> None:
        self._address = ""
        self._issuers: list[Issuer] = []

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Issuers"]:
        routes = [Route("/{number:int}/jwks", self._jwks)]
        async with serving(Starlette(routes=routes), lifespan="off") as self._address:
            yield self

    def fresh(self, clock: Clock | None = None) -> Issuer:
        issuer = Issuer(clock)
        issuer.jwks_url = f"{self._address}/{len(self._issuers)}/jwks"
        self._issuers.append(issuer)
        return issuer

    async def _jwks(self, request: Request) -> Response:
        issuer: Issuer = self._issuers[request.path_params["number"]]
        return await issuer.jwks(request)


@cache
def _first_key() -> RSAKey | ECKey:
    return new_key("key-1")  # making one takes a tenth of a second; tests may share it


def new_key(kid: str, kind: str = "RSA") -> RSAKey | ECKey:
    if kind == "RSA":
        return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig"})
