"""The first start on a machine that has fetched nothing: what reaches the download, and what is said if it fails."""

import subprocess
from pathlib import Path

import pytest
from support.inspecting_proxy import inspecting_proxy

from redress_local import kafka_jars
from redress_local.blueprint import PORTS, Blueprint
from redress_local.environment import inherited, inherited_for_downloads
from redress_local.ports import free_ports
from redress_local.secrets_file import ensure_secrets
from redress_local.settings import StackSettings
from redress_local.stack import Stack

HOST = kafka_jars._HOST
CA_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine with an empty home, no proxy and no certificates of its own."""
    for name in (*CA_VARIABLES, *PROXY_VARIABLES, *(name.upper() for name in PROXY_VARIABLES), "REDRESS_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home" / "cache"))
    return monkeypatch


async def _first_start_says(tmp_path: Path) -> str:
    """The one line with which the supervisor's job for the jars fails."""
    data = tmp_path / "data"
    data.mkdir()
    settings = StackSettings(data=data, port=1024, transport="kafka", demo=False)
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    stack = Stack(data, "kafka", "http://issuer", lambda _: None)
    with pytest.raises(RuntimeError) as failed:
        await stack.run(Blueprint(settings, ensure_secrets(data), ports).kafka_jars())
    await stack.stop()
    return str(failed.value)


async def test_behind_inspected_tls_the_line_names_the_certificate_and_a_way_out(
    tmp_path: Path, bare: pytest.MonkeyPatch
) -> None:
    with inspecting_proxy(HOST, tmp_path / "proxy") as (address, _):
        bare.setenv("HTTPS_PROXY", address)
        said = await _first_start_says(tmp_path)
    assert said.startswith(f"Kafka's jars could not be fetched: TLS refused: {HOST} shows a certificate ")
    assert "SSL_CERT_FILE" in said
    assert "TRANSPORT=feed" in said
    assert "\n" not in said


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
@pytest.mark.parametrize("proxy", ["HTTPS_PROXY", "https_proxy"])
async def test_the_download_goes_through_the_callers_proxy_and_believes_the_callers_authority(
    tmp_path: Path, bare: pytest.MonkeyPatch, variable: str, proxy: str
) -> None:
    with inspecting_proxy(HOST, tmp_path / "proxy") as (address, authority):
        bare.setenv(proxy, address)
        bare.setenv(variable, str(authority))
        said = await _first_start_says(tmp_path)
    # TLS is past: behind this proxy there is nothing.
    assert said == f"Kafka's jars could not be fetched: not found at {HOST} (TRANSPORT=feed runs without Kafka)"


async def test_no_route_is_said_in_one_line(tmp_path: Path, bare: pytest.MonkeyPatch) -> None:
    bare.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_ports(1)[0]}")
    said = await _first_start_says(tmp_path)
    assert said == f"Kafka's jars could not be fetched: no route to {HOST} (TRANSPORT=feed runs without Kafka)"


async def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, bare: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    bare.setenv("REDRESS_CACHE", str(tmp_path / "file" / "cache"))
    said = await _first_start_says(tmp_path)
    assert said.startswith("Kafka's jars could not be fetched: ")
    assert "\n" not in said


def test_a_full_disk_and_jars_that_take_too_long_are_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*_: object, **__: object) -> subprocess.CompletedProcess[str]:
        end = "ERROR    Failed to build environment: [Errno 28] No space left on device"
        return subprocess.CompletedProcess([], 1, "", end)

    def hangs(*_: object, **__: object) -> subprocess.CompletedProcess[str]:
        raise subprocess.TimeoutExpired([], 170)

    monkeypatch.setattr(subprocess, "run", no_space)
    with pytest.raises(kafka_jars.JarsNotFetched, match=f"the disk is full: {tmp_path} "):
        kafka_jars.kafka_classpath(tmp_path)
    monkeypatch.setattr(subprocess, "run", hangs)
    with pytest.raises(kafka_jars.JarsNotFetched, match="took longer than 170 s"):
        kafka_jars.kafka_classpath(tmp_path)


def test_a_child_that_downloads_gets_every_variable_of_the_network_and_no_database() -> None:
    network = dict.fromkeys((*CA_VARIABLES, *PROXY_VARIABLES, *(name.upper() for name in PROXY_VARIABLES)), "value")
    given = {**network, "XDG_CACHE_HOME": "cache", "REDRESS_CACHE": "cache", "DATABASE_URL": "somebody's"}
    assert inherited_for_downloads(given).keys() == given.keys() - {"DATABASE_URL"} | {"PYTHONUNBUFFERED"}


def test_a_service_gets_no_proxy_because_it_talks_to_this_machine_only() -> None:
    given = {"HTTP_PROXY": "http://proxy", "http_proxy": "http://proxy", "PATH": "/bin"}
    assert inherited(given) == {"PATH": "/bin", "PYTHONUNBUFFERED": "1"}
