"""A rule about an event of another service, with a template of its own: all of it is added from outside."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import msgspec
import pytest
from msgspec import Raw, Struct
from support.notification_examples import NOON, RULES, eur
from support.notification_house import Api, House

from notification_service.dispute_notices.kit import DISPUTE_NOTICES
from notification_service.inbox.kit import NoticeKit
from notification_service.inbox.sources import EventSource
from notification_service.notices.notice import Subject, Template
from notification_service.notices.plan import Contacts, Decision, Rule, Rules, to_named
from notification_service.wording.language import Language, day, money
from notification_service.wording.letter import Letter, Texts, Value
from redress.contracts.catalogue import dataschema
from redress.contracts.collections_events import (
    SOURCE,
    CollectionsEvent,
    CreditOnAccountPosted,
    CreditOnAccountReversed,
    InvoiceSummary,
    LegalEntityChanged,
    RefundPosted,
    ShortPaymentDetected,
    UnappliedCashChanged,
)
from redress.contracts.envelope import PublishedEvent
from redress.ids import derived_uuid, public_id
from redress.money import Money

TEAM = "team:cash-application"


class ShortPayment(Struct, frozen=True, kw_only=True):
    """The payment was too small by `short`."""

    invoice_id: str
    short: Money
    received_on: date


SHORT_PAYMENT = Template("short-payment", ShortPayment)


def _tell(event: ShortPaymentDetected, contacts: Contacts) -> Sequence[Decision[ShortPayment]]:
    facts = ShortPayment(invoice_id=event.invoice.invoice_id, short=event.short.money(), received_on=event.received_on)
    return [to_named(facts, TEAM, contacts)]


def _names(_event: ShortPaymentDetected) -> tuple[str, ...]:
    return (TEAM,)


def _variables(facts: ShortPayment, _texts: Texts, language: Language) -> dict[str, Value]:
    return {
        "invoice": facts.invoice_id,
        "short": money(facts.short, language),
        "received": day(facts.received_on, language),
    }


RULE = Rule(
    name="short-payment-to-team",
    source="collections-service",
    event=ShortPaymentDetected,
    template=SHORT_PAYMENT,
    tells="the team that applies cash",
    names=_names,
    decide=_tell,
)


def _subject(event: CollectionsEvent) -> Subject:
    if isinstance(event, UnappliedCashChanged | RefundPosted | CreditOnAccountPosted | CreditOnAccountReversed):
        return Subject("customer", event.customer_id)
    if isinstance(event, LegalEntityChanged):
        return Subject("legal-entity", event.legal_entity.code)
    return Subject("invoice", event.invoice.invoice_id)


COLLECTIONS_EVENTS: EventSource[CollectionsEvent] = EventSource("collections-service", CollectionsEvent, _subject)
TEXT = """Subject: {{ short }} is missing [{{ reference }}]

{{ salutation }}

the payment of {{ received }} for invoice {{ invoice }} was {{ short }} short.

{% include "closing.en.txt" %}
"""
PAGE = """{% extends "layout.en.mjml" %}
{% block heading %}{{ short }} is missing{% endblock %}
{% block content %}<mj-text>Invoice {{ invoice }}, payment of {{ received }}</mj-text>{% endblock %}
"""


@pytest.fixture
def kits(tmp_path: Path) -> Sequence[NoticeKit]:
    """All that the service is handed."""
    folder = tmp_path / "short-payment"
    folder.mkdir()
    (folder / "en.txt").write_text(TEXT, "utf-8")
    (folder / "en.mjml").write_text(PAGE, "utf-8")
    short_payments = NoticeKit(
        source=COLLECTIONS_EVENTS,
        rules=(RULE,),
        letters=(Letter(template=SHORT_PAYMENT, variables=_variables),),
        texts=tmp_path,
    )
    return (DISPUTE_NOTICES, short_payments)


def short_payment(invoice_id: str = "RE 2026/4711") -> PublishedEvent:
    event = ShortPaymentDetected(
        invoice=InvoiceSummary(
            invoice_id=invoice_id,
            legal_entity="DE01",
            customer_id="C-100",
            issued_on=date(2026, 10, 1),
            due_on=date(2026, 10, 31),
            currency="EUR",
            total=eur("1000.00"),
            open=eur("120.00"),
            disputed=eur("0.00"),
        ),
        payment_id="P-1",
        received_on=date(2026, 11, 20),
        short=eur("120.00"),
        tolerance_policy="tolerance@1",
    )
    return PublishedEvent(
        id=public_id("evt", derived_uuid("test-event", invoice_id)),
        source=SOURCE,
        type="short-payment-detected",
        subject=derived_uuid("test-stream", invoice_id),
        tenant="demo",
        time=NOON,
        effective_at=NOON,
        seq=1,
        epoch="e",
        version=2,
        dataschema=dataschema("short-payment-detected"),
        correlation_id="r-1",
        data=Raw(msgspec.json.encode(event)),
    )


async def test_a_short_payment_is_told_to_a_team_by_mail_and_the_api_says_what_it_was_about(
    house: House, api: Api
) -> None:
    await api.put(f"/v1/directory/{TEAM}", {"name": "Cash application", "email": "cash@muster.example"})
    event = short_payment()
    await house.hear(event)
    await house.sender().until_idle()

    (mail,) = house.mails.received
    assert mail["Subject"] == "€120.00 is missing [RE 2026/4711]"
    assert mail["To"] == "Cash application <cash@muster.example>"
    assert mail["X-Redress-Invoice"] == "RE 2026/4711"
    body = mail.get_body(("plain",))
    assert body is not None
    assert "payment of 20 November 2026 for invoice RE 2026/4711 was €120.00 short" in body.get_content()

    (item,) = (await api.get("/v1/notifications?subject_type=invoice")).json()["items"]
    assert (item["status"], item["rule"], item["policy"]) == ("sent", "short-payment-to-team", "notice-rules@1")
    assert (item["subject"], item["dispute_id"]) == ({"type": "invoice", "id": "RE 2026/4711"}, None)
    why = (await api.get(f"/v1/notifications/why?event_id={event.id}")).json()
    assert (why["subject"], why["dispute_id"]) == (item["subject"], None)
    assert why["rules"][0]["says"] == "short-payment-detected is told to the team that applies cash"


async def test_notifications_are_found_by_their_subject(house: House, api: Api) -> None:
    await house.hear(short_payment("RE-1"))
    await house.hear(short_payment("RE-2"))
    for query, found in [
        ("subject_id=RE-2", ["RE-2"]),
        ("subject_type=invoice&subject_id=RE-1", ["RE-1"]),
        ("subject_type=dispute&subject_id=RE-1", []),
        ("dispute_id=RE-1", []),
    ]:
        items = (await api.get(f"/v1/notifications?{query}")).json()["items"]
        assert [item["subject"]["id"] for item in items] == found


async def test_the_same_type_of_another_service_is_another_event(house: House) -> None:
    """A rule belongs to the service that publishes the event, not to the event's name alone."""
    assert RULES.about("collections-service", "dispute-opened") == ()
    assert Rules([RULE]).about("dispute-service", "short-payment-detected") == ()


def test_two_rules_of_one_name_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="short-payment-to-team"):
        Rules([RULE, RULE])
