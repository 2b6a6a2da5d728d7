"""Refusal → HTTP status: the whole table. A test walks every refusal and fails when one is missing."""

from collections.abc import Mapping
from types import MappingProxyType

from fastapi import FastAPI, Request
from starlette.responses import Response

from dispute_service.corridor.runner import StaleVersion
from dispute_service.disputable_invoices import refusals as invoice
from dispute_service.disputes import refusals as dispute
from dispute_service.disputes.contested_places import ContestedPlaces
from dispute_service.refusal import Fact, Refusal
from dispute_service.routing import refusals as matrix
from redress.contracts.common import wire
from redress.money import Money
from redress.web.etag import stale
from redress.web.problem import FieldError, Problem, problem_response

# 404 there is none; 409 the state of the dispute or the invoice is the reason; 422 the command itself is.
STATUS: Mapping[type[Refusal], int] = MappingProxyType(
    {
        dispute.NoSuchDispute: 404,
        dispute.AlreadyOpened: 409,
        dispute.WrongState: 409,
        dispute.EffectiveInFuture: 422,
        dispute.EffectiveBeforeOpening: 422,
        dispute.UnknownCode: 422,
        dispute.ItemsRefused: 422,
        dispute.NobodyNamed: 422,
        dispute.AnswerDueInPast: 422,
        dispute.TooManyNotes: 409,
        dispute.EscalationNotHigher: 422,
        dispute.VerdictDoesNotAddUp: 422,
        dispute.CreditNotStated: 422,
        dispute.CreditOutOfBounds: 422,
        dispute.ContradictsVerdict: 422,
        dispute.NothingToReopen: 409,
        invoice.CustomerMismatch: 422,
        invoice.CurrencyMismatch: 422,
        invoice.UnknownLine: 422,
        invoice.ExceedsOpenAmount: 422,
        invoice.AlreadyDisputed: 409,
        invoice.TooManyDisputes: 409,
        matrix.MatrixNotAcceptable: 422,
    }
)

PROBLEMS: Mapping[str, tuple[int, str]] = MappingProxyType(
    {refusal.code: (status, refusal.title) for refusal, status in STATUS.items()}
)


def problem_of(refusal: Refusal, places: ContestedPlaces | None = None) -> Problem:
    """The refusal as problem+json. `places` finds the body's item where an invoice refused."""
    errors: tuple[FieldError, ...] = ()
    if isinstance(refusal, matrix.MatrixNotAcceptable):
        errors = tuple(FieldError(_pointer(problem.path), problem.detail) for problem in refusal.problems)
    elif isinstance(refusal, invoice.InvoiceRefusal):
        if places is not None:
            errors = (FieldError(_pointer(places.of(refusal)), refusal.message, refusal.allowed),)
    elif refusal.place is not None:
        errors = (FieldError(_pointer(refusal.place), refusal.message, refusal.allowed),)
    return Problem(
        STATUS[type(refusal)],
        refusal.code,
        refusal.title,
        refusal.message,
        errors=errors,
        allowed_actions=refusal.allowed_actions if isinstance(refusal, dispute.WrongState) else None,
        extra={name: _json(value) for name, value in refusal.facts.items()},
    )


def install_refusal_handlers(app: FastAPI) -> None:
    app.add_exception_handler(Refusal, _on_refusal)
    app.add_exception_handler(StaleVersion, _on_stale)


async def _on_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)  # noqa: S101 - registered for this type only
    return problem_response(problem_of(error, getattr(request.state, "contested", None)))


async def _on_stale(_: Request, error: Exception) -> Response:
    assert isinstance(error, StaleVersion)  # noqa: S101
    return problem_response(stale(error.actual))


def _pointer(path: tuple[str | int, ...]) -> str:
    parts = [str(part).replace("~", "~0").replace("/", "~1") for part in path]
    return "#/" + "/".join(parts) if parts else "#"


def _json(value: Fact) -> object:
    return wire(value) if isinstance(value, Money) else value
