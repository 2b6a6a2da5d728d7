"""Which rules a company has switched off: policy as data, with a version that every notice names."""

from collections.abc import Collection

from msgspec import Struct

from redress.policy.decisions import PolicyDefinition
from redress.policy.refusals import PolicyProblem


class NoticeRules(Struct, frozen=True, kw_only=True):
    """`switched_off` are names of rules. A rule that a later release does without may stay named."""

    switched_off: tuple[str, ...]


def notice_rules_policy(names: Collection[str]) -> PolicyDefinition[NoticeRules]:
    """The policy about the rules of these names."""
    known = ", ".join(sorted(names))

    def problems(document: NoticeRules) -> tuple[PolicyProblem, ...]:
        wrong = []
        for place, name in enumerate(document.switched_off):
            if name not in names:
                wrong.append(PolicyProblem(("switched_off", place), f"there is no rule {name[:100]!r}", known))
            elif name in document.switched_off[:place]:
                wrong.append(PolicyProblem(("switched_off", place), f"{name} is named twice", "each rule once"))
        return tuple(wrong)

    return PolicyDefinition(
        name="notice-rules",
        about="Which rules tell nobody. A notice of a rule that is switched off is recorded as skipped, with the"
        " reason. The policy in force on the day the event was recorded counts.",
        document=NoticeRules,
        built_in=NoticeRules(switched_off=()),
        check=problems,
    )
