"""The decider of a dispute: how its stream is folded, and the document kept with it."""

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
