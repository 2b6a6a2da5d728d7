"""Access tokens for calling another service: OAuth 2.0 client credentials, renewed before they expire."""

import asyncio
from datetime import datetime, timedelta
from typing import Protocol

import httpx2 as httpx
import msgspec
from msgspec import Struct

from redress.clock import Clock
from redress.messaging.source import SourceUnavailable

_TIMEOUT_S = 5.0
_RENEW_AT = 0.8  # of the lifetime: the rest is for a slow issuer and for requests on their way


class TokenSource(Protocol):
    async def token(self) -> str:
        """A token that is valid for some time to come. SourceUnavailable when none can be had."""
        ...

    def forget(self) -> None:
        """The last token was refused; the next call gets a new one."""
        ...


class _TokenAnswer(Struct):
    access_token: str
    expires_in: float = 60.0


class ClientCredentials:
    """Tokens from `token_url` for one client. The client's secret goes in the body (RFC 6749 §2.3.1)."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        token_url: str,
        client_id: str,
        client_secret: str,
        *,
        clock: Clock,
        audience: str | None = None,
    ) -> None:
        self._http = http
        self._url = token_url
        self._form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
            **({} if audience is None else {"audience": audience}),
        }
        self._clock = clock
        self._token = ""
        self._renew_at: datetime | None = None
        self._asking = asyncio.Lock()

    async def token(self) -> str:
        async with self._asking:
            now = self._clock.now()
            if self._renew_at is None or now >= self._renew_at:
                answer = await self._ask()
                self._token = answer.access_token
                self._renew_at = now + timedelta(seconds=answer.expires_in * _RENEW_AT)
            return self._token

    def forget(self) -> None:
        self._renew_at = None

    async def _ask(self) -> _TokenAnswer:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                response = await self._http.post(self._url, data=self._form, headers={"Accept": "application/json"})
            if response.status_code != httpx.codes.OK:
                raise SourceUnavailable(f"the token endpoint answered {response.status_code}")
            return msgspec.json.decode(response.content, type=_TokenAnswer)
        except (httpx.HTTPError, TimeoutError, msgspec.MsgspecError) as failure:
            raise SourceUnavailable(f"no access token from {self._url}: {failure}") from failure
