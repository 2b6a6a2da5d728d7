"""The local stack's own token issuer: discovery, keys, and tokens for the three services (client credentials).

It exists so that no service needs an unauthenticated mode. `python -m redress_local.issuer <data folder> <port>`.
"""

import base64
import binascii
import hmac
import sys
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, unquote

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from redress.clock import Clock
from redress_local.secrets_file import Secrets, read_secrets
from redress_local.stack_clock import stack_clock
from redress_local.tokens import mint, published_keys

SERVICE_TOKEN_LASTS: Final = timedelta(hours=1)
_MAX_BODY_BYTES = 4_096


def create_issuer(issuer: str, secrets: Secrets, clock: Clock) -> Starlette:
    """The issuer as an ASGI application. `issuer` is its own address, and the `iss` of every token."""

    async def discovery(_: Request) -> Response:
        return JSONResponse(
            {
                "issuer": issuer,
                "jwks_uri": f"{issuer}/jwks.json",
                "token_endpoint": f"{issuer}/token",
                "grant_types_supported": ["client_credentials"],
                "response_types_supported": ["token"],
                "subject_types_supported": ["public"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "id_token_signing_alg_values_supported": ["ES256"],
            }
        )

    async def keys(_: Request) -> Response:
        return JSONResponse(published_keys(secrets), headers={"Cache-Control": "public, max-age=300"})

    async def token(request: Request) -> Response:
        form = await _form(request)
        if form is None:
            return _refused(400, "invalid_request", f"send a form of at most {_MAX_BODY_BYTES} bytes")
        client, secret = _credentials(request, form)
        expected = secrets.clients.get(client, "")
        if not expected or not hmac.compare_digest(expected.encode(), secret.encode()):
            return _refused(401, "invalid_client", "unknown client or wrong secret")
        if form.get("grant_type") != "client_credentials":
            return _refused(400, "unsupported_grant_type", "only client_credentials is offered")
        issued = mint(
            secrets,
            issuer=issuer,
            subject=client,
            tenant="*",
            roles=["service"],
            now=clock.now(),
            lasts=SERVICE_TOKEN_LASTS,
        )
        answer = {
            "access_token": issued,
            "token_type": "Bearer",
            "expires_in": int(SERVICE_TOKEN_LASTS.total_seconds()),
        }
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    return Starlette(
        routes=[
            Route("/.well-known/openid-configuration", discovery),
            Route("/jwks.json", keys),
            Route("/token", token, methods=["POST"]),
        ]
    )


async def _form(request: Request) -> dict[str, str] | None:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            return None
    try:
        return {name: values[0] for name, values in parse_qs(body.decode(), max_num_fields=20).items()}
    except ValueError:
        return None


def _credentials(request: Request, form: dict[str, str]) -> tuple[str, str]:
    """From the Authorization header (RFC 6749 §2.3.1: form-encoded inside Basic), else from the form."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            client, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return unquote(client), unquote(secret)
    return form.get("client_id", ""), form.get("client_secret", "")


def _refused(status: int, error: str, description: str) -> Response:
    headers = {"Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="redress local issuer"'
    return JSONResponse({"error": error, "error_description": description}, status_code=status, headers=headers)


def main() -> None:
    data, port = Path(sys.argv[1]), int(sys.argv[2])
    app = create_issuer(f"http://127.0.0.1:{port}", read_secrets(data), stack_clock(data))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", timeout_graceful_shutdown=1)


if __name__ == "__main__":
    main()
