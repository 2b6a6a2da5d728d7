"""The secrets of the local stack in its data folder: made once, readable by its user only."""

import base64
import os
import secrets
from pathlib import Path
from typing import Final

import msgspec
from joserfc.jwk import ECKey
from msgspec import Struct

from redress.ops.databases import SERVICES

_FILE: Final = "secrets.json"


class Secrets(Struct, frozen=True):
    """`vault_key`: base64 of 32 bytes; `signing_key`: a private JWK as JSON; `clients`: client id to client secret."""

    vault_key: str
    cursor_key: str
    signing_key: str
    clients: dict[str, str]


class NoSecretsYet(Exception):
    """The stack was never started with this data folder."""


def client_id(service: str) -> str:
    return f"{service}-service"


def read_secrets(data: Path) -> Secrets:
    """NoSecretsYet if the stack was never started on the folder."""
    try:
        return msgspec.json.decode((data / _FILE).read_bytes(), type=Secrets)
    except FileNotFoundError:
        raise NoSecretsYet(f"{data} has no running or stopped stack: start one with `make run`") from None


def ensure_secrets(data: Path) -> Secrets:
    """The folder's secrets, made if this is its first start."""
    try:
        return read_secrets(data)
    except NoSecretsYet:
        key = ECKey.generate_key("P-256", parameters={"use": "sig", "alg": "ES256"}, private=True, auto_kid=True)
        made = Secrets(
            vault_key=base64.b64encode(os.urandom(32)).decode(),
            cursor_key=base64.b64encode(os.urandom(32)).decode(),
            signing_key=msgspec.json.encode(key.as_dict(private=True)).decode(),
            clients={client_id(service): secrets.token_urlsafe(32) for service in SERVICES},
        )
        write_private(data / _FILE, msgspec.json.encode(made))
        return made


def write_private(path: Path, content: bytes) -> None:
    """Replace the file atomically; only its user may read it."""
    temporary = path.with_name(f"{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    temporary.replace(path)
