"""Which failures concern one message only, and how it is left for later."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from collections_service.erp.item import Item
from redress.eventlog.log import CommandInFlight, Conflict, LogUnavailable
from redress.eventlog.outage import is_outage

_log = structlog.stdlib.get_logger("collections.erp")


@contextmanager
def failing_alone(item: Item) -> Iterator[None]:
    """A failure that concerns this message only is noted on it, and is nothing to its neighbours."""
    try:
        yield
    except (LogUnavailable, CommandInFlight, Conflict):
        raise
    except Exception as failure:
        if is_outage(failure):
            raise
        _log.exception("erp_message_failed", sha256=item.sha256.hex())
        item.fail(failure)
