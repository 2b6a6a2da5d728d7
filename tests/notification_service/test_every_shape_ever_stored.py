"""Bytes as they were stored, one file per stored name and version, for ever. A file here is never changed."""

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs
from support.notification_examples import FACTS_BY_TEMPLATE, NOON, NOTICE, notice_of

from notification_service.directory.events import DIRECTORY_CODEC, DirectoryEntryRecorded
from notification_service.notices.reasons import Reason
from notification_service.notifications.events import (
    NOTIFICATION_CODEC,
    HandoverStarted,
    NotificationEvent,
    NotificationFailed,
    NotificationQueued,
    NotificationSent,
    NotificationSkipped,
    NotificationSuppressed,
    OutcomeUnknown,
    SendingContinued,
    SendingPostponed,
    SendingStarted,
)
from redress.codec import Codec
from redress.contracts.common import Sealed

STORED = Path(__file__).parent / "stored"

NOTIFICATIONS: dict[str, NotificationEvent] = {
    **{
        f"notification-queued.{template}": NotificationQueued(notice=notice_of(template), explanation="to be sent")
        for template in FACTS_BY_TEMPLATE
    },
    "notification-suppressed": NotificationSuppressed(
        notice=structs.replace(NOTICE, address=None), reason=Reason.NO_CONTACT, explanation="no contact"
    ),
    "sending-started": SendingStarted(attempt=2, lease_until=NOON, after=Reason.SERVER_UNREACHABLE),
    "sending-continued": SendingContinued(attempt=2, lease_until=NOON),
    "handover-started": HandoverStarted(
        attempt=2, message_id="<n@host>", language="de", wording="acknowledgement@1", rendered_sha256="ab"
    ),
    "sending-postponed": SendingPostponed(
        attempt=1, reason=Reason.TEMPORARILY_REJECTED, retry_at=NOON, server_code="451 4.7.1"
    ),
    "notification-sent": NotificationSent(attempt=2, message_id="<n@host>", server_code="250 2.0.0"),
    "notification-failed": NotificationFailed(
        attempt=2, reason=Reason.REJECTED, detail="the server refused the recipient", server_code="550 5.1.1"
    ),
    "outcome-unknown": OutcomeUnknown(attempt=2, reason=Reason.CUT_AFTER_DATA),
    "notification-skipped": NotificationSkipped(attempt=2, reason=Reason.MOOT_PAID, explanation="paid in full"),
}
DIRECTORY = {
    "directory-entry-recorded": DirectoryEntryRecorded(
        entry_id="team:pricing", name=Sealed("p", b"n"), email=Sealed("p", b"e"), language="de", lead="lena"
    )
}
CASES: list[tuple[Codec[Any], str, NotificationEvent | DirectoryEntryRecorded]] = [
    (NOTIFICATION_CODEC, name, event) for name, event in NOTIFICATIONS.items()
]
CASES += [(DIRECTORY_CODEC, name, event) for name, event in DIRECTORY.items()]


@pytest.mark.parametrize(("codec", "name", "event"), CASES, ids=[name for _, name, _ in CASES])
def test_what_was_stored_is_read_and_what_is_written_has_not_changed(
    codec: Codec[Any], name: str, event: NotificationEvent | DirectoryEntryRecorded
) -> None:
    stored_name, version, payload = codec.encode(event)
    path = STORED / f"{name}.v{version}.json"
    if os.environ.get("WRITE_GOLDEN") and not path.exists():
        STORED.mkdir(exist_ok=True)
        path.write_bytes(payload + b"\n")
    assert stored_name == name.partition(".")[0]
    assert codec.decode(stored_name, version, path.read_bytes()) == event
    assert payload == path.read_bytes().rstrip(b"\n")


def test_every_stored_name_has_its_file() -> None:
    names = {path.name.partition(".")[0] for path in STORED.iterdir()}
    assert names == {*NOTIFICATION_CODEC.names, *DIRECTORY_CODEC.names}


@pytest.mark.parametrize("path", sorted(STORED.iterdir()) if STORED.exists() else [], ids=lambda path: path.name)
def test_every_file_ever_written_is_still_readable(path: Path) -> None:
    name = path.name.partition(".")[0]
    version = int(path.name.removesuffix(".json").rpartition(".v")[2])
    codec = DIRECTORY_CODEC if name in DIRECTORY_CODEC.names else NOTIFICATION_CODEC
    assert (
        codec.decode(name, version, path.read_bytes()) == {**NOTIFICATIONS, **DIRECTORY}[path.name.rpartition(".v")[0]]
    )
    assert isinstance(msgspec.json.decode(path.read_bytes()), dict)
