"""Rates taken in turn: A B A B …, so that a machine that gets busy gets busy for all, and ratios of the same round."""

import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

Run = Callable[[], Awaitable[float]]


@dataclass(frozen=True)
class Figure:
    """One measured number: its median over the rounds, and each round's own."""

    name: str
    unit: str
    value: float
    rounds: list[float]
    ratio: float | None
    ratio_rounds: list[float]


@dataclass(frozen=True)
class Comparison:
    """Things done in turn in one run. `ratio` of a figure is the median of its rounds' ratios to `baseline`."""

    title: str
    baseline: str | None
    figures: dict[str, Figure]
    lower_is_better: bool = False
    notes: list[str] = field(default_factory=list)

    def ratio(self, ours: str, other: str) -> float:
        """How many times `other` the figure `ours` is: the median of the ratios round by round."""
        pairs = zip(self.figures[ours].rounds, self.figures[other].rounds, strict=True)
        return statistics.median(one / two for one, two in pairs)


@dataclass(frozen=True)
class Rounds:
    """How often and how long. `warm_up` rounds are thrown away."""

    count: int = 5
    seconds: float = 2.0
    warm_up: int = 1


async def compare(
    title: str,
    unit: str,
    runs: Mapping[str, Run],
    *,
    rounds: Rounds,
    baseline: str | None = None,
    lower_is_better: bool = False,
) -> Comparison:
    """Run each in turn, round after round."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds.warm_up + rounds.count):
        for name, run in runs.items():
            value = await run()
            if number >= rounds.warm_up:
                taken[name].append(value)
    figures = {}
    for name, values in taken.items():
        ratios: list[float] = []
        if baseline is not None:
            ratios = [value / base for value, base in zip(values, taken[baseline], strict=True)]
        figures[name] = Figure(
            name, unit, statistics.median(values), values, statistics.median(ratios) if ratios else None, ratios
        )
    return Comparison(title, baseline, figures, lower_is_better)


async def per_second(work: Callable[[Callable[[], bool]], Awaitable[int]], seconds: float) -> float:
    """Let `work` go on until the time is over; what it counted, per second of the time it really took."""
    begun = time.perf_counter()
    deadline = begun + seconds
    done = await work(lambda: time.perf_counter() >= deadline)
    return done / (time.perf_counter() - begun)


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
