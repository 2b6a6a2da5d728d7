"""A client that does not give up: it repeats a request with the same key until it is answered, and writes down both."""

import asyncio
import itertools
import random
import time
from typing import Any

import httpx2 as httpx
import msgspec
from msgspec import Struct

from faults.deployment import Deployment
from faults.history import MissingAnswer, ReceivedAnswer, SentRequest

GIVE_UP_S = 90.0
_PATIENCE_S = 10.0  # for one attempt
_PAUSES_S = (0.05, 0.1, 0.2, 0.5, 1.0)
_TRY_AGAIN = frozenset({429, 503})


class Answer(Struct, frozen=True):
    status: int
    body: bytes
    attempts: int
    headers: dict[str, str]

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON
        return msgspec.json.decode(self.body)


class GaveUpError(Exception):
    """No final answer within the time a client has patience for."""


class Client:
    """One tenant's programs and people."""

    def __init__(self, deployment: Deployment, tenant: str, http: httpx.AsyncClient, *, seed: int = 0) -> None:
        self.deployment = deployment
        self.tenant = tenant
        self._http = http
        self._tokens: dict[str, str] = {}
        self._keys = itertools.count(1)
        self._chance = random.Random(f"{seed} {tenant}")

    def new_key(self) -> str:
        return f"{self.tenant}-{next(self._keys)}"

    async def post(
        self,
        service: str,
        path: str,
        body: object,
        *,
        role: str = "analyst",
        key: str | None = None,
        version: int | None = None,
        give_up_s: float = GIVE_UP_S,
    ) -> Answer:
        """The final answer, whatever it is. GaveUpError."""
        key = key or self.new_key()
        raw = msgspec.json.encode(body)
        deadline = time.monotonic() + give_up_s
        for attempt in itertools.count(1):
            answer = await self.attempt(service, path, raw, role=role, key=key, version=version, attempt=attempt)
            if answer is not None and not _comes_again(answer):
                return answer
            if time.monotonic() > deadline:
                raise GaveUpError(f"{service} {path} {key}: {None if answer is None else answer.status}")
            await asyncio.sleep(_PAUSES_S[min(attempt, len(_PAUSES_S)) - 1] * self._chance.uniform(0.5, 1.5))
        raise AssertionError("unreachable")

    async def attempt(
        self, service: str, path: str, raw: bytes, *, role: str, key: str, version: int | None = None, attempt: int = 1
    ) -> Answer | None:
        """One try; None if it was not answered."""
        history = self.deployment.history
        common: dict[str, Any] = {"key": key, "tenant": self.tenant, "service": service, "attempt": attempt}
        history.add(SentRequest(method="POST", path=path, body=raw.decode(), version=version, **common))
        begun = time.monotonic()
        try:
            response = await self._http.post(
                self.deployment.url(service) + path,
                content=raw,
                headers=self._headers(role, key, version),
                timeout=_PATIENCE_S,
            )
        except (httpx.HTTPError, OSError) as failure:
            history.add(MissingAnswer(error=f"{type(failure).__name__}: {failure}", **common))
            return None
        history.add(
            ReceivedAnswer(
                status=response.status_code,
                body=response.text,
                seconds=round(time.monotonic() - begun, 4),
                retry_after=response.headers.get("Retry-After"),
                replayed=response.headers.get("Idempotent-Replayed") == "true",
                **common,
            )
        )
        return Answer(response.status_code, response.content, attempt, dict(response.headers))

    async def get(self, service: str, path: str, *, role: str = "auditor", **params: Any) -> Any:  # noqa: ANN401 - JSON
        """The body of a 200; asked again while there is no answer or a 503."""
        deadline = time.monotonic() + GIVE_UP_S
        while True:
            why: object
            try:
                response = await self._http.get(
                    self.deployment.url(service) + path, params=params, headers=self._auth(role), timeout=_PATIENCE_S
                )
                if response.status_code == 200:
                    return response.json()
                why = f"{response.status_code} {response.text}"
                if response.status_code != 503:
                    raise AssertionError(f"{path}: {why}")
            except (httpx.HTTPError, OSError) as failure:
                why = failure
            if time.monotonic() > deadline:
                raise GaveUpError(f"{path}: {why}")
            await asyncio.sleep(_PAUSES_S[1])

    # -- what companies do

    async def erp(self, *items: dict[str, Any], key: str | None = None) -> list[str]:
        """The result of each item."""
        answer = await self.post("collections", "/v1/erp/events", list(items), role="erp", key=key)
        if answer.status != 207:
            raise AssertionError(f"the ERP was answered {answer.status}: {answer.body!r}")
        return [item["result"] for item in answer.json["items"]]

    async def open_dispute(self, invoice: str, amount: str, *, key: str | None = None, **more: Any) -> Answer:
        return await self.post("dispute", "/v1/disputes", a_dispute(self.tenant, invoice, amount, **more), key=key)

    async def command(self, dispute: str, action: str, body: dict[str, Any], version: int) -> Answer:
        return await self.post("dispute", f"/v1/disputes/{dispute}/{action}", body, version=version)

    def _headers(self, role: str, key: str, version: int | None) -> dict[str, str]:
        headers = {**self._auth(role), "Idempotency-Key": key, "Content-Type": "application/json"}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        return headers

    def _auth(self, role: str) -> dict[str, str]:
        if role not in self._tokens:
            self._tokens[role] = self.deployment.token(role, self.tenant)
        return {"Authorization": f"Bearer {self._tokens[role]}"}


def _comes_again(answer: Answer) -> bool:
    if answer.status in _TRY_AGAIN:
        return True
    return answer.status == 409 and answer.json.get("code") == "command_in_flight"


def canary(tenant: str) -> str:
    """A word that only this tenant's data contains."""
    return f"canary-{tenant}-canary"


def customer_of(tenant: str, number: int = 1) -> dict[str, Any]:
    return {
        "id": f"C-{number}",
        "name": f"Kunde {number} {canary(tenant)}",
        "email": f"ap-{number}@{tenant}.example",
        "language": "de" if number % 2 else "en",
    }


def an_invoice(tenant: str, invoice: str, total: str, *, customer: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "kind": "invoice-posted",
        "source": "erp",
        "source_event_id": f"invoice {invoice}",
        "legal_entity": "DE01",
        "customer": customer_of(tenant, customer),
        "invoice_id": invoice,
        "issued_on": "2026-10-01",
        "due_on": "2026-10-31",
        "currency": "EUR",
        "total": total,
        **more,
    }


def a_payment(payment: str, pays: dict[str, str], amount: str, *, customer: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "kind": "payment-received",
        "source": "erp",
        "source_event_id": f"payment {payment}",
        "payment_id": payment,
        "customer_id": f"C-{customer}",
        "received_on": "2026-11-10",
        "currency": "EUR",
        "amount": amount,
        "allocations": [{"invoice_id": invoice, "amount": part} for invoice, part in pays.items()],
        **more,
    }


def a_dispute(tenant: str, invoice: str, amount: str, *, customer: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "customer_id": f"C-{customer}",
        "items": [{"invoice_id": invoice, "amount": {"amount": amount, "currency": "EUR"}}],
        "reason_code": "PRICE",
        "description": f"The price is wrong, says {canary(tenant)}.",
        "origin": "email",
        "contact": {"name": f"Erika {canary(tenant)}", "email": f"erika-{customer}@{tenant}.example", "language": "de"},
        **more,
    }
