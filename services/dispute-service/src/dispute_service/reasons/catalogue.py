"""The reason catalogue: why a customer contests an amount, why it happened, and how a dispute can end.

Codes, names and the crosswalk to X12 element 426 and Peppol OPStatusReason are those of `reference/domain.md` §3.4
(nearest match; empty where none fits). A code never changes its meaning; a new meaning is a new code.
"""

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct


class Reason(Struct, frozen=True, kw_only=True):
    """Why an amount is contested. `default_team` answers for it until a tenant publishes its own matrix."""

    code: str
    name_en: str
    name_de: str
    x12_426: tuple[str, ...]
    peppol: tuple[str, ...]
    default_team: str
    default_sla_hours: int


class ResolutionCode(Struct, frozen=True, kw_only=True):
    """How a dispute ends. `is_valid` says whether the customer was right; None where that is not the question."""

    code: str
    name_en: str
    name_de: str
    is_valid: bool | None


class RootCause(Struct, frozen=True, kw_only=True):
    """The cause behind a dispute; a different question from its reason."""

    code: str
    name_en: str
    name_de: str


def _reason(  # noqa: PLR0917 - the table below is read by columns
    code: str, english: str, german: str, x12: tuple[str, ...], peppol: tuple[str, ...], team: str, hours: int
) -> Reason:
    return Reason(
        code=code,
        name_en=english,
        name_de=german,
        x12_426=x12,
        peppol=peppol,
        default_team=team,
        default_sla_hours=hours,
    )


UNIDENTIFIED = "UNIDENTIFIED"

# Working hours of the default matrix: 40 is a working week. Goods have to be looked at by somebody on a site (60);
# paper questions are quick (24); an unidentified reason is only to be found out, so a day (8) is enough.
REASONS: tuple[Reason, ...] = (
    _reason("PRICE", "Price differs", "Preis weicht ab", ("01",), ("PRI",), "Pricing", 40),
    _reason("QTY_SHORT", "Quantity short or contested", "Fehlmenge", ("06", "59"), ("QTY",), "Shipping/Logistics", 40),
    _reason("DAMAGED", "Goods damaged", "Ware beschädigt", ("04", "11"), ("QUA",), "Claims", 60),
    _reason("QUALITY", "Quality not accepted", "Qualität beanstandet", ("05", "12"), ("QUA",), "Quality", 60),
    _reason(
        "WRONG_ITEM", "Wrong or substitute item", "Falscher Artikel", ("07", "08"), ("ITM",), "Order management", 40
    ),
    _reason("LATE_DELIVERY", "Delivered late", "Verspätete Lieferung", ("41",), ("DEL",), "Logistics", 40),
    _reason(
        "RETURN",
        "Returned goods not credited",
        "Rücksendung nicht gutgeschrieben",
        ("11", "12", "13", "14", "15"),
        ("OTH",),
        "Returns",
        60,
    ),
    _reason("FREIGHT", "Freight or delivery charge", "Frachtkosten", ("30", "46", "54"), ("OTH",), "Logistics", 40),
    _reason("TAX", "Tax wrong", "Steuer falsch", ("55",), ("LEG",), "Tax", 40),
    _reason("DUPLICATE", "Billed twice", "Doppelt berechnet", ("19",), ("OTH",), "Billing", 24),
    _reason(
        "NOT_MINE",
        "Not our bill, receiver unknown",
        "Nicht unsere Rechnung",
        ("18",),
        ("REC", "UNR"),
        "Master data",
        24,
    ),
    _reason(
        "PO_REF",
        "Reference or documents missing",
        "Bestellbezug oder Belege fehlen",
        ("17", "44", "61"),
        ("REF",),
        "Billing",
        24,
    ),
    _reason(
        "TERMS",
        "Payment terms or discount",
        "Zahlungsbedingungen oder Skonto",
        ("09", "24", "43"),
        ("PAY",),
        "Credit",
        40,
    ),
    _reason(
        "PROMO",
        "Promotion, rebate, advertising",
        "Aktion, Bonus, Werbekosten",
        ("02", "56", "57"),
        ("OTH",),
        "Marketing/Trade",
        60,
    ),
    _reason("COMPLIANCE", "Vendor compliance chargeback", "Lieferantenrichtlinie", ("16",), ("OTH",), "Logistics", 60),
    _reason("SERVICE", "Service not fully performed", "Leistung nicht erbracht", ("38",), ("DEL",), "Operations", 60),
    _reason("ALREADY_PAID", "Customer says paid", "Bereits bezahlt", ("60",), ("OTH",), "Cash application", 16),
    _reason("CREDIT_MISSING", "Promised credit not issued", "Gutschrift fehlt", ("52",), ("OTH",), "Billing", 24),
    _reason(
        "FINANCE_CHARGE",
        "Interest or late fee contested",
        "Zinsen oder Mahngebühr bestritten",
        ("50", "51"),
        ("FIN",),
        "Collections",
        24,
    ),
    _reason("UNAUTHORIZED", "Deduction without a basis", "Unberechtigter Abzug", (), ("OTH",), "Deductions", 24),
    _reason(UNIDENTIFIED, "Reason not known yet", "Grund noch unbekannt", (), ("OTH",), "AR specialist", 8),
)

ROOT_CAUSES: tuple[RootCause, ...] = (
    RootCause(code="MASTER_DATA", name_en="Master data", name_de="Stammdaten"),
    RootCause(code="PRICE_MAINTENANCE", name_en="Price maintenance", name_de="Preispflege"),
    RootCause(code="CONTRACT_INTERPRETATION", name_en="Contract interpretation", name_de="Vertragsauslegung"),
    RootCause(code="ORDER_ENTRY", name_en="Order entry", name_de="Auftragserfassung"),
    RootCause(code="PICKING", name_en="Picking", name_de="Kommissionierung"),
    RootCause(code="CARRIER", name_en="Carrier", name_de="Spediteur"),
    RootCause(code="BILLING_SYSTEM", name_en="Billing system", name_de="Fakturierung"),
    RootCause(code="TAX_SETUP", name_en="Tax setup", name_de="Steuereinstellung"),
    RootCause(code="PROMOTION_SETUP", name_en="Promotion setup", name_de="Aktionseinrichtung"),
    RootCause(code="CREDIT_NOT_POSTED", name_en="Credit not posted", name_de="Gutschrift nicht gebucht"),
    RootCause(code="CASH_MISAPPLIED", name_en="Cash misapplied", name_de="Zahlung falsch zugeordnet"),
    RootCause(code="CUSTOMER_ERROR", name_en="Customer error", name_de="Irrtum des Kunden"),
    RootCause(code="CUSTOMER_OPPORTUNISM", name_en="Customer opportunism", name_de="Unbegründeter Vorteil"),
    RootCause(code="UNKNOWN", name_en="Unknown", name_de="Unbekannt"),
)

RESOLUTION_CODES: tuple[ResolutionCode, ...] = (
    ResolutionCode(code="CREDIT_FULL", name_en="Credited in full", name_de="Voll gutgeschrieben", is_valid=True),
    ResolutionCode(
        code="CREDIT_PARTIAL", name_en="Credited in part", name_de="Teilweise gutgeschrieben", is_valid=True
    ),
    ResolutionCode(
        code="REBILL", name_en="Credited and billed anew", name_de="Storno und Neuberechnung", is_valid=True
    ),
    ResolutionCode(code="REFUND", name_en="Refunded", name_de="Erstattet", is_valid=True),
    ResolutionCode(code="CUSTOMER_PAID", name_en="Paid by the customer", name_de="Vom Kunden bezahlt", is_valid=False),
    ResolutionCode(code="REJECTED_COLLECT", name_en="Rejected, to be collected", name_de="Abgelehnt", is_valid=False),
    ResolutionCode(code="WRITE_OFF_SMALL", name_en="Small amount written off", name_de="Kleinbetrag", is_valid=None),
    ResolutionCode(code="WRITE_OFF_BAD_DEBT", name_en="Written off as bad debt", name_de="Ausgebucht", is_valid=None),
    ResolutionCode(code="GOODWILL", name_en="Goodwill credit", name_de="Kulanzgutschrift", is_valid=False),
    ResolutionCode(code="OFFSET", name_en="Offset against credit", name_de="Verrechnet", is_valid=None),
    ResolutionCode(code="WITHDRAWN", name_en="Withdrawn by the customer", name_de="Zurückgezogen", is_valid=False),
    ResolutionCode(code="VOID_LOGGED_IN_ERROR", name_en="Logged in error", name_de="Irrtümlich erfasst", is_valid=None),
    ResolutionCode(
        code="PAYMENT_RETURNED", name_en="Payment returned", name_de="Zahlung zurückgegangen", is_valid=None
    ),
    ResolutionCode(code="CASH_REAPPLIED", name_en="Cash reapplied", name_de="Zahlung umgebucht", is_valid=None),
    ResolutionCode(
        code="INVOICE_REDUCED",
        name_en="Invoice is lower than disputed",
        name_de="Rechnung niedriger als beanstandet",
        is_valid=None,
    ),
)

REASON_BY_CODE: Mapping[str, Reason] = MappingProxyType({reason.code: reason for reason in REASONS})
ROOT_CAUSE_CODES: frozenset[str] = frozenset(cause.code for cause in ROOT_CAUSES)
