import msgspec
from support.collections_office import Office, invoice, payment

from collections_service.inbox.erp_topic import ErpTopic
from redress.messaging.port import Incoming


def message(value: object, offset: int = 0, **headers: bytes) -> Incoming:
    return Incoming(
        topic="erp.invoices.v1",
        partition=0,
        offset=offset,
        key=None,
        value=value if isinstance(value, bytes) else msgspec.json.encode(value),
        headers=headers,
        timestamp_ms=0,
    )


async def take(office: Office, *messages: Incoming, tenants: tuple[str, ...] = ("demo",)) -> None:
    await ErpTopic(office.parts.intake, tenants).apply(None, messages)


async def test_a_message_goes_the_same_way_as_over_http(office: Office):
    await take(office, message(invoice()), message([payment()], 1), message(invoice(), 2))

    assert (await office.get("/v1/invoices/INV-1"))["status"] == "settled"
    health = await office.get("/v1/erp/sources/sap/health", role="erp")
    assert (health["counts"], health["repeated"]) == ({"accepted": 2}, 1)


async def test_a_header_may_name_a_tenant_that_the_topic_is_open_to(office: Office):
    await take(office, message(invoice(), tenant=b"acme"), tenants=("demo", "acme"))

    await office.get("/v1/invoices/INV-1", tenant="acme")
    await office.get("/v1/invoices/INV-1", tenant="demo", status=404)


async def test_a_header_naming_any_other_tenant_is_refused_and_kept(office: Office):
    await take(office, message(invoice(), tenant=b"acme"))
    await take(office, message(invoice(), tenant=b"*"), tenants=("demo", "*"))

    await office.get("/v1/invoices/INV-1", tenant="acme", status=404)
    health = await office.get("/v1/erp/sources/sap/health", role="erp")
    assert [refused["code"] for refused in health["rejected"]] == ["tenant_not_allowed"]


async def test_rubbish_is_kept_and_does_not_stop_the_topic(office: Office):
    await take(office, message(b"[{"), message(b""), message(invoice(), 2))

    await office.get("/v1/invoices/INV-1")
