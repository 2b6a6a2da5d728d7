"""The reasons for which an invoice cannot be disputed.

InvoiceRefusal
├── AmbiguousInvoice      several legal entities have an invoice with this number, and none is named
├── CustomerMismatch      the invoice was issued to another customer
├── CurrencyMismatch      the invoice is in another currency
├── UnknownLine           the invoice has lines, and not this one
├── ExceedsOpenAmount     more is contested than is open, whoever else contests
├── ExceedsPaidAmount     more is claimed back than is paid
├── AlreadyDisputed       it would fit but for other disputes
└── TooManyDisputes       the bound of disputes per invoice is reached
"""

from collections.abc import Mapping
from typing import ClassVar, Final

from redress.refusal import Detail, Refusal

_SHOWN: Final = 20  # candidates that a refusal names


class InvoiceRefusal(Refusal):
    """Any of the reasons above. `invoice_id` and `line` say where, `field` which part of a contested item is wrong."""

    field: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        message: str,
        *,
        invoice_id: str,
        line: str | None = None,
        allowed: tuple[str, ...] | str | None = None,
        details: Mapping[str, Detail] | None = None,
    ) -> None:
        super().__init__(message, allowed=allowed, details={"invoice_id": invoice_id, "line": line, **(details or {})})
        self.invoice_id = invoice_id
        self.line = line


class AmbiguousInvoice(InvoiceRefusal):
    code = "ambiguous_invoice"
    title = "Several legal entities have an invoice with this number"
    kind = "conflict"
    field = ("legal_entity",)

    def __init__(self, invoice_id: str, legal_entities: tuple[str, ...]) -> None:
        shown = legal_entities[:_SHOWN]
        super().__init__(
            f"{', '.join(shown)} have an invoice {invoice_id} each; say whose it is.",
            invoice_id=invoice_id,
            allowed=shown,
            details={"legal_entities": shown},
        )


class CustomerMismatch(InvoiceRefusal):
    code = "customer_mismatch"
    title = "The invoice belongs to another customer"


class CurrencyMismatch(InvoiceRefusal):
    code = "currency_mismatch"
    title = "The invoice is in another currency"
    field = ("amount", "currency")


class UnknownLine(InvoiceRefusal):
    code = "unknown_line"
    title = "The invoice has no such line"
    field = ("line",)


class ExceedsOpenAmount(InvoiceRefusal):
    code = "exceeds_open_amount"
    title = "More is disputed than is open"
    field = ("amount",)


class ExceedsPaidAmount(InvoiceRefusal):
    code = "exceeds_paid_amount"
    title = "More is claimed back than is paid"
    field = ("amount",)


class AlreadyDisputed(InvoiceRefusal):
    code = "already_disputed"
    title = "The amount is disputed already"
    kind = "conflict"
    field = ("amount",)


class TooManyDisputes(InvoiceRefusal):
    code = "too_many_disputes"
    title = "The invoice takes no more disputes"
    kind = "conflict"
    field = ("invoice_id",)
