"""One child process of the local stack: started in its own session, its output in a file, ended with a deadline."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

_POLL_S = 0.02
_KILL_GRACE_S = 5.0


class Process:
    """A child that can be started again after it ended.

    It gets a session of its own, so that Ctrl-C in the terminal reaches the supervisor only and a stop reaches
    everything the child has started. `stop_signal` asks it to end; after `grace_s` seconds it is killed.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: tuple[int, int] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        grace_s: float = 10.0,
    ) -> None:
        self.name = name
        self.argv = list(argv)
        self.log = log
        self.grace_s = grace_s
        self._env = env
        self._cwd = cwd
        self._user = user
        self.stop_signal = stop_signal
        self._child: subprocess.Popen[bytes] | None = None
        self._starting = threading.Lock()
        self._retired = False
        self._said_from = 0

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child is not None else None

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @property
    def exit_code(self) -> int | None:
        """None before the first start and while it runs; negative for a signal."""
        return self._child.poll() if self._child is not None else None

    def start(self) -> None:
        """Start the child; its output is appended to the log. Nothing happens if it runs.

        RuntimeError after `retire`.
        """
        with self._starting:
            if self._retired:
                raise RuntimeError(f"{self.name} is not started any more: the stack ends")
            if not self.running:
                self._launch()

    def retire(self) -> None:
        """Forbid further starts, also those that other threads are about to make."""
        with self._starting:
            self._retired = True

    def _launch(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        uid, gid = self._user or (None, None)
        self._said_from = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            self._child = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if self._env is None else dict(self._env),
                cwd=self._cwd,
                start_new_session=True,
                user=uid,
                group=gid,
                extra_groups=[] if self._user else None,
            )

    def listens_on(self, port: int) -> bool:
        """Whether the child itself, and no other process, accepts connections on the port."""
        if self._child is None:
            return False
        try:
            connections = psutil.Process(self._child.pid).net_connections(kind="tcp")
        except psutil.Error:
            return False
        return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in connections)

    def said(self) -> bytes:
        """The child's log since its last start."""
        if not self.log.exists():
            return b""
        with self.log.open("rb") as log:
            log.seek(self._said_from)
            return log.read()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the child alone; nothing happens if it has ended."""
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(number)

    def stop(self, grace_s: float | None = None) -> None:
        """End the child and everything in its session; returns when it is gone."""
        if self._child is None:
            return
        self.signal(self.stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(self.grace_s if grace_s is None else grace_s)
        self.kill()

    def kill(self) -> None:
        """SIGKILL to the whole session and to descendants that have left it; returns when the child is gone."""
        if self._child is None:
            return
        descendants: list[psutil.Process] = []
        with contextlib.suppress(psutil.Error):
            # PostgreSQL's processes each have a session of their own.
            descendants = psutil.Process(self._child.pid).children(recursive=True) if self.running else []
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL)
        for one in descendants:
            with contextlib.suppress(psutil.Error):
                one.kill()
        self._child.wait(_KILL_GRACE_S)


def wait_for_line(process: Process, text: bytes, timeout_s: float) -> None:
    """Wait until the child has written `text` since its last start.

    RuntimeError with the end of the log if the child ends first, TimeoutError if the time is over.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        alive = process.running  # asked before reading: what it wrote last is then read for sure
        if text in process.said():
            return
        if not alive:
            raise RuntimeError(f"{process.name} ended with {process.exit_code}:\n{log_tail(process.log)}")
        time.sleep(_POLL_S * 5)
    raise TimeoutError(f"{process.name} was not ready after {timeout_s:.0f} s:\n{log_tail(process.log)}")


def log_tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log file, empty if there is none."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 16_384))
        return b"\n".join(file.read().splitlines()[-lines:]).decode(errors="replace")


def same_process(pid: int, started_at: float) -> psutil.Process | None:
    """The process with this pid if it is still the one that was started then (pids are used again), else None."""
    try:
        process = psutil.Process(pid)
        if abs(process.create_time() - started_at) > 1.0 or process.status() == psutil.STATUS_ZOMBIE:
            return None
    except psutil.Error:
        return None
    return process


def started_at(pid: int) -> float:
    """When the process started, in seconds since 1970; 0.0 if there is none."""
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0.0
