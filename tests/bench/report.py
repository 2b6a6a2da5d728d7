"""The run as tables to read (Markdown) and as JSON to compare."""

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import msgspec

from bench.measure import Comparison
from bench.targets import Judged
from redress.clock import SystemClock


def table(comparison: Comparison) -> str:
    """One comparison; the ratio in brackets is to its baseline, the rounds show how calm the machine was."""
    unit = next(iter(comparison.figures.values())).unit
    lines = [f"### {comparison.title} ({unit})", "", "| | median | ratio | rounds |", "|---|---:|---:|---|"]
    for name, figure in comparison.figures.items():
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
        rounds = " ".join(_short(value) for value in figure.rounds)
        lines.append(f"| {name} | {_short(figure.value)} | {ratio} | {rounds} |")
    lines += ["", *(f"({note})" for note in comparison.notes)] if comparison.notes else []
    return "\n".join(lines) + "\n"


def verdicts(judged: Sequence[Judged]) -> str:
    lines = ["### Targets (issue 4 §3)", "", "| measure | this run | target | stretch | |", "|---|---:|---:|---:|---|"]
    for one in judged:
        sign = "≤" if one.target.at_most else "≥"
        lines.append(
            f"| {one.target.measure} | {one.value:.2f} | {sign} {one.target.target:g} | {one.target.stretch:g}"
            f" | {one.verdict} |"
        )
    return "\n".join(lines) + "\n"


def machine() -> dict[str, object]:
    return {
        "at": SystemClock().now().isoformat(),
        "cpus": os.cpu_count(),
        "load": os.getloadavg()[0],
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in ("asyncpg", "msgspec", "uvloop", "eventsourcing", "psycopg")},
    }


def write_json(path: Path, comparisons: Sequence[Comparison], judged: Sequence[Judged]) -> None:
    document = {
        "machine": machine(),
        "comparisons": [asdict(comparison) for comparison in comparisons],
        "targets": [
            {
                "measure": one.target.measure,
                "value": one.value,
                "target": one.target.target,
                "stretch": one.target.stretch,
                "at_most": one.target.at_most,
                "verdict": one.verdict,
            }
            for one in judged
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=1))


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.3g}"
