"""The issuer of a stack of containers, as a process of its own, judged by the services' own authenticator."""

import os
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2 as httpx
import pytest
import pytest_asyncio
from support.clock import SetClock
from support.eventually import eventually

from redress.ops.probe import trouble
from redress.web.auth import Authenticator
from redress_local.ports import free_ports
from redress_local.shared_issuer import ensure_certificate


class Issuer:
    def __init__(self, folder: Path) -> None:
        self.data, self.certificate = folder / "data", folder / "public" / "certificate.pem"
        self.data.mkdir()
        self.certificate.parent.mkdir()
        self.url = f"https://localhost:{free_ports(1)[0]}"
        self.environment = {
            **os.environ,
            "ISSUER": self.url,
            "DISPUTE_CLIENT_ID": "dispute-service",
            "DISPUTE_CLIENT_SECRET": "the secret of disputes",
            "COLLECTIONS_CLIENT_ID": "collections-service",
            "COLLECTIONS_CLIENT_SECRET": "the secret of collections",
            "NOTIFICATION_CLIENT_ID": "notification-service",
            "NOTIFICATION_CLIENT_SECRET": "the secret of notifications",
        }

    def command(self, name: str, *options: str) -> list[str]:
        return [sys.executable, "-m", "redress_local.shared_issuer", name, "--data", str(self.data), *options]

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(verify=ssl.create_default_context(cafile=str(self.certificate)))


@pytest_asyncio.fixture(scope="module")
async def issuer(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Issuer]:
    started = Issuer(tmp_path_factory.mktemp("issuer"))
    command = started.command("serve", "--certificate", str(started.certificate))
    with subprocess.Popen(command, env=started.environment) as process:

        async def answers() -> bool:
            async with started.client() as client:
                return (await client.get(f"{started.url}/jwks.json")).status_code == 200

        async def listens() -> bool:
            return started.certificate.exists() and "refused" not in (trouble(f"{started.url}/jwks.json") or "")

        await eventually(listens, within_s=20)
        assert await answers()
        yield started
        process.terminate()
        process.wait(10)


async def test_services_take_its_keys_over_tls_and_accept_the_token_of_a_person(issuer: Issuer) -> None:
    token = subprocess.run(
        issuer.command("token", "--role", "analyst", "--tenant", "acme"),
        env=issuer.environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    async with issuer.client() as client:
        jwks_url = f"{issuer.url}/jwks.json"
        auth = Authenticator(issuer=issuer.url, audience="redress", jwks_url=jwks_url, client=client)
        principal = await auth.authenticate(token)
    assert (principal.tenant, principal.roles) == ("acme", ("analyst",))


async def test_a_service_gets_its_token_for_the_secret_of_its_environment(issuer: Issuer) -> None:
    form = {"grant_type": "client_credentials"}
    async with issuer.client() as client:
        right = await client.post(f"{issuer.url}/token", data=form, auth=("dispute-service", "the secret of disputes"))
        wrong = await client.post(
            f"{issuer.url}/token", data=form, auth=("dispute-service", "the secret of collections")
        )
    assert (right.status_code, wrong.status_code) == (200, 401)


def test_whoever_was_not_given_its_certificate_does_not_trust_it(issuer: Issuer) -> None:
    assert "CERTIFICATE_VERIFY_FAILED" in (trouble(f"{issuer.url}/jwks.json") or "")


def test_its_private_keys_are_its_own(issuer: Issuer) -> None:
    assert [file.name for file in issuer.certificate.parent.iterdir()] == ["certificate.pem"]
    assert all(file.stat().st_mode & 0o077 == 0 for file in issuer.data.iterdir())


def test_the_certificate_stays_the_same_until_the_issuer_gets_another_name(tmp_path: Path) -> None:
    certificate, clock = tmp_path / "certificate.pem", SetClock()
    ensure_certificate("issuer", tmp_path, certificate, clock)
    first = certificate.read_bytes()
    clock.advance(days=365)
    ensure_certificate("issuer", tmp_path, certificate, clock)
    assert certificate.read_bytes() == first
    ensure_certificate("login.example.test", tmp_path, certificate, clock)
    assert certificate.read_bytes() != first
