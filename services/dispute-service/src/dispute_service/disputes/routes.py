"""Commands to disputes over HTTP: one short function per action, body in, current document out."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from dispute_service.disputable_invoices.refusals import InvoiceRefusal
from dispute_service.disputes import bodies
from dispute_service.disputes import commands as c
from dispute_service.disputes.bodies import dispute_of
from dispute_service.disputes.document import DisputeDocument
from dispute_service.disputes.handle import changing, opening, terms_for
from dispute_service.disputes.list import add_list_routes
from dispute_service.disputes.read import add_read_routes
from dispute_service.disputes.refusals import DisputeRefusal
from dispute_service.disputes.state import Dispute
from dispute_service.settings import DisputeSettings
from redress.contracts.common import Sealed, SealedContact
from redress.eventlog.vault import Vault
from redress.handling.command import CommandContext, CommandResult
from redress.ids import new_uuid
from redress.policy.book import Policies
from redress.service.feature import ApiParts
from redress.web.command_routes import Build, CommandRequest, CommandRoutes, command_answer, commanded
from redress.web.openapi import answers

Opening = Annotated[CommandContext, Depends(commanded("disputes:open"))]
Asked = CommandRequest[Dispute]
Commands = CommandRoutes[Dispute, c.DisputeCommand]
Seal = Callable[[str, Asked], Awaitable[Sealed]]
SealAnew = Callable[[str, Sealed | None, Asked], Awaitable[Sealed]]
"""Seals a text; one that says the same as the known one is that one, so that a repetition is no news."""

PATH = "/v1/disputes"


def dispute_routes(parts: ApiParts[DisputeSettings]) -> APIRouter:
    router = APIRouter(tags=["disputes"])
    _add_opening(router, parts)
    add_list_routes(router, parts)
    add_read_routes(router, parts)
    _add_commands(router, parts)
    return router


def _add_opening(router: APIRouter, parts: ApiParts[DisputeSettings]) -> None:
    @router.post(PATH, status_code=201, response_class=Response, summary="Open a dispute")
    @answers(DisputeDocument, status=201, problems=[DisputeRefusal, InvoiceRefusal])
    async def open_dispute(context: Opening, body: bodies.OpenBody) -> Response:
        """Of an invoice of which nothing is open and something is paid it is a claim after payment: `claimed_back`."""
        command = await _open(parts.vault, context, body)
        result = await parts.runner.run(context, opening(context, new_uuid(), command))
        return command_answer(result, lambda opened: f"{PATH}/{opened.id}")


async def _open(vault: Vault, context: CommandContext, body: bodies.OpenBody) -> c.Open:
    contact, description = None, None
    if body.contact is not None:
        person = vault.person_of_email(context.tenant, body.contact.email)
        contact = SealedContact(
            await vault.seal(context.tenant, person, body.contact.name),
            await vault.seal(context.tenant, person, body.contact.email),
            body.contact.language,
        )
    if body.description is not None:
        description = await vault.seal(context.tenant, _customer(body.customer_id), body.description)
    return c.Open(
        at=body.at(context.now),
        customer_id=body.customer_id,
        items=tuple(
            c.ContestedItem(
                invoice_id=item.invoice_id,
                line=item.line,
                amount=item.amount.money,
                known=False,
                legal_entity=item.legal_entity,
            )
            for item in body.items
        ),
        reason_code=body.reason_code,
        origin=body.origin,
        external_reason=body.external_reason,
        description=description,
        contact=contact,
    )


def _customer(customer_id: str) -> str:
    """Whose text it is what people write about a dispute: erasing the customer erases it."""
    return f"customer:{customer_id}"


def _add_commands(router: APIRouter, parts: ApiParts[DisputeSettings]) -> None:
    async def take(context: CommandContext, dispute: UUID, build: Build[Dispute, c.DisputeCommand]) -> CommandResult:
        return await parts.runner.run(context, changing(context, dispute, build))

    async def seal(text: str, asked: Asked) -> Sealed:
        return await parts.vault.seal(asked.context.tenant, _customer(asked.state.customer_id), text)

    async def seal_anew(text: str, known: Sealed | None, asked: Asked) -> Sealed:
        same = known is not None and await parts.vault.open(asked.context.tenant, known) == text
        return known if known is not None and same else await seal(text, asked)

    commands: Commands = CommandRoutes(
        router,
        f"{PATH}/{{dispute_id}}",
        id_of=dispute_of,
        take=take,
        answers=DisputeDocument,
        problems=[DisputeRefusal],
        id_description="`dsp_…`",
    )
    _add_work(commands, seal)
    _add_endings(commands, seal_anew, parts.policies)


def _add_work(commands: Commands, seal: Seal) -> None:
    @commands.action("classify", permission="disputes:write", summary="Change the reason or name the cause")
    def classify(body: bodies.ClassifyBody, asked: Asked) -> c.Classify:
        return c.Classify(at=body.at(asked.now), reason_code=body.reason_code, root_cause=body.root_cause)

    @commands.action("assign", permission="disputes:write", summary="Assign, by matrix when nobody is named")
    def assign(body: bodies.AssignBody, asked: Asked) -> c.AssignTo | c.AssignByMatrix:
        if body.owner is None and body.team is None:
            return c.AssignByMatrix(at=body.at(asked.now), reason=body.reason)
        return c.AssignTo(at=body.at(asked.now), owner=body.owner, team=body.team, reason=body.reason)

    @commands.action("request-information", permission="disputes:write", summary="Ask for information")
    async def request_information(body: bodies.RequestInformationBody, asked: Asked) -> c.RequestInformation:
        return c.RequestInformation(
            at=body.at(asked.now),
            request_id=asked.context.command_id,
            asked=body.asked,
            what=await seal(body.what, asked),
            due=body.due,
        )

    @commands.action("record-information", permission="disputes:write", summary="Record an answer")
    async def record_information(body: bodies.RecordInformationBody, asked: Asked) -> c.RecordInformation:
        return c.RecordInformation(
            at=body.at(asked.now), record_id=asked.context.command_id, text=await seal(body.text, asked)
        )

    @commands.action("add-note", permission="disputes:note", summary="Add a note, in any state")
    async def add_note(body: bodies.AddNoteBody, asked: Asked) -> c.AddNote:
        return c.AddNote(
            at=body.at(asked.now),
            note_id=asked.context.command_id,
            text=await seal(body.text, asked),
            visibility=body.visibility,
        )


def _add_endings(commands: Commands, seal: SealAnew, policies: Policies) -> None:
    @commands.action("decide", permission="disputes:decide", summary="Decide what is valid and what is not")
    async def decide(body: bodies.DecideBody, asked: Asked) -> c.Decide:
        verdict = asked.state.verdict
        return c.Decide(
            at=body.at(asked.now),
            valid=None if body.valid is None else body.valid.money,
            invalid=None if body.invalid is None else body.invalid.money,
            items=None if body.items is None else tuple(item.judged for item in body.items),
            root_cause=body.root_cause,
            rationale=await seal(body.rationale, None if verdict is None else verdict.rationale, asked),
        )

    @commands.action("resolve", permission="disputes:decide", summary="Settle the outcome")
    async def resolve(body: bodies.ResolveBody, asked: Asked) -> c.Resolve:
        return c.Resolve(
            at=body.at(asked.now),
            resolution_code=body.resolution_code,
            credited=None if body.credited is None else body.credited.money,
            items=None if body.items is None else tuple(item.stated for item in body.items),
            rationale=None if body.rationale is None else await seal(body.rationale, asked.state.rationale, asked),
            terms=await terms_for(asked.context.tenant, asked.state, body.at(asked.now), policies),
        )

    @commands.action("close", permission="disputes:write", summary="File a resolved dispute away")
    def close(body: bodies.CloseBody, asked: Asked) -> c.Close:
        return c.Close(at=body.at(asked.now))

    @commands.action("reopen", permission="disputes:write", summary="Take an ended dispute up again")
    def reopen(body: bodies.ReopenBody, asked: Asked) -> c.Reopen:
        return c.Reopen(at=body.at(asked.now), reason=body.reason)

    @commands.action("withdraw", permission="disputes:write", summary="The customer no longer contests")
    def withdraw(body: bodies.WithdrawBody, asked: Asked) -> c.Withdraw:
        return c.Withdraw(at=body.at(asked.now), reason=body.reason)

    @commands.action("settle", permission="disputes:decide", summary="Say that nothing more comes")
    def settle(body: bodies.SettleBody, asked: Asked) -> c.Settle:
        return c.Settle(at=body.at(asked.now), into=body.into, reason=body.reason)

    @commands.action("escalate", permission="disputes:write", summary="Raise it to a level")
    def escalate(body: bodies.EscalateBody, asked: Asked) -> c.Escalate:
        return c.Escalate(at=body.at(asked.now), level=body.level, reason=body.reason, to=body.to)
