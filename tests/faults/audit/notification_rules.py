"""I9 and I7 of notification-service: who was told what, once, against the mails that really arrived."""

import email
import email.policy
from collections import Counter, defaultdict
from typing import Any
from uuid import UUID

from msgspec import Struct

from faults.audit.report import Finding
from faults.audit.topic_rules import Topics, newest
from faults.audit.world import World


class FoldedNotification(Struct):
    tenant: str
    notice: dict[str, Any]
    version: int = 0
    status: str = ""
    sent: int = 0
    message_ids: set[str] = set()


_ENDS = {
    "notification-queued": "queued",
    "notification-suppressed": "skipped",
    "sending-started": "sending",
    "sending-postponed": "queued",
    "notification-sent": "sent",
    "notification-failed": "failed",
    "outcome-unknown": "unknown",
    "notification-skipped": "skipped",
}


async def notification_rules(world: World, topics: Topics) -> list[Finding]:
    notified = await _fold(world)
    return [
        _once(notified),
        _mails(world, notified),
        _none_in_hand(notified),
        await _current(world, notified),
        *(
            []
            if not topics.there
            else [_all_heard(topics, notified), await _heard(world, topics), await _states(world, topics)]
        ),
    ]


async def _fold(world: World) -> dict[UUID, FoldedNotification]:
    notified: dict[UUID, FoldedNotification] = {}
    async for event in world.events("notification", "notification"):
        if event.version == 1:
            notified[event.stream] = FoldedNotification(event.tenant, event.data["notice"], message_ids=set())
        here = notified.get(event.stream)
        if here is None:
            continue
        here.version = event.version
        here.status = _ENDS.get(event.type, here.status)
        here.sent += event.type == "notification-sent"
        if event.type == "handover-started":
            here.message_ids.add(event.data["message_id"])
    return notified


def _once(notified: dict[UUID, FoldedNotification]) -> Finding:
    finding = Finding(
        "I9", "notification", "each (event, recipient, channel, template) is one notification, sent at most once"
    )
    seen: dict[tuple[str, ...], UUID] = {}
    for stream, each in notified.items():
        notice = each.notice
        key = (each.tenant, notice["cause"], notice["recipient"], notice["channel"], notice["template"])
        finding.must(key not in seen, f"it is the same as {seen.get(key)}", stream=stream, key=notice["cause"])
        seen.setdefault(key, stream)
        if each.sent > 1:
            finding.violated(f"it was sent {each.sent} times", stream=stream)
    return finding


def _mails(world: World, notified: dict[UUID, FoldedNotification]) -> Finding:
    finding = Finding(
        "I9", "notification", "every sent notification is one mail; every other mail's outcome is said to be unknown"
    )
    arrived: Counter[str] = Counter()
    for path in world.mail.glob("*.eml"):
        arrived[str(email.message_from_bytes(path.read_bytes(), policy=email.policy.default)["Message-ID"])] += 1
    by_message = {message_id: stream for stream, each in notified.items() for message_id in each.message_ids}
    finding.look(arrived.total())
    for message_id, copies in arrived.items():
        stream = by_message.get(message_id)
        if stream is None:
            finding.violated(f"a mail {message_id} that no notification handed over")
            continue
        each = notified[stream]
        if copies > 1:
            finding.violated(f"{copies} copies of one mail arrived", stream=stream)
        if each.status not in {"sent", "unknown"}:
            finding.violated(f"its mail arrived while it counts as {each.status}", stream=stream)
    for stream, each in notified.items():
        if each.status == "sent" and not any(arrived[message_id] for message_id in each.message_ids):
            finding.violated("it counts as sent and no mail arrived", stream=stream)
    return finding


def _none_in_hand(notified: dict[UUID, FoldedNotification]) -> Finding:
    finding = Finding("I14", "notification", "no notification is left in the hands of a sender that is gone")
    for stream, each in notified.items():
        finding.must(each.status != "sending", "it is still being sent", stream=stream)
    return finding


async def _current(world: World, notified: dict[UUID, FoldedNotification]) -> Finding:
    finding = Finding("I7", "notification", "the list of notifications is a fold of the log")
    rows = await world.rows("notification", "SELECT stream_id, version, status FROM read.notification_current")
    shown = {row["stream_id"]: (row["version"], row["status"]) for row in rows}
    for stream in shown.keys() | notified.keys():
        there = notified.get(stream)
        expected = None if there is None else (there.version, there.status)
        finding.must(
            shown.get(stream) == expected, f"it shows {shown.get(stream)}, the log says {expected}", stream=stream
        )
    return finding


def _all_heard(topics: Topics, notified: dict[UUID, FoldedNotification]) -> Finding:
    """Nothing that somebody should be told of is passed over: every opened dispute with a contact is acknowledged."""
    finding = Finding(
        "I9", "notification", "every opened dispute with a contact has its acknowledgement, sent or with a reason"
    )
    told: dict[str, list[str]] = defaultdict(list)
    for each in notified.values():
        told[each.notice["cause"]].append(each.notice["template"])
    for message in topics.messages["dispute"]:
        if message.type == "dispute-opened" and message.data["dispute"].get("contact"):
            times = told.get(message.id, []).count("acknowledgement")
            finding.must(times == 1, f"{times} acknowledgements", stream=message.subject, seq=message.seq)
    return finding


async def _heard(world: World, topics: Topics) -> Finding:
    finding = Finding("I7", "notification", "it has heard every published event of disputes, and no other")
    rows = await world.rows("notification", "SELECT event_id FROM read.heard_event")
    heard = {row["event_id"] for row in rows}
    published = {message.id: message for message in topics.messages["dispute"]}
    finding.look(len(published))
    for event_id in published.keys() - heard:
        finding.violated(
            "a published event was not heard", stream=published[event_id].subject, seq=published[event_id].seq
        )
    for event_id in heard - published.keys():
        finding.violated("it heard an event that is not on the topic", key=event_id)
    return finding


async def _states(world: World, topics: Topics) -> Finding:
    finding = Finding("I7", "notification", "what it knows of each dispute is the newest that was published")
    rows = await world.rows("notification", "SELECT dispute_id, version, status FROM read.dispute_state")
    known = {row["dispute_id"]: (row["version"], row["status"]) for row in rows}
    for message in newest(topics.messages["dispute"]).values():
        dispute = message.data["dispute"]
        expected = (message.version, dispute["status"])
        found = known.get(dispute["dispute_id"])
        finding.must(found == expected, f"it knows {found}, published was {expected}", stream=message.subject)
    return finding
