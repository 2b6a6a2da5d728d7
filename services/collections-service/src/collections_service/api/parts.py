"""What the HTTP edge is made of; wiring.py builds it, tests build it too."""

import asyncpg
from msgspec import Struct

from collections_service.erp_intake.intake import Intake
from redress.clock import Clock
from redress.eventlog.log import EventLog
from redress.eventlog.vault import Vault
from redress.web.pages import Cursors


class Parts(Struct, frozen=True, kw_only=True):
    """`pool` reads as the API's role: only rows of the tenant that a transaction names."""

    log: EventLog
    pool: asyncpg.Pool
    vault: Vault
    intake: Intake
    cursors: Cursors
    clock: Clock
