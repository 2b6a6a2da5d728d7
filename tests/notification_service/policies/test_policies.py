"""What a company decides about its notices: which rules tell nobody, and how long a mail is tried."""

from typing import Any

import pytest
from support.notification_house import Api, House, opened
from support.policies import publish

from notification_service.notifications.policy import SENDING
from redress.ids import new_uuid
from redress.policy.decisions import read_document
from redress.policy.refusals import PolicyNotAcceptable

RULES = "/v1/policies/notice-rules"
ACKNOWLEDGEMENT = "acknowledgement-to-customer"
TODAY = "2026-11-23"  # where the house's clock stands


async def change(api: Api, path: str, body: dict[str, Any], role: str = "admin") -> dict[str, Any]:
    headers = {"Idempotency-Key": str(new_uuid()), **api.issuer.bearer(role)}
    answer = await api.http.post(path, json=body, headers=headers)
    found: dict[str, Any] = answer.json() | {"status": answer.status_code}
    return found


async def switch_off(api: Api, *names: str) -> None:
    document = {"switched_off": names}
    assert (await change(api, f"{RULES}/draft", {"effective_from": TODAY, "document": document}))["status"] == 200
    assert (await change(api, f"{RULES}/publish", {}))["status"] == 200


async def test_a_rule_that_is_switched_off_tells_nobody_and_says_so(house: House, api: Api) -> None:
    await switch_off(api, ACKNOWLEDGEMENT)
    event = await opened(house)
    await house.sender().until_idle()
    assert [(status, reason) for _, status, reason in await house.rows()] == [("skipped", "switched_off")]
    assert house.mails.received == []
    (item,) = (await api.get("/v1/notifications")).json()["items"]
    assert item["policy"] == "notice-rules@2"
    why = (await api.get(f"/v1/notifications/why?event_id={event.id}")).json()
    assert why["answer"] == (
        "It was not sent, because the company has switched off the rule that would tell it. Rule "
        "acknowledgement-to-customer of notice-rules@2: dispute-opened is told to the customer's contact, as an "
        "acknowledgement; not sent: the rule is switched off by notice-rules@2."
    )
    assert await house.citations("notification-suppressed") == {"notification-suppressed": ("notice-rules@2",)}


async def test_other_rules_go_on_and_cite_the_version(house: House, api: Api) -> None:
    await switch_off(api, "assignment-to-owner")
    await opened(house)
    assert [(status, reason) for _, status, reason in await house.rows()] == [("queued", None)]
    assert await house.citations("notification-queued") == {"notification-queued": ("notice-rules@2",)}


async def test_a_rule_that_does_not_exist_cannot_be_switched_off(api: Api) -> None:
    refused = await change(
        api, f"{RULES}/draft", {"effective_from": TODAY, "document": {"switched_off": [ACKNOWLEDGEMENT, "birthday"]}}
    )
    assert (refused["status"], refused["code"]) == (422, "policy_not_acceptable")
    (error,) = refused["errors"]
    assert error["pointer"] == "#/document/switched_off/1"
    assert ACKNOWLEDGEMENT in error["allowed"]


async def test_a_mail_is_tried_with_the_pauses_in_force_and_cites_them(house: House) -> None:
    await publish(house.log, SENDING, {"pauses": [300, 600]})
    await opened(house)
    house.mails.rcpt = ["451 4.7.1 never ready"] * 9
    await house.sender().until_idle()
    house.clock.advance(seconds=299)
    await house.sender().until_idle()
    assert (await house.names()).count("sending-started") == 1
    house.clock.advance(seconds=1)
    await house.sender().until_idle()
    assert (await house.names()).count("sending-started") == 2
    cited = await house.citations("sending-started", "sending-postponed")
    assert cited == {"sending-started": ("sending@2",), "sending-postponed": ("sending@2",)}


async def test_only_an_administrator_changes_policies(api: Api) -> None:
    draft = {"effective_from": TODAY, "document": {"switched_off": []}}
    assert (await change(api, f"{RULES}/draft", draft, role="analyst"))["code"] == "insufficient_scope"
    assert [each["id"] for each in (await api.get("/v1/policies")).json()["items"]] == ["notice-rules", "sending"]


@pytest.mark.parametrize(
    ("pauses", "places"),
    [
        ([], [("pauses",)]),
        ([60] * 21, [("pauses",)]),
        ([60, 0, 604_801], [("pauses", 1), ("pauses", 2)]),
        ([60, "soon"], [("pauses", 1)]),
    ],
)
def test_pauses_that_cannot_be_meant_are_refused_at_their_places(
    pauses: list[object], places: list[tuple[str | int, ...]]
) -> None:
    with pytest.raises(PolicyNotAcceptable) as refused:
        read_document(SENDING, {"pauses": pauses})
    assert [where for where, _, _ in refused.value.places] == [("document", *place) for place in places]
