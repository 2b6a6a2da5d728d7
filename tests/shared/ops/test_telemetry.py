import pytest

from redress.ops import telemetry
from redress.ops.telemetry import Causes, TraceParent, new_trace, parse_traceparent, safe_id

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_a_traceparent_is_read_and_written() -> None:
    parsed = parse_traceparent(f"00-{TRACE}-{SPAN}-01")
    assert parsed == TraceParent(TRACE, SPAN, 1)
    assert str(parsed) == f"00-{TRACE}-{SPAN}-01"


def test_a_later_version_may_have_more_parts() -> None:
    assert parse_traceparent(f"cc-{TRACE}-{SPAN}-00-what-comes") == TraceParent(TRACE, SPAN, 0)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-more",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-0x",
        f"00-{TRACE}-{SPAN}-01\n",
        "x" * 10_000,
    ],
)
def test_anything_else_starts_a_new_trace(header: str | None) -> None:
    assert parse_traceparent(header) is None


def test_a_child_keeps_the_trace_and_its_flags_and_has_its_own_span() -> None:
    child = TraceParent(TRACE, SPAN, 0).child()
    assert (child.trace_id, child.flags) == (TRACE, 0)
    assert child.span_id != SPAN
    assert parse_traceparent(str(child)) == child
    assert parse_traceparent(str(new_trace())) is not None


def test_causes_hold_inside_their_block_only() -> None:
    outer, inner = Causes("a", new_trace()), Causes("b", new_trace(), causation_id="evt_1")
    assert telemetry.current_causes() is None
    with telemetry.caused_by(outer):
        with telemetry.caused_by(inner):
            assert telemetry.current_causes() is inner
        assert telemetry.current_causes() is outer
    assert telemetry.current_causes() is None


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("sap:4711/2026-11-23", True),
        ("8e03978e-40d5-43e8-bc93-6894a57f9324", True),
        ("x" * 128, True),
        ("x" * 129, False),
        ("", False),
        ("a b", False),
        ("a\n", False),
        ("<script>", False),
        (None, False),
    ],
)
def test_ids_from_outside_are_taken_only_if_plain(text: str | None, accepted: bool) -> None:
    assert safe_id(text) == (text if accepted else None)
