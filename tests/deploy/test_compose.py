"""docker-compose.yml, held to its schema and to what it promises: pins, rights, secrets, networks, settings."""

import base64
import json
import os
import re
from typing import Any

import jsonschema
import pytest
import yaml
from support.deploy_files import ROOT, load_script

from collections_service.service import SERVICE as COLLECTIONS
from dispute_service.service import SERVICE as DISPUTES
from notification_service.service import SERVICE as NOTIFICATIONS
from redress.ops.databases import DATABASES, login_roles
from redress.ops.settings import OwnerSettings, Settings, load_settings, prefixed
from redress.service import composition
from redress.service.feature import Service

new_env = load_script("new_env")

TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
EXAMPLE = (ROOT / "deploy" / ".env.example").read_text()
SCHEMA = json.loads((ROOT / "tests" / "deploy" / "compose-spec" / "compose-spec.json").read_text())

JOBS = {"databases", "topics", "dispute-migrations", "collections-migrations", "notification-migrations"}
APIS = {"dispute-api", "collections-api", "notification-api"}
WORKERS = {"dispute-worker", "collections-worker", "notification-worker"}
BY_HAND = {"dispute-maintenance", "collections-maintenance", "notification-maintenance"}
OURS = {name for name, service in SERVICES.items() if service["image"].startswith("redress-")}
_VARIABLE = re.compile(r"\$\{([A-Z_]+)(:?[-?])?([^}]*)\}")


def environment(service: str) -> dict[str, str]:
    """What the process finds in its environment when the stack is started with a new .env."""
    values = dict(
        line.split("=", 1) for line in new_env.new_env(EXAMPLE).splitlines() if "=" in line and line[0] != "#"
    )

    def value(found: re.Match[str]) -> str:
        return values.get(found[1]) or ("" if "?" in (found[2] or "") else found[3])

    return {name: _VARIABLE.sub(value, text) for name, text in SERVICES[service].get("environment", {}).items()}


def variables() -> list[tuple[str, str, str]]:
    """Every use of a variable: its name, what stands behind it (`:?`, `:-`, `-` or nothing) and the text after."""
    return [(found[1], found[2] or "", found[3]) for found in _VARIABLE.finditer(TEXT)]


def networks(service: str) -> set[str]:
    return set(SERVICES[service]["networks"])


def on(network: str) -> set[str]:
    return {name for name in SERVICES if network in networks(name)}


def test_it_is_a_compose_file() -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(COMPOSE)


def test_a_misspelt_key_would_be_noticed() -> None:
    broken = {"services": {"postgres": {**SERVICES["postgres"], "helthcheck": {}}}}
    with pytest.raises(jsonschema.ValidationError, match="helthcheck"):
        jsonschema.Draft202012Validator(SCHEMA).validate(broken)


def test_all_parts_are_there() -> None:
    assert SERVICES.keys() == JOBS | APIS | WORKERS | BY_HAND | {"postgres", "kafka", "mailpit", "issuer"}


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned_by_a_tag_with_a_full_version(name: str) -> None:
    tag = _VARIABLE.sub(lambda found: found[3], SERVICES[name]["image"]).rpartition(":")[2]
    assert re.fullmatch(r"v?\d+\.\d+(\.\d+)?(-[a-z]+)?", tag)


@pytest.mark.parametrize("name", SERVICES)
def test_no_process_may_do_more_than_it_must(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["pids_limit"] <= 512
    assert "privileged" not in service
    assert "cap_add" not in service


def test_nobody_is_root() -> None:
    # Our own images set their user (test_dockerfile.py), and Kafka's does; nothing here takes that back.
    assert {name: service["user"] for name, service in SERVICES.items() if "user" in service} == {
        "postgres": "999:999",
        "mailpit": "10001:10001",
    }
    assert JOBS | APIS | WORKERS | BY_HAND | {"issuer"} == OURS


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - JOBS - BY_HAND))
def test_every_lasting_process_has_a_health_check_and_is_started_again(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", sorted(JOBS))
def test_a_job_runs_once_and_somebody_waits_for_its_success(name: str) -> None:
    assert SERVICES[name]["restart"] == "no"
    waiting = [service["depends_on"][name] for service in SERVICES.values() if name in service.get("depends_on", {})]
    assert waiting
    assert all(one["condition"] == "service_completed_successfully" for one in waiting)


def test_a_service_starts_after_its_migrations_and_those_after_the_databases() -> None:
    for service in ("dispute", "collections", "notification"):
        for process in ("api", "worker"):
            assert f"{service}-migrations" in SERVICES[f"{service}-{process}"]["depends_on"]
        assert "topics" in SERVICES[f"{service}-worker"]["depends_on"]
        assert "databases" in SERVICES[f"{service}-migrations"]["depends_on"]
    assert SERVICES["databases"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert SERVICES["topics"]["depends_on"] == {"kafka": {"condition": "service_healthy"}}


def test_development_parts_can_be_left_out_and_maintenance_waits_to_be_asked() -> None:
    profiles = {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service}
    assert {name for name, of in profiles.items() if of == ["development"]} == {"issuer", "mailpit"}
    assert {name for name, of in profiles.items() if of == ["maintenance"]} == BY_HAND
    assert all(SERVICES[name]["restart"] == "no" for name in BY_HAND)
    for service in SERVICES.values():
        for name, needed in service.get("depends_on", {}).items():
            assert (needed.get("required", True) is False) == (name in {"issuer", "mailpit"})


def test_ports_are_published_to_this_machine_only() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published == [
        "127.0.0.1:8025:8025",
        "127.0.0.1:8001:8000",
        "127.0.0.1:8002:8000",
        "127.0.0.1:8003:8000",
    ]


@pytest.mark.parametrize("file", ["docker-compose.yml", "deploy/Dockerfile", "deploy/.env.example", "deploy/README.md"])
def test_a_deployment_knows_the_machines_clock_only(file: str) -> None:
    assert not re.search(r"\bCLOCK\b|\bCLOCK_FILE\b", (ROOT / file).read_text())


def test_no_secret_has_a_default() -> None:
    secrets = [(name, operator) for name, operator, _ in variables() if re.search(r"PASSWORD|SECRET|_KEY$", name)]
    assert {operator for name, operator in secrets if name != "SMTP_PASSWORD"} == {":?"}
    assert {operator for name, operator in secrets if name == "SMTP_PASSWORD"} == {"-"}  # many mail servers want none
    assert len({name for name, _ in secrets}) == 17


def test_every_variable_without_a_default_is_in_the_example_and_the_example_has_nothing_else() -> None:
    named = set(re.findall(r"^([A-Z_]+)=", EXAMPLE, re.MULTILINE))
    required = {name for name, operator, _ in variables() if operator == ":?"}
    assert required <= named
    assert named - {name for name, _, _ in variables()} == {"COMPOSE_PROFILES"}


def test_a_new_env_has_every_secret_and_no_two_alike() -> None:
    made = dict(line.split("=", 1) for line in new_env.new_env(EXAMPLE).splitlines() if "=" in line and line[0] != "#")
    secrets = [value for name, value in made.items() if re.search(r"PASSWORD|SECRET|_KEY$", name)]
    assert all(made.values())
    assert len(set(secrets)) == len(secrets) == 16
    assert len(base64.b64decode(made["VAULT_KEY"], validate=True)) == 32
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", value) for value in secrets if value != made["VAULT_KEY"])
    assert new_env.new_env(EXAMPLE) != new_env.new_env(EXAMPLE)


def test_a_process_is_given_the_passwords_of_its_own_role_and_no_other() -> None:
    roles = re.compile(
        r"\b(?:DISPUTE|COLLECTIONS|NOTIFICATION|VAULT)_(?:OWNER|API|WORKER)_PASSWORD\b|POSTGRES_PASSWORD"
    )
    given = {name: set(roles.findall(json.dumps(service.get("environment", {})))) for name, service in SERVICES.items()}
    for service in ("dispute", "collections", "notification"):
        assert given[f"{service}-api"] == {f"{service.upper()}_API_PASSWORD"}
        assert given[f"{service}-worker"] == {f"{service.upper()}_WORKER_PASSWORD"}
        assert given[f"{service}-migrations"] == {f"{service.upper()}_OWNER_PASSWORD"}
        owner_and_worker = {f"{service.upper()}_OWNER_PASSWORD", f"{service.upper()}_WORKER_PASSWORD"}
        assert given[f"{service}-maintenance"] == owner_and_worker
    assert given["postgres"] == {"POSTGRES_PASSWORD"}
    assert not given["issuer"] | given["mailpit"] | given["kafka"] | given["topics"]


def test_a_service_shares_its_way_to_the_database_with_nobody() -> None:
    for service in ("dispute", "collections", "notification"):
        own = {f"{service}-{process}" for process in ("api", "worker", "migrations", "maintenance")}
        assert on(f"{service}-database") == own | {"postgres"}
    assert on("databases-admin") == {"databases", "postgres"}


def test_only_workers_reach_the_broker_and_who_releases_erp_messages_and_only_one_sends_mail() -> None:
    assert on("events") == WORKERS | {"topics", "kafka", "collections-maintenance"}
    assert on("mail") == {"notification-worker", "mailpit"}


def test_only_networks_that_lead_to_the_company_lead_out_of_the_stack() -> None:
    outward = {name for name, network in COMPOSE["networks"].items() if not network.get("internal")}
    assert outward == {"tokens", "mail", "entrance"}
    assert on("entrance") == APIS
    assert not on("tokens") & {"postgres", "kafka", "mailpit"}


def test_the_database_has_checksums_and_asks_everybody_for_a_password() -> None:
    options = SERVICES["postgres"]["environment"]["POSTGRES_INITDB_ARGS"].split()
    assert {"--data-checksums", "--auth-local=scram-sha-256", "--auth-host=scram-sha-256"} <= set(options)


def test_every_file_that_is_mounted_exists() -> None:
    mounted = {config["source"] for service in SERVICES.values() for config in service.get("configs", [])}
    assert mounted == COMPOSE["configs"].keys()
    # A read-only container takes files only: text and variables would have to be written into it.
    assert all((ROOT / config["file"]).is_file() for config in COMPOSE["configs"].values())


def test_the_broker_makes_no_topic_by_itself() -> None:
    lines = (ROOT / COMPOSE["configs"]["kafka"]["file"]).read_text().splitlines()
    settings = dict(line.split("=", 1) for line in lines if line and line[0] != "#")
    assert settings["auto.create.topics.enable"] == "false"
    assert (
        settings["advertised.listeners"]
        == f"PLAINTEXT://{SERVICES['topics']['environment']['KAFKA_BOOTSTRAP_SERVERS']}"
    )
    cluster_id = re.search(r"--cluster-id (\S+)", SERVICES["kafka"]["command"][0])
    assert cluster_id
    assert len(base64.urlsafe_b64decode(cluster_id[1] + "==")) == 16


BY_NAME: dict[str, Service[Any]] = {"dispute": DISPUTES, "collections": COLLECTIONS, "notification": NOTIFICATIONS}


@pytest.mark.parametrize("service", BY_NAME)
def test_every_process_of_a_service_is_given_the_settings_it_needs_and_none_it_does_not_know(
    service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    described: Service[Any] = BY_NAME[service]
    settings = described.settings
    for process, names in needed_by_process(described).items():
        given = environment(f"{service}-{process}")
        for name in os.environ.keys() - {"PATH", "HOME", "PYTEST_CURRENT_TEST"}:
            monkeypatch.delenv(name)
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        load_settings(settings, names)
        assert given.keys() - variables_of(settings) <= {"SSL_CERT_FILE", "HEARTBEAT_FILE"}
        monkeypatch.undo()
    assert environment(f"{service}-migrations").keys() == variables_of(prefixed(OwnerSettings, settings))


def needed_by_process(described: Service[Any]) -> dict[str, tuple[str, ...]]:
    return {
        "api": composition.NEEDED_BY_API,
        "worker": composition.needed_by_worker(described),
        "maintenance": ("owner_database_url", *composition.needed_by_consumers(described)),
    }


def variables_of(settings: type[Settings]) -> set[str]:
    prefix = settings.model_config["env_prefix"]
    fields = settings.model_fields.items()
    return {field.validation_alias or f"{prefix}{name}".upper() for name, field in fields}  # type: ignore[misc]


def test_the_databases_job_is_given_a_password_for_every_role() -> None:
    roles = [role for database in DATABASES for role in login_roles(database)]
    assert environment("databases").keys() == {"DATABASE_URL", *(f"{role.upper()}_PASSWORD" for role in roles)}
