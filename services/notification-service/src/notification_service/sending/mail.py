"""A worded notice as the bytes of a mail. Pure: the same notice at the same time gives the same bytes."""

import re
from datetime import datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from uuid import UUID

from msgspec import Struct

from notification_service.notices.notice import Subject
from notification_service.wording.compose import MailText
from notification_service.wording.plain import one_line
from redress.ids import derived_uuid, public_id

_WORD = re.compile(r"[A-Za-z0-9_-]{1,60}")


class Sender(Struct, frozen=True):
    """Who the mails are from. `host` is the right-hand side of every Message-ID."""

    name: str
    email: str

    @property
    def host(self) -> str:
        return self.email.rpartition("@")[2]


class Mail(Struct, frozen=True, kw_only=True):
    """A mail as it goes over the wire. `sender` and `recipient` are the envelope."""

    sender: str
    recipient: str
    message_id: str
    content: bytes


def message_id(notification: UUID, sender: Sender) -> str:
    """The same for every attempt, so that a mail that did arrive twice is recognised as one."""
    return f"<{public_id('ntf', notification)}@{sender.host}>"


def thread_id(subject: Subject, sender: Sender) -> str:
    """The root of a subject's thread: a message that never existed, which every mail program threads by all the same
    (as GitHub's do), so that no mail needs to know which one came first."""
    return f"<{_word(subject)}@{sender.host}>"


def mail(
    notification: UUID,
    subject: Subject,
    worded: MailText,
    *,
    sender: Sender,
    name: str | None,
    email: str,
    now: datetime,
    reply_to: str | None = None,
) -> Mail:
    """The mail to one deliverable address, which is answered to `reply_to` (as deliverable). Nothing that came from
    outside can add a header or a recipient: names and subjects are one harmless line, addresses have been checked, and
    the library refuses line breaks besides."""
    message = EmailMessage(policy=policy.SMTP)
    identity, thread = message_id(notification, sender), thread_id(subject, sender)
    message["From"] = _address(sender.name, sender.email)
    message["To"] = _address(name or "", email)
    if reply_to is not None:
        message["Reply-To"] = _address(sender.name, reply_to)
    message["Subject"] = worded.subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = identity
    message["In-Reply-To"] = thread
    message["References"] = thread
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answer, please
    message["X-Auto-Response-Suppress"] = "All"  # the same for Exchange
    message[f"X-Redress-{subject.type.title()}"] = one_line(subject.id, 100)
    message.set_content(worded.text, subtype="plain", charset="utf-8", cte="quoted-printable")
    message.add_alternative(worded.html, subtype="html", charset="utf-8", cte="quoted-printable")
    message["Content-Language"] = worded.language.value  # now: it would have moved into the first part
    message.set_boundary(f"=_{notification.hex}")
    return Mail(sender=sender.email, recipient=email, message_id=identity, content=message.as_bytes())


def _word(subject: Subject) -> str:
    """The subject as one word of a message id. Ids of our own are words; one from another system may be any text."""
    return subject.id if _WORD.fullmatch(subject.id) else derived_uuid("thread", subject.type, subject.id).hex


def _address(name: str, email: str) -> Address:
    return Address(display_name=one_line(name, 100), addr_spec=email)
