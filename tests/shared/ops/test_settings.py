import base64
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError
from pydantic_settings import SettingsConfigDict

from redress.clock import SystemClock, shift_text
from redress.ops.settings import ServiceSettings, SettingsError, clock_of, load_settings

RANDOM = base64.b64encode(bytes(range(32))).decode()


class OfficeSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="OFFICE_")


COMPLETE = {
    "OFFICE_PORT": "8001",
    "OFFICE_DATABASE_URL": "postgresql://office_api@/office?host=/run/pg",
    "VAULT_KEY": RANDOM,
    "CURSOR_KEY": "sixteen or more characters",
    "ISSUER": "https://issuer.test",
    "JWKS_URL": "https://issuer.test/jwks",
}

OPTIONAL = (
    *("OFFICE_WORKER_DATABASE_URL", "VAULT_DATABASE_URL", "OFFICE_HOST", "SECRETS_DIR", "TRANSPORT", "LOG_LEVEL"),
    *("CLOCK", "CLOCK_FILE"),
)


Environment = Callable[[dict[str, str]], None]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Environment:
    def become(variables: dict[str, str]) -> None:
        for name in [*COMPLETE, *OPTIONAL]:
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return become


def test_a_complete_environment_becomes_frozen_settings(environment: Environment) -> None:
    environment(COMPLETE)
    settings = load_settings(OfficeSettings, ["database_url"])
    assert (settings.port, settings.host, settings.transport) == (8001, "127.0.0.1", "kafka")
    assert settings.audience == "redress"
    assert settings.vault_key_bytes == bytes(range(32))
    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 1  # type: ignore[misc]  # that it is read-only is what this asks


def test_every_missing_and_every_wrong_name_is_reported_at_once(environment: Environment) -> None:
    environment({"TRANSPORT": "pigeon", "CURSOR_KEY": "short", "OFFICE_PORT": "0"})
    with pytest.raises(SettingsError) as refused:
        load_settings(OfficeSettings, ["worker_database_url"])
    assert str(refused.value) == (
        "these settings are not complete:\n"
        "  missing: ISSUER\n"
        "  missing: JWKS_URL\n"
        "  missing: OFFICE_WORKER_DATABASE_URL\n"
        "  missing: VAULT_KEY\n"
        "  wrong:   OFFICE_PORT: Input should be greater than or equal to 1\n"
        "  wrong:   CURSOR_KEY: must have at least 16 characters\n"
        "  wrong:   TRANSPORT: Input should be 'kafka' or 'feed'"
    )


def test_an_empty_variable_is_a_missing_one(environment: Environment) -> None:
    environment({**COMPLETE, "ISSUER": "", "OFFICE_WORKER_DATABASE_URL": ""})
    with pytest.raises(SettingsError, match=r"(?s)missing: ISSUER.*missing: OFFICE_WORKER_DATABASE_URL"):
        load_settings(OfficeSettings, ["worker_database_url"])


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("hunter2 hunter2", "must be base64"),
        (base64.b64encode(b"x" * 31).decode(), "base64 of 32 bytes"),
        (base64.b64encode(b"x" * 32).decode(), "not random"),
    ],
)
def test_a_weak_vault_key_is_refused_without_being_shown(environment: Environment, key: str, reason: str) -> None:
    environment({**COMPLETE, "VAULT_KEY": key})
    with pytest.raises(SettingsError, match=reason) as refused:
        load_settings(OfficeSettings)
    assert key not in str(refused.value)


def test_secrets_may_come_from_files(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "VAULT_KEY").write_text(RANDOM + "\n")
    (tmp_path / "office_worker_database_url").write_text("postgresql://w@/office")
    variables = {name: value for name, value in COMPLETE.items() if name != "VAULT_KEY"}
    environment({**variables, "SECRETS_DIR": str(tmp_path)})
    settings = load_settings(OfficeSettings, ["database_url", "worker_database_url"])
    assert settings.vault_key_bytes == bytes(range(32))
    assert settings.worker_database_url is not None
    assert settings.worker_database_url.get_secret_value() == "postgresql://w@/office"


def test_no_secret_is_shown_when_settings_are_printed(environment: Environment) -> None:
    environment({**COMPLETE, "OFFICE_DATABASE_URL": "postgresql://office:hunter2@db/office"})
    shown = repr(load_settings(OfficeSettings))
    assert "hunter2" not in shown
    assert RANDOM not in shown


@pytest.fixture
def in_a_local_stack(tmp_path: Path) -> dict[str, str]:
    """What `make run CLOCK=test` gives to a service."""
    file = tmp_path / "clock"
    file.write_text(shift_text(timedelta(days=3)))
    loopback = {"ISSUER": "http://127.0.0.1:9000", "JWKS_URL": "http://127.0.0.1:9000/jwks.json"}
    return {**COMPLETE, **loopback, "CLOCK": "test", "CLOCK_FILE": str(file)}


def test_the_clock_of_a_local_test_stack_is_its_own(environment: Environment, in_a_local_stack: dict[str, str]) -> None:
    environment(in_a_local_stack)
    ahead = clock_of(load_settings(OfficeSettings)).now() - SystemClock().now()
    assert timedelta(days=3) - timedelta(seconds=5) < ahead <= timedelta(days=3)


def test_without_clock_the_clock_is_the_machines(environment: Environment, in_a_local_stack: dict[str, str]) -> None:
    environment({**in_a_local_stack, "CLOCK": "system"})
    assert isinstance(clock_of(load_settings(OfficeSettings)), SystemClock)
    environment({name: value for name, value in in_a_local_stack.items() if name != "CLOCK"})
    assert isinstance(clock_of(load_settings(OfficeSettings)), SystemClock)


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"CLOCK_FILE": ""},
        {"CLOCK_FILE": "/nowhere/clock"},
        {"OFFICE_DATABASE_URL": "postgresql://office_api@db.example/office"},
        {"OFFICE_DATABASE_URL": "postgresql://office_api@/office"},
        {"OFFICE_DATABASE_URL": "postgresql://office_api@127.0.0.1,db.example/office"},
        {"OFFICE_DATABASE_URL": "postgresql://office_api@127.0.0.1/office?host=db.example"},
        {"OFFICE_WORKER_DATABASE_URL": "postgresql://office_worker@postgres/office"},
        {"VAULT_DATABASE_URL": "postgresql://office_api@postgres/vault"},
        {"OFFICE_HOST": "0.0.0.0"},  # noqa: S104 - it is refused
        {"ISSUER": "https://issuer.test"},
    ],
    ids=str,
)
def test_a_test_clock_is_refused_outside_a_local_stack(
    environment: Environment, in_a_local_stack: dict[str, str], elsewhere: dict[str, str]
) -> None:
    environment({**in_a_local_stack, **elsewhere})
    with pytest.raises(SettingsError, match="wrong:   CLOCK: test is for `make run CLOCK=test` only"):
        load_settings(OfficeSettings)
