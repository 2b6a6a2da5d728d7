"""Settings from the environment and from secret files, complete or refused: every missing name is reported at once.

A service derives its class with `model_config = SettingsConfigDict(env_prefix="DISPUTE_")`. Names that all services
share carry no prefix. With SECRETS_DIR set, a file of that folder named like a variable gives its value.
"""

import base64
import binascii
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_core.core_schema import ValidationInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from redress.clock import Clock, ShiftedClock, SystemClock

_VAULT_KEY_BYTES = 32
_MIN_CURSOR_KEY = 16
_THIS_MACHINE: Final = {"127.0.0.1", "localhost", "::1"}
_DATABASES: Final = ("database_url", "worker_database_url", "owner_database_url", "vault_database_url")


class SettingsError(Exception):
    """The process cannot start; the message lists every name that is missing or wrong, and no value."""


def _vault_key(key: SecretStr) -> SecretStr:
    try:
        raw = base64.b64decode(key.get_secret_value(), validate=True)
    except binascii.Error:
        raise ValueError("must be base64") from None
    if len(raw) != _VAULT_KEY_BYTES:
        raise ValueError(f"must be base64 of {_VAULT_KEY_BYTES} bytes, these are {len(raw)}")
    if len(set(raw)) < _VAULT_KEY_BYTES // 4:
        raise ValueError("is not random")
    return key


def _cursor_key(key: SecretStr) -> SecretStr:
    if len(key.get_secret_value()) < _MIN_CURSOR_KEY:
        raise ValueError(f"must have at least {_MIN_CURSOR_KEY} characters")
    return key


class Settings(BaseSettings):
    """How settings are read. A process that needs few of them (a migration) derives its own class from this one."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True, validate_by_name=True
    )


class OwnerSettings(Settings):
    """Of the one-shot jobs: migrate and verify."""

    owner_database_url: SecretStr


class FollowerSettings(Settings):
    """The settings of a reader of other services' feeds: its credentials, and the feeds' addresses."""

    client_id: str | None = None
    client_secret: SecretStr | None = None
    audience: Annotated[str, Field(validation_alias="AUDIENCE")] = "redress"
    token_url: Annotated[str | None, Field(validation_alias="TOKEN_URL")] = None
    dispute_url: Annotated[str | None, Field(validation_alias="DISPUTE_URL")] = None
    collections_url: Annotated[str | None, Field(validation_alias="COLLECTIONS_URL")] = None
    notification_url: Annotated[str | None, Field(validation_alias="NOTIFICATION_URL")] = None


class RebuildSettings(OwnerSettings, FollowerSettings):
    """Of a rebuild: the owner makes and exchanges tables, the worker fills them."""

    worker_database_url: SecretStr


class ServiceSettings(FollowerSettings):
    """The settings that every service reads. Database URLs are asyncpg DSNs; host and port are where the API listens.

    On `worker_port`, if it is given, the worker serves its own health and metrics.

    Which of the optional ones a process needs depends on the process; it names them to `load_settings`.
    """

    database_url: SecretStr | None = None
    worker_database_url: SecretStr | None = None
    owner_database_url: SecretStr | None = None
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535)]
    worker_port: Annotated[int, Field(ge=1, le=65_535)] | None = None

    vault_database_url: Annotated[SecretStr | None, Field(validation_alias="VAULT_DATABASE_URL")] = None
    vault_key: Annotated[SecretStr, AfterValidator(_vault_key), Field(validation_alias="VAULT_KEY")]
    cursor_key: Annotated[SecretStr, AfterValidator(_cursor_key), Field(validation_alias="CURSOR_KEY")]
    transport: Annotated[Literal["kafka", "feed"], Field(validation_alias="TRANSPORT")] = "kafka"
    kafka_bootstrap_servers: Annotated[str | None, Field(validation_alias="KAFKA_BOOTSTRAP_SERVERS")] = None
    issuer: Annotated[str, Field(validation_alias="ISSUER")]
    jwks_url: Annotated[str, Field(validation_alias="JWKS_URL")]
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], Field(validation_alias="LOG_LEVEL")] = "INFO"
    # A time of its own has only the local stack, which alone gives both; last, because the others are looked at.
    clock_file: Annotated[Path | None, Field(validation_alias="CLOCK_FILE")] = None
    clock: Annotated[Literal["system", "test"], Field(validation_alias="CLOCK")] = "system"

    @field_validator("clock")
    @classmethod
    def _only_in_a_local_stack(cls, clock: str, others: ValidationInfo) -> str:
        """A test clock moves what is recorded and due: it is refused wherever anything real may be reached."""
        if clock == "test":
            databases = [others.data.get(name) for name in _DATABASES]
            if not (
                isinstance(file := others.data.get("clock_file"), Path)
                and file.is_file()
                and others.data.get("host") in _THIS_MACHINE
                and urlsplit(others.data.get("issuer", "")).hostname in _THIS_MACHINE
                and all(_is_on_this_machine(url.get_secret_value()) for url in databases if url is not None)
            ):
                raise ValueError("test is for `make run CLOCK=test` only, with everything on this machine")
        return clock

    @property
    def vault_key_bytes(self) -> bytes:
        return base64.b64decode(self.vault_key.get_secret_value())

    @property
    def cursor_key_bytes(self) -> bytes:
        return self.cursor_key.get_secret_value().encode()


def clock_of(settings: ServiceSettings) -> Clock:
    """The clock of a process, to be made once: the machine's, or the one that its local test stack shares."""
    if settings.clock == "test" and settings.clock_file is not None:
        return ShiftedClock(settings.clock_file)
    return SystemClock()


S = TypeVar("S", bound=Settings)


def prefixed(settings: type[S], like: type[Settings]) -> type[S]:
    """The same settings, read with the prefix of another class: a job's, with its service's."""
    config = SettingsConfigDict(env_prefix=like.model_config.get("env_prefix", ""))
    return type(settings.__name__, (settings,), {"model_config": config, "__module__": settings.__module__})


def load_settings(settings: type[S], require: Sequence[str] = ()) -> S:
    """The settings of this process. `require` names optional fields that this process cannot do without.

    SettingsError with every missing and every wrong name, never a value.
    """
    folder = os.environ.get("SECRETS_DIR") or None
    missing: set[str] = set()
    wrong: list[str] = []
    loaded: S | None = None
    try:
        loaded = settings(_secrets_dir=folder)
    except ValidationError as error:
        for found in error.errors(include_url=False, include_input=False, include_context=False):
            name = _variable(settings, str(found["loc"][0]) if found["loc"] else "")
            if found["type"] == "missing":
                missing.add(name)
            else:
                wrong.append(f"{name}: {found['msg'].removeprefix('Value error, ')}")
    missing |= {name for name in (_variable(settings, field) for field in require) if not _is_given(name, folder)}
    if loaded is None or missing:
        lines = [f"  missing: {name}" for name in sorted(missing)] + [f"  wrong:   {text}" for text in wrong]
        raise SettingsError("these settings are not complete:\n" + "\n".join(lines))
    return loaded


def _is_on_this_machine(dsn: str) -> bool:
    """Whether a PostgreSQL address names a Unix socket or the loopback interface, and nothing else."""
    parts = urlsplit(dsn)
    hosts = [parts.hostname] if parts.hostname else []
    hosts += parse_qs(parts.query).get("host", [])
    return bool(hosts) and all(host in _THIS_MACHINE or host.startswith("/") for host in hosts)


def _variable(settings: type[Settings], field_or_alias: str) -> str:
    """The environment variable of a field."""
    field = settings.model_fields.get(field_or_alias)
    if field is None:
        return field_or_alias
    if isinstance(field.validation_alias, str):
        return field.validation_alias
    return f"{settings.model_config.get('env_prefix', '')}{field_or_alias}".upper()


def _is_given(variable: str, folder: str | None) -> bool:
    if any(name.upper() == variable and value for name, value in os.environ.items()):
        return True
    return folder is not None and any(file.name.upper() == variable for file in Path(folder).iterdir())
