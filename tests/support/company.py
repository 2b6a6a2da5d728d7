"""A running stack, used as its users use it: over HTTP with tokens, the mail folder, and the `redress` command."""

import asyncio
import email
import email.policy
import itertools
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx2 as httpx
from support.eventually import eventually

from redress_local.ports import is_free

REDRESS = str(Path(sys.executable).parent / "redress")
_keys = itertools.count(1)


@dataclass
class Company:
    """One tenant's view of a stack. Roles are tokens; every call says which role makes it."""

    data: Path
    tenant: str
    client: httpx.AsyncClient
    urls: dict[str, str]
    tokens: dict[str, str] = field(default_factory=dict)

    def of(self, tenant: str) -> "Company":
        return Company(self.data, tenant, self.client, self.urls)

    async def get(self, service: str, path: str, role: str = "auditor", **params: Any) -> Any:  # noqa: ANN401 - JSON
        answer = await self.client.get(self.urls[service] + path, params=params, headers=self._auth(role))
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(
        self,
        service: str,
        path: str,
        body: object,
        role: str,
        *,
        version: int | None = None,
        key: str | None = None,
        expect: int | None = None,
    ) -> httpx.Response:
        headers = self._auth(role) | {"Idempotency-Key": key or f"flow-{os.getpid()}-{next(_keys)}"}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        answer = await self.client.post(self.urls[service] + path, json=body, headers=headers)
        if expect is not None:
            assert answer.status_code == expect, answer.text
        return answer

    async def erp(self, *events: dict[str, Any]) -> list[str]:
        """Post events as the ERP; the result of each."""
        answer = await self.post("collections", "/v1/erp/events", list(events), "erp", expect=207)
        return [item["result"] for item in answer.json()["items"]]

    async def command(self, dispute: str, action: str, body: dict[str, Any], role: str = "analyst") -> dict[str, Any]:
        """A command on the dispute as it is now."""
        now = await self.get("dispute", f"/v1/disputes/{dispute}")
        answer = await self.post(
            "dispute", f"/v1/disputes/{dispute}/{action}", body, role, version=now["version"], expect=200
        )
        result: dict[str, Any] = answer.json()
        return result

    async def holds(self, customer: str) -> dict[str, str]:
        """Held amount by invoice."""
        page = await self.get("collections", "/v1/holds", "collector", customer_id=customer)
        return {item["invoice_id"]: item["held"]["amount"] for item in page["items"]}

    def mails(self, to: str) -> list[EmailMessage]:
        found = []
        for path in sorted((self.data / "mail").rglob("*.eml")):
            mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            assert isinstance(mail, EmailMessage)
            if to in str(mail["To"]):
                found.append(mail)
        return found

    def _auth(self, role: str) -> dict[str, str]:
        if role not in self.tokens:
            self.tokens[role] = redress(self.data, "token", "--role", role, "--tenant", self.tenant).strip()
        return {"Authorization": f"Bearer {self.tokens[role]}"}


def redress(data: Path, *arguments: str) -> str:
    """The output of the `redress` command."""
    done = subprocess.run(
        [REDRESS, *arguments],
        env={**os.environ, "DATA": str(data)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def free_ports() -> int:
    """The first of three free ports."""
    starts = random.Random().sample(range(18001, 28000, 10), 100)  # noqa: S311 - several test runs share the machine
    return next(port for port in starts if all(is_free(port + i) for i in range(3)))


@asynccontextmanager
async def running_stack(
    data: Path, transport: str, port: int, *, demo: bool = False, clock: str = "system"
) -> AsyncIterator[Company]:
    """`make run`, without the simulated company unless it is asked for, until the block ends; then nothing is left."""
    log = data.parent / f"{data.name}.out"
    environment = {**os.environ, "DATA": str(data), "PORT": str(port), "TRANSPORT": transport, "CLOCK": clock}
    environment["DEMO"] = "1" if demo else "0"
    with log.open("ab") as out:
        process = subprocess.Popen([REDRESS, "run"], env=environment, stdout=out, stderr=out)

    async def is_running() -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"the stack did not start:\n{log.read_text()[-4000:]}")
        return "Redress is running" in log.read_text()

    try:
        await eventually(is_running, within_s=180)
        urls = {
            name: f"http://127.0.0.1:{port + i}" for i, name in enumerate(("dispute", "collections", "notification"))
        }
        async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
            yield Company(data, "acme", client, urls)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.to_thread(process.wait, 15)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        log.write_text("")


def status(data: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(redress(data, "status", "--json"))
    return loaded
