"""The directory: how people and teams of the company itself are reached."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Request
from msgspec import Struct
from starlette.responses import Response

from notification_service.directory.bodies import DirectoryEntryBody
from notification_service.directory.events import DirectoryEntryRecorded
from notification_service.directory.handle import record_entry
from notification_service.directory.refusals import DirectoryRefusal
from notification_service.directory.stream import DIRECTORY, directory_stream
from notification_service.notices.names import canonical
from redress.decider import load
from redress.eventlog.vault import Vault
from redress.handling.command import CommandContext
from redress.handling.command_runner import CommandJob
from redress.handling.unit_of_work import UnitOfWork
from redress.service.feature import ApiParts
from redress.web.answers import answer_version
from redress.web.auth import Principal, requires
from redress.web.command_routes import command_answer, commanded
from redress.web.openapi import answers
from redress.web.problem import not_found

Reader = Annotated[Principal, Depends(requires("directory:read"))]
Writer = Annotated[CommandContext, Depends(commanded("directory:write", version="optional"))]
EntryId = Annotated[
    str, Path(max_length=200, description="A person as disputes call their owner, or `team:<name>`.", examples=["anna"])
]


class DirectoryEntryView(Struct, frozen=True, kw_only=True):
    """A person or team that can be written to. None: the text has been erased."""

    id: str
    name: str | None
    email: str | None
    language: str
    lead: str | None


class StoredEntry(Struct, frozen=True, kw_only=True):
    """The answer of a command as it is kept for a repetition: nothing personal in it is readable."""

    version: int
    entry: DirectoryEntryRecorded


_stored = msgspec.json.Decoder(StoredEntry)


def directory_routes(parts: ApiParts[Any]) -> APIRouter:
    router = APIRouter(tags=["directory"])

    @router.get("/v1/directory/{entry_id}", summary="How a person or a team is reached", response_class=Response)
    @answers(DirectoryEntryView)
    async def read_directory_entry(request: Request, principal: Reader, entry_id: EntryId) -> Response:
        stream = directory_stream(principal.tenant, canonical(entry_id))
        loaded = await load(parts.log, DIRECTORY, principal.tenant, stream)
        if loaded.state.recorded is None:
            raise not_found(f"directory entry {entry_id[:60]}")
        view = await _view(parts.vault, principal.tenant, loaded.state.recorded)
        return answer_version(request, view, loaded.version)

    @router.put("/v1/directory/{entry_id}", summary="Say how a person or a team is reached", response_class=Response)
    @answers(DirectoryEntryView, also={201: DirectoryEntryView}, problems=[DirectoryRefusal])
    async def record_directory_entry(context: Writer, entry_id: EntryId, body: DirectoryEntryBody) -> Response:
        """The same entry again changes nothing. With If-Match, only that version is replaced."""
        name = canonical(entry_id)
        stream = directory_stream(context.tenant, name)

        async def work(uow: UnitOfWork) -> bytes:
            after = await record_entry(uow, parts.vault, name, body)
            assert after.recorded is not None  # noqa: S101 - recording makes it so
            return msgspec.json.encode(StoredEntry(version=uow.version(stream), entry=after.recorded))

        job = CommandJob(
            work=work, status=lambda uow: 201 if uow.is_new(stream) else 200, writes={stream: DIRECTORY}, stream=stream
        )
        result = await parts.runner.run(context, job)
        stored = _stored.decode(result.body)
        return command_answer(result, shown=await _view(parts.vault, context.tenant, stored.entry))

    return router


async def _view(vault: Vault, tenant: str, recorded: DirectoryEntryRecorded) -> DirectoryEntryView:
    name, email = await vault.open_many(tenant, [recorded.name, recorded.email])
    return DirectoryEntryView(
        id=recorded.entry_id, name=name, email=email, language=recorded.language, lead=recorded.lead
    )
