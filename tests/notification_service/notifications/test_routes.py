import pytest
from support.notification_house import Api, House, opened
from support.published_disputes import dispute, published

from redress.contracts.dispute_events import DisputeOpened


async def test_a_notification_is_listed_with_its_reason_in_words(house: House, api: Api) -> None:
    await house.hear(published(DisputeOpened(dispute=dispute())))
    body = (await api.get("/v1/notifications")).json()
    (item,) = body["items"]
    assert body["next_cursor"] is None
    assert (item["status"], item["reason"]) == ("skipped", "no_contact")
    assert item["because"] == "the dispute names no contact person at the customer"
    assert item["recipient"] == "customer:C-100"
    assert item["address"] is None


async def test_notifications_are_found_by_dispute_and_status(house: House, api: Api) -> None:
    one, two = await opened(house, 1), await opened(house, 2)
    await house.sender().until_idle()
    await opened(house, 3)
    found = (await api.get(f"/v1/notifications?dispute_id={dispute(2).dispute_id}")).json()["items"]
    assert [item["event_id"] for item in found] == [two.id]
    sent = (await api.get("/v1/notifications?status=sent")).json()["items"]
    assert [item["event_id"] for item in sent] == [two.id, one.id]
    assert (await api.get("/v1/notifications?status=lost")).status_code == 422


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/v1/notifications?dispute_id=a%00", "dispute_id"),
        ("/v1/notifications?subject_type=a%00", "subject_type"),
        ("/v1/notifications?subject_id=a%0A", "subject_id"),
        ("/v1/notifications?event_id=a%C2%85", "event_id"),
        ("/v1/notifications/why?event_id=a%00", "event_id"),
        ("/v1/notifications/why?event_id=evt_1&recipient=a%00", "recipient"),
    ],
)
async def test_a_filter_that_nothing_could_match_is_refused(api: Api, path: str, parameter: str) -> None:
    refused = await api.get(path)
    assert (refused.status_code, refused.json()["errors"][0]["parameter"]) == (422, parameter)


async def test_pages_show_each_notification_once(house: House, api: Api) -> None:
    for number in range(7):
        await opened(house, number)
    seen, path = [], "/v1/notifications?limit=3"
    while path:
        body = (await api.get(path)).json()
        seen += [item["event_recorded_at"] for item in body["items"]]
        path = body["next_cursor"] and f"/v1/notifications?limit=3&cursor={body['next_cursor']}"
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 7


async def test_a_cursor_is_of_its_own_list(house: House, api: Api) -> None:
    for number in range(3):
        await opened(house, number)
    cursor = (await api.get("/v1/notifications?limit=1")).json()["next_cursor"]
    assert (await api.get(f"/v1/notifications?limit=1&status=sent&cursor={cursor}")).status_code == 400


async def test_the_history_says_what_happened_when_and_why(house: House, api: Api) -> None:
    await opened(house)
    house.mails.rcpt = ["451 4.7.1 later"]
    await house.sender().until_idle()
    house.clock.advance(minutes=1)
    await house.sender().until_idle()
    (item,) = (await api.get("/v1/notifications")).json()["items"]
    response = await api.get(f"/v1/notifications/{item['id']}")
    body = response.json()
    assert [(step["event"], step["status"], step["reason"]) for step in body["history"]] == [
        ("notification-queued", "queued", None),
        ("sending-started", "sending", None),
        ("sending-postponed", "queued", "temporarily_rejected"),
        ("sending-started", "sending", None),
        ("handover-started", "sending", None),
        ("notification-sent", "sent", None),
    ]
    assert body["history"][2]["server_code"] == "451 4.7.1"
    assert body["history"][2]["because"] == "the mail server asked to try again later"
    assert body["notification"]["message_id"] == f"<{item['id']}@muster.example>"
    assert response.headers["ETag"] == '"6"'
    again = await api.get(f"/v1/notifications/{item['id']}", **{"If-None-Match": '"6"'})
    assert again.status_code == 304


async def test_an_earlier_state_is_shown_as_it_was_known(house: House, api: Api) -> None:
    await opened(house)
    await house.sender().until_idle()
    (item,) = (await api.get("/v1/notifications")).json()["items"]
    history = (await api.get(f"/v1/notifications/{item['id']}")).json()["history"]
    then = history[0]["at"].replace("+", "%2B")
    earlier = (await api.get(f"/v1/notifications/{item['id']}?known_at={then}")).json()
    assert earlier["notification"]["status"] == "queued"
    assert len(earlier["history"]) == 1
    before = await api.get(f"/v1/notifications/{item['id']}?known_at=2020-01-01T00:00:00Z")
    assert before.status_code == 404


async def test_addresses_are_masked_for_those_who_do_not_write_to_customers(house: House, api: Api) -> None:
    await opened(house)
    for role, shown in [
        ("analyst", "maria@kunde.example"),
        ("collector", "maria@kunde.example"),
        ("auditor", "m***@kunde.example"),
        ("admin", "m***@kunde.example"),
    ]:
        (item,) = (await api.get("/v1/notifications", role)).json()["items"]
        assert item["address"] == shown


async def test_an_erased_address_is_gone(house: House, api: Api) -> None:
    await opened(house)
    await house.vault.erase("demo", house.vault.person_of_email("demo", "maria@kunde.example"))
    (item,) = (await api.get("/v1/notifications")).json()["items"]
    assert item["address"] is None


async def test_a_tenant_sees_its_own_notifications_only(house: House, api: Api) -> None:
    await opened(house, tenant="other")
    assert (await api.get("/v1/notifications")).json()["items"] == []
    (item,) = (await api.get("/v1/notifications", tenant="other")).json()["items"]
    assert (await api.get(f"/v1/notifications/{item['id']}")).status_code == 404
    event_id = item["event_id"]
    assert (await api.get(f"/v1/notifications/why?event_id={event_id}")).status_code == 404


async def test_the_feed_tells_what_became_of_notifications(house: House, api: Api) -> None:
    await opened(house)
    await house.sender().until_idle()
    await house.log.wait_for(4, 5.0)
    events = (await api.get("/v1/feed?lastEventId=0", "ops")).json()
    assert [event["type"] for event in events] == ["notification-queued", "notification-sent"]
    one = await api.get(f"/v1/events/{events[1]['id']}", "auditor")
    assert one.json()["data"]["notification"]["status"] == "sent"


async def test_wrong_ids_are_not_found(api: Api) -> None:
    for path in ("/v1/notifications/ntf_x", "/v1/notifications/dsp_01jg000000e008000000000001"):
        assert (await api.get(path)).status_code == 404


async def test_an_instant_without_an_offset_is_no_moment(house: House, api: Api) -> None:
    await opened(house)
    (item,) = (await api.get("/v1/notifications")).json()["items"]
    refused = await api.get(f"/v1/notifications/{item['id']}?known_at=2026-11-23T12:00:00")
    assert (refused.status_code, refused.json()["errors"][0]["parameter"]) == (422, "known_at")


async def test_a_notification_as_of_a_business_day_counts_what_had_happened_by_its_end(house: House, api: Api) -> None:
    await opened(house)
    house.clock.advance(days=1)
    await house.sender().until_idle()
    (item,) = (await api.get("/v1/notifications")).json()["items"]
    states = {
        day: (await api.get(f"/v1/notifications/{item['id']}?as_of={day}")) for day in ("2026-11-23", "2026-11-24")
    }
    assert [states[day].json()["notification"]["status"] for day in sorted(states)] == ["queued", "sent"]
    assert (await api.get(f"/v1/notifications/{item['id']}?as_of=2026-11-22")).status_code == 404


async def test_the_list_says_who_answers_about_another_moment(api: Api) -> None:
    for question in ("as_of=2026-11-23", "known_at=2026-11-23T12:00:00Z"):
        refused = await api.get(f"/v1/notifications?{question}")
        (error,) = refused.json()["errors"]
        assert (refused.status_code, error["detail"]) == (422, "is not answered by this list")
        assert "GET /v1/notifications/{notification_id}" in error["allowed"]
