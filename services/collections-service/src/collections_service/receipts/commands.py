"""The ERP's messages about money and credits, allocated to invoices by their sender."""

from datetime import date

from msgspec import Struct

from collections_service.open_items.identity import key_of
from redress.money import Money


class NamedInvoice(Struct, frozen=True):
    """What the sender means for one invoice. `dispute_id` is the dispute that a credit memo says it credits there, as
    `dsp_…`; the rest is what a payer says about it (never for a credit memo). `legal_entity` says whose invoice it is;
    None: the number alone does."""

    invoice_id: str
    amount: Money
    dispute_id: str | None = None
    claim_number: str | None = None
    settles_in_full: bool | None = None
    withheld_tax: Money | None = None
    under_protest: bool = False
    legal_entity: str | None = None

    @property
    def key(self) -> str:
        """The invoice among those of a receipt, once it is known whether its entity has a stream of its own."""
        return key_of(self.invoice_id, self.legal_entity)


class ReceiptName(Struct, frozen=True, kw_only=True):
    """A receipt by its number in its ERP. `kind` is payment or credit_memo: both may carry the same number."""

    kind: str
    source: str
    number: str


class ReceivePayment(Struct, frozen=True, kw_only=True):
    """`allocations` name each invoice once and add up to `amount` at most. `customer_id` empty: nobody knows the payer
    yet."""

    source: str
    payment_id: str
    customer_id: str
    received_on: date
    amount: Money
    allocations: tuple[NamedInvoice, ...] = ()
    remittance_reason: str | None = None
    claim_number: str | None = None
    legal_entity: str | None = None


class PostCreditMemo(Struct, frozen=True, kw_only=True):
    """`dispute_id` is the claim after payment that the rest answers which no invoice takes, as `dsp_…`."""

    source: str
    credit_memo_id: str
    legal_entity: str
    customer_id: str
    issued_on: date
    total: Money
    allocations: tuple[NamedInvoice, ...] = ()
    dispute_id: str | None = None


class ApplyReceipt(Struct, frozen=True, kw_only=True):
    """Apply what no invoice has taken of an earlier receipt. `application_id` is the ERP's own name of this step.
    `under_protest` None: as the payment was on each of the invoices before."""

    receipt: ReceiptName
    application_id: str
    applied_on: date
    allocations: tuple[NamedInvoice, ...]
    under_protest: bool | None = None


class TakenOff(Struct, frozen=True):
    """`amount` None: all that the receipt has on the invoice."""

    invoice_id: str
    amount: Money | None
    legal_entity: str | None = None

    @property
    def key(self) -> str:
        return key_of(self.invoice_id, self.legal_entity)


class UnapplyReceipt(Struct, frozen=True, kw_only=True):
    """Take a receipt off invoices; the money is unapplied again."""

    receipt: ReceiptName
    application_id: str
    unapplied_on: date
    currency: str
    allocations: tuple[TakenOff, ...]


class ReverseReceipt(Struct, frozen=True, kw_only=True):
    """A payment comes back, or a credit memo is cancelled. `amount` None: all that is left of it.

    `allocations` say which invoices it is taken from; for the rest see `receipts.decisions.reverse`.
    """

    receipt: ReceiptName
    reversal_id: str
    reversed_on: date
    amount: Money | None = None
    allocations: tuple[NamedInvoice, ...] = ()
    reason: str | None = None


class IdentifyPayer(Struct, frozen=True, kw_only=True):
    """The customer of a payment that came without one."""

    receipt: ReceiptName
    customer_id: str
    identified_on: date


class RefundReceipt(Struct, frozen=True, kw_only=True):
    """Unapplied money was paid out to the customer; `dispute_id` is the claim after payment that it answers."""

    receipt: ReceiptName
    refund_id: str
    refunded_on: date
    amount: Money
    reason: str | None = None
    dispute_id: str | None = None
