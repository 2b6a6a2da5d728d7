"""The directory: how people and teams of the company itself are reached."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from starlette.responses import Response

from notification_service.api.bodies import DirectoryEntryBody
from notification_service.api.parts import Parts
from notification_service.api.views import DirectoryEntryView
from notification_service.directory.entry import (
    BadEntryId,
    DirectoryEntry,
    DirectoryRefusal,
    LeadsItself,
    OnlyTeamsHaveLeads,
    RecordEntry,
    decide,
)
from notification_service.event_log.aggregates import DIRECTORY, directory_stream
from notification_service.rules.plan import TEAM_PREFIX, team_name
from redress.eventlog.aggregates import Loaded, load, write
from redress.eventlog.events import Meta
from redress.eventlog.log import Conflict, VersionConflict
from redress.ids import new_uuid
from redress.ops import telemetry
from redress.web.answers import answer, answer_version
from redress.web.auth import Principal, requires
from redress.web.etag import optional_if_match, stale
from redress.web.problem import Problem, not_found

ATTEMPTS = 3  # when somebody else changes the same entry at the same moment and the caller named no version

# Refusal -> status, code and title. A test walks all refusals and fails if one is missing.
PROBLEMS: dict[type[DirectoryRefusal], tuple[int, str, str]] = {
    BadEntryId: (422, "bad_directory_id", "Not an id of the directory"),
    LeadsItself: (422, "leads_itself", "Nobody is their own lead"),
    OnlyTeamsHaveLeads: (422, "only_teams_have_leads", "Only a team has a lead"),
}

Reader = Annotated[Principal, Depends(requires("directory:read"))]
Writer = Annotated[Principal, Depends(requires("directory:write"))]


def directory_routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["directory"])

    @router.get("/v1/directory/{entry_id}", summary="How a person or a team is reached")
    async def read_directory_entry(request: Request, principal: Reader, entry_id: str) -> Response:
        loaded = await _load(parts, principal.tenant, canonical(entry_id))
        if loaded.state.recorded is None:
            raise not_found(f"directory entry {entry_id[:60]}")
        return answer_version(request, await _view(parts, principal.tenant, loaded.state), loaded.version)

    @router.put("/v1/directory/{entry_id}", summary="Say how a person or a team is reached")
    async def record_directory_entry(
        principal: Writer,
        entry_id: str,
        body: DirectoryEntryBody,
        if_match: Annotated[
            str | None, Header(max_length=64, description="The ETag of the version it replaces.")
        ] = None,
    ) -> Response:
        """The same entry again changes nothing. With If-Match, only that version is replaced."""
        expected = optional_if_match(if_match)
        entry_id = canonical(entry_id)
        for attempt in range(1, ATTEMPTS + 1):
            loaded = await _load(parts, principal.tenant, entry_id)
            if expected is not None and expected != loaded.version:
                raise stale(loaded.version)
            try:
                after = await _record(parts, principal, loaded, entry_id, body)
                break
            except Conflict as conflict:
                if expected is not None and isinstance(conflict, VersionConflict):
                    raise stale(conflict.actual) from conflict
                if attempt == ATTEMPTS:
                    raise
        view = await _view(parts, principal.tenant, after.state)
        return answer(view, 201 if loaded.version == 0 else 200, version=after.version)

    return router


def canonical(entry_id: str) -> str:
    """The id as the rules look it up: a team under its one name, a person as given."""
    return team_name(entry_id) if entry_id.startswith(TEAM_PREFIX) else entry_id


async def _record(
    parts: Parts, principal: Principal, loaded: Loaded[DirectoryEntry], entry_id: str, body: DirectoryEntryBody
) -> Loaded[DirectoryEntry]:
    """Decide and append. Text that has not changed stays in its box, so that the same entry again is no event."""
    tenant, recorded = principal.tenant, loaded.state.recorded
    person = parts.vault.person_of_email(tenant, body.email)
    name = email = None
    if recorded is not None:
        old_name, old_email = await parts.vault.open_many(tenant, [recorded.name, recorded.email])
        if recorded.email.person == person:
            name = recorded.name if old_name == body.name else None
            email = recorded.email if old_email == body.email else None
    command = RecordEntry(
        entry_id=entry_id,
        name=name or await parts.vault.seal(tenant, person, body.name),
        email=email or await parts.vault.seal(tenant, person, body.email),
        language=body.language,
        lead=body.lead,
    )
    try:
        events = decide(command, loaded.state)
    except DirectoryRefusal as refusal:
        status, code, title = PROBLEMS[type(refusal)]
        raise Problem(status, code, title, str(refusal)) from refusal
    causes = telemetry.current()
    command_id = str(new_uuid())
    meta = Meta(
        actor=principal.actor,
        command_id=command_id,
        correlation_id=command_id if causes is None else causes.correlation_id,
        traceparent=None if causes is None else str(causes.traceparent),
    )
    stream_write, state = write(DIRECTORY, loaded, events, meta, parts.clock.now())
    if events:
        await parts.log.append(tenant, [stream_write])
    return Loaded(loaded.stream_id, loaded.version + len(events), state)


async def _load(parts: Parts, tenant: str, entry_id: str) -> Loaded[DirectoryEntry]:
    return await load(parts.log, DIRECTORY, tenant, directory_stream(tenant, entry_id))


async def _view(parts: Parts, tenant: str, state: DirectoryEntry) -> DirectoryEntryView:
    recorded = state.recorded
    if recorded is None:
        raise not_found("such directory entry")
    name, email = await parts.vault.open_many(tenant, [recorded.name, recorded.email])
    return DirectoryEntryView(
        id=recorded.entry_id, name=name, email=email, language=recorded.language, lead=recorded.lead
    )
