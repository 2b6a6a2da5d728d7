import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from support.eventually import eventually

from redress.ops.heartbeat import touch_heartbeat
from redress.ops.probe import trouble


@contextmanager
def answering(status: int, body: bytes = b"") -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/readyz"
        server.shutdown()


def probe(url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "redress.ops.probe", url], capture_output=True, text=True, check=False)


def test_a_ready_service_is_healthy() -> None:
    with answering(200) as url:
        assert probe(url).returncode == 0


def test_a_service_that_is_not_ready_is_unhealthy_and_says_why() -> None:
    with answering(503, b'{"code":"unavailable"}') as url:
        found = probe(url)
    assert found.returncode == 1
    assert found.stderr == f'{url}: 503 {{"code":"unavailable"}}\n'


def test_a_redirect_is_not_health() -> None:
    with answering(302) as url:
        assert trouble(url) == f"{url}: 302 "


def test_nobody_listening_is_unhealthy() -> None:
    with answering(200) as url:
        pass
    assert "ConnectionRefusedError" in (trouble(url) or "")


def test_an_address_that_is_none_is_refused() -> None:
    assert trouble("127.0.0.1:8001") == "127.0.0.1:8001 is neither an http address nor a file"


async def test_a_process_whose_loop_turns_is_healthy(tmp_path: Path) -> None:
    heartbeat = tmp_path / "heartbeat"

    async def has_begun() -> bool:
        return heartbeat.exists()

    beating = asyncio.create_task(touch_heartbeat(heartbeat))
    await eventually(has_begun)
    assert trouble(heartbeat.as_uri()) is None
    beating.cancel()
    with suppress(asyncio.CancelledError):
        await beating


def test_a_process_that_got_stuck_is_unhealthy(tmp_path: Path) -> None:
    heartbeat = tmp_path / "heartbeat"
    heartbeat.touch()
    os.utime(heartbeat, (time.time() - 31, time.time() - 31))
    assert trouble(heartbeat.as_uri()) == f"{heartbeat}: the last sign of life is 31 s old"


def test_a_process_that_never_began_is_unhealthy(tmp_path: Path) -> None:
    assert trouble((tmp_path / "heartbeat").as_uri()) == f"{tmp_path}/heartbeat: No such file or directory"
