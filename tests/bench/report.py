"""The run as tables to read (Markdown) and as JSON to compare."""

import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import msgspec

from bench.measure import Comparison
from bench.targets import Judged
from redress.clock import SystemClock
from redress_local.postgres import binaries


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


def digest(comparisons: Sequence[Comparison]) -> str:
    """Every comparison in one row, for `shared/docs/performance.md`; in brackets the ratio to its baseline."""
    lines = ["| measured | figures |", "|---|---|"]
    for comparison in comparisons:
        unit = next(iter(comparison.figures.values())).unit
        figures = "; ".join(
            f"{name} **{_short(figure.value)}**" + ("" if figure.ratio is None else f" [{figure.ratio:.2f}]")
            for name, figure in comparison.figures.items()
        )
        lines.append(f"| {comparison.title} ({unit}) | {figures} |")
    return "\n".join(lines) + "\n"


def machine(load_before: float) -> dict[str, object]:
    """Where and in which circumstances it was measured; the load of the minute before the run, and of its last."""
    memory = Path("/proc/meminfo").read_text().partition("MemTotal:")[2].split()[0]
    processor = Path("/proc/cpuinfo").read_text().partition("model name")[2].partition("\n")[0].strip("\t: ")
    packages = ("asyncpg", "msgspec", "uvloop", "fastapi", "uvicorn", "aiokafka", "eventsourcing", "psycopg")
    return {
        "at": SystemClock().now().isoformat(),
        "cpus": os.cpu_count(),
        "processor": processor,
        "memory_gb": round(int(memory) / 2**20, 1),
        "load_before": load_before,
        "load_at_the_end": os.getloadavg()[0],
        "system": platform.platform(),
        "python": platform.python_version(),
        "postgresql": _version_of([str(binaries() / "postgres"), "--version"]),
        "packages": {name: version(name) for name in packages},
    }


def _version_of(command: Sequence[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def write_json(
    path: Path, comparisons: Sequence[Comparison], judged: Sequence[Judged], about: Mapping[str, object]
) -> None:
    document = {
        "machine": about,
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
