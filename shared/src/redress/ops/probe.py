"""The health check of containers whose image has no curl.

`python -m redress.ops.probe http://127.0.0.1:8001/readyz` ends with 0 if the answer has a 2xx status, else with 1 and
the reason in one line. `… probe file:///tmp/heartbeat` is for a process that serves nobody: the file must have been
touched within the last half minute (see redress.ops.heartbeat).
"""

import sys
import time
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from redress.ops.heartbeat import STALE_AFTER_S

TIMEOUT_S: Final = 3.0
_MAX_BODY_BYTES = 300  # of a refusal, enough to read what is wrong
_CONNECTIONS = {"http": HTTPConnection, "https": HTTPSConnection}


def trouble(url: str) -> str | None:
    """Why the address does not answer well, None if it does. Redirects are not followed: they count as trouble."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return _trouble_of(Path(parts.path))
    if parts.scheme not in _CONNECTIONS or not parts.hostname:
        return f"{url} is neither an http address nor a file"
    connection = _CONNECTIONS[parts.scheme](parts.hostname, parts.port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}")
        answer = connection.getresponse()
        body = answer.read(_MAX_BODY_BYTES)
    except (OSError, HTTPException) as failure:
        return f"{url}: {type(failure).__name__}: {failure}"
    finally:
        connection.close()
    if 200 <= answer.status < 300:
        return None
    return f"{url}: {answer.status} {body.decode(errors='replace')}"


def _trouble_of(heartbeat: Path) -> str | None:
    try:
        age_s = time.time() - heartbeat.stat().st_mtime
    except OSError as failure:
        return f"{heartbeat}: {failure.strerror}"
    return None if age_s <= STALE_AFTER_S else f"{heartbeat}: the last sign of life is {age_s:.0f} s old"


def main(arguments: Sequence[str]) -> None:
    if len(arguments) != 1:
        raise SystemExit("name one address to ask")
    if reason := trouble(arguments[0]):
        raise SystemExit(reason)


if __name__ == "__main__":
    main(sys.argv[1:])
