from datetime import timedelta

from msgspec import structs
from support.notification_examples import NOON, eur
from support.notification_house import Api, House, opened
from support.published_disputes import contact, dispute, published, resolved

from redress.contracts.dispute_events import DisputeAssigned, DisputeClosed, DisputeOpened, DisputeResolved


async def test_why_somebody_was_told(house: House, api: Api) -> None:
    event = await opened(house)
    await house.sender().until_idle()
    body = (await api.get(f"/v1/notifications/why?event_id={event.id}&recipient=Maria@kunde.example")).json()
    assert body["answer"] == (
        "It was sent (attempt 1): the mail server has taken it over. Rule acknowledgement-to-customer of "
        "notice-rules@1: dispute-opened is told to the customer's contact, as an acknowledgement; to be sent."
    )
    assert body["rules"] == [
        {
            "name": "acknowledgement-to-customer",
            "says": "dispute-opened is told to the customer's contact, as an acknowledgement",
        }
    ]
    assert body["notifications"][0]["status"] == "sent"
    short = await api.get(f"/v1/why?event_id={event.id}&recipient=Maria@kunde.example")
    assert short.json() == body


async def test_why_somebody_was_not_told(house: House, api: Api) -> None:
    maria = await contact(house.vault, "Maria Weber", "maria@kunde.example", "de")
    old = published(DisputeOpened(dispute=dispute(contact=maria)), effective_at=NOON - timedelta(days=400))
    await house.hear(old)
    answer = (await api.get(f"/v1/notifications/why?event_id={old.id}")).json()["answer"]
    assert answer.startswith(
        "It was not sent, because the event took effect more than 30 days before it was recorded; "
        "imported history mails nobody."
    )


async def test_why_a_mail_was_moot(house: House, api: Api) -> None:
    event = await opened(house)
    summary = resolved(dispute(1), "CUSTOMER_PAID")
    zero = eur("0.00")
    await house.hear(
        published(
            DisputeResolved(
                dispute=summary,
                resolution_code="CUSTOMER_PAID",
                credit_due=zero,
                rejected=zero,
                written_off=zero,
                paid=eur("1234.50"),
            ),
            2,
        )
    )
    await house.sender().until_idle()
    answer = (await api.get(f"/v1/notifications/why?event_id={event.id}")).json()["answer"]
    assert answer == (
        "It was not sent, because the disputed amount had been paid in full before the mail could leave. Rule "
        "acknowledgement-to-customer of notice-rules@1: the customer has paid all of it (version 2)."
    )


async def test_an_event_no_rule_speaks_about_says_so(house: House, api: Api) -> None:
    closed = published(DisputeClosed(dispute=structs.replace(dispute(), status="closed")), 9)
    await house.hear(closed)
    body = (await api.get(f"/v1/notifications/why?event_id={closed.id}")).json()
    assert body["answer"] == "No rule speaks about dispute-closed: nobody is told about such events."
    assert body["rules"] == body["notifications"] == []


async def test_a_recipient_no_rule_named_is_told_so(house: House, api: Api) -> None:
    event = await opened(house)
    body = (await api.get(f"/v1/notifications/why?event_id={event.id}&recipient=anna")).json()
    assert body["answer"] == "The rules about dispute-opened did not name this recipient."


async def test_an_event_never_heard_is_not_found(house: House, api: Api) -> None:
    response = await api.get("/v1/notifications/why?event_id=evt_01jg000000e008000000000001")
    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


async def test_an_owner_is_named_by_its_directory_id(house: House, api: Api) -> None:
    assigned = published(
        DisputeAssigned(dispute=dispute(owner="anna", status="assigned"), by="person", explanation="by hand"), 2
    )
    await house.hear(assigned)
    body = (await api.get(f"/v1/notifications/why?event_id={assigned.id}&recipient=anna")).json()
    assert "not sent: the directory has no entry anna" in body["answer"]
