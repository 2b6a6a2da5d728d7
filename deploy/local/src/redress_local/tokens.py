"""Access tokens of the local issuer (RFC 9068: `typ` at+jwt), signed with the key in the data folder."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
from joserfc import jwt
from joserfc.jwk import ECKey

from redress_local.secrets_file import Secrets

AUDIENCE: Final = "redress"
DEVELOPER_TOKEN_LASTS: Final = timedelta(hours=12)


def mint(
    secrets: Secrets,
    *,
    issuer: str,
    subject: str,
    tenant: str,
    roles: Sequence[str],
    now: datetime,
    lasts: timedelta = DEVELOPER_TOKEN_LASTS,
) -> str:
    """A signed token. It is valid from `now` on; the services decide what the roles may do."""
    key = _key(secrets)
    issued = int(now.timestamp())
    claims = {
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": subject,
        "name": subject,
        "tenant": tenant,
        "roles": list(roles),
        "iat": issued,
        "nbf": issued,
        "exp": issued + int(lasts.total_seconds()),
    }
    return jwt.encode({"alg": "ES256", "typ": "at+jwt", "kid": key.kid}, claims, key)


def published_keys(secrets: Secrets) -> dict[str, object]:
    """The JWKS document: public parts only."""
    return {"keys": [_key(secrets).as_dict(private=False)]}


def _key(secrets: Secrets) -> ECKey:
    return ECKey.import_key(msgspec.json.decode(secrets.signing_key, type=dict[str, str | list[str]]))
