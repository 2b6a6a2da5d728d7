"""A stand-in for dispute-service: its feed over real HTTP, and the issuer's token endpoint beside it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx2 as httpx
from msgspec import structs
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from support.issuer import Issuer
from support.serving import serving

from redress.contracts.envelope import PublishedEvent
from redress.eventlog.events import Actor, Meta, NewEvent, RecordedEvent, StreamWrite, encode_meta
from redress.eventlog.memory import InMemoryEventLog
from redress.ids import new_uuid
from redress.messaging.cloudevents import from_json, to_json
from redress.messaging.feed import Feed, feed_router
from redress.web.app import create_base_app
from redress.web.health import Health

META = encode_meta(Meta(actor=Actor("system", "test"), command_id="c", correlation_id="r"))


class DisputeService:
    """Publishes what it is given, in that order."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.log = InMemoryEventLog()
        self.address = ""
        self.token_url = ""

    async def publish_events(self, *events: PublishedEvent) -> None:
        for event in events:
            stream = await self.log.read_stream(event.tenant, event.subject)
            stored = NewEvent(
                event_id=new_uuid(),
                type=event.type,
                schema_version=1,
                payload=to_json(event),
                meta=META,
                effective_at=event.effective_at,
            )
            await self.log.append(
                event.tenant,
                [StreamWrite(stream_id=event.subject, stream_type="dispute", expected=len(stream), events=(stored,))],
            )
        await self.log.sequence()

    async def publish(self, events: Sequence[RecordedEvent]) -> list[PublishedEvent]:
        epoch = await self.log.epoch()
        return [structs.replace(from_json(event.payload), seq=event.seq, epoch=epoch) for event in events]


@asynccontextmanager
async def dispute_service() -> AsyncIterator[DisputeService]:
    async with Issuer().serving() as issuer, httpx.AsyncClient(trust_env=False) as http:
        service = DisputeService(issuer)

        async def token(_: object) -> JSONResponse:
            access_token = issuer.token("service", tenant="*", subject="notification-service")
            return JSONResponse({"access_token": access_token, "expires_in": 600})

        app = create_base_app(
            title="Disputes", version="1", description="", auth=issuer.authenticator(http), health=Health(ready={})
        )
        app.include_router(feed_router(Feed(service.log, service)))
        tokens = Starlette(routes=[Route("/token", token, methods=["POST"])])
        async with (
            serving(app) as service.address,
            serving(tokens, lifespan="off") as tokens_address,
        ):
            service.token_url = f"{tokens_address}/token"
            yield service
            stopping: asyncio.Event = app.state.stopping
            stopping.set()
