"""The timers of disputes in a test: set from the log, and rung when a test says so."""

from datetime import datetime
from typing import Any
from uuid import UUID

from support.dispute_api import Office

from redress.ids import parse_public_id


class Clockwork:
    """Sets timers from the log, and rings those that are due."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def wind(self) -> None:
        await self._office.catch_up()

    async def timers(self, dispute: dict[str, Any]) -> list[tuple[str, datetime]]:
        rows = await self._office.worker.pool.fetch(
            "SELECT state, due_at FROM es.timer WHERE stream_id = $1 ORDER BY due_at, state", _stream(dispute)
        )
        return [(row["state"], row["due_at"]) for row in rows]

    async def bring_forward(self, dispute: dict[str, Any]) -> None:
        """As if its time had come: the database's own clock decides, and tests cannot move that."""
        await self._office.worker.pool.execute(
            "UPDATE es.timer SET due_at = es.now() WHERE stream_id = $1 AND state = 'pending'",
            _stream(dispute),
        )
        await self._office.fire_timers()


def _stream(dispute: dict[str, Any]) -> UUID:
    return parse_public_id("dsp", dispute["dispute_id"])
