"""The HTTP API of the service."""

from importlib.metadata import version

from fastapi import FastAPI

from notification_service.directory.routes import PROBLEMS, directory_routes
from notification_service.inbox.routes import why_routes
from notification_service.notifications.routes import notification_routes
from notification_service.parts import Parts
from redress.messaging.feed import feed_router
from redress.web.app import Lifespan, create_base_app

_DESCRIPTION = """Who is told what about a dispute, in which language, once, and the reason for every notice that was \
not sent."""


def create_app(parts: Parts, lifespan: Lifespan | None = None) -> FastAPI:
    app = create_base_app(
        title="Redress notification-service",
        version=version("redress-notification-service"),
        description=_DESCRIPTION,
        auth=parts.auth,
        health=parts.health,
        clock=parts.clock,
        lifespan=lifespan,
        problems={code: (status, title) for status, code, title in PROBLEMS.values()},
    )
    app.include_router(why_routes(parts))
    app.include_router(notification_routes(parts))
    app.include_router(directory_routes(parts))
    app.include_router(feed_router(parts.feed))
    return app
