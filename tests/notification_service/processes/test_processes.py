"""The processes as they are deployed: migrated by a job, an API and a worker, from an event in a feed to a mail."""

import asyncio
import base64
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2 as httpx
import pytest
from support.databases import Database, MakeDatabase
from support.dispute_service import DisputeService, dispute_service
from support.eventually import eventually
from support.published_disputes import contact, dispute, published
from support.smtp_server import ScriptedServer, scripted_server

from redress.clock import SystemClock
from redress.contracts.dispute_events import DisputeOpened
from redress.eventlog import vault as vaults
from redress.eventlog.vault import Vault

MASTER_KEY = bytes(range(32))


@dataclass
class Deployment:
    database: Database
    keys: Database
    vault: Vault
    disputes: DisputeService
    mails: ScriptedServer
    port: int
    running: list[asyncio.subprocess.Process] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "NOTIFICATION_DATABASE_URL": self.database.api,
            "NOTIFICATION_WORKER_DATABASE_URL": self.database.worker,
            "NOTIFICATION_OWNER_DATABASE_URL": self.database.owner,
            "NOTIFICATION_PORT": str(self.port),
            "NOTIFICATION_CLIENT_ID": "notification-service",
            "NOTIFICATION_CLIENT_SECRET": "secret",
            "VAULT_DATABASE_URL": self.keys.as_role("notification_worker"),
            "VAULT_KEY": base64.b64encode(MASTER_KEY).decode(),
            "CURSOR_KEY": "0123456789abcdef",
            "TRANSPORT": "feed",
            "ISSUER": self.disputes.issuer.iss,
            "JWKS_URL": self.disputes.issuer.jwks_url,
            "TOKEN_URL": self.disputes.token_url,
            "DISPUTE_URL": self.disputes.address,
            "COLLECTIONS_URL": self.disputes.address,  # of this feed it takes nothing
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(self.mails.port),
            "MAIL_FROM": "Muster GmbH <ar@muster.example>",
        }

    async def start(self, *arguments: str, **changes: str) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "notification_service",
            *arguments,
            env={**self.environment, **changes},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self.running.append(process)
        return process

    async def job(self, *arguments: str) -> tuple[int | None, str]:
        process = await self.start(*arguments)
        output, _ = await asyncio.wait_for(process.communicate(), 60.0)
        return process.returncode, output.decode()

    async def get(self, path: str, role: str = "analyst") -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False) as http:
            return await http.get(f"http://127.0.0.1:{self.port}{path}", headers=self.disputes.issuer.bearer(role))

    async def open_disputes(self, count: int) -> None:
        now = SystemClock().now()
        for number in range(count):
            somebody = await contact(self.vault, "Maria Weber", f"c{number}@kunde.example", "de")
            event = published(DisputeOpened(dispute=dispute(number, contact=somebody)), at=now)
            await self.disputes.publish_events(event)


@pytest.fixture
async def deployment(make_database: MakeDatabase) -> AsyncIterator[Deployment]:
    database, keys = await make_database("notification"), await make_database("vault")
    await vaults.install(keys.owner)
    async with (
        Vault.open_at(keys.as_role("notification_worker"), MASTER_KEY) as vault,
        dispute_service() as disputes,
        scripted_server() as mails,
    ):
        made = Deployment(database, keys, vault, disputes, mails, _free_port())
        try:
            yield made
        finally:
            for process in made.running:
                if process.returncode is None:
                    process.kill()
                    await process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def ends_well(*processes: asyncio.subprocess.Process) -> AsyncIterator[None]:
    """At the end SIGTERM, and each process ends by itself with 0."""
    yield
    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        output, _ = await asyncio.wait_for(process.communicate(), 15.0)
        assert process.returncode == 0, output.decode()[-3_000:]


async def test_from_an_event_in_the_feed_to_a_mail(deployment: Deployment) -> None:
    assert (await deployment.job("migrate"))[0] == 0
    assert (await deployment.job("migrate"))[0] == 0
    api, worker = await deployment.start("api"), await deployment.start("worker")

    async def ready() -> bool:
        try:
            return (await deployment.get("/readyz")).status_code == 200
        except httpx.HTTPError:
            return False

    async with ends_well(api, worker):
        await eventually(ready, 30.0)
        await deployment.open_disputes(3)
        await eventually(lambda: _received(deployment, 3), 30.0)

        async def all_sent() -> bool:
            items = (await deployment.get("/v1/notifications")).json()["items"]
            return [item["status"] for item in items] == ["sent"] * 3

        await eventually(all_sent)
        types = [event["type"] for event in (await deployment.get("/v1/feed", "ops")).json()]
        assert sorted(types) == ["notification-queued"] * 3 + ["notification-sent"] * 3
    code, output = await deployment.job("rebuild", "dispute_state")
    assert code == 0, output
    assert "dispute_state: 3 rows before, 3 after" in " ".join(output.split())
    code, output = await deployment.job("rebuild", "notices")
    assert code != 0
    code, output = await deployment.job("verify")
    assert code == 0
    assert output.startswith("12 events in 3 streams at ")
    assert output.strip().endswith(" events/s: every chain and the order are intact")


async def test_a_worker_that_is_killed_and_started_again_sends_each_mail_once(deployment: Deployment) -> None:
    assert (await deployment.job("migrate"))[0] == 0
    first = await deployment.start("worker")
    await deployment.open_disputes(30)
    await eventually(lambda: _received(deployment, 5), 30.0)
    first.kill()
    await first.wait()
    second = await deployment.start("worker")
    async with ends_well(second):
        # The kill may have caught up to four mails in the sender's hands; their leases end after minutes.
        await eventually(lambda: _received(deployment, 26), 30.0)
    addresses = deployment.mails.recipients
    assert len(addresses) == len(set(addresses))


async def test_every_missing_setting_is_named_at_once(deployment: Deployment) -> None:
    process = await deployment.start("worker", SMTP_HOST="", MAIL_FROM="", DISPUTE_URL="")
    output, _ = await asyncio.wait_for(process.communicate(), 30.0)
    assert process.returncode == 1
    for name in ("SMTP_HOST", "MAIL_FROM", "DISPUTE_URL"):
        assert f"missing: {name}" in output.decode()


async def _received(deployment: Deployment, count: int) -> bool:
    return len(deployment.mails.received) >= count
