"""The HTTP application: the shared base, and the routes of this service."""

from importlib.metadata import version

from fastapi import FastAPI

from dispute_service.api.commands import command_routes
from dispute_service.api.parts import ApiParts
from dispute_service.api.policies import policy_routes
from dispute_service.api.queries import query_routes
from dispute_service.api.refusals import PROBLEMS, install_refusal_handlers
from redress.messaging.feed import feed_router
from redress.web.app import Lifespan, create_base_app

DESCRIPTION = """\
Disputes of accounts receivable: what a customer contests, who answers for it until when, how it ends, and every
earlier state of it. Commands are sub-resources (`POST /v1/disputes/{id}/assign`) and need `Idempotency-Key`, and
`If-Match` with the version they were decided on. Amounts are exact decimal text with an ISO 4217 code.
"""


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
    app.include_router(command_routes(parts))
    app.include_router(query_routes(parts))
    app.include_router(policy_routes(parts))
    app.include_router(feed_router(parts.feed))
    return app
