"""Where in the body of a request a refusing invoice is named."""

from collections.abc import Mapping
from types import MappingProxyType

from dispute_service.disputable_invoices import refusals as invoice


class ContestedPlaces:
    """Where in the body of a request each contested invoice and line stands, for refusals that name the invoice."""

    def __init__(self, items: list[tuple[str, str | None]]) -> None:
        self._items = items

    def of(self, refusal: invoice.InvoiceRefusal) -> tuple[str | int, ...]:
        """The item, and what of it is wrong."""
        field = _FIELD_OF.get(type(refusal), ())
        if isinstance(refusal, invoice.CustomerMismatch):
            return ("customer_id",)
        for index, (invoice_id, line) in enumerate(self._items):
            if invoice_id == refusal.invoice_id and refusal.line in (None, line):
                return ("items", index, *field)
        return ("items",)


_FIELD_OF: Mapping[type[invoice.InvoiceRefusal], tuple[str, ...]] = MappingProxyType(
    {
        invoice.CurrencyMismatch: ("amount", "currency"),
        invoice.UnknownLine: ("line",),
        invoice.ExceedsOpenAmount: ("amount",),
        invoice.AlreadyDisputed: ("amount",),
        invoice.TooManyDisputes: ("invoice_id",),
    }
)
