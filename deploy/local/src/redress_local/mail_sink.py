"""A real SMTP server that delivers into a folder: every mail becomes one .eml file that any mail program opens.

`python -m redress_local.mail_sink <folder> <port> [<data folder of its stack>]`; prints the path of each mail. Nothing
ever leaves the machine.
"""

import asyncio
import re
import signal
import sys
from itertools import count
from pathlib import Path
from typing import Final

from aiosmtpd.smtp import SMTP, Envelope, Session

from redress.clock import Clock, SystemClock
from redress_local.stack_clock import stack_clock

MAX_MAIL_BYTES: Final = 10 * 1024 * 1024
_NOT_FOR_A_FILE_NAME = re.compile(r"[^a-zA-Z0-9@._-]+")


class Folder:
    """aiosmtpd's handler: a mail is acknowledged when its file stands under its final name."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._number = count(1)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        recipients = ", ".join(envelope.rcpt_tos)
        to = _NOT_FOR_A_FILE_NAME.sub("_", envelope.rcpt_tos[0])[:80]
        now = self._clock.now()
        path = self._folder / f"{now:%Y%m%dT%H%M%S.%f}-{next(self._number)}-{to}.eml"
        head = f"X-Envelope-From: {envelope.mail_from}\r\nX-Envelope-To: {recipients}\r\n"
        temporary = path.with_suffix(".part")
        temporary.write_bytes(head.encode() + (envelope.original_content or b""))
        temporary.replace(path)
        print(path, flush=True)
        return "250 delivered into the folder"


async def serve(folder: Path, port: int, clock: Clock) -> None:
    """Until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    handler = Folder(folder, clock)

    def session() -> SMTP:
        return SMTP(
            handler, data_size_limit=MAX_MAIL_BYTES, enable_SMTPUTF8=True, hostname="mail-sink.redress.local", loop=loop
        )

    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    server = await loop.create_server(session, "127.0.0.1", port)
    await stopped.wait()
    server.close()


if __name__ == "__main__":
    mails = Path(sys.argv[1])
    mails.mkdir(parents=True, exist_ok=True)
    asyncio.run(serve(mails, int(sys.argv[2]), stack_clock(Path(sys.argv[3])) if sys.argv[3:] else SystemClock()))
