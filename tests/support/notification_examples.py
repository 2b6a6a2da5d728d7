"""One good example of everything the notification service hears, knows and makes."""

from datetime import UTC, date, datetime

from msgspec import Struct, structs

from notification_service.dispute_notices.facts import (
    TEMPLATES,
    Acknowledgement,
    Assignment,
    Breach,
    DisputedPart,
    DisputeFacts,
    InformationRequest,
    PartOutcome,
    Resolution,
)
from notification_service.dispute_notices.letters import LETTERS, TEXTS
from notification_service.dispute_notices.rules import RULES as DISPUTE_RULES
from notification_service.notices.notice import Address, Notice, Subject
from notification_service.notices.notice_rules import NoticeRules
from notification_service.notices.plan import Contact, Contacts, PlannedNotice, ReceivedEvent, Rules
from notification_service.wording.compose import Wording
from redress.contracts.common import Sealed, SealedContact, WireMoney
from redress.contracts.dispute_events import (
    DisputeAssigned,
    DisputedItem,
    DisputeEvent,
    DisputeInformationRequested,
    DisputeOpened,
    DisputeResolved,
    DisputeSlaBreached,
    DisputeSummary,
)
from redress.money import Money
from redress.policy.book import built_in
from redress.policy.state import PolicyInForce

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DISPUTE = "dsp_01kb4z6w5mfvwtq4h2c1n8r3x7"
EVENT = "evt_01kb4z7pd3e8s9y6k2m5v1a0qj"


def eur(amount: str) -> WireMoney:
    return WireMoney(amount, "EUR")


CONTACT = SealedContact(
    name=Sealed("person:maria", b"name of maria"),
    email=Sealed("person:maria", b"address of maria"),
    language="de",
)

ITEM = DisputedItem(
    invoice_id="4711",
    line="2",
    disputed=eur("1234.50"),
    open=eur("1234.50"),
    paid=eur("0.00"),
    credited=eur("0.00"),
    written_off=eur("0.00"),
    rejected=eur("0.00"),
    withdrawn=eur("0.00"),
    awaiting_credit=eur("0.00"),
)

SUMMARY = DisputeSummary(
    dispute_id=DISPUTE,
    customer_id="C-100",
    status="open",
    reason_code="PRICE",
    origin="email",
    currency="EUR",
    items=(ITEM,),
    disputed=eur("1234.50"),
    open=eur("1234.50"),
    opened_at=NOON,
    contact=CONTACT,
)

ASSIGNED = structs.replace(
    SUMMARY,
    status="assigned",
    owner="anna",
    team="pricing",
    sla_due_at=datetime(2026, 11, 27, 16, 0, tzinfo=UTC),
)

OPENED_EVENT = DisputeOpened(dispute=SUMMARY)
ASSIGNED_EVENT = DisputeAssigned(
    dispute=ASSIGNED, by="matrix", explanation="PRICE up to 5,000.00 EUR goes to pricing", rule_id="price-small"
)
ASKED_EVENT = DisputeInformationRequested(
    dispute=structs.replace(ASSIGNED, status="awaiting_customer"),
    asked="customer",
    what=Sealed("customer:C-100", b"the question"),
    due=date(2026, 12, 1),
)
RESOLVED_EVENT = DisputeResolved(
    dispute=structs.replace(ASSIGNED, status="settling", resolution_code="CREDIT_PARTIAL"),
    resolution_code="CREDIT_PARTIAL",
    credit_due=eur("1000.00"),
    rejected=eur("234.50"),
    written_off=eur("0.00"),
    paid=eur("0.00"),
    rationale=Sealed("customer:C-100", b"they always try this"),
)
BREACHED_EVENT = DisputeSlaBreached(
    dispute=structs.replace(ASSIGNED, sla_breached=True), due_at=datetime(2026, 11, 27, 16, 0, tzinfo=UTC)
)

ANNA = Contact(
    recipient="anna",
    address=Address(
        email=Sealed("person:anna", b"address of anna"),
        name=Sealed("person:anna", b"name of anna"),
        language="en",
    ),
)
PRICING = Contact(
    recipient="team:pricing",
    address=Address(
        email=Sealed("person:pricing", b"address of pricing"),
        name=Sealed("person:pricing", b"name of pricing"),
        language="en",
    ),
    lead="lena",
)
LENA = Contact(
    recipient="lena",
    address=Address(
        email=Sealed("person:lena", b"address of lena"),
        name=Sealed("person:lena", b"name of lena"),
        language="de",
    ),
)
EVERYBODY = Contacts({"anna": ANNA, "team:pricing": PRICING, "lena": LENA})
NOBODY = Contacts({})


RULES = Rules(DISPUTE_RULES)
ALL_RULES = built_in(RULES.policy)


def plan(
    about: ReceivedEvent[DisputeEvent], contacts: Contacts, policy: PolicyInForce[NoticeRules] = ALL_RULES
) -> list[PlannedNotice]:
    return RULES.plan(about, contacts, policy)


WORDING = Wording(LETTERS, [TEXTS])


def received(
    event: DisputeEvent, *, effective_at: datetime = NOON, recorded_at: datetime = NOON
) -> ReceivedEvent[DisputeEvent]:
    return ReceivedEvent(
        source="dispute-service",
        event_id=EVENT,
        type=str(type(event).__struct_config__.tag),
        version=3,
        effective_at=effective_at,
        recorded_at=recorded_at,
        subject=Subject("dispute", event.dispute.dispute_id),
        event=event,
    )


FACTS = DisputeFacts(
    dispute_id=DISPUTE,
    customer_id="C-100",
    reason_code="PRICE",
    disputed=Money(123450, "EUR"),
    open=Money(123450, "EUR"),
    opened_at=NOON,
    parts=(DisputedPart(invoice_id="4711", line="2", disputed=Money(123450, "EUR")),),
)
WORKED_FACTS = structs.replace(
    FACTS, owner="anna", team="pricing", sla_due_at=datetime(2026, 11, 27, 16, 0, tzinfo=UTC)
)

DisputeMailFacts = Acknowledgement | Assignment | InformationRequest | Resolution | Breach

FACTS_BY_TEMPLATE: dict[str, DisputeMailFacts] = {
    "acknowledgement": Acknowledgement(dispute=FACTS),
    "assignment": Assignment(dispute=WORKED_FACTS, explanation="PRICE up to 5,000.00 EUR goes to pricing"),
    "information-request": InformationRequest(
        dispute=WORKED_FACTS, what=Sealed("customer:C-100", b"the question"), due=date(2026, 12, 1)
    ),
    "department-request": InformationRequest(
        dispute=WORKED_FACTS, what=Sealed("customer:C-100", b"the question"), due=date(2026, 12, 1)
    ),
    "resolution": Resolution(
        dispute=WORKED_FACTS,
        resolution_code="CREDIT_PARTIAL",
        credited=Money(100000, "EUR"),
        rejected=Money(23450, "EUR"),
        written_off=Money(0, "EUR"),
        paid=Money(0, "EUR"),
    ),
    "sla-breach": Breach(dispute=WORKED_FACTS, due_at=datetime(2026, 11, 27, 16, 0, tzinfo=UTC)),
}


def resolution_of_two(code: str, outcomes: tuple[str, str], *, by_ledger: bool = False) -> Resolution:
    """The resolution of a dispute of invoice A1 (100) and of line 10 of B1 (200): what became of each. A posting that
    ends a dispute by a payment has paid all of it."""
    nothing = Money(0, "EUR")
    amounts = (Money(10000, "EUR"), Money(20000, "EUR"))
    names = ("credited", "rejected", "written_off", "paid")
    parts = tuple(
        PartOutcome(part=part, **{name: amounts[part] if outcomes[part] == name else nothing for name in names})
        for part in (0, 1)
    )
    total = {name: sum((getattr(part, name) for part in parts), nothing) for name in names}
    paid = Money(0 if code == "CREDIT_FULL" else 30000, "EUR")
    return Resolution(
        dispute=structs.replace(
            WORKED_FACTS,
            disputed=Money(30000, "EUR"),
            open=nothing,
            parts=(
                DisputedPart(invoice_id="A1", disputed=amounts[0]),
                DisputedPart(invoice_id="B1", line="10", disputed=amounts[1]),
            ),
        ),
        resolution_code=code,
        **({**dict.fromkeys(names, nothing), "paid": paid} if by_ledger else total),
        outcomes=() if by_ledger else parts,
        by_ledger=by_ledger,
    )


def claim_of_200(code: str, *, credited: int = 0, denied: int | None = None, by_ledger: bool = False) -> Resolution:
    """The resolution of a claim of 200 after the payment."""
    nothing = Money(0, "EUR")
    return Resolution(
        dispute=structs.replace(WORKED_FACTS, disputed=Money(20000, "EUR"), open=Money(credited, "EUR")),
        resolution_code=code,
        credited=Money(credited, "EUR"),
        rejected=nothing,
        written_off=nothing,
        paid=nothing,
        by_ledger=by_ledger,
        denied=None if denied is None else Money(denied, "EUR"),
        after_payment=True,
    )


NOTICE = Notice(
    cause=EVENT,
    cause_type="dispute-opened",
    cause_version=1,
    cause_at=NOON,
    subject=Subject("dispute", DISPUTE),
    rule="acknowledgement-to-customer",
    policy="notice-rules@1",
    template="acknowledgement",
    channel="email",
    recipient="person:maria",
    facts=TEMPLATES["acknowledgement"].write(FACTS_BY_TEMPLATE["acknowledgement"]),
    address=Address(email=CONTACT.email, name=CONTACT.name, language="de"),
)


def notice_of(template: str, facts: Struct | None = None) -> Notice:
    """A notice of a template, with the example's facts or with others."""
    written = TEMPLATES[template].write(facts or FACTS_BY_TEMPLATE[template])
    return structs.replace(NOTICE, template=template, facts=written)
