"""Every version of each dispute, for lists as known at a past instant: `read.dispute_history`."""

from dispute_service.disputes.events import DisputeEvent
from dispute_service.disputes.state import State
from dispute_service.disputes.stream import DISPUTE
from redress.projections.version_history import VersionHistory


def dispute_history() -> VersionHistory[State, DisputeEvent]:
    return VersionHistory(DISPUTE, name="dispute-history", table="dispute_history")
