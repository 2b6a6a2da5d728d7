"""Draft, discard, publish: the events that follow, or a refusal. An empty list means that it is already so."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any, Generic, TypeVar, assert_never

import msgspec
from msgspec import Struct

from redress import business_ids
from redress.policy.commands import DiscardDraft, DraftPolicy, PolicyCommand, PublishPolicy
from redress.policy.events import DraftDiscarded, PolicyDrafted, PolicyEvent, PolicyPublished
from redress.policy.refusals import EffectiveInThePast, NoDraft, PolicyNotAcceptable, PolicyProblem, ScopeNotAllowed
from redress.policy.state import WHOLE_COMPANY, Policy

D = TypeVar("D")

BUILT_IN = 1  # the version of the policy that a service comes with; published ones count from 2


class PolicyDefinition(Struct, Generic[D], frozen=True, kw_only=True):
    """A policy that a service decides by. `check` names everything wrong with a document; `scope_kinds` are what it may
    differ by, the most particular first (`customer`, `legal-entity`)."""

    name: str
    about: str
    document: type[D]
    built_in: D
    check: Callable[[D], tuple[PolicyProblem, ...]]
    scope_kinds: tuple[str, ...] = ()


def read_document(definition: PolicyDefinition[D], document: Any) -> D:  # noqa: ANN401 - JSON
    """The document in its own type. PolicyNotAcceptable with every place that is wrong."""
    try:
        read: D = msgspec.convert(document, definition.document, strict=False)
    except msgspec.ValidationError as wrong:
        detail, _, path = str(wrong).partition(" - at `$")
        raise PolicyNotAcceptable((PolicyProblem(_place(path.rstrip("`")), detail),)) from None
    # Here and not in the type: what a later release does without may stand in a published document.
    unknown = tuple(_unknown(document, msgspec.to_builtins(read), ()))
    if problems := unknown or definition.check(read):
        raise PolicyNotAcceptable(problems)
    return read


def decide(
    command: PolicyCommand, state: Policy, definition: PolicyDefinition[Any], now: datetime
) -> list[PolicyEvent]:
    match command:
        case DraftPolicy():
            return _draft(command, state, definition)
        case DiscardDraft():
            return [DraftDiscarded(at=command.at, scope=command.scope)] if command.scope in state.drafts else []
        case PublishPolicy():
            return _publish(command, state, definition, now.astimezone(UTC).date())
    assert_never(command)


def _draft(command: DraftPolicy, state: Policy, definition: PolicyDefinition[Any]) -> list[PolicyEvent]:
    _must_be_scope(command.scope, definition)
    read = read_document(definition, command.document)
    drafted = PolicyDrafted(
        at=command.at,
        scope=command.scope,
        effective_from=command.effective_from,
        document=msgspec.to_builtins(read, builtin_types=()),
        comment=command.comment,
    )
    before = state.drafts.get(command.scope)
    if before is not None and msgspec.structs.replace(before, at=drafted.at) == drafted:
        return []
    return [drafted]


def _publish(
    command: PublishPolicy, state: Policy, definition: PolicyDefinition[Any], today: date
) -> list[PolicyEvent]:
    draft = state.drafts.get(command.scope)
    if draft is None:
        raise NoDraft(command.scope)
    if draft.effective_from < today:
        raise EffectiveInThePast(draft.effective_from, today)
    read_document(definition, draft.document)  # what was acceptable when it was drafted may not be any more
    return [
        PolicyPublished(
            at=command.at,
            version=BUILT_IN + len(state.published) + 1,
            scope=draft.scope,
            effective_from=draft.effective_from,
            document=draft.document,
            comment=draft.comment,
        )
    ]


def _must_be_scope(scope: str, definition: PolicyDefinition[Any]) -> None:
    kind, _, name = scope.partition(":")
    is_id = business_ids.flaw_of(name) is None  # another one could never match
    if scope != WHOLE_COMPANY and (kind not in definition.scope_kinds or not is_id):
        raise ScopeNotAllowed(scope, definition.scope_kinds)


def _unknown(given: Any, read: Any, path: tuple[str | int, ...]) -> Iterator[PolicyProblem]:  # noqa: ANN401 - JSON
    """Fields of the document that its type does not have: a misspelt one would mean nothing, in silence."""
    if isinstance(given, dict) and isinstance(read, dict):
        for name, value in given.items():
            if name in read:
                yield from _unknown(value, read[name], (*path, name))
            else:
                yield PolicyProblem((*path, name), f"{name[:100]!r} is no field of it", ", ".join(read))
    elif isinstance(given, list) and isinstance(read, list | tuple):
        for place, (value, kept) in enumerate(zip(given, read, strict=False)):
            yield from _unknown(value, kept, (*path, place))


def _place(path: str) -> tuple[str | int, ...]:
    """msgspec writes places as `.rules[0].name`."""
    parts = path.replace("[", ".").replace("]", "").split(".")
    return tuple(int(part) if part.isdigit() else part for part in parts if part and part != "...")
