"""What the routes work with. Built in `wiring.py`, or by a test."""

from dataclasses import dataclass

from dispute_service.command_handling.handler import CommandHandler
from dispute_service.queries.dispute_lists import DisputeLists
from redress.clock import Clock
from redress.eventlog.vault import Vault
from redress.messaging.feed import Feed, FollowedLog
from redress.web.auth import Authenticator
from redress.web.health import Health


@dataclass(frozen=True)
class ApiParts:
    """Everything the HTTP side of the service needs."""

    log: FollowedLog
    handler: CommandHandler
    lists: DisputeLists
    vault: Vault
    feed: Feed
    auth: Authenticator
    health: Health
    clock: Clock
