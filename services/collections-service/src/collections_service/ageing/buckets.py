"""Ageing buckets: how late money is, in days past the basis date (due date, or document date when asked).

Source: domain reference §4, "Aging bucket". Open as of D means issued ≤ D < settled; days overdue = D - due date.
"""

from itertools import pairwise
from typing import Final

from msgspec import Struct

from redress.policy.decisions import PolicyDefinition
from redress.policy.refusals import PolicyProblem

MOST_BOUNDS: Final = 12
LAST_DAY: Final = 3_650  # ten years


class AgeingBuckets(Struct, frozen=True, kw_only=True):
    """`bounds` are the last days overdue of each bucket but the last one, which has no end. The first bound is 0: up to
    then a receivable is current."""

    bounds: tuple[int, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """From `current` to the one without an end: `current`, `1-30`, …, `91+`."""
        between = (f"{before + 1}-{last}" for before, last in pairwise(self.bounds))
        return ("current", *between, f"{self.bounds[-1] + 1}+")


def _problems(buckets: AgeingBuckets) -> tuple[PolicyProblem, ...]:
    bounds = buckets.bounds
    if not 1 <= len(bounds) <= MOST_BOUNDS:
        return (PolicyProblem(("bounds",), f"{len(bounds)} bounds", f"1 to {MOST_BOUNDS} bounds"),)
    problems = [
        PolicyProblem(("bounds", place), f"{last} does not rise above {before}", f"{before + 1} to {LAST_DAY}")
        for place, (before, last) in enumerate(pairwise(bounds), start=1)
        if last <= before
    ]
    if bounds[0] != 0:
        problems.insert(0, PolicyProblem(("bounds", 0), "current ends on the day money is due", "0"))
    if bounds[-1] > LAST_DAY:
        problems.append(PolicyProblem(("bounds", len(bounds) - 1), f"{bounds[-1]} is too late", f"up to {LAST_DAY}"))
    return tuple(problems)


AGEING_BUCKETS: Final = PolicyDefinition(
    name="ageing-buckets",
    about="Into which buckets the ageing report sorts what is open, by the last day overdue of each."
    " The policy in force on the report's business date counts.",
    document=AgeingBuckets,
    built_in=AgeingBuckets(bounds=(0, 30, 60, 90)),
    check=_problems,
)
