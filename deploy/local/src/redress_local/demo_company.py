"""The simulated company: Nordlicht Werkzeuge, a year of its receivables, and its customers' disputes.

Pure and seeded: the same day gives the same company. Nothing is here but what an ERP would post and people would type;
`demo.py` sends it. Dates are relative to `today`, and nothing happens on `today` itself or later.
"""

import random
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from msgspec import Struct

from redress.money import Money

SOURCE: Final = "nordlicht-erp"
LEGAL_ENTITIES: Final[dict[str, dict[str, Any]]] = {
    "DE01": {
        "zone": "Europe/Berlin",
        "calendar": {"country": "DE", "subdivision": "HH", "opens": "09:00", "closes": "17:00"},
        "currency": "EUR",
        "sender": {
            "name": "Nordlicht Werkzeuge GmbH",
            "address": ["Speicherstraße 12", "20457 Hamburg"],
            "reply_to": "forderungen@nordlicht.example",
        },
    },
    "US01": {
        "zone": "America/New_York",
        "calendar": {"country": "US", "subdivision": "NY", "opens": "09:00", "closes": "17:00"},
        "currency": "USD",
        "sender": {
            "name": "Nordlicht Tools Inc.",
            "address": ["350 Fifth Avenue", "New York, NY 10118"],
            "reply_to": "receivables@nordlicht.example",
        },
    },
}
_SEED: Final = 20_130_630
_NET_DAYS: Final = 30
_DISCOUNT_PERCENT: Final = 2
_DISCOUNT_DAYS: Final = 14
_IN_TIME_FOR_IT: Final = _DISCOUNT_DAYS - _NET_DAYS - 4  # payments vary by some days


class Customer(Struct, frozen=True, kw_only=True):
    """`pays_after` is days after the due date, negative for early; `every` is days between two invoices. Who has agreed
    `discount_days` pays 2 % less within them, and does."""

    id: str
    name: str
    contact: str
    email: str
    language: str
    currency: str
    pays_after: int
    every: int
    discount_days: int = 0

    @property
    def legal_entity(self) -> str:
        return "DE01" if self.currency == "EUR" else "US01"


class Step(Struct, frozen=True, kw_only=True):
    """A command on a dispute: `POST /v1/disputes/{id}/<action>`."""

    action: str
    body: dict[str, Any]


class Case(Struct, frozen=True, kw_only=True):
    """A dispute as people worked it. `ends_as` is the status it has when the demo is complete."""

    name: str
    opening: dict[str, Any]
    steps: tuple[Step, ...]
    ends_as: str


class ShortPaymentCase(Struct, frozen=True, kw_only=True):
    """A short payment that opens its dispute by itself; `steps` are taken on it afterwards."""

    invoice_id: str
    steps: tuple[Step, ...]


class PublishedPolicy(Struct, frozen=True, kw_only=True):
    """A policy that an administrator drafts and publishes: `POST /v1/policies/{name}/draft`, then `/publish`."""

    service: str
    name: str
    draft: dict[str, Any]


class Company(Struct, frozen=True, kw_only=True):
    """In the order in which it is sent: policies, people, business, cases, what the ERP posts because of them, closing.

    `closed_at` is the effective time of closing, by the name of the case.
    """

    policies: tuple[PublishedPolicy, ...]
    people: dict[str, dict[str, str]]
    business: tuple[dict[str, Any], ...]
    cases: tuple[Case, ...]
    short_payments: tuple[ShortPaymentCase, ...]
    afterwards: tuple[dict[str, Any], ...]
    closed_at: dict[str, str]


CUSTOMERS: Final = tuple(
    Customer(
        id=id_,
        name=name,
        contact=contact,
        email=email,
        language=language,
        currency=currency,
        pays_after=pays_after,
        every=every,
        discount_days=_DISCOUNT_DAYS if pays_after <= _IN_TIME_FOR_IT else 0,
    )
    for id_, name, contact, email, language, currency, pays_after, every in (
        ("K-1001", "Bäckerei Hoffmann GmbH", "Petra Hoffmann", "buchhaltung@hoffmann.example", "de", "EUR", -20, 21),
        ("K-1002", "Stadtwerke Lindental", "Jürgen Weiß", "kreditoren@lindental.example", "de", "EUR", 0, 14),
        ("K-1003", "Autohaus Krüger KG", "Sabine Krüger", "s.krueger@krueger.example", "de", "EUR", 3, 24),
        ("K-1004", "Möbelhaus Sommer GmbH", "Thomas Sommer", "rechnungen@sommer.example", "de", "EUR", 12, 18),
        ("K-1005", "Metallbau Petersen", "Maike Petersen", "info@petersen.example", "de", "EUR", 28, 30),
        ("K-1006", "Gartencenter Blume", "Heike Blume", "h.blume@blume.example", "de", "EUR", -2, 26),
        ("K-1007", "Klinikum Nordufer", "Dr. Ines Vogt", "einkauf@nordufer.example", "de", "EUR", 45, 15),
        ("K-1008", "Spedition Adler", "Murat Kaya", "m.kaya@adler.example", "de", "EUR", 7, 22),
        ("K-1009", "Van Dijk Trading BV", "Sanne van Dijk", "ap@vandijk.example", "en", "EUR", 1, 20),
        ("K-1010", "Shannon Foods Ltd", "Aoife Byrne", "payables@shannon.example", "en", "EUR", 9, 23),
        ("C-2001", "Cedar Ridge Supply Co.", "Dale Morris", "ap@cedarridge.example", "en", "USD", -4, 20),
        ("C-2002", "Lakeside Retail Inc.", "Nadia Flores", "ap@lakeside.example", "en", "USD", 5, 16),
        ("C-2003", "Bluebird Logistics LLC", "Kenji Sato", "invoices@bluebird.example", "en", "USD", 0, 25),
        ("C-2004", "Granite State Tools", "Ellen Brooks", "ebrooks@granite.example", "en", "USD", 18, 19),
        ("C-2005", "Harbor Home Goods", "Luis Ortega", "payables@harbor.example", "en", "USD", 33, 27),
        ("C-2006", "Prairie Farms Cooperative", "June Larsen", "office@prairie.example", "en", "USD", 2, 24),
    )
)

PEOPLE: Final = {
    "anna.roth": {"name": "Anna Roth", "email": "anna.roth@nordlicht.example", "language": "de"},
    "ben.keller": {"name": "Ben Keller", "email": "ben.keller@nordlicht.example", "language": "de"},
    "clara.wood": {"name": "Clara Wood", "email": "clara.wood@nordlicht.example", "language": "en"},
    "team:Pricing": {"name": "Pricing", "email": "pricing@nordlicht.example", "language": "en", "lead": "anna.roth"},
    "team:Billing": {"name": "Billing", "email": "billing@nordlicht.example", "language": "de", "lead": "ben.keller"},
    "team:Claims": {"name": "Claims", "email": "claims@nordlicht.example", "language": "de", "lead": "ben.keller"},
    "team:Logistics": {"name": "Logistics", "email": "logistik@nordlicht.example", "language": "de"},
    "team:Quality": {"name": "Quality", "email": "quality@nordlicht.example", "language": "en", "lead": "clara.wood"},
}

_GOODS: Final = (
    ("Akkuschrauber 18 V", 14_900),
    ("Winkelschleifer 125 mm", 8_990),
    ("Cordless drill set", 21_450),
    ("Werkstattwagen, 7 Schubladen", 48_900),
    ("Torque wrench 20-100 Nm", 11_275),
    ("Bohrerset HSS, 25-teilig", 3_995),
    ("Safety gloves, 12 pairs", 4_260),
    ("Kreissägeblatt 190 mm", 2_780),
)

# Reason, how it goes, days ago that it was opened, language and words of the customer. Every reason once, some twice.
_CASES: Final = (
    ("PRICE", "credited", 210, "en", "The contract price is 4 % lower than what was billed."),
    ("QTY_SHORT", "credited", 160, "de", "Geliefert wurden nur 8 von 10 Stück."),
    ("DAMAGED", "partly", 130, "de", "Zwei Kartons kamen beschädigt an, Fotos liegen bei."),
    ("QUALITY", "rejected", 150, "en", "The blades wear out too fast."),
    ("WRONG_ITEM", "credited", 95, "de", "Statt Artikel 4711 wurde 4712 geliefert."),
    ("LATE_DELIVERY", "rejected", 120, "de", "Die Lieferung kam drei Tage zu spät."),
    ("RETURN", "awaiting-credit", 12, "en", "We returned the goods three weeks ago, the credit is missing."),
    ("FREIGHT", "partly", 75, "en", "Delivery was agreed free of charge."),
    ("TAX", "credited", 180, "en", "Reverse charge: no VAT may be shown."),
    ("DUPLICATE", "credited", 60, "de", "Diese Rechnung liegt uns doppelt vor."),
    ("NOT_MINE", "withdrawn", 88, "en", "We do not know this order."),
    ("PO_REF", "waiting", 9, "de", "Auf der Rechnung fehlt unsere Bestellnummer."),
    ("TERMS", "paid", 140, "en", "Skonto was not deducted."),
    ("PROMO", "assigned", 16, "en", "The spring promotion rebate is missing."),
    ("COMPLIANCE", "rejected", 200, "en", "Chargeback for a missing pallet label."),
    ("SERVICE", "answered", 14, "de", "Die Einweisung vor Ort hat nicht stattgefunden."),
    ("ALREADY_PAID", "paid", 70, "de", "Diese Rechnung haben wir bereits überwiesen."),
    ("CREDIT_MISSING", "awaiting-credit", 40, "en", "The promised credit note has not arrived."),
    ("FINANCE_CHARGE", "withdrawn", 45, "en", "We do not accept the late fee."),
    ("UNAUTHORIZED", "escalated", 25, "en", "We always deduct a handling fee of 3 %."),
    ("UNIDENTIFIED", "open", 2, "de", "Bitte prüfen Sie diese Rechnung, sie stimmt nicht."),
    ("PRICE", "assigned", 4, "de", "Der Staffelpreis ab 50 Stück fehlt."),
    ("QTY_SHORT", "waiting", 6, "en", "One pallet is missing."),
    ("DAMAGED", "open", 1, "de", "Das Gehäuse ist gebrochen."),
    ("QUALITY", "reopened", 40, "en", "The motors fail under load."),
    ("FREIGHT", "open", 3, "de", "Frachtkosten waren nicht vereinbart."),
    ("FREIGHT", "awaiting-write-off", 8, "en", "The surcharge of 12.50 was never agreed."),
)
_OWNERS: Final = ("anna.roth", "ben.keller", "clara.wood")
# What payers say about what they deduct: a reason, a number of their own, or just that it settles the invoice.
_SHORT_PAYMENT_WORDS: Final[tuple[dict[str, Any], ...]] = (
    {"remittance_reason": "Abzug Fehlmenge"},
    {"remittance_reason": "price difference"},
    {"settles_in_full": True},
    {"remittance_reason": "freight", "claim_number": "CLM-4711"},
    {"remittance_reason": "Rabatt"},
    {"claim_number": "BEL-2026-118"},
)
_INSTALMENT: Final[dict[str, Any]] = {"settles_in_full": False, "remittance_reason": "1. Rate"}


class _Invoice(Struct, frozen=True, kw_only=True):
    id: str
    customer: Customer
    issued_on: date
    lines: tuple[tuple[str, int, int], ...]

    @property
    def due_on(self) -> date:
        return self.issued_on + timedelta(days=_NET_DAYS)

    @property
    def total(self) -> int:
        return sum(quantity * price for _, quantity, price in self.lines)


def simulated_company(today: date) -> Company:
    """Everything, as it is sent when the demo is made on `today`."""
    rng = random.Random(_SEED)  # noqa: S311 - the same company every time is the point
    invoices = _invoices(today, rng)
    contested = _contested(invoices, today)
    short_paid = _short_paid(invoices, {invoice.id for invoice in contested}, today)
    business = [_invoice_posted(invoice) for invoice in invoices]
    business.append(
        _with_a_number_of_the_sister_company(invoices, {invoice.id for invoice in contested} | {*short_paid})
    )
    business += _payments(invoices, {invoice.id for invoice in contested}, short_paid, today, rng)
    stories = [_Story(number, invoice, today) for number, invoice in enumerate(contested)]
    return Company(
        policies=(_tolerance_of_a_good_payer(today),),
        people=PEOPLE,
        business=tuple(business),
        cases=tuple(story.case() for story in stories),
        short_payments=_short_payment_cases(sorted(short_paid)),
        afterwards=tuple(posting for story in stories for posting in story.postings),
        closed_at={story.name: story.closed_at for story in stories if story.closed_at is not None},
    )


def _tolerance_of_a_good_payer(today: date) -> PublishedPolicy:
    """From `today` on, so it decides about what is paid after the demo was made."""
    return PublishedPolicy(
        service="collections",
        name="short-payment-tolerance",
        draft={
            "scope": "customer:K-1002",
            "effective_from": today.isoformat(),
            "document": {"at_least": "25.00", "percent": "1.0"},
            "comment": "Stadtwerke Lindental pays on the day: small remainders are left alone.",
        },
    )


def _invoices(today: date, rng: random.Random) -> list[_Invoice]:
    made = []
    number = 26_000
    for customer in CUSTOMERS:
        day = today - timedelta(days=360 - rng.randrange(customer.every))
        while day < today - timedelta(days=2):
            number += 1
            goods = rng.sample(_GOODS, rng.randint(1, 3))
            lines = tuple((name, rng.randint(1, 12), price) for name, price in goods)
            made.append(_Invoice(id=f"RE-{number}", customer=customer, issued_on=day, lines=lines))
            day += timedelta(days=customer.every + rng.randint(-3, 3))
    return sorted(made, key=lambda invoice: (invoice.issued_on, invoice.id))


def _contested(invoices: Sequence[_Invoice], today: date) -> list[_Invoice]:
    """For each case the next invoice that was issued about two weeks before the dispute, no invoice twice."""
    taken: set[str] = set()
    chosen = []
    for _, _, days_ago, language, _ in _CASES:
        wanted = today - timedelta(days=days_ago + 12)
        fitting = [i for i in invoices if i.id not in taken and i.customer.language == language]
        best = min(fitting, key=lambda i: (abs((i.issued_on - wanted).days), i.id))
        taken.add(best.id)
        chosen.append(best)
    return chosen


def _short_paid(
    invoices: Sequence[_Invoice], contested: set[str], today: date
) -> dict[str, tuple[int, dict[str, Any]]]:
    """Invoice → (what is missing, the payer's words), for every 20th invoice that was due long enough ago."""
    fitting = [i for i in invoices if i.id not in contested and not i.customer.discount_days]
    chosen = [i for i in fitting if _paid_on(i) < today - timedelta(days=3)][10::20]
    return {
        invoice.id: (max(500, invoice.total * 7 // 100), _SHORT_PAYMENT_WORDS[n % len(_SHORT_PAYMENT_WORDS)])
        for n, invoice in enumerate(chosen)
    }


def _paid_on(invoice: _Invoice) -> date:
    return invoice.due_on + timedelta(days=invoice.customer.pays_after)


def _payments(
    invoices: Sequence[_Invoice],
    contested: set[str],
    short_paid: dict[str, tuple[int, dict[str, Any]]],
    today: date,
    rng: random.Random,
) -> Iterable[dict[str, Any]]:
    """Customers pay when they use to; a contested invoice waits for its dispute; every fourteenth payer forgets, or
    pays a first instalment."""
    for number, invoice in enumerate(invoices):
        paid_on = max(invoice.issued_on, _paid_on(invoice) + timedelta(days=rng.randint(-2, 4)))
        if invoice.id in contested or paid_on >= today:
            continue
        if number % 14 == 0 and invoice.id not in short_paid:
            if number % 28 == 0:
                yield _payment(invoice, invoice.total * 2 // 5, paid_on, _INSTALMENT)
            continue
        missing, words = short_paid.get(invoice.id, (_discount_of(invoice), {}))
        yield _payment(invoice, invoice.total - missing, paid_on, words)


def _discount_of(invoice: _Invoice) -> int:
    return (invoice.total * _DISCOUNT_PERCENT + 50) // 100 if invoice.customer.discount_days else 0


class _Story:
    """One case as it goes: what people do about it step by step, and what the ERP posts because of it."""

    def __init__(self, number: int, invoice: _Invoice, today: date) -> None:
        self._reason, self._course, days_ago, _, self._said = _CASES[number]
        self._number = number
        self._invoice = invoice
        self._customer = invoice.customer
        self._today = today
        self._opened_on = max(today - timedelta(days=days_ago), invoice.issued_on + timedelta(days=1))
        self._instants = iter(_working_through(self._opened_on, today))
        whole = self._reason in {"DUPLICATE", "NOT_MINE", "ALREADY_PAID"}
        self._contested = invoice.total if whole else max(1_000, invoice.total // 4)
        if self._course == "awaiting-write-off":
            self._contested = 1_250
        self._steps: list[Step] = []
        self.name = f"case-{number + 1:02d}-{self._reason.lower()}"
        self.postings: list[dict[str, Any]] = []
        self.closed_at: str | None = None
        self._ends_as = self._tell()

    def case(self) -> Case:
        opening = {
            "customer_id": self._customer.id,
            "items": [{"invoice_id": self._invoice.id, "amount": _wire(self._contested, self._customer)}],
            "reason_code": self._reason,
            "description": self._said,
            "origin": ("email", "phone", "portal")[self._number % 3],
            "contact": {
                "name": self._customer.contact,
                "email": self._customer.email,
                "language": self._customer.language,
            },
            "effective_at": _at(self._opened_on, 9),
        }
        return Case(name=self.name, opening=opening, steps=tuple(self._steps), ends_as=self._ends_as)

    def _tell(self) -> str:
        """Takes the steps of the course; returns the status it ends in."""
        if self._course == "open":
            return "open"
        self._step("assign", owner=_OWNERS[self._number % 3], reason="Takes care of this customer.")
        match self._course:
            case "waiting" | "answered":
                return self._asked()
            case "rejected" | "reopened":
                return self._rejected()
            case "credited" | "partly" | "awaiting-credit":
                return self._credited()
            case "awaiting-write-off":
                self._step("resolve", resolution_code="WRITE_OFF_SMALL", rationale="Not worth asking the carrier.")
                return "settling"
            case course:
                return self._short(course)

    def _short(self, course: str) -> str:
        if course == "escalated":
            self._step("escalate", level=1, reason="The customer refuses every talk.", to="anna.roth")
        if course == "withdrawn":
            self._step("withdraw", reason="The customer found the order after all.")
        if course in {"withdrawn", "paid"}:
            self._pays(self._invoice.total, days_ago=4)
        return {"withdrawn": "withdrawn", "paid": "resolved"}.get(course, "assigned")

    def _asked(self) -> str:
        due = (self._today + timedelta(days=7)).isoformat()
        self._step("request-information", **{"from": "customer"}, what=_question(self._customer), due=due)
        if self._course == "waiting":
            return "awaiting_customer"
        self._step("record-information", text="The customer sent the delivery note by e-mail.")
        return "investigating"

    def _rejected(self) -> str:
        self._decide(0, "CUSTOMER_ERROR")
        self._step("resolve", resolution_code="REJECTED_COLLECT", rationale="The delivery was as ordered.")
        if self._course == "reopened":
            self._step("reopen", reason="The customer sent a test report.")
            return "investigating"
        self._pays(self._invoice.total, days_ago=3)
        return "resolved"

    def _credited(self) -> str:
        partly = self._course == "partly"
        credited = self._contested // 2 if partly else self._contested
        self._decide(credited, "PRICE_MAINTENANCE")
        code = "CREDIT_PARTIAL" if partly else "CREDIT_FULL"
        self._step("resolve", resolution_code=code, rationale="We looked into it and the customer is right.")
        if self._course == "awaiting-credit":
            return "settling"
        self.postings.append(_credit_memo(self._invoice, credited, self._today - timedelta(days=6)))
        if self._invoice.total > credited:
            self._pays(self._invoice.total - credited, days_ago=2)
        if self._number % 2:
            return "resolved"
        self.closed_at = _at(self._today - timedelta(days=1), 16)
        return "closed"

    def _step(self, action: str, **body: object) -> None:
        self._steps.append(Step(action=action, body={**body, "effective_at": next(self._instants)}))

    def _decide(self, valid: int, root_cause: str) -> None:
        self._step(
            "decide",
            valid=_wire(valid, self._customer),
            invalid=_wire(self._contested - valid, self._customer),
            root_cause=root_cause,
            rationale="Checked against order, delivery note and price list.",
        )

    def _pays(self, minor: int, *, days_ago: int) -> None:
        self.postings.append(_payment(self._invoice, minor, self._today - timedelta(days=days_ago)))


def _short_payment_cases(invoice_ids: Sequence[str]) -> tuple[ShortPaymentCase, ...]:
    """Every third is taken in hand by a person; the others stay with the team that the matrix chose."""
    take = (Step(action="assign", body={"owner": "clara.wood", "reason": "Clears short payments."}),)
    return tuple(
        ShortPaymentCase(invoice_id=invoice_id, steps=take if number % 3 == 0 else ())
        for number, invoice_id in enumerate(invoice_ids)
    )


def _working_through(opened_on: date, today: date) -> Iterable[str]:
    """Instants for the steps: some days apart, all after the opening and before today."""
    last = today - timedelta(days=1)
    for days in (0, 2, 5, 7, 9):
        yield _at(min(opened_on + timedelta(days=days), last), 10 + days // 2)


def _question(customer: Customer) -> str:
    if customer.language == "de":
        return "Bitte senden Sie uns den Lieferschein und Ihre Bestellung."
    return "Please send us the delivery note and your purchase order."


def _invoice_posted(invoice: _Invoice) -> dict[str, Any]:
    customer = invoice.customer
    contact = {"name": customer.name, "email": customer.email, "language": customer.language}
    has_discount = customer.discount_days > 0
    return {
        "kind": "invoice-posted",
        "source": SOURCE,
        "source_event_id": f"invoice-{invoice.id}",
        "legal_entity": customer.legal_entity,
        "customer": {"id": customer.id, **contact},
        "invoice_id": invoice.id,
        "issued_on": invoice.issued_on.isoformat(),
        "due_on": invoice.due_on.isoformat(),
        "currency": customer.currency,
        "total": _amount(invoice.total, customer),
        **({"discount_percent": _DISCOUNT_PERCENT, "discount_days": customer.discount_days} if has_discount else {}),
        "lines": [
            {
                "line": str(number),
                "description": name,
                "quantity": str(quantity),
                "unit_price": _amount(price, customer),
                "amount": _amount(quantity * price, customer),
            }
            for number, (name, quantity, price) in enumerate(invoice.lines, 1)
        ],
    }


def _with_a_number_of_the_sister_company(invoices: Sequence[_Invoice], spoken_of: set[str]) -> dict[str, Any]:
    """US01 numbers by itself: one of its invoices, not paid yet, has a number that DE01 had used."""
    german = next(i for i in invoices if i.customer.legal_entity == "DE01" and i.id not in spoken_of)
    customer = next(each for each in CUSTOMERS if each.legal_entity == "US01")
    day = max(invoice.issued_on for invoice in invoices if invoice.customer == customer)
    american = _Invoice(id=german.id, customer=customer, issued_on=day, lines=german.lines)
    return _invoice_posted(american) | {"source_event_id": f"invoice-{customer.legal_entity}-{american.id}"}


def _payment(invoice: _Invoice, minor: int, paid_on: date, words: dict[str, Any] | None = None) -> dict[str, Any]:
    customer = invoice.customer
    about_it = {name: said for name, said in (words or {}).items() if name == "settles_in_full"}
    about_all = {name: said for name, said in (words or {}).items() if name not in about_it}
    return {
        "kind": "payment-received",
        "source": SOURCE,
        "source_event_id": f"payment-{invoice.id}",
        "payment_id": f"ZE-{invoice.id}",
        "legal_entity": customer.legal_entity,
        "customer_id": customer.id,
        "received_on": max(paid_on, invoice.issued_on).isoformat(),
        "currency": customer.currency,
        "amount": _amount(minor, customer),
        "allocations": [{"invoice_id": invoice.id, "amount": _amount(minor, customer), **about_it}],
        **about_all,
    }


def _credit_memo(invoice: _Invoice, minor: int, issued_on: date) -> dict[str, Any]:
    customer = invoice.customer
    return {
        "kind": "credit-memo-posted",
        "source": SOURCE,
        "source_event_id": f"credit-{invoice.id}",
        "legal_entity": customer.legal_entity,
        "customer_id": customer.id,
        "credit_memo_id": f"GS-{invoice.id}",
        "issued_on": issued_on.isoformat(),
        "currency": customer.currency,
        "total": _amount(minor, customer),
        "applies_to": [{"invoice_id": invoice.id, "amount": _amount(minor, customer)}],
    }


def _amount(minor: int, customer: Customer) -> str:
    return Money(minor, customer.currency).amount


def _wire(minor: int, customer: Customer) -> dict[str, str]:
    return {"amount": _amount(minor, customer), "currency": customer.currency}


def _at(day: date, hour: int) -> str:
    return datetime.combine(day, time(hour), tzinfo=UTC).isoformat().replace("+00:00", "Z")
