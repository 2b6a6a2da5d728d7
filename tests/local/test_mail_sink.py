"""The local SMTP server: its own process, one file per mail."""

import email
import email.policy
import smtplib
import sys
from email.message import EmailMessage
from pathlib import Path

from support.eventually import eventually

from redress_local.ports import accepts, free_ports
from redress_local.process import Process


async def test_a_mail_becomes_a_file_that_a_mail_program_opens(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    folder = tmp_path / "mail"
    argv = [sys.executable, "-m", "redress_local.mail_sink", str(folder), str(port)]
    sink = Process("mail-sink", argv, log=tmp_path / "log")
    sink.start()

    async def is_up() -> bool:
        return accepts(port)

    try:
        await eventually(is_up)
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = "ar@example.com", "anna@example.de", "Reklamation über 12,50 €"
        mail.set_content("Sehr geehrte Frau Schmidt")
        with smtplib.SMTP("127.0.0.1", port) as client:
            client.send_message(mail, to_addrs=["anna@example.de", "../../etc/passwd@example.de"])
        (path,) = folder.glob("*.eml")
    finally:
        sink.stop()
    received = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert received["Subject"] == "Reklamation über 12,50 €"
    assert received["X-Envelope-To"] == "anna@example.de, ../../etc/passwd@example.de"
    assert received.get_content().strip() == "Sehr geehrte Frau Schmidt"
    assert str(path) in (tmp_path / "log").read_text()
    assert sink.exit_code == 0
