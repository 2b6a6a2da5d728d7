"""Apache Kafka's jars, fetched once into a cache folder and held to the SHA-256 that our lock file names.

`jars/jgo.toml` names the two coordinates, `jars/jgo.lock.toml` what they resolved to. jgo resolves; the check is ours,
because jgo writes a new lock file instead of obeying the old one.
"""

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

_PINS: Final = Path(__file__).parent / "jars"
_RESOLVE_TIMEOUT_S = 170.0


def cache_folder() -> Path:
    """Where downloads are kept between runs: REDRESS_CACHE, else the user's cache folder."""
    if chosen := os.environ.get("REDRESS_CACHE"):
        return Path(chosen).expanduser().resolve()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "redress"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "redress"


def kafka_classpath(cache: Path | None = None) -> str:
    """The class path of the pinned broker; fetches the jars if the cache does not have them.

    RuntimeError if they cannot be fetched, or if any of them is not byte for byte the pinned one.
    """
    pinned = _pinned_jars()
    lock_digest = hashlib.sha256((_PINS / "jgo.lock.toml").read_bytes()).hexdigest()[:16]
    folder = (cache or cache_folder()) / f"kafka-{lock_digest}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _only_one(folder.with_suffix(".lock")):
            if not folder.exists():
                _fetch(folder, pinned)
    return str(folder / "*")


def _fetch(folder: Path, pinned: dict[str, str]) -> None:
    """Resolve beside the target, check, then rename: a folder that exists is complete and checked."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as name:
        work = Path(name)
        shutil.copy(_PINS / "jgo.toml", work)
        caches = ("--cache-dir", str(work / "cache"), "--repo-cache", str(work / "repository"))
        done = subprocess.run(
            [sys.executable, "-m", "jgo", "--resolver", "python", "--links", "copy", *caches, "sync"],
            cwd=work,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_RESOLVE_TIMEOUT_S,
        )
        if done.returncode != 0:
            raise RuntimeError(
                f"Kafka's jars could not be fetched (jgo ended with {done.returncode}); TRANSPORT=feed runs without\n"
                f"{(done.stderr or done.stdout)[-2000:]}"
            )
        jars = work / "jars"
        jars.mkdir()
        for jar in sorted((work / ".jgo").glob("*/*.jar")):
            jar.rename(jars / jar.name)
        _check(jars, pinned)
        jars.rename(folder)


def _check(folder: Path, pinned: dict[str, str]) -> None:
    found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in folder.iterdir()}
    different = sorted(name for name in pinned.keys() | found.keys() if pinned.get(name) != found.get(name))
    if different:
        raise RuntimeError(f"these jars are not the pinned ones: {', '.join(different)}")


def _pinned_jars() -> dict[str, str]:
    """File name to SHA-256."""
    lock = tomllib.loads((_PINS / "jgo.lock.toml").read_text())
    return {f"{jar['artifactId']}-{jar['version']}.jar": jar["sha256"] for jar in lock["dependencies"]}


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    print(kafka_classpath())
