"""Calling the running local stack over its public HTTP APIs, as patiently as a good client should.

A POST is repeated with the same Idempotency-Key and the same body until it is answered, so that a service may be
killed at any moment without losing or doubling anything.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx2 as httpx

from redress.clock import Clock
from redress_local.secrets_file import Secrets, read_secrets
from redress_local.settings import SERVICES
from redress_local.stack_clock import stack_clock
from redress_local.state import read_issuer, read_state
from redress_local.tokens import mint

PATIENCE_S: Final = 90.0  # a service that was killed is back in a few seconds; a broken one is not waited for for ever
_MOST_AT_ONCE = 16
_PAUSES_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0)
_TRY_AGAIN: Final = {429, 500, 502, 503, 504}
_IN_FLIGHT: Final = "command_in_flight"


class NotRunning(Exception):
    """No stack runs on the folder; the message says how to start one."""


class Refused(Exception):
    """A service refused a request; the message is its own sentence."""

    def __init__(self, answer: httpx.Response) -> None:
        problem = _problem(answer)
        self.status = answer.status_code
        self.code = str(problem.get("code", ""))
        self.detail = str(problem.get("detail") or problem.get("title") or answer.text[:300])
        errors = problem.get("errors")
        if isinstance(errors, list):
            self.detail += "".join(f"; {e.get('pointer', '')}: {e.get('detail', '')}" for e in errors[:5])
        super().__init__(f"{answer.request.method} {answer.request.url.path}: {self.status} {self.code}: {self.detail}")


class StackClient:
    """One tenant's calls. `service` is dispute, collections or notification; `role` decides what the call may do."""

    def __init__(self, urls: Mapping[str, str], secrets: Secrets, issuer: str, tenant: str, clock: Clock) -> None:
        self.tenant = tenant
        self._urls = urls
        self._secrets = secrets
        self._issuer = issuer
        self._clock = clock
        self._tokens: dict[tuple[str, str], str] = {}
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(60.0, connect=5.0),
            limits=httpx.Limits(max_connections=_MOST_AT_ONCE * 2),
            trust_env=False,
        )
        self._at_once = asyncio.Semaphore(_MOST_AT_ONCE)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def get(self, service: str, path: str, *, role: str = "analyst", **query: str | int | bool) -> httpx.Response:
        """The answer, 200. Refused for anything else."""
        parameters = {
            name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in query.items()
        }
        return await self._call("GET", service, path, role=role, params=parameters)

    async def post(
        self,
        service: str,
        path: str,
        body: bytes,
        key: str,
        *,
        role: str,
        subject: str | None = None,
        if_match: int | None = None,
    ) -> httpx.Response:
        """The answer, 2xx. `if_match` is the version the command was decided on."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        if if_match is not None:
            headers["If-Match"] = f'"{if_match}"'
        return await self._call("POST", service, path, role=role, subject=subject, content=body, headers=headers)

    async def put(self, service: str, path: str, body: bytes, key: str, *, role: str) -> httpx.Response:
        """The answer, 2xx."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        return await self._call("PUT", service, path, role=role, content=body, headers=headers)

    async def pages(
        self, service: str, path: str, *, role: str = "analyst", **query: str | int | bool
    ) -> AsyncIterator[dict[str, Any]]:
        """Every item of a list, page after page."""
        cursor: dict[str, str] = {}
        while True:
            answer = (await self.get(service, path, role=role, limit=200, **query, **cursor)).json()
            for item in answer["items"]:
                yield item
            if not answer["next_cursor"]:
                return
            cursor = {"cursor": answer["next_cursor"]}

    async def _call(
        self,
        method: str,
        service: str,
        path: str,
        *,
        role: str,
        subject: str | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        params: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        everything = {"Authorization": f"Bearer {self._token(role, subject)}", **(headers or {})}
        deadline = time.monotonic() + PATIENCE_S
        attempt = 0
        while True:
            last: httpx.Response | httpx.TransportError
            async with self._at_once:
                try:
                    last = await self._http.request(
                        method, f"{self._urls[service]}{path}", headers=everything, content=content, params=params
                    )
                except httpx.TransportError as error:
                    last = error
            if isinstance(last, httpx.Response) and not _worth_another_try(last):
                if last.is_success:
                    return last
                raise Refused(last)
            pause_s = _PAUSES_S[min(attempt, len(_PAUSES_S) - 1)]
            if time.monotonic() + pause_s > deadline:
                if isinstance(last, httpx.Response):
                    raise Refused(last)
                raise NotRunning(f"{service}-service did not answer for {PATIENCE_S:.0f} s ({type(last).__name__})")
            attempt += 1
            await asyncio.sleep(pause_s)

    def _token(self, role: str, subject: str | None) -> str:
        who = (role, subject or f"demo-{role}")
        if who not in self._tokens:
            self._tokens[who] = mint(
                self._secrets,
                issuer=self._issuer,
                subject=who[1],
                tenant=self.tenant,
                roles=[role],
                now=self._clock.now(),
            )
        return self._tokens[who]


@asynccontextmanager
async def client_of_running_stack(data: Path, tenant: str) -> AsyncIterator[StackClient]:
    """For a command beside the stack. NotRunning if there is none on the folder."""
    state = read_state(data)
    if state is None or not state.running:
        raise NotRunning(f"no stack runs on {data}: start one with `make run`, or name its folder with DATA=")
    addresses = {part.name: part.address for part in state.parts}
    urls = {service: address for service in SERVICES if (address := addresses.get(f"{service}-api"))}
    missing = [service for service in SERVICES if service not in urls]
    if missing:
        raise NotRunning(f"the stack on {data} is still starting: {', '.join(missing)} has no address yet")
    async with StackClient(urls, read_secrets(data), read_issuer(data), tenant, stack_clock(data)) as client:
        yield client


def _worth_another_try(answer: httpx.Response) -> bool:
    return answer.status_code in _TRY_AGAIN or (
        answer.status_code == 409 and _problem(answer).get("code") == _IN_FLIGHT
    )


def _problem(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
