"""What a real mail server's answers become: sent, later, never, or nobody knows."""

import socket
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from support.notification_examples import DISPUTE, NOON, WORDING, notice_of
from support.smtp_server import ScriptedServer, scripted_server

from notification_service.notices.notice import Subject
from notification_service.notices.reasons import Reason
from notification_service.notifications.commands import (
    Acceptance,
    AttemptOutcome,
    Deferral,
    PermanentFailure,
    UnknownOutcome,
)
from notification_service.sending.mail import Mail, Sender, mail
from notification_service.sending.smtp import Deadlines, Server, Smtp
from notification_service.wording.compose import PersonalText
from notification_service.wording.language import Language

NOTIFICATION = UUID("01940000-0000-7000-8000-000000000001")
SENDER = Sender("Muster GmbH", "ar@muster.example")
QUICK = Deadlines(connect_s=2.0, command_s=0.3, answer_s=0.3)


# aiosmtpd warns its users of a plain password; here it is the point.
AIOSMTPD_WARNS = [
    pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning"),
    pytest.mark.filterwarnings("ignore:Session.login_data:DeprecationWarning"),
]


def with_password(test: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    for mark in AIOSMTPD_WARNS:
        test = mark(test)
    return test


def a_mail(name: str | None = "Maria Weber", email: str = "maria@kunde.example") -> Mail:
    worded = WORDING.compose(notice_of("acknowledgement"), PersonalText(name=name), Language.GERMAN, SENDER.name)
    return mail(NOTIFICATION, Subject("dispute", DISPUTE), worded, sender=SENDER, name=name, email=email, now=NOON)


class Handover:
    """Remembers whether the handover was announced."""

    def __init__(self) -> None:
        self.begun = False

    async def __call__(self) -> None:
        self.begun = True


def smtp(script: ScriptedServer, **settings: Any) -> Smtp:
    return Smtp(Server(host="127.0.0.1", port=script.port, **settings), local_name="muster.example", deadlines=QUICK)


async def deliver(script: ScriptedServer) -> tuple[AttemptOutcome, bool]:
    handover = Handover()
    async with scripted_server(script):
        return await smtp(script).deliver(a_mail(), handover), handover.begun


async def test_a_mail_that_is_taken_is_sent() -> None:
    script = ScriptedServer()
    outcome, begun = await deliver(script)
    assert outcome == Acceptance(message_id="<ntf_01jg000000e008000000000001@muster.example>", server_code="250 2.0.0")
    assert begun
    assert script.recipients == ["maria@kunde.example"]


@pytest.mark.parametrize("step", ["mail", "rcpt", "data"])
async def test_a_4xx_is_tried_again_later(step: str) -> None:
    script = ScriptedServer()
    setattr(script, step, ["451 4.7.1 <maria@kunde.example> greylisted, come back"])
    outcome, begun = await deliver(script)
    assert outcome == Deferral(reason=Reason.TEMPORARILY_REJECTED, server_code="451 4.7.1")
    assert begun is (step == "data")


@pytest.mark.parametrize(("step", "what"), [("mail", "the sender"), ("rcpt", "the recipient"), ("data", "the mail")])
async def test_a_5xx_is_final_and_its_words_are_not_kept(step: str, what: str) -> None:
    script = ScriptedServer()
    setattr(script, step, ["550 5.1.1 <maria@kunde.example> no such person"])
    outcome, _ = await deliver(script)
    assert outcome == PermanentFailure(
        reason=Reason.REJECTED, detail=f"the server refused {what}", server_code="550 5.1.1"
    )


async def test_a_connection_cut_after_the_final_dot_leaves_the_outcome_unknown() -> None:
    script = ScriptedServer()
    script.cut = "after-data"
    outcome, begun = await deliver(script)
    assert outcome == UnknownOutcome(reason=Reason.CUT_AFTER_DATA)
    assert begun
    assert len(script.received) == 1  # the server did have the mail: sending it again would have been the second one


async def test_a_server_silent_after_the_final_dot_leaves_the_outcome_unknown() -> None:
    script = ScriptedServer()
    script.silent_at = "after-data"
    assert await deliver(script) == (UnknownOutcome(reason=Reason.SILENT_AFTER_DATA), True)


async def test_a_connection_cut_before_the_mail_is_tried_again() -> None:
    script = ScriptedServer()
    script.cut = "before-data"
    outcome, _ = await deliver(script)
    assert outcome == Deferral(reason=Reason.CONNECTION_LOST)
    assert script.received == []


async def test_a_server_that_is_slow_before_the_mail_is_tried_again() -> None:
    script = ScriptedServer()
    script.silent_at = "rcpt"
    assert await deliver(script) == (Deferral(reason=Reason.CONNECTION_LOST), False)


async def test_a_server_that_is_not_there_is_tried_again() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets the port, and nobody answers on it
        gone = Smtp(Server(host="127.0.0.1", port=taken.getsockname()[1]), local_name="muster.example", deadlines=QUICK)
        assert await gone.deliver(a_mail(), Handover()) == Deferral(reason=Reason.SERVER_UNREACHABLE)


@with_password
async def test_a_wrong_password_is_mended_by_people_so_the_mail_waits() -> None:
    async with scripted_server(auth=True) as script:
        wrong = smtp(script, username="redress", password="wrong")
        outcome = await wrong.deliver(a_mail(), Handover())
        assert isinstance(outcome, Deferral)
        assert outcome.reason is Reason.SERVER_UNREACHABLE
        assert script.received == []


@with_password
async def test_a_password_is_used() -> None:
    async with scripted_server(auth=True) as script:
        right = smtp(script, username="redress", password="right")
        assert isinstance(await right.deliver(a_mail(), Handover()), Acceptance)
        assert script.logins == ["redress"]


async def test_where_encryption_is_asked_for_nothing_is_sent_without_it() -> None:
    async with scripted_server() as script:
        outcome = await smtp(script, starttls=True).deliver(a_mail(), Handover())
        assert outcome == Deferral(reason=Reason.SERVER_UNREACHABLE)
        assert script.commands == []


async def test_a_handover_that_may_not_begin_sends_nothing() -> None:
    async def refuse() -> None:
        raise RuntimeError("somebody else has it")

    async with scripted_server() as script:
        with pytest.raises(RuntimeError):
            await smtp(script).deliver(a_mail(), refuse)
        assert script.received == []
