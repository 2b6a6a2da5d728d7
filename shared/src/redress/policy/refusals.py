"""Reasons why a policy is not changed.

PolicyRefusal
├── NoSuchPolicy           the service has no policy of this name
├── NoDraft                there is nothing to publish or discard for the scope
├── ScopeNotAllowed        this policy does not differ by that
├── EffectiveInThePast     decisions that were taken would look wrong afterwards
└── PolicyNotAcceptable    the document contradicts itself or is out of bounds; every place is named
"""

from datetime import date

from msgspec import Struct

from redress.refusal import Refusal


class PolicyProblem(Struct, frozen=True):
    """One thing wrong with a document; `path` is where it stands in it."""

    path: tuple[str | int, ...]
    detail: str
    allowed: str | None = None


class PolicyRefusal(Refusal):
    """Any of the reasons above."""


class NoSuchPolicy(PolicyRefusal):
    code = "no_such_policy"
    title = "There is no policy of this name"
    kind = "absent"


class NoDraft(PolicyRefusal):
    code = "no_policy_draft"
    title = "There is no draft"
    kind = "conflict"

    def __init__(self, scope: str) -> None:
        super().__init__(f"there is no draft for {scope or 'the whole company'}", details={"scope": scope})


class ScopeNotAllowed(PolicyRefusal):
    code = "policy_scope_not_allowed"
    title = "The policy does not differ by this"

    def __init__(self, scope: str, kinds: tuple[str, ...]) -> None:
        allowed = "empty for the whole company" + "".join(f", or {kind}:<id>" for kind in kinds)
        super().__init__(f"{scope[:80]!r} is not a scope of this policy", place=("scope",), allowed=allowed)


class EffectiveInThePast(PolicyRefusal):
    code = "policy_effective_in_past"
    title = "A policy counts from today or later"

    def __init__(self, effective_from: date, today: date) -> None:
        super().__init__(
            f"{effective_from} is before {today}", place=("effective_from",), allowed=f"{today} or a later date"
        )


class PolicyNotAcceptable(PolicyRefusal):
    code = "policy_not_acceptable"
    title = "The policy cannot be published"

    def __init__(self, problems: tuple[PolicyProblem, ...]) -> None:
        super().__init__("; ".join(problem.detail for problem in problems[:5]))
        self.problems = problems

    @property
    def places(self) -> tuple[tuple[tuple[str | int, ...], str, tuple[str, ...] | str | None], ...]:
        return tuple((("document", *each.path), each.detail, each.allowed) for each in self.problems)
