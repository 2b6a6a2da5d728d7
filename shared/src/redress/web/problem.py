"""Every refusal in one form: RFC 9457 `application/problem+json` with a stable `code`.

`code` is for programs and never changes; `title` belongs to the code; `detail` says what happened this time.
`errors` names each wrong place by JSON pointer (`#/items/0/amount/currency`), or by parameter, the problem there and
what is allowed. An unexpected failure is answered with an id and nothing else: its text goes to the log only.
"""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from redress.contracts.common import wire
from redress.eventlog.log import AppendTooLarge, CommandInFlight, Conflict, KeyReused, LockConflict, LogUnavailable
from redress.eventlog.outage import LOST_RACE, OUTAGE, is_outage
from redress.money import Money
from redress.ops import telemetry
from redress.refusal import Detail, Kind, Refusal

MEDIA_TYPE = "application/problem+json"
CATALOGUE_PATH = "/docs/problems"
MAX_ERRORS = 50  # a batch can be wrong in thousands of places; the first fifty are enough to correct it
_MAX_DETAIL = 1_000
_QUOTED = re.compile(r"'([^']*)'")

# The kernel's own problems: code -> (status, title). Services add theirs when they build their app.
KERNEL_PROBLEMS: dict[str, tuple[int, str]] = {
    "malformed_json": (400, "The body is not JSON"),
    "malformed_request": (400, "The request cannot be read"),
    "idempotency_key_required": (400, "Every command needs an Idempotency-Key"),
    "invalid_if_match": (400, "If-Match is not the ETag of one version"),
    "invalid_cursor": (400, "The cursor does not belong to this list"),
    "missing_token": (401, "A bearer token is needed"),
    "invalid_token": (401, "The token is not accepted"),
    "insufficient_scope": (403, "The token's roles do not allow this"),
    "not_found": (404, "There is nothing here"),
    "method_not_allowed": (405, "This path does not answer that method"),
    "changed_meanwhile": (409, "Somebody else changed it at the same moment"),
    "command_in_flight": (409, "The same command is being executed right now"),
    "unknown_position": (410, "The log does not reach that position"),
    "stale_version": (412, "It was changed since it was read"),
    "body_too_large": (413, "The body is too large"),
    "unsupported_media_type": (415, "The body must be JSON"),
    "invalid_request": (422, "The request has fields that cannot be accepted"),
    "idempotency_key_reused": (422, "The Idempotency-Key was used for another request"),
    "too_much_at_once": (422, "The command would write more than one append can hold"),
    "if_match_required": (428, "The version that was read must be named in If-Match"),
    "internal_error": (500, "An unexpected failure"),
    "unavailable": (503, "Not available at the moment"),
    "authentication_unavailable": (503, "Tokens cannot be checked at the moment"),
}

STATUS_OF_KIND: dict[Kind, int] = {"absent": 404, "conflict": 409, "invalid": 422, "forbidden": 403}

_CODE_OF_STATUS = {
    400: "malformed_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
    503: "unavailable",
}

_log = structlog.stdlib.get_logger("redress.web")


class FieldError(Struct, frozen=True, omit_defaults=True):
    """One wrong place. `pointer` is a JSON pointer into the body as a URI fragment, None for a parameter.

    `allowed` is what would be accepted there: the values, or a short description. `parameter` and `location`
    (`query`, `path`, `header`) name the place outside the body.
    """

    pointer: str | None
    detail: str
    allowed: str | Sequence[str] | None = None
    parameter: str | None = None
    location: str | None = None


class Problem(Exception):
    """A refusal, raised anywhere below a route and answered as problem+json.

    `extra` are further members of the body, for numbers that a program can act on (`open_amount`); they must be JSON
    and cannot replace a standard member.
    """

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        detail: str | None = None,
        *,
        errors: Sequence[FieldError] = (),
        allowed_actions: Sequence[str] | None = None,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail or title}")
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.errors = tuple(errors)
        self.allowed_actions = None if allowed_actions is None else tuple(allowed_actions)
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})


def kernel_problem(
    code: str,
    detail: str | None = None,
    *,
    errors: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
    extra: Mapping[str, object] | None = None,
) -> Problem:
    """A problem of the kernel's own catalogue, with its status and title."""
    status, title = KERNEL_PROBLEMS[code]
    return Problem(status, code, title, detail, errors=errors, headers=headers, extra=extra)


def not_found(what: str) -> Problem:
    """404 for a thing that does not exist or belongs to another tenant: the two are answered alike."""
    return kernel_problem("not_found", f"there is no {what}")


def problem_of(refusal: Refusal) -> Problem:
    """A refusal of a business rule as a problem; its kind gives the status."""
    return Problem(
        STATUS_OF_KIND[refusal.kind],
        refusal.code,
        refusal.title,
        refusal.message,
        errors=[FieldError(pointer(place), detail, allowed) for place, detail, allowed in refusal.places],
        allowed_actions=refusal.allowed_actions,
        extra={name: _json(value) for name, value in refusal.details.items()},
    )


def pointer(path: Sequence[str | int]) -> str:
    """The JSON pointer of a place in a body, as a URI fragment."""
    parts = [str(part).replace("~", "~0").replace("/", "~1") for part in path]
    return "#/" + "/".join(parts) if parts else "#"


def _json(value: Detail) -> object:
    return wire(value) if isinstance(value, Money) else value


def problem_body(problem: Problem) -> dict[str, object]:
    """The JSON members of a problem, the current request's ids included."""
    body: dict[str, object] = {
        **problem.extra,
        "type": f"{CATALOGUE_PATH}#{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "code": problem.code,
    }
    if problem.detail is not None:
        body["detail"] = problem.detail[:_MAX_DETAIL]
    if problem.allowed_actions is not None:
        body["allowed_actions"] = problem.allowed_actions
    if problem.errors:
        body["errors"] = [_error_body(error) for error in problem.errors[:MAX_ERRORS]]
        if len(problem.errors) > MAX_ERRORS:
            body["errors_total"] = len(problem.errors)
    causes = telemetry.current_causes()
    if causes is not None:
        body["request_id"] = causes.request_id
        body["trace_id"] = causes.traceparent.trace_id
    return body


def problem_response(problem: Problem) -> Response:
    content = msgspec.json.encode(problem_body(problem))
    headers = {"Cache-Control": "no-store", **problem.headers}
    return Response(content, problem.status, headers, MEDIA_TYPE)


def install_problem_handlers(app: FastAPI) -> None:
    """Answer every refusal and failure of the app as problem+json."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(Refusal, _on_refusal)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)
    for refusal in (Conflict, KeyReused, CommandInFlight, AppendTooLarge, LogUnavailable):
        app.add_exception_handler(refusal, _on_log_refusal)
    for failure in OUTAGE:
        app.add_exception_handler(failure, _on_outage)
    for failure in LOST_RACE:
        app.add_exception_handler(failure, _on_lost_race)
    app.add_exception_handler(Exception, _on_failure)


async def _on_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - registered for this type only
    return problem_response(error)


async def _on_refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)  # noqa: S101
    return problem_response(problem_of(error))


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    return problem_response(_problem_of_validation(request, error))


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    phrase = HTTPStatus(error.status_code).phrase
    code = _CODE_OF_STATUS.get(error.status_code, phrase.lower().replace(" ", "_").replace("-", "_"))
    title = KERNEL_PROBLEMS[code][1] if code in KERNEL_PROBLEMS else phrase
    detail: str | None = error.detail if error.detail != phrase else None
    if error.status_code == HTTPStatus.NOT_FOUND and detail is None:
        detail = "no resource has this path"
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods(request))  # Starlette names those of one route; a path can have several
        detail = f"{request.method[:20]} is not one of {headers['Allow']}"
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        detail = "send less at once"
    return problem_response(Problem(error.status_code, code, title, detail, headers=headers))


def _methods(request: Request) -> list[str]:
    found: set[str] = set()
    for route in iter_route_contexts(request.app.routes):
        if isinstance(route.original_route, Route) and route.path_regex.match(request.url.path):
            found |= route.methods or set()
    return sorted(found)


async def _on_log_refusal(_: Request, error: Exception) -> Response:
    return problem_response(problem_of_log(error))


async def _on_outage(request: Request, error: Exception) -> Response:
    """A database is away, the log's own or another: the request can be repeated as it is."""
    _log.warning("database does not answer", method=request.method, path=request.url.path, exc_info=error)
    return problem_response(problem_of_log(LogUnavailable("the database did not answer")))


async def _on_lost_race(_: Request, __: Exception) -> Response:
    """Two transactions waited for each other, and the database ended this one."""
    return problem_response(problem_of_log(LockConflict()))


async def _on_failure(request: Request, error: Exception) -> Response:
    if is_outage(error):
        return await _on_outage(request, error)
    _log.error("request failed", method=request.method, path=request.url.path, exc_info=error)
    detail = "The failure was recorded under this request_id; please name it when you ask for help."
    return problem_response(kernel_problem("internal_error", detail))


def problem_of_log(error: Exception) -> Problem:
    """How a refusal of the event log is answered when the service has not given it a meaning of its own."""
    match error:
        case KeyReused():
            return kernel_problem("idempotency_key_reused", "use a new key for a new request")
        case CommandInFlight():
            return kernel_problem("command_in_flight", "ask again in a second", headers={"Retry-After": "1"})
        case Conflict():
            return kernel_problem("changed_meanwhile", "read it again and decide anew", headers={"Retry-After": "1"})
        case AppendTooLarge():
            return kernel_problem("too_much_at_once", str(error))
        case _:
            detail = "whether the command was stored is not known; repeat it with the same Idempotency-Key"
            return kernel_problem("unavailable", detail, headers={"Retry-After": "2"})


def _problem_of_validation(request: Request, error: RequestValidationError) -> Problem:
    found: Sequence[Any] = error.errors()
    if isinstance(error.body, bytes):
        given = request.headers.get("content-type", "none")[:100]
        return kernel_problem("unsupported_media_type", f"Content-Type is {given}; application/json is expected")
    if found and found[0]["type"] == "json_invalid":
        position, reason = found[0]["loc"][-1], found[0]["ctx"]["error"]
        return kernel_problem("malformed_json", f"at character {position}: {reason}")
    errors = [_field_error(item, error.body) for item in found]
    places = "one place" if len(errors) == 1 else f"{len(errors)} places"
    return kernel_problem("invalid_request", f"{places} to correct; see errors", errors=errors)


def _field_error(found: Mapping[str, Any], body: object) -> FieldError:
    location, *path = found["loc"]
    detail = found["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if found["type"] == "missing":
        detail = "is required"
    elif found["type"] == "extra_forbidden":
        detail = "is not a field of this request"
    allowed = _allowed(found)
    if location == "body":
        return FieldError(_pointer(path, body, found["type"]), detail, allowed)
    return FieldError(None, detail, allowed, parameter=".".join(str(part) for part in path), location=str(location))


def _pointer(path: Sequence[str | int], body: object, kind: str) -> str:
    """The path as a JSON pointer, without the names of union members that pydantic puts into its paths."""
    here: Any = body
    parts: list[str] = []
    for index, part in enumerate(path):
        absent = kind == "missing" and index == len(path) - 1
        if _is_place(here, part):
            here = here[part]
        elif not absent:
            continue
        parts.append(str(part).replace("~", "~0").replace("/", "~1"))
    return "#/" + "/".join(parts) if parts else "#"


def _is_place(here: object, part: str | int) -> bool:
    if isinstance(here, dict):
        return part in here
    return isinstance(here, list) and isinstance(part, int) and part < len(here)


_BOUNDS = {
    "ge": "at least {}",
    "gt": "more than {}",
    "le": "at most {}",
    "lt": "less than {}",
    "min_length": "length at least {}",
    "max_length": "length at most {}",
    "pattern": "text matching {}",
    "multiple_of": "a multiple of {}",
}


def _allowed(found: Mapping[str, Any]) -> str | list[str] | None:
    context = found.get("ctx", {})
    listed = context.get("expected") or context.get("expected_tags")
    if isinstance(listed, str):
        return _QUOTED.findall(listed) or listed
    bounds = [text.format(context[name]) for name, text in _BOUNDS.items() if name in context]
    return " and ".join(bounds) or None


def _error_body(error: FieldError) -> dict[str, object]:
    members = {
        "pointer": error.pointer,
        "parameter": error.parameter,
        "in": error.location,
        "detail": error.detail[:_MAX_DETAIL],
        "allowed": error.allowed,
    }
    return {name: value for name, value in members.items() if value is not None}
