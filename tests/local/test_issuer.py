"""The local token issuer, judged by the services' own authenticator."""

from pathlib import Path

import httpx2 as httpx
import pytest

from redress.clock import SystemClock
from redress.web.auth import Authenticator
from redress_local.issuer import create_issuer
from redress_local.secrets_file import NoSecretsYet, ensure_secrets, read_secrets
from redress_local.tokens import mint

ISSUER = "http://127.0.0.1:9999"


def _issuer(data: Path) -> httpx.AsyncClient:
    app = create_issuer(ISSUER, ensure_secrets(data), SystemClock())
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=ISSUER)


async def test_a_service_gets_a_token_for_its_secret_and_for_nothing_else(tmp_path: Path) -> None:
    secret = ensure_secrets(tmp_path).clients["dispute-service"]
    async with _issuer(tmp_path) as client:
        form = {"grant_type": "client_credentials", "client_id": "dispute-service", "client_secret": secret}
        by_form = await client.post("/token", data=form)
        by_header = await client.post(
            "/token", data={"grant_type": "client_credentials"}, auth=("dispute-service", secret)
        )
        wrong = await client.post("/token", data={**form, "client_secret": "guess"})
        unknown = await client.post("/token", data={**form, "client_id": "nobody", "client_secret": ""})
        password = await client.post("/token", data={**form, "grant_type": "password"})
        endless = await client.post("/token", content=b"x" * 5000)
    assert by_form.status_code == by_header.status_code == 200
    assert by_form.json()["token_type"] == "Bearer"
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    assert (unknown.status_code, unknown.json()["error"]) == (401, "invalid_client")
    assert (password.status_code, password.json()["error"]) == (400, "unsupported_grant_type")
    assert (endless.status_code, endless.json()["error"]) == (400, "invalid_request")


async def test_discovery_leads_to_keys_without_private_parts(tmp_path: Path) -> None:
    async with _issuer(tmp_path) as client:
        about = (await client.get("/.well-known/openid-configuration")).json()
        keys = (await client.get(about["jwks_uri"])).json()
    assert about["issuer"] == ISSUER
    assert [(key["kty"], key["alg"], "d" in key) for key in keys["keys"]] == [("EC", "ES256", False)]


def test_secrets_are_made_once_and_are_readable_by_their_user_only(tmp_path: Path) -> None:
    with pytest.raises(NoSecretsYet, match="make run"):
        read_secrets(tmp_path)
    made = ensure_secrets(tmp_path)
    assert ensure_secrets(tmp_path) == made
    assert read_secrets(tmp_path) == made
    assert (tmp_path / "secrets.json").stat().st_mode & 0o077 == 0


async def test_the_services_accept_a_minted_token_and_read_its_tenant_and_roles(tmp_path: Path) -> None:
    clock = SystemClock()
    token = mint(
        ensure_secrets(tmp_path), issuer=ISSUER, subject="ada", tenant="acme", roles=["analyst"], now=clock.now()
    )
    async with _issuer(tmp_path) as client:
        authenticator = Authenticator(
            issuer=ISSUER, audience="redress", jwks_url=f"{ISSUER}/jwks.json", client=client, clock=clock
        )
        principal = await authenticator.authenticate(token)
    assert (principal.subject, principal.tenant, principal.roles, principal.kind) == (
        "ada",
        "acme",
        ("analyst",),
        "person",
    )
