"""What the routes work with; made by wiring.py."""

import asyncpg
from msgspec import Struct

from notification_service.notices.plan import Rules
from redress.clock import Clock
from redress.eventlog.log import EventLog
from redress.eventlog.vault import Vault
from redress.messaging.feed import Feed
from redress.web.auth import Authenticator
from redress.web.health import Health
from redress.web.pages import Cursors


class Parts(Struct, frozen=True, kw_only=True):
    """`pool` has the API's role: it reads one tenant at a time (reading.py)."""

    rules: Rules
    log: EventLog
    pool: asyncpg.Pool
    vault: Vault
    feed: Feed
    cursors: Cursors
    auth: Authenticator
    health: Health
    clock: Clock
