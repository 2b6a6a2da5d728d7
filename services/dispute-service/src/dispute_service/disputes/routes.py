"""Commands over HTTP: one short function per action, body in, current document out."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request, Response

from dispute_service.corridor.runner import Answered, CommandRunner, commanded_by
from dispute_service.disputes import bodies
from dispute_service.disputes import commands as c
from dispute_service.disputes.bodies import DisputeId, dispute_of
from dispute_service.disputes.contested_places import ContestedPlaces
from dispute_service.disputes.handle import command_dispute, open_dispute
from dispute_service.disputes.state import Dispute
from redress.contracts.common import Sealed, SealedContact
from redress.eventlog.events import StoredAnswer
from redress.eventlog.vault import Vault
from redress.ids import new_uuid
from redress.web.answers import answer
from redress.web.commands import CommandContext, commanded
from redress.web.etag import etag
from redress.web.idempotency import replay

Opening = Annotated[CommandContext, Depends(commanded("disputes:open"))]
Noting = Annotated[CommandContext, Depends(commanded("disputes:note", version="required"))]
Working = Annotated[CommandContext, Depends(commanded("disputes:write", version="required"))]
Deciding = Annotated[CommandContext, Depends(commanded("disputes:decide", version="required"))]

Build = Callable[[Dispute, Callable[[str], Awaitable[Sealed]]], Awaitable[c.DisputeCommand]]


def command_routes(runner: CommandRunner, vault: Vault) -> APIRouter:  # noqa: C901 - one function per route
    router = APIRouter(tags=["disputes"])

    @router.post("/v1/disputes", status_code=201, response_class=Response, summary="Open a dispute")
    async def open_(request: Request, context: Opening, body: bodies.OpenBody) -> Response:
        request.state.contested = ContestedPlaces([(item.invoice_id, item.line) for item in body.items])
        answered = await open_dispute(runner, commanded_by(context), new_uuid(), await _opening(vault, context, body))
        return _document(answered, created=True)

    async def change(context: CommandContext, dispute_id: str, build: Build) -> Response:
        async def of(state: Dispute) -> c.DisputeCommand:
            async def seal(text: str) -> Sealed:
                return await vault.seal(context.tenant, f"customer:{state.customer_id}", text)

            return await build(state, seal)

        return _document(await command_dispute(runner, commanded_by(context), dispute_of(dispute_id), of))

    @router.post(
        "/v1/disputes/{dispute_id}/classify", response_class=Response, summary="Change the reason or name the cause"
    )
    async def classify(context: Working, dispute_id: DisputeId, body: bodies.ClassifyBody) -> Response:
        async def build(_state: Dispute, _seal: object) -> c.DisputeCommand:
            return c.Classify(at=body.at(context.now), reason_code=body.reason_code, root_cause=body.root_cause)

        return await change(context, dispute_id, build)

    @router.post(
        "/v1/disputes/{dispute_id}/assign", response_class=Response, summary="Assign, by matrix when nobody is named"
    )
    async def assign(context: Working, dispute_id: DisputeId, body: bodies.AssignBody | None = None) -> Response:
        named = body or bodies.AssignBody()

        async def build(_state: Dispute, _seal: object) -> c.DisputeCommand:
            at = named.at(context.now)
            if named.owner is None and named.team is None:
                return c.AssignByMatrix(at=at)
            return c.AssignTo(at=at, owner=named.owner, team=named.team, reason=named.reason)

        return await change(context, dispute_id, build)

    @router.post(
        "/v1/disputes/{dispute_id}/request-information", response_class=Response, summary="Ask for information"
    )
    async def request_information(
        context: Working, dispute_id: DisputeId, body: bodies.RequestInformationBody
    ) -> Response:
        async def build(_state: Dispute, seal: Callable[[str], Awaitable[Sealed]]) -> c.DisputeCommand:
            return c.RequestInformation(
                at=body.at(context.now),
                request_id=context.command_id,
                asked=body.asked,
                what=await seal(body.what),
                due=body.due,
            )

        return await change(context, dispute_id, build)

    @router.post("/v1/disputes/{dispute_id}/record-information", response_class=Response, summary="Record an answer")
    async def record_information(
        context: Working, dispute_id: DisputeId, body: bodies.RecordInformationBody
    ) -> Response:
        async def build(_state: Dispute, seal: Callable[[str], Awaitable[Sealed]]) -> c.DisputeCommand:
            return c.RecordInformation(
                at=body.at(context.now), record_id=context.command_id, text=await seal(body.text)
            )

        return await change(context, dispute_id, build)

    @router.post("/v1/disputes/{dispute_id}/add-note", response_class=Response, summary="Add a note, in any state")
    async def add_note(context: Noting, dispute_id: DisputeId, body: bodies.AddNoteBody) -> Response:
        async def build(_state: Dispute, seal: Callable[[str], Awaitable[Sealed]]) -> c.DisputeCommand:
            return c.AddNote(
                at=body.at(context.now),
                note_id=context.command_id,
                text=await seal(body.text),
                visibility=body.visibility,
            )

        return await change(context, dispute_id, build)

    @router.post(
        "/v1/disputes/{dispute_id}/decide", response_class=Response, summary="Decide what is valid and what is not"
    )
    async def decide(context: Deciding, dispute_id: DisputeId, body: bodies.DecideBody) -> Response:
        async def build(_state: Dispute, seal: Callable[[str], Awaitable[Sealed]]) -> c.DisputeCommand:
            return c.Decide(
                at=body.at(context.now),
                valid=body.valid.money,
                invalid=body.invalid.money,
                root_cause=body.root_cause,
                rationale=await seal(body.rationale),
            )

        return await change(context, dispute_id, build)

    @router.post("/v1/disputes/{dispute_id}/resolve", response_class=Response, summary="Settle the outcome")
    async def resolve(context: Deciding, dispute_id: DisputeId, body: bodies.ResolveBody) -> Response:
        async def build(_state: Dispute, seal: Callable[[str], Awaitable[Sealed]]) -> c.DisputeCommand:
            return c.Resolve(
                at=body.at(context.now),
                resolution_code=body.resolution_code,
                credited=None if body.credited is None else body.credited.money,
                rationale=None if body.rationale is None else await seal(body.rationale),
            )

        return await change(context, dispute_id, build)

    @router.post("/v1/disputes/{dispute_id}/close", response_class=Response, summary="File a resolved dispute away")
    async def close(context: Working, dispute_id: DisputeId, body: bodies.CloseBody | None = None) -> Response:
        async def build(_state: Dispute, _seal: object) -> c.DisputeCommand:
            return c.Close(at=(body or bodies.CloseBody()).at(context.now))

        return await change(context, dispute_id, build)

    @router.post("/v1/disputes/{dispute_id}/reopen", response_class=Response, summary="Take an ended dispute up again")
    async def reopen(context: Working, dispute_id: DisputeId, body: bodies.ReopenBody) -> Response:
        async def build(_state: Dispute, _seal: object) -> c.DisputeCommand:
            return c.Reopen(at=body.at(context.now), reason=body.reason)

        return await change(context, dispute_id, build)

    @router.post(
        "/v1/disputes/{dispute_id}/withdraw", response_class=Response, summary="The customer no longer contests"
    )
    async def withdraw(context: Working, dispute_id: DisputeId, body: bodies.WithdrawBody) -> Response:
        async def build(_state: Dispute, _seal: object) -> c.DisputeCommand:
            return c.Withdraw(at=body.at(context.now), reason=body.reason)

        return await change(context, dispute_id, build)

    @router.post("/v1/disputes/{dispute_id}/escalate", response_class=Response, summary="Raise it to a level")
    async def escalate(context: Working, dispute_id: DisputeId, body: bodies.EscalateBody) -> Response:
        async def build(_state: Dispute, _seal: object) -> c.DisputeCommand:
            return c.Escalate(at=body.at(context.now), level=body.level, reason=body.reason, to=body.to)

        return await change(context, dispute_id, build)

    return router


async def _opening(vault: Vault, context: CommandContext, body: bodies.OpenBody) -> c.Open:
    contact, description = None, None
    if body.contact is not None:
        person = vault.person_of_email(context.tenant, body.contact.email)
        contact = SealedContact(
            await vault.seal(context.tenant, person, body.contact.name),
            await vault.seal(context.tenant, person, body.contact.email),
            body.contact.language,
        )
    if body.description is not None:
        description = await vault.seal(context.tenant, f"customer:{body.customer_id}", body.description)
    return c.Open(
        at=body.at(context.now),
        customer_id=body.customer_id,
        items=tuple(
            c.ContestedItem(invoice_id=item.invoice_id, line=item.line, amount=item.amount.money, known=False)
            for item in body.items
        ),
        reason_code=body.reason_code,
        origin=body.origin,
        external_reason=body.external_reason,
        description=description,
        contact=contact,
    )


def _document(answered: Answered, *, created: bool = False) -> Response:
    """The document with its ETag; a stored answer goes out again byte for byte."""
    shown: dict[str, Any] = msgspec.json.decode(answered.body)
    location = f"/v1/disputes/{shown['dispute_id']}" if created else None
    if answered.replayed:
        stored = StoredAnswer(b"", answered.status, answered.body)
        headers = {"ETag": etag(shown["version"])}
        return replay(stored, headers if location is None else {**headers, "Location": location})
    return answer(answered.body, answered.status, version=shown["version"], location=location)
