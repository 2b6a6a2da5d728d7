import msgspec
import pytest_asyncio
from support.collections_office import TOPIC, Office, business_event, invoice, message, payment, take

from collections_service.erp.topic import DeadLetterTopic, ErpTopic
from redress.messaging.foreign_source import ForeignSource
from redress.messaging.memory import InMemoryBroker
from redress.messaging.port import OutgoingMessage, TopicSpec
from redress.projections.runner import Runner


@pytest_asyncio.fixture
async def broker() -> InMemoryBroker:
    broker = InMemoryBroker()
    await broker.make_topics([TopicSpec(TOPIC, 2, 1), TopicSpec(f"{TOPIC}.dlq", 1, 1)])
    return broker


async def test_a_message_goes_the_same_way_as_over_http(office: Office) -> None:
    await take(office, message(invoice()), message([payment()], 1), message(invoice(), 2))

    assert (await office.get("/v1/invoices/INV-1"))["status"] == "settled"
    health = await office.get("/v1/erp/sources/sap/health", role="erp")
    assert (health["counts"], health["repeated"]) == ({"accepted": 2}, 1)


async def test_a_header_may_name_a_tenant_that_the_topic_is_open_to(office: Office) -> None:
    await take(office, message(invoice(), tenant=b"acme"), tenants=("demo", "acme"))

    await office.get("/v1/invoices/INV-1", tenant="acme")
    await office.get("/v1/invoices/INV-1", tenant="demo", status=404)


async def test_a_header_naming_any_other_tenant_is_refused_and_kept(office: Office) -> None:
    await take(office, message(invoice(), tenant=b"acme"))
    await take(office, message(invoice(), tenant=b"*"), tenants=("demo", "*"))

    await office.get("/v1/invoices/INV-1", tenant="acme", status=404)
    health = await office.get("/v1/erp/sources/sap/health", role="erp")
    assert [refused["code"] for refused in health["rejected"]] == ["tenant_not_allowed"]


async def test_rubbish_is_kept_and_does_not_stop_the_topic(office: Office) -> None:
    shown = await take(office, message(b"[{", 7), message(b"", 8), message([invoice(), invoice("INV-2", total="x")], 9))

    await office.get("/v1/invoices/INV-1")
    assert [(each.headers["origin"], (each.value or b"")[:2]) for each in shown] == [
        (b"erp.invoices.v1/0/7", b"[{"),
        (b"erp.invoices.v1/0/8", b""),
        (b"erp.invoices.v1/0/9", b"[{"),
    ]
    assert shown[2].headers["reason"] == b"/1/total invalid_message: Invalid decimal string"


async def test_control_numbers_of_dynamics_are_kept_with_their_gaps_and_backward_jumps(office: Office) -> None:
    await office.accepted(business_event("CIV-0", 500), tenant="other")

    refused = await take(
        office,
        message([business_event("CIV-1", 10), business_event("CIV-2", 12)]),
        message(business_event("CIV-3", 11), 1),
    )

    assert refused == []
    health = await office.get("/v1/erp/sources/d365:usmf/health", role="erp")
    assert health["counts"] == {"accepted": 3}
    numbers = health["control_numbers"]
    assert (numbers["highest"], numbers["gaps"], numbers["backward_jumps"]) == (12, 1, 1)


async def test_a_dead_letter_topic_that_is_away_stops_nothing(office: Office) -> None:
    nowhere = InMemoryBroker()
    nowhere.failing = True

    topic = ErpTopic(office.other_intake(), ["demo"], DeadLetterTopic(nowhere, TOPIC))
    async with office.worker.acquire() as connection:
        await topic.apply(connection, [message(b"[{")])

    kept = await office.worker.fetchval("SELECT code FROM erp.message")
    assert kept == "invalid_json"


async def test_both_topics_are_followed_in_whatever_order_they_come(office: Office, broker: InMemoryBroker) -> None:
    producer = broker.producer()
    await producer.start()
    early = OutgoingMessage(0, b"k", msgspec.json.encode(payment()), [], 0)
    late = OutgoingMessage(1, b"k", msgspec.json.encode(invoice()), [], 0)
    await producer.publish(TOPIC, [early])
    handler = ErpTopic(office.other_intake(), ["demo"], DeadLetterTopic(broker, TOPIC))

    async def follow() -> None:
        source = ForeignSource(broker, TOPIC, group="g", member="m", partitions=2)
        runner = Runner(office.worker, handler, source)
        await runner.open()
        await runner.catch_up()
        await runner.close()

    await follow()
    await office.get("/v1/invoices/INV-1", status=404)
    await producer.publish(TOPIC, [late])
    await follow()

    assert (await office.get("/v1/invoices/INV-1"))["status"] == "settled"
