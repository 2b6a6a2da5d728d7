"""The caller of a request: bearer tokens of one issuer, verified against its published keys, never taken on trust.

Refused with 401: another algorithm than RS256 or ES256, an unknown key, a wrong issuer or audience, a token that is
expired, not yet valid, without tenant or of another type. Keys come from one address only; keys or addresses named
inside a token are ignored. When the keys cannot be had, nobody is let in (503).
"""

import asyncio
import hashlib
import ipaddress
import re
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2 as httpx
import msgspec
import structlog
from fastapi import Request
from fastapi.openapi.models import HTTPBearer as HTTPBearerModel
from fastapi.security.base import SecurityBase
from fastapi.security.utils import get_authorization_scheme_param
from joserfc import jws, jwt
from joserfc.errors import ExpiredTokenError, InvalidClaimError, JoseError, MissingClaimError
from joserfc.jwk import ECKey, RSAKey
from msgspec import Struct

from redress.clock import Clock, SystemClock
from redress.eventlog.events import Actor
from redress.web.permissions import ALL_TENANTS, MAY_HAVE_ALL_TENANTS, permissions_of, roles_with
from redress.web.problem import Problem, kernel_problem

ALGORITHMS: Final = {"RS256": "RSA", "ES256": "EC"}
MAX_LEEWAY = timedelta(seconds=60)
MAX_VERIFIED = 10_000  # tokens remembered; verifying one costs about 130 microseconds
MAX_TOKEN_LENGTH = 8_192
_MAX_ROLES = 50
_TOKEN_TYPES = {"jwt", "at+jwt", "application/at+jwt"}  # an explicit other type (a logout token, say) is refused
_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_PRINTABLE = re.compile(r"[\x20-\x7e]{1,200}")

_KEYS_VALID_FOR = timedelta(hours=1)
_KEYS_REFRESHED_AFTER = timedelta(minutes=10)  # so that an outage of the issuer may last fifty minutes unnoticed
_FETCH_PAUSE = timedelta(minutes=1)
_FETCH_TIMEOUT_S = 3.0
_MAX_JWKS_BYTES = 262_144
_MAX_KEYS = 100
_MIN_RSA_BITS = 2_048
_MIN_RSA_TEXT = 342  # that many bits in base64url

_log = structlog.stdlib.get_logger("redress.web.auth")

Key = RSAKey | ECKey


class Principal(Struct, frozen=True):
    """Who a verified token speaks for. `kind` is person or service; `tenant` is `*` only for the services."""

    subject: str
    tenant: str
    roles: tuple[str, ...]
    kind: str

    @property
    def permissions(self) -> frozenset[str]:
        return permissions_of(self.roles)

    @property
    def actor(self) -> Actor:
        """The principal as events name who caused them."""
        return Actor(self.kind, self.subject, self.roles)


class TokenRefused(Exception):
    """The token is not accepted; the message is meant for its sender and names no secret."""


class KeysUnavailable(Exception):
    """The issuer's keys could not be had, so no token can be checked."""


class IssuerKeys:
    """The signing keys published at one JWKS address, fetched when needed and kept for at most an hour.

    An unknown key id asks again, at most once a minute, so that a rotation is noticed and a flood of made-up ids does
    no harm. `generation` changes whenever the set of keys does.
    """

    def __init__(self, url: str, client: httpx.AsyncClient, clock: Clock) -> None:
        _refuse_plain_http(url)
        self._url = url
        self._client = client
        self._clock = clock
        self._keys: dict[str, Key] = {}
        self._published: object = None
        self._fetched_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._fetching = asyncio.Lock()
        self.generation = 0

    @property
    def valid_until(self) -> datetime:
        """When the keys held now must not be used any more. KeysUnavailable if there are none."""
        if self._fetched_at is None:
            raise KeysUnavailable
        return self._fetched_at + _KEYS_VALID_FOR

    async def key(self, kid: str) -> Key | None:
        """The key with this id, None if the issuer does not publish it. KeysUnavailable if that cannot be known."""
        now = self._clock.now()
        if self._fetched_at is None or now - self._fetched_at >= _KEYS_REFRESHED_AFTER or kid not in self._keys:
            await self._refresh(kid)
        if self._clock.now() >= self.valid_until:
            raise KeysUnavailable
        return self._keys.get(kid)

    async def _refresh(self, kid: str) -> None:
        if self._fetching.locked() and kid in self._keys and self._clock.now() < self.valid_until:
            return  # another request is fetching already, and the keys held now still serve
        async with self._fetching:
            now = self._clock.now()
            if self._tried_at is not None and now - self._tried_at < self._pause:
                return
            self._tried_at = now
            try:
                published = await self._fetch()
            except (httpx.HTTPError, msgspec.DecodeError, ValueError) as error:
                _log.warning(
                    "issuer keys could not be fetched", url=self._url, reason=f"{type(error).__name__}: {error}"
                )
                return
            if published != self._published:
                self._published = published
                self._keys = _signing_keys(published)
                self.generation += 1
                _log.info("issuer keys changed", url=self._url, kids=sorted(self._keys))
            self._fetched_at = now

    @property
    def _pause(self) -> timedelta:
        # Without any keys every caller is refused: ask again soon, but not with every request.
        return _FETCH_PAUSE if self._fetched_at is not None else timedelta(seconds=1)

    async def _fetch(self) -> dict[str, Any]:
        async with (
            asyncio.timeout(_FETCH_TIMEOUT_S),
            self._client.stream("GET", self._url, follow_redirects=False) as response,
        ):
            if response.status_code != httpx.codes.OK:
                raise ValueError(f"the issuer answered {response.status_code}")
            body = b""
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > _MAX_JWKS_BYTES:
                    raise ValueError("the key set is too large")
        return msgspec.json.decode(body, type=dict[str, Any])


class Authenticator:
    """Turns a bearer token into a Principal, or refuses it.

    `roles_claim` may be a path (`realm_access.roles`). A verified token is remembered by its digest until it expires,
    the keys change, or the keys would have to be fetched again.
    """

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        jwks_url: str,
        client: httpx.AsyncClient,
        clock: Clock | None = None,
        leeway: timedelta = timedelta(seconds=30),
        tenant_claim: str = "tenant",
        roles_claim: str = "roles",
    ) -> None:
        if not timedelta(0) <= leeway <= MAX_LEEWAY:
            raise ValueError(f"leeway must be between 0 and {MAX_LEEWAY.seconds} seconds")
        self._issuer = issuer
        self._audience = audience
        self._clock = clock or SystemClock()
        self._leeway = leeway
        self._tenant_claim = tenant_claim
        self._roles_claim = roles_claim
        self._keys = IssuerKeys(jwks_url, client, self._clock)
        self._verified: OrderedDict[bytes, tuple[Principal, datetime]] = OrderedDict()
        self._verified_generation = 0

    async def authenticate(self, token: str) -> Principal:
        """Who the token speaks for. TokenRefused with the reason, KeysUnavailable when it cannot be checked."""
        if len(token) > MAX_TOKEN_LENGTH:
            raise TokenRefused("the token is too long")
        digest = hashlib.sha256(token.encode()).digest()
        remembered = self._remembered(digest)
        if remembered is not None:
            return remembered
        principal, expires = await self._verify(token)
        self._remember(digest, principal, min(expires, self._keys.valid_until))
        return principal

    def _remembered(self, digest: bytes) -> Principal | None:
        self._forget_if_keys_changed()
        found = self._verified.get(digest)
        if found is None:
            return None
        principal, until = found
        if self._clock.now() >= until:
            del self._verified[digest]
            return None
        self._verified.move_to_end(digest)
        return principal

    def _remember(self, digest: bytes, principal: Principal, until: datetime) -> None:
        self._forget_if_keys_changed()
        self._verified[digest] = (principal, until)
        if len(self._verified) > MAX_VERIFIED:
            self._verified.popitem(last=False)

    def _forget_if_keys_changed(self) -> None:
        if self._verified_generation != self._keys.generation:
            self._verified.clear()  # a key may have been withdrawn
            self._verified_generation = self._keys.generation

    async def _verify(self, token: str) -> tuple[Principal, datetime]:
        algorithm, kid = _header_of(token)
        key = await self._keys.key(kid)
        if key is None:
            raise TokenRefused("the token is signed with a key that its issuer does not publish")
        if key.key_type != ALGORITHMS[algorithm]:
            raise TokenRefused("the token's algorithm does not fit its key")
        try:
            claims = jwt.decode(token, key, algorithms=[algorithm], registry=_registry()).claims
            self._claims_now().validate(claims)
        except ExpiredTokenError:
            raise TokenRefused("the token has expired") from None
        except MissingClaimError as error:
            raise TokenRefused(f"the token lacks a claim ({error.description[:100]})") from None
        except InvalidClaimError as error:
            raise TokenRefused(f"a claim of the token is not accepted ({error.description[:100]})") from None
        except (JoseError, ValueError):
            raise TokenRefused("the token's signature does not fit") from None
        return self._principal(claims), self._expiry(claims)

    def _claims_now(self) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=int(self._clock.now().timestamp()),
            leeway=self._leeway.seconds,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._audience},
            exp={"essential": True},
            sub={"essential": True},
        )

    def _expiry(self, claims: Mapping[str, Any]) -> datetime:
        now = self._clock.now()
        seconds_left = min(claims["exp"], int(now.timestamp()) + int(_KEYS_VALID_FOR.total_seconds())) - now.timestamp()
        return now + timedelta(seconds=seconds_left) + self._leeway

    def _principal(self, claims: Mapping[str, Any]) -> Principal:
        subject = claims["sub"]
        if not isinstance(subject, str) or not _PRINTABLE.fullmatch(subject):
            raise TokenRefused("the token's subject is not 1 to 200 printable ASCII characters")
        named = _claim(claims, self._roles_claim)
        if named is None:
            named = []
        if not isinstance(named, list) or len(named) > _MAX_ROLES or not all(isinstance(role, str) for role in named):
            raise TokenRefused(f"the claim {self._roles_claim} is not a short list of role names")
        roles = tuple(sorted({role for role in named if _PRINTABLE.fullmatch(role)}))
        tenant = _claim(claims, self._tenant_claim)
        of_all = tenant == ALL_TENANTS and roles == (MAY_HAVE_ALL_TENANTS,)
        if not of_all and (not isinstance(tenant, str) or not _TENANT.fullmatch(tenant)):
            raise TokenRefused(f"the claim {self._tenant_claim} names no tenant")
        kind = "service" if {"service", "erp"} & set(roles) else "person"
        return Principal(subject, str(tenant), roles, kind)


async def authenticated(request: Request) -> Principal:
    """The caller, with whatever permissions. 401 without an acceptable token, 503 when tokens cannot be checked."""
    authenticator: Authenticator = request.app.state.authenticator
    scheme, token = get_authorization_scheme_param(request.headers.get("authorization"))
    if scheme.lower() != "bearer" or not token:
        detail = "send Authorization: Bearer and an access token"
        raise kernel_problem("missing_token", detail, headers={"WWW-Authenticate": 'Bearer realm="redress"'})
    try:
        principal = await authenticator.authenticate(token)
    except TokenRefused as refused:
        description = str(refused).replace("\\", "").replace('"', "'")
        challenge = f'Bearer realm="redress", error="invalid_token", error_description="{description}"'
        raise kernel_problem("invalid_token", str(refused), headers={"WWW-Authenticate": challenge}) from None
    except KeysUnavailable:
        detail = "the issuer's keys cannot be reached"
        raise kernel_problem("authentication_unavailable", detail, headers={"Retry-After": "5"}) from None
    request.scope["redress.principal"] = principal
    return principal


class Permission(SecurityBase):
    """The permission that a route asks of its caller. `RequiredPermission` and a command's context are dependencies.

    One dependency that does everything is three times as fast as one for each step, on every request.
    """

    def __init__(self, permission: str) -> None:
        self.permission = permission
        self.model = HTTPBearerModel(bearerFormat="JWT", description="An access token of the configured issuer.")
        self.scheme_name = "HTTPBearer"
        self._roles = roles_with(permission)

    async def granted(self, request: Request) -> Principal:
        """The caller if they have the permission; 403 naming it to others, 401 and 503 as `authenticated`."""
        principal = await authenticated(request)
        if self.permission not in principal.permissions:
            raise self._refusal(principal)
        return principal

    def _refusal(self, principal: Principal) -> Problem:
        has = ", ".join(principal.roles) or "no role"
        detail = f"this needs {self.permission}, which {', '.join(self._roles)} may; the token has {has}"
        challenge = f'Bearer realm="redress", error="insufficient_scope", scope="{self.permission}"'
        headers = {"WWW-Authenticate": challenge}
        return kernel_problem("insufficient_scope", detail, headers=headers, extra={"permission": self.permission})


class RequiredPermission(Permission):
    """The dependency of a route that needs to know its caller and nothing else."""

    async def __call__(self, request: Request) -> Principal:
        return await self.granted(request)


def requires(permission: str) -> RequiredPermission:
    """For routes: `Annotated[Principal, Depends(requires("disputes:write"))]`. KeyError for no such permission."""
    return RequiredPermission(permission)


class _Registry(jws.JWSRegistry):
    max_header_length = 4_096  # some issuers send a certificate along, which is ignored


@cache
def _registry() -> jws.JWSRegistry:
    # Unknown header members are ignored (RFC 7515 §4); unknown `crit` ones are refused by the library all the same.
    return _Registry(algorithms=list(ALGORITHMS), strict_check_header=False)


def _header_of(token: str) -> tuple[str, str]:
    """Algorithm and key id that the token names. Nothing else of an unverified header is ever used."""
    try:
        header = jws.extract_compact(token.encode(), registry=_registry()).headers()
    except (JoseError, ValueError):
        raise TokenRefused("this is not a signed JWT") from None
    algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise TokenRefused("the token's algorithm is not RS256 or ES256")
    if not isinstance(kid, str) or not _PRINTABLE.fullmatch(kid):
        raise TokenRefused("the token does not name its key")
    if not isinstance(kind, str) or kind.lower() not in _TOKEN_TYPES:
        raise TokenRefused("this type of token is not an access token")
    return algorithm, kid


def _claim(claims: Mapping[str, Any], path: str) -> object:
    if path in claims:  # a claim name may contain dots, as in https://example.com/tenant
        return claims[path]
    value: object = claims
    for name in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def _signing_keys(published: Mapping[str, Any]) -> dict[str, Key]:
    """The usable public keys by id. Encryption keys, symmetric keys, weak and unknown ones are left out."""
    found: dict[str, Key] = {}
    listed = published.get("keys")
    for entry in listed[:_MAX_KEYS] if isinstance(listed, list) else []:
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig" or not isinstance(entry.get("kid"), str):
            continue
        try:
            key = _public_key(entry)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            _log.warning("a published key cannot be used", kid=entry["kid"][:200], reason=type(error).__name__)
            continue
        if key is not None:
            found.setdefault(entry["kid"], key)
    return found


def _public_key(entry: dict[str, Any]) -> Key | None:
    match entry.get("kty"):
        case "RSA" if len(entry["n"]) >= _MIN_RSA_TEXT:  # asked before importing, which warns of weak keys
            rsa = RSAKey.import_key(entry)
            return rsa if rsa.public_key.key_size >= _MIN_RSA_BITS else None
        case "EC" if entry.get("crv") == "P-256":
            return ECKey.import_key(entry)
        case _:
            return None


def _refuse_plain_http(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and parts.hostname and _is_loopback(parts.hostname):
        return
    raise ValueError(f"the JWKS address must be https, or http on this machine itself: {url}")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
