import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from redress.ops import telemetry
from redress.ops.logs import MAX_TEXT, MAX_TRACEBACK, configure_logs
from redress.ops.telemetry import Causes, TraceParent

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbm5hIn0.c2lnbmF0dXJl"


class Written:
    """What was logged in the test."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def raw(self) -> str:
        return self.stream.getvalue()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.raw.splitlines()]


@pytest.fixture
def written() -> Iterator[Written]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    written = Written()
    configure_logs("office", "1.0", "INFO", written.stream)
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def test_a_line_says_when_what_and_which_service(written: Written) -> None:
    structlog.stdlib.get_logger("redress.test").info("dispute opened", dispute="dsp_1", amount_minor=1250)
    (line,) = written.lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "info",
        "event": "dispute opened",
        "service": "office",
        "service_version": "1.0",
        "logger": "redress.test",
        "dispute": "dsp_1",
        "amount_minor": 1250,
    }


def test_a_log_that_cannot_be_written_any_more_does_not_stop_the_work(written: Written) -> None:
    written.stream.close()
    structlog.stdlib.get_logger("redress.test").error("nobody reads this")


def test_every_way_to_say_something_ends_in_a_line(written: Written) -> None:
    log = structlog.stdlib.get_logger("redress.test")
    log.info("one")
    log.warning("two")
    log.error("three")
    log.critical("four")
    log.log(logging.ERROR, "five")
    try:
        int("six")
    except ValueError:
        log.exception("seven")
    lines = written.lines()
    assert [line["event"] for line in lines] == ["one", "two", "three", "four", "five", "seven"]
    assert "ValueError: invalid literal for int()" in lines[-1]["exception"]


def test_a_log_leaves_out_what_is_below_its_level(written: Written) -> None:
    log = structlog.stdlib.get_logger("redress.test")
    log.debug("too much")
    log.info("enough")
    assert [line["event"] for line in written.lines()] == ["enough"]


def test_a_line_names_what_it_was_caused_by(written: Written) -> None:
    trace = TraceParent("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
    with telemetry.caused_by(Causes("sap:1", trace, causation_id="evt_9", request_id="req_1")):
        structlog.stdlib.get_logger("redress.test").info("inside")
        logging.getLogger("asyncpg").warning("also inside")
    structlog.stdlib.get_logger("redress.test").info("outside")
    first, second, third = written.lines()
    for line in (first, second):
        assert (line["correlation_id"], line["causation_id"], line["request_id"]) == ("sap:1", "evt_9", "req_1")
        assert (line["trace_id"], line["span_id"]) == ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
    assert "correlation_id" not in third


def test_records_of_libraries_have_the_same_form(written: Written) -> None:
    logging.getLogger("uvicorn.error").info("Uvicorn running on %s", "http://127.0.0.1:8001")
    logging.getLogger("uvicorn.access").info("GET /v1/disputes?q=secret 200")
    logging.getLogger("httpx2").info("HTTP Request: GET ...")
    (line,) = written.lines()
    assert (line["logger"], line["level"]) == ("uvicorn.error", "info")
    assert line["event"] == "Uvicorn running on http://127.0.0.1:8001"


def test_no_text_can_forge_a_line_or_colour_a_terminal(written: Written) -> None:
    forged = 'x\r\n{"level":"info","event":"paid"}\x1b[31m\u202eevil\u2028\x85\x00'
    structlog.stdlib.get_logger("redress.test").info("note", text=forged, **{"a\nb": 1})
    assert written.raw.count("\n") == 1
    assert written.raw.isascii()
    assert all(character >= " " for character in written.raw[:-1])
    assert json.loads(written.raw)["text"] == forged


def test_texts_and_fields_are_bounded(written: Written) -> None:
    many = {f"field{number}": "x" * 10_000 for number in range(1_000)}
    structlog.stdlib.get_logger("redress.test").info(
        "e" * 100_000, deep=[[[[[[["bottom"]]]]]]], rows=list(range(100_000)), raw=b"\x00" * 1_000_000, **many
    )
    (line,) = written.lines()
    assert len(line) == 40
    assert len(line["event"]) == MAX_TEXT + 1
    assert line["rows"] == list(range(50))
    assert line["raw"] == "[1000000 bytes]"
    assert len(written.raw) < 120_000


def test_secrets_do_not_reach_the_log(written: Written) -> None:
    log = structlog.stdlib.get_logger("redress.test")
    log.info(
        "called with Bearer %s",
        TOKEN,
        note=TOKEN,
        authorization=f"Bearer {TOKEN}",
        headers={"Cookie": "session=hunter2", "Authorization": "Basic aHVudGVyMjpodW50ZXIy", "accept": "*/*"},
        database="postgresql://office:hunter2@db:5432/office",
        client_secret="hunter2",
        body='{"password": "hunter2", "client_secret":"hunter2"}',
        form="grant_type=client_credentials&client_secret=hunter2",
    )
    log.error("failed", exc_info=ValueError("cannot connect with postgresql://office:hunter2@db/office"))
    for secret in ("hunter2", TOKEN, TOKEN.split(".")[1], "aHVudGVyMjpodW50ZXIy"):
        assert secret not in written.raw
    first, second = written.lines()
    assert first["headers"]["accept"] == "*/*"
    assert second["exception"].endswith("postgresql://office:[password]@db/office")


def test_a_long_traceback_is_told_from_its_end(written: Written) -> None:
    def down(depth: int) -> None:
        if depth:
            down(depth - 1)
        raise ValueError("x" * 30_000 + " the reason")

    try:
        down(50)
    except ValueError:
        logging.getLogger("library").exception("failed")
    (line,) = written.lines()
    assert line["exception"].endswith("the reason")
    assert len(line["exception"]) == MAX_TRACEBACK + 1


def test_what_is_not_json_is_written_as_text(written: Written) -> None:
    class Strange:
        def __str__(self) -> str:
            return "strange"

    structlog.stdlib.get_logger("redress.test").info("x", thing=Strange(), number=float("inf"))
    assert (written.lines()[0]["thing"], written.lines()[0]["number"]) == ("strange", "inf")


def test_a_client_that_cannot_reach_its_broker_says_so_once_not_a_hundred_times(written: Written) -> None:
    for node in range(100):
        logging.getLogger("aiokafka.client").error("Unable to connect to node %s", node)
    logging.getLogger("aiokafka.client").error("Something else")
    logging.getLogger("another.library").error("Unable to connect to node %s", 1)
    logging.getLogger("another.library").error("Unable to connect to node %s", 2)
    assert [line["event"] for line in written.lines()] == [
        "Unable to connect to node 0",
        "Something else",
        "Unable to connect to node 1",
        "Unable to connect to node 2",
    ]
