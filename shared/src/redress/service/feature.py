"""A service is a tuple of features; a feature is a tuple of values. `service.py` of each service shows all of it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import asyncpg
import httpx2 as httpx
from fastapi import APIRouter
from msgspec import Struct
from prometheus_client import CollectorRegistry

from redress.clock import Clock
from redress.contracts.envelope import PublishedEvent
from redress.eventlog.events import RecordedEvent
from redress.eventlog.postgres import PostgresEventLog
from redress.eventlog.vault import Vault
from redress.handling.command_runner import CommandRunner
from redress.messaging.feed import Feed, FollowedLog
from redress.messaging.kafka import KafkaBroker
from redress.messaging.port import IncomingMessage
from redress.messaging.state_publication import PublishedStream
from redress.ops.run import Part
from redress.ops.settings import ServiceSettings
from redress.policy.book import PolicyBook
from redress.projections.metrics import ConsumerMetrics
from redress.projections.projection import Projection
from redress.reading.tenant_reads import TenantReads
from redress.refusal import Refusal
from redress.timers.reaction import TimerReaction
from redress.web.auth import Authenticator
from redress.web.health import Health
from redress.web.pages import Cursors

P = TypeVar("P", bound=ServiceSettings)


class ApiParts(Struct, Generic[P], frozen=True, kw_only=True):
    """The things routes work with. `pool` has the API's role; `reads` lends its connections for one tenant."""

    settings: P
    log: FollowedLog
    pool: asyncpg.Pool
    reads: TenantReads
    vault: Vault
    runner: CommandRunner
    policies: PolicyBook
    cursors: Cursors
    feed: Feed
    auth: Authenticator
    health: Health
    clock: Clock


class WorkerParts(Struct, Generic[P], frozen=True, kw_only=True):
    """The things a worker's parts work with. `broker` is None where the services follow each other's feeds."""

    settings: P
    log: PostgresEventLog
    pool: asyncpg.Pool
    vault: Vault
    policies: PolicyBook
    http: httpx.AsyncClient
    broker: KafkaBroker | None
    registry: CollectorRegistry
    metrics: ConsumerMetrics
    clock: Clock


class Subscription(Struct, frozen=True, kw_only=True):
    """A handler of another service's events. `rebuilt_as` is the same handler for a rebuild, None for a reactor, whose
    effects must not happen again."""

    of: str
    handler: Callable[[WorkerParts[Any]], Projection[PublishedEvent]]
    rebuilt_as: Callable[[], Projection[PublishedEvent]] | None = None


class Feature(Struct, frozen=True, kw_only=True):
    """An aggregate or a capability of a service.

    `publishes` is what of its streams is published, `routes` its HTTP, `projections` follow the service's own log,
    `follows` other services, `topics` those of other systems (by name; nothing where there is no broker). `timers` are
    by kind. `parts` are further jobs of the worker. `refusals` are the trees of
    refusals its routes can give.
    """

    name: str
    publishes: tuple[PublishedStream, ...] = ()
    routes: Callable[[ApiParts[Any]], APIRouter] | None = None
    projections: Callable[[], tuple[Projection[RecordedEvent], ...]] = tuple
    follows: tuple[Subscription, ...] = ()
    topics: Callable[[WorkerParts[Any]], Mapping[str, Projection[IncomingMessage]]] | None = None
    timers: Mapping[str, TimerReaction] = {}
    parts: Callable[[WorkerParts[Any]], Sequence[Part]] | None = None
    refusals: tuple[type[Refusal], ...] = ()


class FollowedService(Struct, frozen=True):
    """Another service: its topic, and the setting that names the address of its feed."""

    topic: str
    url_setting: str


class Service(Struct, Generic[P], frozen=True, kw_only=True):
    """A whole service. `about` describes its API, `about_worker` its worker. `needed_by_worker` are optional settings
    that the worker cannot do without, besides those that every worker needs. `examples` is a folder with an example of
    every operation of its API."""

    name: str
    about: str
    about_worker: str
    source: str
    topic: str
    features: tuple[Feature, ...]
    follows: Mapping[str, FollowedService]
    settings: type[P]
    migrations: Path
    examples: Path | None = None
    needed_by_worker: tuple[str, ...] = ()
    max_body_bytes: int = 1_048_576
    cached_states: int = 1_000
