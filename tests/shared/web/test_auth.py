"""Tokens: who is let in, and every way in which somebody is not."""

import asyncio
import base64
import hmac
import json
from datetime import timedelta
from typing import Any

import httpx2 as httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.errors import SecurityWarning
from joserfc.jwk import OctKey, RSAKey
from support.clock import SetClock
from support.issuer import Issuer, new_key

from redress.eventlog.events import Actor
from redress.web.auth import MAX_VERIFIED, Authenticator, KeysUnavailable, Principal, TokenRefused


@pytest.fixture
def auth(issuer: Issuer, client: httpx.AsyncClient) -> Authenticator:
    return issuer.authenticator(client)


async def test_a_token_of_the_issuer_says_who_where_and_what(auth: Authenticator, issuer: Issuer) -> None:
    principal = await auth.authenticate(issuer.token("analyst", tenant="demo", subject="anna"))
    assert principal == Principal("anna", "demo", ("analyst",), "person")
    assert principal.actor == Actor("person", "anna", ("analyst",))
    assert "disputes:write" in principal.permissions
    assert "policies:write" not in principal.permissions


async def test_elliptic_curve_keys_are_accepted_too(auth: Authenticator, issuer: Issuer) -> None:
    key = new_key("ec-1", "EC")
    issuer.published = [key.as_dict(private=False)]
    assert (await auth.authenticate(issuer.token(key=key))).subject == "anna"


async def test_the_erp_and_the_services_are_services(auth: Authenticator, issuer: Issuer) -> None:
    assert (await auth.authenticate(issuer.token("erp", subject="sap"))).kind == "service"
    assert (await auth.authenticate(issuer.token("service", tenant="*"))).tenant == "*"


async def test_only_a_service_alone_is_of_all_tenants(auth: Authenticator, issuer: Issuer) -> None:
    for roles in (["admin"], ["service", "admin"], []):
        with pytest.raises(TokenRefused, match="names no tenant"):
            await auth.authenticate(issuer.token(roles, tenant="*"))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"iss": "https://other.test"}, "'iss'"),
        ({"iss": "https://issuer.test/"}, "'iss'"),
        ({"iss": None}, "lacks a claim"),
        ({"aud": "another-service"}, "'aud'"),
        ({"aud": ["another-service"]}, "'aud'"),
        ({"aud": None}, "lacks a claim"),
        ({"exp": None}, "lacks a claim"),
        ({"sub": None}, "lacks a claim"),
        ({"sub": "anna\r\nX-Evil: 1"}, "subject"),
        ({"exp": float("nan")}, "not accepted"),
        ({"expires_in": timedelta(seconds=-31)}, "has expired"),
        ({"nbf": 4_000_000_000}, "not yet valid"),
        ({"tenant": None}, "names no tenant"),
        ({"tenant": ""}, "names no tenant"),
        ({"tenant": "Demo"}, "names no tenant"),
        ({"tenant": "demo; drop"}, "names no tenant"),
        ({"tenant": ["demo"]}, "names no tenant"),
        ({"roles": "analyst"}, "list of role names"),
        ({"roles": [["analyst"]]}, "list of role names"),
        ({"header": {"typ": "logout+jwt"}}, "not an access token"),
        ({"header": {"kid": None}}, "does not name its key"),
    ],
    ids=str,
)
async def test_a_token_with_a_wrong_claim_is_refused(
    auth: Authenticator, issuer: Issuer, settings: dict[str, Any], reason: str
) -> None:
    with pytest.raises(TokenRefused, match=reason):
        await auth.authenticate(issuer.token(**settings))


async def test_a_list_of_audiences_may_contain_others(auth: Authenticator, issuer: Issuer) -> None:
    assert await auth.authenticate(issuer.token(aud=["redress", "mail"]))


async def test_clocks_may_differ_by_the_leeway(auth: Authenticator, issuer: Issuer) -> None:
    assert await auth.authenticate(issuer.token(expires_in=timedelta(seconds=-29)))


async def test_a_leeway_above_a_minute_is_refused(issuer: Issuer, client: httpx.AsyncClient) -> None:
    with pytest.raises(ValueError, match="leeway"):
        issuer.authenticator(client, leeway=timedelta(seconds=61))


async def test_unsigned_and_otherwise_signed_tokens_are_refused(auth: Authenticator, issuer: Issuer) -> None:
    good = issuer.token()
    header, claims, signature = good.split(".")
    unsigned = _part({"alg": "none", "kid": "key-1"}) + "." + claims + "."
    # The published public key used as a shared secret: the classic confusion of algorithms.
    to_sign = _part({"alg": "HS256", "kid": "key-1"}) + "." + claims
    confused = to_sign + "." + _text(hmac.digest(issuer.key.as_pem(private=False), to_sign.encode(), "sha256"))
    same_secret_as_rs256 = _part({"alg": "RS256", "kid": "key-1"}) + "." + confused.split(".", 1)[1]
    critical = _part({"alg": "RS256", "kid": "key-1", "crit": ["b64"], "b64": False}) + "." + claims
    private_key = issuer.key.private_key
    assert isinstance(private_key, RSAPrivateKey)
    critical += "." + _text(private_key.sign(critical.encode(), PKCS1v15(), SHA256()))
    other_claims = header + "." + _part({"iss": issuer.iss, "aud": "redress", "sub": "eve", "tenant": "demo"})
    for token in (
        unsigned,
        confused,
        critical,
        same_secret_as_rs256,
        other_claims + "." + signature,
        header + "." + claims + ".",
        "",
        "abc",
        "a.b.c",
        "ä.ö.ü",
        "x" * 9_000,
        good + "A",
    ):
        with pytest.raises(TokenRefused):
            await auth.authenticate(token)


async def test_a_key_carried_in_the_token_counts_for_nothing(auth: Authenticator, issuer: Issuer) -> None:
    mine = new_key("key-1")
    header = {"jwk": mine.as_dict(private=False), "jku": issuer.jwks_url, "x5u": "https://evil.test/cert"}
    with pytest.raises(TokenRefused, match="signature"):
        await auth.authenticate(issuer.token(key=mine, header=header))


async def test_an_algorithm_that_does_not_fit_the_published_key_is_refused(auth: Authenticator, issuer: Issuer) -> None:
    with pytest.raises(TokenRefused, match="does not fit its key"):
        await auth.authenticate(issuer.token(key=new_key("key-1", "EC")))


async def test_unusable_published_keys_are_left_out(auth: Authenticator, issuer: Issuer) -> None:
    with pytest.warns(SecurityWarning):
        weak = RSAKey.generate_key(1024, {"kid": "weak", "use": "sig"})
    shared = OctKey.generate_key(256, {"kid": "shared"})
    encryption = RSAKey.generate_key(2048, {"kid": "enc"})
    broken = {"kty": "RSA", "kid": "broken", "n": "!", "e": "AQAB"}
    published: list[Any] = [
        weak.as_dict(private=False),
        shared.as_dict(),
        encryption.as_dict(private=False, use="enc"),
        broken,
        "nonsense",
    ]
    issuer.published = [*published, *issuer.published]
    assert await auth.authenticate(issuer.token())
    for key in (weak, encryption):
        with pytest.raises(TokenRefused, match="does not publish"):
            await auth.authenticate(issuer.token(key=key))


async def test_roles_may_lie_deeper_and_unknown_roles_give_nothing(issuer: Issuer, client: httpx.AsyncClient) -> None:
    auth = issuer.authenticator(client, roles_claim="realm_access.roles", tenant_claim="https://redress.test/tenant")
    claims: dict[str, Any] = {
        "realm_access": {"roles": ["auditor", "offline_access"]},
        "https://redress.test/tenant": "acme",
    }
    token = issuer.token(roles=None, tenant=None, **claims)
    principal = await auth.authenticate(token)
    assert principal.tenant == "acme"
    assert principal.roles == ("auditor", "offline_access")
    assert all(permission.endswith(":read") for permission in principal.permissions)


async def test_a_verified_token_is_not_verified_again_until_it_expires(
    auth: Authenticator, issuer: Issuer, clock: SetClock
) -> None:
    token = issuer.token(expires_in=timedelta(minutes=15))
    first = await auth.authenticate(token)
    assert await auth.authenticate(token) is first
    clock.advance(minutes=15, seconds=31)
    with pytest.raises(TokenRefused, match="expired"):
        await auth.authenticate(token)


async def test_the_memory_of_verified_tokens_is_bounded(auth: Authenticator, issuer: Issuer, clock: SetClock) -> None:
    principal = await auth.authenticate(issuer.token())
    for number in range(MAX_VERIFIED + 100):
        auth._remember(str(number).encode(), principal, clock.now())
    assert len(auth._verified) == MAX_VERIFIED


async def test_a_rotated_key_is_fetched_and_the_withdrawn_one_forgotten(
    auth: Authenticator, issuer: Issuer, clock: SetClock
) -> None:
    old_token = issuer.token()
    await auth.authenticate(old_token)
    issuer.key = new_key("key-2")
    issuer.published = [issuer.key.as_dict(private=False)]
    clock.advance(minutes=2)
    assert await auth.authenticate(issuer.token())
    with pytest.raises(TokenRefused, match="does not publish"):
        await auth.authenticate(old_token)


async def test_made_up_key_ids_do_not_make_us_ask_the_issuer_each_time(
    auth: Authenticator, issuer: Issuer, clock: SetClock
) -> None:
    await auth.authenticate(issuer.token())
    assert issuer.fetches == 1
    stranger = new_key("stranger")
    clock.advance(seconds=61)
    for _ in range(20):
        with pytest.raises(TokenRefused, match="does not publish"):
            await auth.authenticate(issuer.token(key=stranger))
    assert issuer.fetches == 2
    clock.advance(seconds=61)
    with pytest.raises(TokenRefused):
        await auth.authenticate(issuer.token(key=stranger))
    assert issuer.fetches == 3


async def test_an_outage_of_the_issuer_is_survived_for_less_than_an_hour(
    auth: Authenticator, issuer: Issuer, clock: SetClock
) -> None:
    await auth.authenticate(issuer.token())
    issuer.outage = True
    clock.advance(minutes=59)
    long_lived = issuer.token(expires_in=timedelta(hours=8))
    assert await auth.authenticate(long_lived)
    clock.advance(minutes=2)
    with pytest.raises(KeysUnavailable):
        await auth.authenticate(long_lived)  # also a token that was verified before
    issuer.outage = False
    clock.advance(minutes=1)
    assert await auth.authenticate(long_lived)


async def test_requests_at_one_time_wait_for_new_keys_when_the_old_ones_are_too_old(
    auth: Authenticator, issuer: Issuer, clock: SetClock
) -> None:
    await auth.authenticate(issuer.token())
    clock.advance(minutes=61)
    await asyncio.gather(*(auth.authenticate(issuer.token(subject=f"person-{number}")) for number in range(20)))
    assert issuer.fetches == 2


async def test_without_any_keys_nobody_is_let_in(auth: Authenticator, issuer: Issuer, clock: SetClock) -> None:
    issuer.outage = True
    for _ in range(5):
        with pytest.raises(KeysUnavailable):
            await auth.authenticate(issuer.token())
    assert issuer.fetches == 1
    issuer.outage = False
    clock.advance(seconds=2)
    assert await auth.authenticate(issuer.token())


@pytest.mark.parametrize(
    ("url", "accepted"),
    [
        ("https://login.example.com/jwks", True),
        ("http://127.0.0.1:9000/jwks", True),
        ("http://localhost:9000/jwks", True),
        ("http://[::1]:9000/jwks", True),
        ("http://login.example.com/jwks", False),
        ("http://127.0.0.1.example.com/jwks", False),
        ("http://localhost.example.com/jwks", False),
        ("http://10.0.0.1/jwks", False),
        ("file:///etc/passwd", False),
        ("ftp://127.0.0.1/jwks", False),
        ("", False),
    ],
)
async def test_keys_come_over_https_or_from_this_machine(client: httpx.AsyncClient, url: str, accepted: bool) -> None:
    def build() -> Authenticator:
        return Authenticator(issuer="i", audience="a", jwks_url=url, client=client)

    if accepted:
        build()
    else:
        with pytest.raises(ValueError, match="JWKS address"):
            build()


def _part(members: dict[str, Any]) -> str:
    return _text(json.dumps(members).encode())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
