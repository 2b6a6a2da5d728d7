"""A dispute as the log keeps it: the stored name and version of every event, and how its stream is folded.

A stored name never changes.
"""

from typing import Final

from dispute_service.disputes import events as e
from dispute_service.disputes.document import current_json
from dispute_service.disputes.state import INITIAL, State, evolve
from redress.codec import Codec
from redress.decider import Decider

DISPUTE: Final[Decider[State, e.DisputeEvent]] = Decider(
    stream_type="dispute",
    initial=INITIAL,
    evolve=evolve,
    codec=Codec(
        {
            "dispute-opened": (1, e.DisputeOpened),
            "dispute-classified": (1, e.DisputeClassified),
            "dispute-assigned": (1, e.DisputeAssigned),
            "information-requested": (1, e.InformationRequested),
            "information-recorded": (1, e.InformationRecorded),
            "note-added": (1, e.NoteAdded),
            "dispute-escalated": (1, e.DisputeEscalated),
            "dispute-decided": (1, e.DisputeDecided),
            "dispute-resolved": (1, e.DisputeResolved),
            "dispute-settled": (1, e.DisputeSettled),
            "dispute-closed": (1, e.DisputeClosed),
            "dispute-reopened": (1, e.DisputeReopened),
            "dispute-withdrawn": (1, e.DisputeWithdrawn),
            "amount-reduced": (1, e.AmountReduced),
            "payment-reversed": (1, e.PaymentReversed),
            "invoice-became-known": (1, e.InvoiceBecameKnown),
            "sla-breached": (1, e.SlaBreached),
        }
    ),
    document=current_json,
    dated=True,
)
