"""The ERP's messages about money and credits, allocated to invoices by their sender."""

from datetime import date

from msgspec import Struct

from redress.money import Money


class NamedInvoice(Struct, frozen=True):
    """What the sender means for one invoice, and what a payer says about it (never for a credit memo)."""

    invoice_id: str
    amount: Money
    claim_number: str | None = None
    settles_in_full: bool | None = None
    withheld_tax: Money | None = None


class ReceivePayment(Struct, frozen=True, kw_only=True):
    """`allocations` name each invoice once and add up to `amount` at most."""

    source: str
    payment_id: str
    customer_id: str
    received_on: date
    amount: Money
    allocations: tuple[NamedInvoice, ...] = ()
    remittance_reason: str | None = None
    claim_number: str | None = None


class PostCreditMemo(Struct, frozen=True, kw_only=True):
    source: str
    credit_memo_id: str
    legal_entity: str
    customer_id: str
    issued_on: date
    total: Money
    allocations: tuple[NamedInvoice, ...] = ()


class ReverseReceipt(Struct, frozen=True, kw_only=True):
    """`amount` None: the sender did not say it. A payment comes back as a whole, so it can only be the payment's."""

    source: str
    payment_id: str
    reversed_on: date
    amount: Money | None = None
    reason: str | None = None
