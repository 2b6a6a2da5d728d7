"""A company's policy of one name: the published versions by scope and date, and the drafts. `evolve` never raises."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Generic, TypeVar, assert_never

import msgspec
from msgspec import Struct

from redress.policy.events import DraftDiscarded, PolicyDrafted, PolicyEvent, PolicyPublished

D = TypeVar("D")

WHOLE_COMPANY = ""


class PolicyVersion(Struct, frozen=True, kw_only=True):
    """One published version. `published_at` is None for the built-in one."""

    version: int
    scope: str
    effective_from: date
    document: Mapping[str, Any]
    published_at: datetime | None = None
    comment: str | None = None


class Policy(Struct, frozen=True, kw_only=True):
    """`published` stand in the order of their versions; `drafts` are by scope."""

    published: tuple[PolicyVersion, ...] = ()
    drafts: Mapping[str, PolicyDrafted] = {}


INITIAL = Policy()


def evolve(state: Policy, event: PolicyEvent) -> Policy:
    others = {scope: draft for scope, draft in state.drafts.items() if scope != event.scope}
    match event:
        case PolicyDrafted():
            return msgspec.structs.replace(state, drafts={**others, event.scope: event})
        case DraftDiscarded():
            return msgspec.structs.replace(state, drafts=others)
        case PolicyPublished():
            version = PolicyVersion(
                version=event.version,
                scope=event.scope,
                effective_from=event.effective_from,
                document=event.document,
                published_at=event.at,
                comment=event.comment,
            )
            return Policy(published=(*state.published, version), drafts=others)
    assert_never(event)


class InForce(Struct, Generic[D], frozen=True):
    """The policy that decides, as a decision cites it: `name@version`."""

    name: str
    version: int
    scope: str
    document: D

    @property
    def citation(self) -> str:
        return f"{self.name}@{self.version}"


def known_by(state: Policy, instant: datetime) -> Policy:
    """The policy without the versions that were published later."""
    published = tuple(each for each in state.published if each.published_at is None or each.published_at <= instant)
    return msgspec.structs.replace(state, published=published)


def version_in_force(state: Policy, scopes: Sequence[str], day: date) -> PolicyVersion | None:
    """The newest version of the first scope that has one in force on the day; None where the built-in one counts.

    `scopes` go from the most particular to the whole company.
    """
    for scope in scopes:
        effective = [each for each in state.published if each.scope == scope and each.effective_from <= day]
        if effective:
            return max(effective, key=lambda each: (each.effective_from, each.version))
    return None
