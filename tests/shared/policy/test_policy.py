"""A policy from draft to force: who decides by which version on which day, and what is refused."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec import Struct
from support.given import Given

from redress.policy.book import in_force
from redress.policy.commands import DiscardDraft, DraftPolicy, PolicyCommand, PublishPolicy
from redress.policy.decisions import PolicyDefinition, decide
from redress.policy.events import DraftDiscarded, PolicyDrafted, PolicyEvent, PolicyPublished
from redress.policy.refusals import (
    EffectiveInThePast,
    NoDraft,
    PolicyNotAcceptable,
    PolicyProblem,
    PolicyRefusal,
    ScopeNotAllowed,
)
from redress.policy.state import INITIAL, Policy, evolve

NOW = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
TODAY, TOMORROW = date(2026, 11, 30), date(2026, 12, 1)


class Tolerance(Struct, frozen=True):
    at_least: Decimal
    percent: Decimal


def _problems(tolerance: Tolerance) -> tuple[PolicyProblem, ...]:
    if tolerance.percent > 100:
        return (PolicyProblem(("percent",), "more than everything", "0 to 100"),)
    return ()


TOLERANCE = PolicyDefinition(
    name="tolerance",
    about="When a remainder is left alone.",
    document=Tolerance,
    built_in=Tolerance(Decimal("1.00"), Decimal("0.5")),
    check=_problems,
    scope_kinds=("customer",),
)

Decide = Callable[[PolicyCommand, Policy], list[PolicyEvent]]
POLICY: Given[PolicyCommand, Policy, PolicyEvent] = Given(
    lambda command, state: decide(command, state, TOLERANCE, NOW), evolve, INITIAL, PolicyRefusal
)


def draft(percent: str = "2", *, scope: str = "", effective_from: date = TODAY) -> DraftPolicy:
    document = {"at_least": "5.00", "percent": percent}
    return DraftPolicy(at=NOW, scope=scope, effective_from=effective_from, document=document)


def published(policy: Given[PolicyCommand, Policy, PolicyEvent], *drafts: DraftPolicy) -> Policy:
    for each in drafts:
        policy = policy.after(each, PublishPolicy(at=NOW, scope=each.scope))
    return policy.state


def test_a_draft_decides_nothing() -> None:
    state = POLICY.after(draft()).state
    assert in_force(TOLERANCE, state, TODAY).citation == "tolerance@1"
    assert in_force(TOLERANCE, state, TODAY).document == Tolerance(Decimal("1.00"), Decimal("0.5"))


def test_the_built_in_policy_is_version_1_and_the_first_published_one_is_2() -> None:
    (event,) = POLICY.after(draft()).when(PublishPolicy(at=NOW, scope="")).events
    assert isinstance(event, PolicyPublished)
    assert (event.version, event.document) == (2, {"at_least": "5.00", "percent": "2"})


def test_a_published_policy_decides_from_its_date_on() -> None:
    state = published(POLICY, draft("2", effective_from=TOMORROW))
    assert in_force(TOLERANCE, state, TODAY).version == 1
    assert in_force(TOLERANCE, state, TOMORROW).document == Tolerance(Decimal("5.00"), Decimal(2))


def test_of_two_that_are_in_force_the_one_with_the_later_date_decides() -> None:
    state = published(POLICY, draft("3", effective_from=TOMORROW), draft("2", effective_from=TODAY))
    assert in_force(TOLERANCE, state, TODAY).document.percent == 2
    assert in_force(TOLERANCE, state, TOMORROW).document.percent == 3


def test_a_customers_own_policy_comes_before_the_companys() -> None:
    state = published(POLICY, draft("2"), draft("9", scope="customer:C-1"))
    assert in_force(TOLERANCE, state, TODAY, scopes=["customer:C-1"]).citation == "tolerance@3"
    assert in_force(TOLERANCE, state, TODAY, scopes=["customer:C-2"]).document.percent == 2
    assert in_force(TOLERANCE, state, TODAY).document.percent == 2


def test_the_same_draft_again_is_no_event_and_another_one_replaces_it() -> None:
    there = POLICY.after(draft("2"))
    there.when(draft("2")).then_nothing()
    there.when(draft("3")).then_kinds(PolicyDrafted)
    assert published(POLICY, draft("2"), draft("3")).published[-1].document["percent"] == "3"


def test_a_draft_can_be_taken_back() -> None:
    there = POLICY.after(draft())
    there.when(DiscardDraft(at=NOW, scope="")).then_kinds(DraftDiscarded)
    POLICY.when(DiscardDraft(at=NOW, scope="")).then_nothing()
    there.after(DiscardDraft(at=NOW, scope="")).when(PublishPolicy(at=NOW, scope="")).then_refused(NoDraft)


def test_nothing_is_put_in_force_for_days_that_were_decided_about() -> None:
    past = POLICY.after(draft(effective_from=date(2026, 11, 29)))
    past.when(PublishPolicy(at=NOW, scope="")).then_refused(EffectiveInThePast)


@pytest.mark.parametrize(
    "scope", ["legal-entity:DE01", "customer:", "C-1", "customer", "customer: C-1", "customer:C-1\x00", "customer:\n"]
)
def test_a_policy_differs_by_what_it_says_it_may_differ_by(scope: str) -> None:
    POLICY.when(draft(scope=scope)).then_refused(ScopeNotAllowed)


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({"at_least": "5.00", "percent": "101"}, ("document", "percent")),
        ({"at_least": "five", "percent": "2"}, ("document", "at_least")),
        ({"at_least": "5.00"}, ("document",)),
        ({}, ("document",)),
        ({"at_least": "5.00", "percent": "2", "precent": "3"}, ("document", "precent")),
    ],
)
def test_a_document_that_is_not_acceptable_is_refused_at_its_place(
    document: dict[str, Any], place: tuple[str, ...]
) -> None:
    wrong = DraftPolicy(at=NOW, scope="", effective_from=TODAY, document=document)
    refusal = POLICY.when(wrong).then_refused(PolicyNotAcceptable)
    assert [where for where, _, _ in refusal.places] == [place]
