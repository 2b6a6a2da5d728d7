"""The HTTP app of collections-service."""

from importlib.metadata import version

from fastapi import APIRouter, FastAPI

from collections_service.api.erp_routes import MAX_BODY_BYTES, erp_routes
from collections_service.api.ledger_routes import ledger_routes
from collections_service.api.parts import Parts
from redress.web.app import Lifespan, create_base_app
from redress.web.auth import Authenticator
from redress.web.health import Health
from redress.web.metrics import Metrics

DESCRIPTION = """The ledger of open items and receipts, fed by the ERP and by disputes.

The ERP posts, this service mirrors, proposes and instructs. Only the disputed part of an invoice is held."""


def create_app(
    parts: Parts,
    *,
    auth: Authenticator,
    health: Health,
    metrics: Metrics | None = None,
    lifespan: Lifespan | None = None,
    more_routes: tuple[APIRouter, ...] = (),
) -> FastAPI:
    """The app. `more_routes` are those of the feed."""
    app = create_base_app(
        title="Redress collections-service",
        version=version("redress-collections-service"),
        description=DESCRIPTION,
        auth=auth,
        health=health,
        clock=parts.clock,
        lifespan=lifespan,
        metrics=metrics,
        max_body_bytes=MAX_BODY_BYTES,
    )
    for router in (erp_routes(parts), ledger_routes(parts), *more_routes):
        app.include_router(router)
    return app
