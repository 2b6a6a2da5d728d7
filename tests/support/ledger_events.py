"""The events that collections-service would publish about one invoice."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec
from msgspec import Raw

from redress.contracts import collections_events as public
from redress.contracts.catalogue import dataschema
from redress.contracts.common import WireMoney
from redress.contracts.envelope import PublishedEvent
from redress.ids import derived_uuid, new_uuid, public_id


@dataclass
class LedgerInvoice:
    """An invoice of customer C-1 over 1,000.00; every fact carries it as it is afterwards. `first_entity` had the
    number before."""

    tenant: str
    invoice_id: str = "INV-1"
    currency: str = "EUR"
    total: str = "1000.00"
    open: str = "1000.00"
    has_paid: Decimal = Decimal("0.00")
    customer_id: str = "C-1"
    legal_entity: str = "DE01"
    source: str = "sap"
    first_entity: str | None = None
    recorded_at: datetime = datetime(2026, 3, 4, 13, 0, tzinfo=UTC)
    lines: dict[str, str] = field(default_factory=dict)
    version: int = field(default=0, init=False)

    def registered(self) -> PublishedEvent:
        return self._fact("invoice-registered", public.InvoiceRegistered(invoice=self._summary()))

    def corrected(self, *, total: str, open_: str) -> PublishedEvent:
        self.total, self.open = total, open_
        return self._fact("invoice-changed", public.InvoiceChanged(invoice=self._summary()))

    def paid(
        self,
        applied: str,
        *,
        leaves: str,
        payment_id: str = "P-1",
        on: date = date(2026, 3, 4),
        under_protest: bool = False,
    ) -> PublishedEvent:
        self.open = leaves
        self.has_paid += Decimal(applied)
        fact = public.PaymentApplied(
            invoice=self._summary(),
            payment_id=payment_id,
            received_on=on,
            applied=self._money(applied),
            source=self.source,
            under_protest=under_protest,
        )
        return self._fact("payment-applied", fact, on)

    def moved(self, to: str) -> PublishedEvent:
        """Another customer owes it."""
        previous, self.customer_id = self.customer_id, to
        fact = public.InvoiceCustomerChanged(
            invoice=self._summary(), previous_customer_id=previous, changed_on=date(2026, 3, 4)
        )
        return self._fact("invoice-customer-changed", fact)

    def refunded(self, amount: str, dispute_id: str | None) -> PublishedEvent:
        """What no invoice had of a credit memo was paid out: an event of the receipt, which tells of no invoice."""
        fact = public.RefundPosted(
            refund_id="R-1",
            receipt_kind="credit_memo",
            receipt_id="CM-1",
            customer_id=self.customer_id,
            refunded_on=date(2026, 3, 4),
            amount=self._money(amount),
            unapplied=self._money("0.00"),
            source=self.source,
            dispute_id=dispute_id,
        )
        return self._fact("refund-posted", fact)

    def reversed(
        self, amount: str, *, leaves: str, payment_id: str = "P-1", still: str | None = None
    ) -> PublishedEvent:
        """`still` is what the invoice has left of the payment."""
        self.open = leaves
        self.has_paid -= Decimal(amount)
        fact = public.PaymentReversed(
            invoice=self._summary(),
            payment_id=payment_id,
            reversed_on=date(2026, 3, 4),
            amount=self._money(amount),
            source=self.source,
            left=None if still is None else self._money(still),
        )
        return self._fact("payment-reversed", fact)

    def discounted(self, granted: str, *, leaves: str, payment_id: str = "P-1") -> PublishedEvent:
        self.open = leaves
        fact = public.DiscountGranted(
            invoice=self._summary(), source=self.source, payment_id=payment_id, granted=self._money(granted)
        )
        return self._fact("discount-granted", fact)

    def discount_withdrawn(self, amount: str, *, leaves: str, payment_id: str = "P-1") -> PublishedEvent:
        self.open = leaves
        fact = public.DiscountWithdrawn(
            invoice=self._summary(), source=self.source, payment_id=payment_id, amount=self._money(amount)
        )
        return self._fact("discount-withdrawn", fact)

    def credited(self, applied: str, *, leaves: str, dispute_id: str | None = None) -> PublishedEvent:
        self.open = leaves
        fact = public.CreditMemoApplied(
            invoice=self._summary(),
            source=self.source,
            credit_memo_id="CM-1",
            issued_on=date(2026, 3, 4),
            applied=self._money(applied),
            dispute_id=dispute_id,
        )
        return self._fact("credit-memo-applied", fact)

    def unapplied(
        self, amount: str, *, leaves: str, payment_id: str = "P-1", still: str | None = None
    ) -> PublishedEvent:
        """`still` is what the invoice has left of the payment."""
        self.open = leaves
        self.has_paid -= Decimal(amount)
        fact = public.PaymentUnapplied(
            invoice=self._summary(),
            source=self.source,
            payment_id=payment_id,
            unapplied_on=date(2026, 3, 4),
            amount=self._money(amount),
            left=None if still is None else self._money(still),
        )
        return self._fact("payment-unapplied", fact)

    def credit_reversed(self, amount: str, *, leaves: str) -> PublishedEvent:
        self.open = leaves
        fact = public.CreditMemoReversed(
            invoice=self._summary(),
            source=self.source,
            credit_memo_id="CM-1",
            reversed_on=date(2026, 3, 4),
            amount=self._money(amount),
        )
        return self._fact("credit-memo-reversed", fact)

    def written_off(self, amount: str, *, leaves: str, kind: str = "bad_debt") -> PublishedEvent:
        self.open = leaves
        fact = public.WriteOffPosted(
            invoice=self._summary(),
            write_off_id="W-1",
            posted_on=date(2026, 3, 4),
            kind=kind,
            amount=self._money(amount),
        )
        return self._fact("write-off-posted", fact)

    def write_off_reversed(self, amount: str, *, leaves: str) -> PublishedEvent:
        self.open = leaves
        fact = public.WriteOffReversed(
            invoice=self._summary(),
            source=self.source,
            write_off_id="W-1",
            reversed_on=date(2026, 3, 4),
            amount=self._money(amount),
        )
        return self._fact("write-off-reversed", fact)

    def cancelled(self) -> PublishedEvent:
        self.open = "0.00"
        return self._fact(
            "invoice-cancelled", public.InvoiceCancelled(invoice=self._summary(), cancelled_on=date(2026, 3, 4))
        )

    def of_a_later_release(self, *, leaves: str) -> PublishedEvent:
        """A type that is not known today, and carries the invoice as every one does."""
        self.open = leaves
        return self._fact("invoice-blessed", {"type": "invoice-blessed", "invoice": self._summary(), "by": "x"})

    def short_paid(
        self,
        short: str,
        words: str | None = None,
        payment_id: str = "P-1",
        *,
        claim: str | None = None,
        on: date = date(2026, 3, 4),
    ) -> PublishedEvent:
        fact = public.ShortPaymentDetected(
            invoice=self._summary(),
            payment_id=payment_id,
            received_on=on,
            short=self._money(short),
            tolerance_policy="short-payment-tolerance@1",
            remittance_reason=words,
            claim_number=claim,
            source=self.source,
        )
        return self._fact("short-payment-detected", fact, on)

    @property
    def _own_entity(self) -> tuple[str, ...]:
        return () if self.first_entity is None else (self.legal_entity,)

    def _money(self, amount: str) -> WireMoney:
        return WireMoney(amount, self.currency)

    def _summary(self) -> public.InvoiceSummary:
        return public.InvoiceSummary(
            invoice_id=self.invoice_id,
            legal_entity=self.legal_entity,
            customer_id=self.customer_id,
            issued_on=date(2026, 2, 1),
            due_on=date(2026, 3, 1),
            currency=self.currency,
            total=self._money(self.total),
            open=self._money(self.open),
            disputed=self._money("0.00"),
            paid=self._money(str(self.has_paid)),
            lines=tuple(public.InvoiceLine(line=name, amount=self._money(part)) for name, part in self.lines.items()),
            first_entity=self.first_entity,
        )

    def _fact(self, kind: str, fact: object, on: date = date(2026, 3, 4)) -> PublishedEvent:
        self.version += 1
        return PublishedEvent(
            id=public_id("evt", new_uuid()),
            source=public.SOURCE,
            type=kind,
            subject=derived_uuid("invoice", self.tenant, *self._own_entity, self.invoice_id),
            tenant=self.tenant,
            time=self.recorded_at,
            effective_at=datetime(on.year, on.month, on.day, tzinfo=UTC),
            seq=self.version,
            epoch="test",
            version=self.version,
            dataschema=f"urn:redress:{kind}:v1" if kind == "invoice-blessed" else dataschema(kind),
            correlation_id="corr-1",
            data=Raw(msgspec.json.encode(fact)),
            actor="system:erp",
        )
