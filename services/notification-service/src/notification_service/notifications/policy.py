"""The attempts of a mail and the pauses between them: a policy with versions, which every attempt names."""

from datetime import timedelta
from typing import Final

from msgspec import Struct

from redress.policy.decisions import PolicyDefinition
from redress.policy.refusals import PolicyProblem

MOST_PAUSES: Final = 20
LONGEST_PAUSE_S: Final = 7 * 24 * 60 * 60


class SendingPolicy(Struct, frozen=True, kw_only=True):
    """`pauses` are the waits in seconds after the first, second, … failed attempt; one more attempt than pauses is
    made."""

    pauses: tuple[int, ...]

    @property
    def max_attempts(self) -> int:
        return len(self.pauses) + 1

    def pause_after(self, attempt: int) -> timedelta:
        """The wait after a failed attempt, the first being 1. IndexError after the last one."""
        return timedelta(seconds=self.pauses[attempt - 1])


def _problems(policy: SendingPolicy) -> tuple[PolicyProblem, ...]:
    count = len(policy.pauses)
    if not 1 <= count <= MOST_PAUSES:
        return (PolicyProblem(("pauses",), f"{count} pauses", f"1 to {MOST_PAUSES} pauses"),)
    return tuple(
        PolicyProblem(("pauses", place), f"a pause of {pause} s", f"1 to {LONGEST_PAUSE_S} seconds (a week)")
        for place, pause in enumerate(policy.pauses)
        if not 1 <= pause <= LONGEST_PAUSE_S
    )


# Nine attempts over a day and a half: longer than a weekend night's outage of a mail server, and greylisting
# (5 to 15 minutes, RFC 6647) is passed by the third.
BUILT_IN: Final = SendingPolicy(pauses=(15, 120, 600, 1_800, 7_200, 18_000, 36_000, 64_800))
SENDING: Final = PolicyDefinition(
    name="sending",
    about="How many seconds to wait after each failed attempt at a mail; the attempt after the last pause is the last."
    " The policy in force when a mail is taken for an attempt decides about that attempt.",
    document=SendingPolicy,
    built_in=BUILT_IN,
    check=_problems,
)
