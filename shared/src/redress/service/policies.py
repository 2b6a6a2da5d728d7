"""Policies over HTTP, the same for every service: the one in force, every earlier one, drafting and publishing."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path
from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from redress.decider import load
from redress.handling.command import CommandContext, CommandResult
from redress.handling.command_runner import CommandJob
from redress.handling.unit_of_work import UnitOfWork
from redress.policy.book import in_force
from redress.policy.commands import DiscardDraft, DraftPolicy, PolicyCommand, PublishPolicy
from redress.policy.decisions import BUILT_IN, PolicyDefinition, decide
from redress.policy.refusals import NoSuchPolicy, PolicyRefusal
from redress.policy.state import WHOLE_COMPANY, Policy
from redress.policy.stream import POLICY, policy_stream
from redress.reading.moment import AskedMoment
from redress.service.feature import ApiParts, Feature
from redress.web.answers import answer
from redress.web.auth import Principal, requires
from redress.web.bodies import BusinessDate, Sentence
from redress.web.command_routes import command_answer, commanded
from redress.web.openapi import answers

Reading = Annotated[Principal, Depends(requires("policies:read"))]
Writing = Annotated[CommandContext, Depends(commanded("policies:write", version="optional"))]
Name = Annotated[str, Path(max_length=100)]
Scope = Annotated[
    str, Field(max_length=120, description="Empty for the whole company, or `customer:<id>`, `legal-entity:<code>`.")
]


class ScopeBody(BaseModel):
    """Which of the policy's scopes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scope: Scope = WHOLE_COMPANY


class DraftBody(ScopeBody):
    """A whole policy as it should be from a business date on."""

    effective_from: BusinessDate
    document: dict[str, Any]
    comment: Sentence | None = None


class PolicyVersionDocument(Struct, frozen=True, kw_only=True):
    """`published_at` is null for the built-in version, which counts where nothing was published."""

    version: int
    scope: str
    effective_from: date | None
    published_at: datetime | None
    comment: str | None
    document: dict[str, Any]


class DraftDocument(Struct, frozen=True, kw_only=True):
    scope: str
    effective_from: date
    comment: str | None
    document: dict[str, Any]


class PolicyDocument(Struct, frozen=True, kw_only=True):
    """A policy on the business date asked about: the version in force for each scope, all versions, the drafts.

    `version` is the ETag; decisions cite the number of the version in force as `name@version`.
    """

    id: str
    about: str
    version: int
    scope_kinds: tuple[str, ...]
    in_force: tuple[PolicyVersionDocument, ...]
    versions: tuple[PolicyVersionDocument, ...]
    drafts: tuple[DraftDocument, ...]


class PoliciesDocument(Struct, frozen=True):
    items: tuple[PolicyDocument, ...]


def policies(definitions: Sequence[PolicyDefinition[Any]]) -> Feature:
    """The feature of a service that decides by these policies."""
    by_name = {definition.name: definition for definition in definitions}
    return Feature(name="policies", routes=lambda parts: _routes(parts, by_name), refusals=(PolicyRefusal,))


def _routes(parts: ApiParts[Any], definitions: dict[str, PolicyDefinition[Any]]) -> APIRouter:
    router = APIRouter(tags=["policies"])

    def definition_of(name: str) -> PolicyDefinition[Any]:
        if name not in definitions:
            raise NoSuchPolicy(f"there is no policy {name[:100]}", details={"policies": tuple(definitions)})
        return definitions[name]

    @router.get("/v1/policies", summary="Every policy of this service, with the versions in force")
    @answers(PoliciesDocument)
    async def list_policies(principal: Reading, moment: AskedMoment) -> Response:
        return answer(
            PoliciesDocument(tuple([await shown(principal.tenant, each, moment) for each in definitions.values()]))
        )

    @router.get("/v1/policies/{name}", summary="One policy: in force, earlier versions, drafts")
    @answers(PolicyDocument, problems=[NoSuchPolicy])
    async def read_policy(name: Name, principal: Reading, moment: AskedMoment) -> Response:
        found = await shown(principal.tenant, definition_of(name), moment)
        return answer(found, version=found.version if moment.is_now else None)

    @router.post("/v1/policies/{name}/draft", summary="Propose the next version; it decides nothing yet")
    @answers(PolicyDocument, problems=[PolicyRefusal])
    async def draft_policy(name: Name, context: Writing, body: DraftBody) -> Response:
        return await change(
            context,
            name,
            DraftPolicy(
                at=context.now,
                scope=body.scope,
                effective_from=body.effective_from,
                document=body.document,
                comment=body.comment,
            ),
        )

    @router.post("/v1/policies/{name}/publish", summary="Put the draft in force from its date on")
    @answers(PolicyDocument, problems=[PolicyRefusal])
    async def publish_policy(name: Name, context: Writing, body: ScopeBody | None = None) -> Response:
        return await change(context, name, PublishPolicy(at=context.now, scope=(body or ScopeBody()).scope))

    @router.post("/v1/policies/{name}/discard-draft", summary="Take the draft back")
    @answers(PolicyDocument, problems=[PolicyRefusal])
    async def discard_policy_draft(name: Name, context: Writing, body: ScopeBody | None = None) -> Response:
        return await change(context, name, DiscardDraft(at=context.now, scope=(body or ScopeBody()).scope))

    async def change(context: CommandContext, name: str, command: PolicyCommand) -> Response:
        definition, stream = definition_of(name), policy_stream(context.tenant, name)

        async def work(uow: UnitOfWork) -> bytes:
            before = await uow.state(POLICY, stream)
            after = uow.record(POLICY, stream, decide(command, before, definition, context.now))
            return msgspec.json.encode(_document(definition, after, uow.version(stream), context.now.date()))

        result: CommandResult = await parts.runner.run(
            context, CommandJob(work=work, writes={stream: POLICY}, stream=stream)
        )
        parts.policies.forget(context.tenant, name)
        return command_answer(result)

    async def shown(tenant_id: str, definition: PolicyDefinition[Any], moment: AskedMoment) -> PolicyDocument:
        stream = policy_stream(tenant_id, definition.name)
        to_version = None
        if moment.known_at is not None:
            recorded = await parts.log.read_stream(tenant_id, stream)
            to_version = sum(event.recorded_at <= moment.known_at for event in recorded)
        loaded = await load(parts.log, POLICY, tenant_id, stream, to_version)
        return _document(definition, loaded.state, loaded.version, moment.day(parts.clock.now()))

    return router


def _document(definition: PolicyDefinition[Any], state: Policy, version: int, day: date) -> PolicyDocument:
    built_in = PolicyVersionDocument(
        version=BUILT_IN,
        scope=WHOLE_COMPANY,
        effective_from=None,
        published_at=None,
        comment=None,
        document=msgspec.to_builtins(definition.built_in),
    )
    published = tuple(
        PolicyVersionDocument(
            version=each.version,
            scope=each.scope,
            effective_from=each.effective_from,
            published_at=each.published_at,
            comment=each.comment,
            document=dict(each.document),
        )
        for each in state.published
    )
    by_version = {each.version: each for each in (built_in, *published)}
    scopes = dict.fromkeys((WHOLE_COMPANY, *(each.scope for each in state.published)))
    deciding = (in_force(definition, state, day, scopes=(scope,)) for scope in scopes)
    return PolicyDocument(
        id=definition.name,
        about=definition.about,
        version=version,
        scope_kinds=definition.scope_kinds,
        in_force=tuple(by_version[number] for number in dict.fromkeys(each.version for each in deciding)),
        versions=(built_in, *published),
        drafts=tuple(
            DraftDocument(
                scope=draft.scope,
                effective_from=draft.effective_from,
                comment=draft.comment,
                document=dict(draft.document),
            )
            for _, draft in sorted(state.drafts.items())
        ),
    )
