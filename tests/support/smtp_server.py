"""A real SMTP server whose answers a test writes down beforehand."""

# ruff: noqa: ARG002, N802
# (names and signatures are aiosmtpd's)

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class ScriptedServer:
    """Takes every mail unless told otherwise. `received` are the mails it has taken or at least seen whole.

    `banner_refused`, `mail`, `rcpt` and `data` are answers ("451 4.7.1 later") given until taken back; `cut` is where
    the connection breaks: `before-data`, `after-data`; `silent_at` is where no answer comes before `speak`: `rcpt`,
    `after-data`.
    """

    def __init__(self) -> None:
        self.received: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.commands: list[str] = []
        self.mail: list[str] = []
        self.rcpt: list[str] = []
        self.data: list[str] = []
        self.cut: str | None = None
        self.silent_at: str | None = None
        self.logins: list[str] = []
        self.encrypted = False
        self.port = 0
        self._speaks = asyncio.Event()

    def speak(self) -> None:
        """Give every waiting client its answer."""
        self._speaks.set()

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.commands.append("MAIL")
        if self.mail:
            return self.mail.pop(0)
        envelope.mail_from = address
        return "250 2.1.0 ok"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.commands.append("RCPT")
        self.encrypted = session.ssl is not None
        if self.silent_at == "rcpt":
            await self._speaks.wait()
        if self.rcpt:
            return self.rcpt.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.commands.append("QUIT")
        return "221 2.0.0 bye"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.commands.append("DATA")
        content = envelope.content
        assert isinstance(content, bytes)
        self.received.append(message_from_bytes(content, policy=policy.default))
        self.recipients += envelope.rcpt_tos
        if self.cut == "after-data":
            _cut(server)
            return "250 never arrives"
        if self.silent_at == "after-data":
            await self._speaks.wait()
        return self.data.pop(0) if self.data else "250 2.0.0 taken"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append(data.login.decode())
        return AuthResult(success=data.password == b"right", handled=False)


def _cut(server: SMTP) -> None:
    transport = server.transport
    assert isinstance(transport, asyncio.WriteTransport)
    transport.abort()


class _Server(SMTP):
    """Cuts the connection at DATA when the script says so."""

    async def smtp_DATA(self, arg: str) -> None:
        if self.event_handler.cut == "before-data":
            _cut(self)
            return
        await super().smtp_DATA(arg)


@asynccontextmanager
async def scripted_server(
    script: ScriptedServer | None = None, *, tls: ssl.SSLContext | None = None, auth: bool = False
) -> AsyncIterator[ScriptedServer]:
    handler = script or ScriptedServer()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _Server(
            handler,
            hostname="mail.test",
            ident="scripted",
            enable_SMTPUTF8=False,
            tls_context=tls,
            auth_required=auth,
            auth_require_tls=False,
            authenticator=handler.authenticate if auth else None,
            loop=loop,
        ),
        "127.0.0.1",
        0,
    )
    handler.port = server.sockets[0].getsockname()[1]
    try:
        yield handler
    finally:
        server.close()
