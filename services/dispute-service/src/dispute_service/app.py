"""The HTTP application: the shared base, and the routes of this service."""

from dataclasses import dataclass
from importlib.metadata import version

from fastapi import FastAPI

from dispute_service.corridor.runner import CommandRunner
from dispute_service.disputes.list import DisputeLists, list_routes
from dispute_service.disputes.read import read_routes
from dispute_service.disputes.routes import command_routes
from dispute_service.problems import PROBLEMS, install_refusal_handlers
from dispute_service.reasons.routes import reason_routes
from dispute_service.routing.routes import matrix_routes
from redress.clock import Clock
from redress.eventlog.vault import Vault
from redress.messaging.feed import Feed, FollowedLog, feed_router
from redress.web.app import Lifespan, create_base_app
from redress.web.auth import Authenticator
from redress.web.health import Health

DESCRIPTION = """\
Disputes of accounts receivable: what a customer contests, who answers for it until when, how it ends, and every
earlier state of it. Commands are sub-resources (`POST /v1/disputes/{id}/assign`) and need `Idempotency-Key`, and
`If-Match` with the version they were decided on. Amounts are exact decimal text with an ISO 4217 code.
"""


@dataclass(frozen=True)
class ApiParts:
    """Everything the HTTP side of the service needs. Built in `wiring.py`, or by a test."""

    log: FollowedLog
    runner: CommandRunner
    lists: DisputeLists
    vault: Vault
    feed: Feed
    auth: Authenticator
    health: Health
    clock: Clock


def create_app(parts: ApiParts, lifespan: Lifespan | None = None) -> FastAPI:
    """The app over its parts; `lifespan` opens and closes what only a running process has."""
    app = create_base_app(
        title="Redress dispute-service",
        version=version("redress-dispute-service"),
        description=DESCRIPTION,
        auth=parts.auth,
        health=parts.health,
        clock=parts.clock,
        lifespan=lifespan,
        problems=PROBLEMS,
    )
    install_refusal_handlers(app)
    app.include_router(command_routes(parts.runner, parts.vault))
    app.include_router(list_routes(parts.lists))
    app.include_router(read_routes(parts.log, parts.vault))
    app.include_router(reason_routes())
    app.include_router(matrix_routes(parts.log, parts.runner))
    app.include_router(feed_router(parts.feed))
    return app
