"""A mail comes from the legal entity of the dispute, and is answered to it."""

from datetime import UTC, datetime

from support.legal_entities import BERLIN, NEW_YORK, changed
from support.notification_house import Api, House
from support.published_disputes import contact, dispute, published

from redress.contracts.dispute_events import DisputeOpened

HALLOWEEN = datetime(2026, 11, 1, 0, 30, tzinfo=UTC)  # half past eight in the evening of 31 October in New York


async def opened(house: House, legal_entity: str | None) -> None:
    maria = await contact(house.vault, "Maria Weber", "maria@kunde.example", "en")
    summary = dispute(contact=maria, legal_entity=legal_entity, opened_at=HALLOWEEN)
    await house.hear(published(DisputeOpened(dispute=summary)))


async def test_the_mail_has_the_name_the_address_and_the_days_of_the_entity(house: House) -> None:
    await house.hear(changed("DE01", BERLIN), changed())
    await opened(house, "US01")
    await house.sender().until_idle()

    (mail,) = house.mails.received
    assert mail["From"] == '"Redress Inc." <ar@muster.example>'
    assert mail["Reply-To"] == '"Redress Inc." <ar@redress.example>'
    body = mail.get_body(("plain",))
    assert body is not None
    assert "Redress Inc.\n350 Fifth Avenue\nNew York, NY 10118" in body.get_content().replace("\r\n", "\n")
    assert "31 October 2026" in body.get_content()


async def test_an_entity_that_nobody_described_writes_as_the_company(house: House) -> None:
    await house.hear(changed())
    await opened(house, "XX01")
    await house.sender().until_idle()

    (mail,) = house.mails.received
    assert mail["From"] == "Muster GmbH <ar@muster.example>"
    assert mail["Reply-To"] is None


async def test_what_the_entity_says_last_counts_when_the_mail_is_written(house: House) -> None:
    await house.hear(changed())
    await opened(house, "US01")
    await house.hear(changed(version=2, sender={**NEW_YORK["sender"], "name": "Redress USA"}))
    await house.sender().until_idle()

    (mail,) = house.mails.received
    assert mail["From"] == "Redress USA <ar@muster.example>"


async def test_a_notification_is_seen_by_the_days_of_the_entity(house: House, api: Api) -> None:
    await house.hear(changed())
    maria = await contact(house.vault, "Maria Weber", "maria@kunde.example", "en")
    summary = dispute(contact=maria, legal_entity="US01")
    await house.hear(published(DisputeOpened(dispute=summary), at=datetime(2026, 11, 23, 3, tzinfo=UTC)))
    (found,) = (await api.get("/v1/notifications")).json()["items"]

    # Three o'clock in the morning of the 23rd is ten in the evening of the 22nd in New York.
    assert (await api.get(f"/v1/notifications/{found['id']}?as_of=2026-11-22")).status_code == 200
    assert (await api.get(f"/v1/notifications/{found['id']}?as_of=2026-11-21")).status_code == 404
