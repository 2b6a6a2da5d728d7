"""From published events to notifications, on a real database."""

from datetime import timedelta

from msgspec import Raw, structs
from support.notification_examples import NOON, eur
from support.notification_house import House
from support.published_disputes import contact, dispute, published, question

from notification_service.directory.commands import RecordEntry
from notification_service.directory.decisions import decide
from notification_service.directory.stream import DIRECTORY, directory_stream
from notification_service.notifications.events import NotificationQueued
from notification_service.notifications.stream import NOTIFICATION
from redress.contracts.dispute_events import (
    DisputeAssigned,
    DisputeClosed,
    DisputeInformationRequested,
    DisputeOpened,
    DisputeResolved,
    DisputeSlaBreached,
)
from redress.decider import load
from redress.eventlog.events import Actor, Meta, decode_meta
from redress.handling.unit_of_work import Cause, write_on


async def enter(house: House, entry_id: str, email: str, *, lead: str | None = None, language: str = "en") -> None:
    """Put somebody into the directory."""
    person = house.vault.person_of_email("demo", email)
    command = RecordEntry(
        entry_id=entry_id,
        name=await house.vault.seal("demo", person, entry_id.title()),
        email=await house.vault.seal("demo", person, email),
        language=language,
        lead=lead,
    )
    loaded = await load(house.log, DIRECTORY, "demo", directory_stream("demo", entry_id))
    meta = Meta(actor=Actor("person", "admin"), command_id=f"enter {entry_id}", correlation_id="r")
    stream_write, _ = write_on(DIRECTORY, loaded, decide(command, loaded.state), Cause(meta, NOON))
    await house.log.append("demo", [stream_write])


async def test_an_opened_dispute_queues_an_acknowledgement(house: House) -> None:
    maria = await contact(house.vault, "Maria Weber", "maria@kunde.example", "de")
    await house.hear(published(DisputeOpened(dispute=dispute(contact=maria))))
    person = house.vault.person_of_email("demo", "maria@kunde.example")
    assert await house.rows() == [(person, "queued", None)]


async def test_an_event_delivered_again_adds_nothing(house: House) -> None:
    maria = await contact(house.vault, "Maria Weber", "maria@kunde.example", "de")
    opened = published(DisputeOpened(dispute=dispute(contact=maria)))
    await house.hear(opened)
    await house.hear(opened)
    await house.hear(opened, opened)
    assert await house.names() == ["notification-queued"]


async def test_everybody_the_rules_name_is_told(house: House) -> None:
    await enter(house, "anna", "anna@muster.example")
    await enter(house, "lena", "lena@muster.example", language="de")
    await enter(house, "team:pricing", "pricing@muster.example", lead="lena")
    maria = await contact(house.vault, "Maria Weber", "maria@kunde.example", "de")
    worked = dispute(contact=maria, owner="anna", team="pricing", status="assigned")
    await house.hear(
        published(DisputeOpened(dispute=dispute(contact=maria)), 1),
        published(DisputeAssigned(dispute=worked, by="matrix", explanation="because"), 2),
        published(
            DisputeInformationRequested(
                dispute=worked, asked="department", what=await question(house.vault, "Price list?"), due=NOON.date()
            ),
            3,
        ),
        published(DisputeSlaBreached(dispute=worked, due_at=NOON), 4),
        published(
            DisputeResolved(
                dispute=worked,
                resolution_code="CREDIT_FULL",
                credit_due=eur("1234.50"),
                rejected=eur("0.00"),
                written_off=eur("0.00"),
                paid=eur("0.00"),
            ),
            5,
        ),
        published(DisputeClosed(dispute=worked), 6),
    )
    maria_is = house.vault.person_of_email("demo", "maria@kunde.example")
    assert await house.rows() == [
        (maria_is, "queued", None),
        ("anna", "queued", None),
        ("team:pricing", "queued", None),
        (maria_is, "queued", None),
        ("lena", "queued", None),
    ]


async def test_an_owner_whose_name_is_an_address_is_reached_there_and_the_address_is_sealed(house: House) -> None:
    owned = dispute(owner="Owner@muster.example", status="assigned")
    await house.hear(published(DisputeAssigned(dispute=owned, by="person", explanation="by hand"), 2))
    person = house.vault.person_of_email("demo", "owner@muster.example")
    assert await house.rows() == [(person, "queued", None)]
    stored = await house.log.read_log(0, 10) if await house.log.wait_for(1, 5.0) else []
    event = NOTIFICATION.codec.decode(stored[0].type, stored[0].schema_version, stored[0].payload)
    assert isinstance(event, NotificationQueued)
    assert event.notice.address is not None
    assert await house.vault.open("demo", event.notice.address.email) == "Owner@muster.example"


async def test_who_cannot_be_reached_leaves_a_reason(house: House) -> None:
    owned = dispute(owner="anna", team="pricing", status="assigned")
    await house.hear(
        published(DisputeOpened(dispute=dispute()), 1),
        published(DisputeAssigned(dispute=owned, by="matrix", explanation="because"), 2),
    )
    assert await house.rows() == [("customer:C-100", "skipped", "no_contact"), ("anna", "skipped", "no_address")]


async def test_imported_history_is_skipped_with_its_reason(house: House) -> None:
    maria = await contact(house.vault, "Maria Weber", "maria@kunde.example", "de")
    old = published(DisputeOpened(dispute=dispute(contact=maria)), effective_at=NOON - timedelta(days=5_000))
    await house.hear(old)
    assert [row[1:] for row in await house.rows()] == [("skipped", "historical")]


async def test_tenants_have_their_own_notifications_and_directories(house: House) -> None:
    await enter(house, "anna", "anna@muster.example")
    owned = dispute(owner="anna", status="assigned")
    assigned = DisputeAssigned(dispute=owned, by="person", explanation="by hand")
    await house.hear(published(assigned, 2, tenant="demo"), published(assigned, 2, tenant="other"))
    assert await house.rows("demo") == [("anna", "queued", None)]
    assert await house.rows("other") == [("anna", "skipped", "no_address")]


async def test_an_event_type_of_a_newer_release_is_passed_over(house: House) -> None:
    newer = structs.replace(
        published(DisputeOpened(dispute=dispute())), type="dispute-teleported", data=Raw(b'{"type":"x"}')
    )
    await house.hear(newer)
    assert await house.rows() == []


async def test_what_caused_it_stands_in_the_log(house: House) -> None:
    await house.hear(opened := published(DisputeOpened(dispute=dispute())))
    await house.log.wait_for(1, 5.0)
    (stored,) = await house.log.read_log(0, 10)
    meta = decode_meta(stored.meta)
    assert (meta.causation_id, meta.correlation_id) == (opened.id, "r-1")
    assert meta.traceparent == opened.traceparent
    assert meta.policy == ("notice-rules@1",)


async def test_a_hundred_events_in_one_batch(house: House) -> None:
    await house.hear(*(published(DisputeOpened(dispute=dispute(number))) for number in range(100)))
    assert len(await house.rows()) == 100
