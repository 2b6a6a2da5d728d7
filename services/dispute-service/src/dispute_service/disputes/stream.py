"""A dispute as the log keeps it: the stored name and version of every event, and how its stream is folded.

A stored name never changes.
"""

from typing import Final

from dispute_service.disputes import events as e
from dispute_service.disputes.document import stored_json
from dispute_service.disputes.state import INITIAL, State, evolve
from redress.decider import Decider

DISPUTE: Final[Decider[State, e.DisputeEvent]] = Decider(
    stream_type="dispute",
    initial=INITIAL,
    evolve=evolve,
    codec=e.DISPUTE_CODEC,
    document=stored_json,
    dated=True,
)
