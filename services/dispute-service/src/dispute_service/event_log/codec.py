"""Stored name and version of every event this service has ever written. A stored name never changes."""

from typing import Final

from dispute_service.disputable_invoices import events as invoice
from dispute_service.disputable_invoices.events import InvoiceEvent
from dispute_service.disputes import events as dispute
from dispute_service.disputes.events import DisputeEvent
from dispute_service.resolution_matrix.events import MatrixEvent, MatrixPublished
from redress.eventlog.codec import Codec

DISPUTE_CODEC: Final[Codec[DisputeEvent]] = Codec(
    {
        "dispute-opened": (1, dispute.DisputeOpened),
        "dispute-classified": (1, dispute.DisputeClassified),
        "dispute-assigned": (1, dispute.DisputeAssigned),
        "information-requested": (1, dispute.InformationRequested),
        "information-recorded": (1, dispute.InformationRecorded),
        "note-added": (1, dispute.NoteAdded),
        "dispute-escalated": (1, dispute.DisputeEscalated),
        "dispute-decided": (1, dispute.DisputeDecided),
        "dispute-resolved": (1, dispute.DisputeResolved),
        "dispute-settled": (1, dispute.DisputeSettled),
        "dispute-closed": (1, dispute.DisputeClosed),
        "dispute-reopened": (1, dispute.DisputeReopened),
        "dispute-withdrawn": (1, dispute.DisputeWithdrawn),
        "amount-reduced": (1, dispute.AmountReduced),
        "payment-reversed": (1, dispute.PaymentReversed),
        "invoice-became-known": (1, dispute.InvoiceBecameKnown),
        "sla-breached": (1, dispute.SlaBreached),
    }
)

INVOICE_CODEC: Final[Codec[InvoiceEvent]] = Codec(
    {
        "invoice-recorded": (1, invoice.InvoiceRecorded),
        "reservation-set": (1, invoice.ReservationSet),
        "short-payment-left": (1, invoice.ShortPaymentLeft),
    }
)

MATRIX_CODEC: Final[Codec[MatrixEvent]] = Codec({"matrix-published": (1, MatrixPublished)})
