"""Apache Kafka's jars, fetched once into a cache folder and held to the SHA-256 that our lock file names.

`jars/jgo.toml` names the two coordinates, `jars/jgo.lock.toml` what they resolved to. jgo resolves; the check is ours,
because jgo writes a new lock file instead of obeying the old one.
"""

import errno
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from jgo.constants import MAVEN_CENTRAL_URL

_PINS: Final = Path(__file__).parent / "jars"
_RESOLVE_TIMEOUT_S = 170.0

# jgo believes the certificates of the certifi package. A machine whose traffic is inspected has its authority in the
# system's store, so that is believed as well, as pip and our own HTTP client do.
_JGO: Final = "import runpy, truststore; truststore.inject_into_ssl(); runpy.run_module('jgo', run_name='__main__')"

# The first that stands in jgo's output is the cause: from the most particular to the most general.
_CAUSES: Final = (
    (
        ("CERTIFICATE_VERIFY_FAILED", "SSLError", "SSLCertVerificationError"),
        "TLS refused: {host} shows a certificate that nobody here trusts; name your authority's in SSL_CERT_FILE",
    ),
    (("No space left on device", "Disk quota exceeded"), "the disk is full: {folder}"),
    (("Permission denied", "Read-only file system"), "not allowed to write to {folder}; REDRESS_CACHE names another"),
    (("ProxyError", "ConnectTimeout", "ReadTimeout", "ConnectionError", "ConnectionPool"), "no route to {host}"),
    (("not found in remote repositories", "404 Client Error"), "not found at {host}"),
)
_HOST: Final = urlsplit(MAVEN_CENTRAL_URL).hostname or ""
_WAY_OUT: Final = "TRANSPORT=feed runs without Kafka"


class JarsNotFetched(RuntimeError):
    """Kafka's jars are not here and could not be fetched. The message is one line: the cause and the way out."""

    def __init__(self, cause: str) -> None:
        super().__init__(f"Kafka's jars could not be fetched: {cause} ({_WAY_OUT})")


def cache_folder() -> Path:
    """Where downloads are kept between runs: REDRESS_CACHE, else the user's cache folder."""
    if chosen := os.environ.get("REDRESS_CACHE"):
        return Path(chosen).expanduser().resolve()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "redress"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "redress"


def kafka_classpath(cache: Path | None = None) -> str:
    """The class path of the pinned broker; fetches the jars if the cache does not have them.

    JarsNotFetched if they cannot be fetched, or if any of them is not byte for byte the pinned one.
    """
    pinned = _pinned_jars()
    lock_digest = hashlib.sha256((_PINS / "jgo.lock.toml").read_bytes()).hexdigest()[:16]
    folder = (cache or cache_folder()) / f"kafka-{lock_digest}"
    if not folder.exists():
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with _only_one(folder.with_suffix(".lock")):
                if not folder.exists():
                    _fetch(folder, pinned)
        except OSError as failed:
            raise JarsNotFetched(_cause(os.strerror(failed.errno or errno.EIO), folder.parent)) from failed
    return str(folder / "*")


def _fetch(folder: Path, pinned: dict[str, str]) -> None:
    """Resolve beside the target, check, then rename: a folder that exists is complete and checked."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as name:
        work = Path(name)
        shutil.copy(_PINS / "jgo.toml", work)
        caches = ("--cache-dir", str(work / "cache"), "--repo-cache", str(work / "repository"))
        try:
            done = subprocess.run(
                [sys.executable, "-c", _JGO, "--resolver", "python", "--links", "copy", *caches, "sync"],
                cwd=work,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=_RESOLVE_TIMEOUT_S,
            )
        except subprocess.TimeoutExpired:
            raise JarsNotFetched(f"{_HOST} took longer than {_RESOLVE_TIMEOUT_S:.0f} s") from None
        if done.returncode != 0:
            raise JarsNotFetched(_cause(done.stderr + done.stdout, folder.parent))
        jars = work / "jars"
        jars.mkdir()
        for jar in sorted((work / ".jgo").glob("*/*.jar")):
            jar.rename(jars / jar.name)
        _check(jars, pinned)
        jars.rename(folder)


def _cause(output: str, folder: Path) -> str:
    """The error of jgo or the system in a sentence of ours; an unknown one keeps the end of its own text."""
    for signs, cause in _CAUSES:
        if any(sign in output for sign in signs):
            return cause.format(host=_HOST, folder=folder)
    return " ".join(output.split())[-300:] or "jgo ended without a word"


def _check(folder: Path, pinned: dict[str, str]) -> None:
    found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in folder.iterdir()}
    different = sorted(name for name in pinned.keys() | found.keys() if pinned.get(name) != found.get(name))
    if different:
        raise JarsNotFetched(f"these jars are not the pinned ones: {', '.join(different)}")


def _pinned_jars() -> dict[str, str]:
    """File name to SHA-256."""
    lock = tomllib.loads((_PINS / "jgo.lock.toml").read_text())
    return {f"{jar['artifactId']}-{jar['version']}.jar": jar["sha256"] for jar in lock["dependencies"]}


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main() -> None:
    """Fetch the jars. A failure is one line on standard error and exit code 2."""
    try:
        print(kafka_classpath())
    except JarsNotFetched as failed:
        print(failed, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
