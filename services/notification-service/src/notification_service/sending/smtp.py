"""One mail over SMTP, and what became of it. Every step has a deadline.

What can be said for certain is said: until the whole mail and its final dot are on the wire the server must not
deliver it, so a failure before that may be tried again. After it, only an answer tells; without one nobody knows
(RFC 1047, RFC 5321 §6.1).
"""

import re
import ssl
from collections.abc import Awaitable, Callable

import aiosmtplib
from aiosmtplib.errors import (
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPException,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)
from msgspec import Struct

from notification_service.notices.reasons import Reason
from notification_service.notifications.commands import (
    Acceptance,
    AttemptOutcome,
    Deferral,
    PermanentFailure,
    UnknownOutcome,
)
from notification_service.sending.mail import Mail
from redress.failpoints import failpoint

_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b")
_START_INPUT = 354
_COMPLETED = 250


class Deadlines(Struct, frozen=True, kw_only=True):
    """Seconds. `answer_s` is for the server's word on the whole mail; RFC 5321 §4.5.3.2.6 would wait ten minutes."""

    connect_s: float = 10.0
    command_s: float = 30.0
    answer_s: float = 120.0


class Server(Struct, frozen=True, kw_only=True):
    """Where mails are handed over. `starttls` True: no mail without encryption; False: plain, for a local relay."""

    host: str
    port: int
    starttls: bool = False
    username: str | None = None
    password: str | None = None


class Smtp:
    """Hands mails to one server, a connection each."""

    def __init__(
        self,
        server: Server,
        *,
        local_name: str,
        deadlines: Deadlines | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._server = server
        self._local_name = local_name
        self._tls = tls
        self.deadlines = deadlines or Deadlines()

    async def deliver(self, mail: Mail, before_handover: Callable[[], Awaitable[None]]) -> AttemptOutcome:
        """Hand the mail over. `before_handover` is awaited when the server has taken both addresses and before the
        first byte of the mail; if it raises, the mail does not leave and the exception goes on."""
        await failpoint("smtp.before_connect")
        client = self._client()
        try:
            refused = await self._greet(client) or await self._envelope(client, mail)
            if refused is not None:
                return refused
            await failpoint("smtp.before_handover")
            await before_handover()
            await failpoint("smtp.after_handover")
            return await self._hand_over(client, mail)
        finally:
            await self._leave(client)

    def _client(self) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=self._server.host,
            port=self._server.port,
            username=self._server.username,
            password=self._server.password,
            local_hostname=self._local_name,
            timeout=self.deadlines.command_s,
            start_tls=self._server.starttls,
            tls_context=self._tls,
        )

    async def _greet(self, client: aiosmtplib.SMTP) -> AttemptOutcome | None:
        """Connect and be let in. A failure here does not concern this mail, and may be temporary."""
        try:
            await client.connect(timeout=self.deadlines.connect_s)
            await client.ehlo(timeout=self.deadlines.command_s)
        except SMTPResponseException as refused:
            return Deferral(reason=Reason.SERVER_UNREACHABLE, server_code=_code(refused.code, refused.message))
        except (SMTPConnectError, SMTPAuthenticationError, SMTPException, OSError, ValueError):
            return Deferral(reason=Reason.SERVER_UNREACHABLE)
        return None

    async def _envelope(self, client: aiosmtplib.SMTP, mail: Mail) -> AttemptOutcome | None:
        try:
            try:
                await client.mail(mail.sender, timeout=self.deadlines.command_s)
            except SMTPResponseException as refused:
                return _refusal("the sender", refused)
            try:
                await client.rcpt(mail.recipient, timeout=self.deadlines.command_s)
            except SMTPResponseException as refused:
                return _refusal("the recipient", refused)
        except (SMTPServerDisconnected, SMTPTimeoutError, OSError):
            return Deferral(reason=Reason.CONNECTION_LOST)
        return None

    async def _hand_over(self, client: aiosmtplib.SMTP, mail: Mail) -> AttemptOutcome:
        try:
            invited = await client.execute_command(b"DATA", timeout=self.deadlines.command_s)
        except (SMTPServerDisconnected, SMTPTimeoutError, OSError):
            return Deferral(reason=Reason.CONNECTION_LOST)
        if invited.code != _START_INPUT:
            return _refusal("the mail", SMTPResponseException(invited.code, invited.message))
        try:
            answer = await self._content(client, mail.content)
        except SMTPTimeoutError:
            client.close()
            return UnknownOutcome(reason=Reason.SILENT_AFTER_DATA)
        except (SMTPException, OSError):
            client.close()
            return UnknownOutcome(reason=Reason.CUT_AFTER_DATA)
        if answer.code == _COMPLETED:
            return Acceptance(message_id=mail.message_id, server_code=_code(answer.code, answer.message))
        return _refusal("the mail", SMTPResponseException(answer.code, answer.message))

    async def _content(self, client: aiosmtplib.SMTP, content: bytes) -> aiosmtplib.SMTPResponse:
        """The second half of aiosmtplib's data(), which does not say in which half it failed. The flag is what data()
        sets so that the reply is not taken for an unsolicited one."""
        protocol = client.protocol
        if protocol is None:
            raise SMTPServerDisconnected("connection lost")
        protocol._response_pending = True  # noqa: SLF001
        protocol.write(_on_the_wire(content))
        await failpoint("smtp.after_data")
        return await protocol.read_response(timeout=self.deadlines.answer_s)

    async def _leave(self, client: aiosmtplib.SMTP) -> None:
        if not client.is_connected:
            client.close()
            return
        try:
            await client.quit(timeout=self.deadlines.command_s)
        except (SMTPException, OSError):
            client.close()


def _refusal(what: str, refused: SMTPResponseException) -> AttemptOutcome:
    """4xx: later. 5xx and anything else that is no success: never."""
    code = _code(refused.code, refused.message)
    if 400 <= refused.code < 500:
        return Deferral(reason=Reason.TEMPORARILY_REJECTED, server_code=code)
    return PermanentFailure(reason=Reason.REJECTED, detail=f"the server refused {what}", server_code=code)


def _code(code: int, message: str) -> str:
    """ "550 5.1.1": the numbers of an answer. Its words often repeat the address and are left out."""
    enhanced = _ENHANCED.match(message.lstrip())
    return f"{code} {enhanced.group(0)}" if enhanced else str(code)


def _on_the_wire(content: bytes) -> bytes:
    """CRLF line ends, leading dots doubled (RFC 5321 §4.5.2), and the final dot."""
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", content)
    if not lines.endswith(b"\r\n"):
        lines += b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", lines) + b".\r\n"
