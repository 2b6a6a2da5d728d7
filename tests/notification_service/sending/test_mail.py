from email import message_from_bytes, policy
from email.message import EmailMessage
from uuid import UUID

import pytest
from support.notification_examples import DISPUTE, NOON, WORDING, notice_of
from support.smtp_server import scripted_server

from notification_service.notices.notice import Subject
from notification_service.sending.mail import Sender, mail
from notification_service.sending.smtp import Server, Smtp
from notification_service.wording.address import deliverable
from notification_service.wording.compose import PersonalText
from notification_service.wording.language import Language

NOTIFICATION = UUID("01940000-0000-7000-8000-000000000001")
SENDER = Sender("Müller & Söhne", "ar@muster.example")
SUBJECT = Subject("dispute", DISPUTE)


def written(name: str | None, template: str = "acknowledgement", what: str = "Lieferschein") -> bytes:
    personal = PersonalText(name=name, texts={"question": what})
    worded = WORDING.compose(notice_of(template), personal, Language.GERMAN, SENDER.name)
    return mail(NOTIFICATION, SUBJECT, worded, sender=SENDER, name=name, email="maria@kunde.example", now=NOON).content


def read(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def test_the_headers_say_who_what_and_to_which_thread_it_belongs() -> None:
    message = read(written("Märia Wéber"))
    assert message["From"] == "Müller & Söhne <ar@muster.example>"
    assert message["To"] == "Märia Wéber <maria@kunde.example>"
    assert message["Subject"] == f"Eingang Ihrer Beanstandung [{DISPUTE}]"
    assert message["Message-ID"] == "<ntf_01jg000000e008000000000001@muster.example>"
    assert message["In-Reply-To"] == message["References"] == f"<{DISPUTE}@muster.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == "de"
    assert message["Date"] == "Mon, 23 Nov 2026 12:00:00 +0000"


def test_answers_go_to_the_address_that_the_legal_entity_named() -> None:
    worded = WORDING.compose(notice_of("acknowledgement"), PersonalText(), Language.GERMAN, SENDER.name)
    answered = mail(
        NOTIFICATION,
        SUBJECT,
        worded,
        sender=SENDER,
        name=None,
        email="maria@kunde.example",
        now=NOON,
        reply_to="forderungen@muster.example",
    )
    assert read(answered.content)["Reply-To"] == "Müller & Söhne <forderungen@muster.example>"
    assert answered.sender == "ar@muster.example"
    assert read(written(None))["Reply-To"] is None


def test_text_and_html_say_the_same_in_two_parts() -> None:
    message = read(written(None))
    assert message.get_content_type() == "multipart/alternative"
    text, html = message.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert "1.234,50 EUR" in text.get_content()
    assert "1.234,50 EUR" in html.get_content()


def test_every_attempt_has_the_same_bytes() -> None:
    assert written("Maria") == written("Maria")


@pytest.mark.parametrize(
    "name",
    [
        "Eve\r\nBcc: all@kunde.example",
        "Eve\n\nX",
        'Eve" <other@kunde.example>, "x',
        "Eve <other@kunde.example>",
        "=?utf-8?q?Bcc:_x?=\r\n",
        "Eve\N{LINE SEPARATOR}Bcc: x@kunde.example",
        "\N{RIGHT-TO-LEFT OVERRIDE}evE",
    ],
)
def test_no_name_adds_a_header_or_a_recipient(name: str) -> None:
    content = written(name)
    message = read(content)
    assert message["Bcc"] is None
    assert [address.addr_spec for address in message["To"].addresses] == ["maria@kunde.example"]
    assert len(message.keys()) == len(read(written("Maria")).keys())


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("maria@kunde.example", "maria@kunde.example"),
        (" maria.weber+ar@kunde.example ", "maria.weber+ar@kunde.example"),
        ("maria@localhost", "maria@localhost"),
        ("maria@müller.example", "maria@xn--mller-kva.example"),
        ("maria", None),
        ("@kunde.example", None),
        ("maria@", None),
        ("maria@kunde..example", None),
        ("maria@-kunde.example", None),
        ("ma ria@kunde.example", None),
        ("maria@kunde.example\r\nRCPT TO:<x@y.example>", None),
        ("<maria@kunde.example>", None),
        ("maria@kunde.example,x@y.example", None),
        ('"maria"@kunde.example', None),
        ("märia@kunde.example", None),
        ("m" * 65 + "@kunde.example", None),
        ("m@" + "k" * 300 + ".example", None),
    ],
)
def test_only_plain_addresses_are_written_to(text: str, address: str | None) -> None:
    assert deliverable(text) == address


async def test_dots_and_long_lines_survive_the_wire() -> None:
    question = ".\n..two\nx" + "ä" * 3_000 + "\n.end"
    async with scripted_server() as server:
        worded = WORDING.compose(
            notice_of("information-request"), PersonalText(texts={"question": question}), Language.GERMAN, "Muster"
        )
        letter = mail(NOTIFICATION, SUBJECT, worded, sender=SENDER, name=None, email="m@k.example", now=NOON)

        async def ready() -> None:
            pass

        await Smtp(Server(host="127.0.0.1", port=server.port), local_name="muster.example").deliver(letter, ready)
        (received,) = server.received
        body = received.get_body(("plain",))
        assert body is not None
        text = body.get_content().replace("\r\n", "\n")
        assert "  .\n  ..two\n  x" + "ä" * 3_000 + "\n  .end" in text
