"""The settings of this service's processes, from their environment."""

from email.utils import parseaddr
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import SettingsConfigDict

from notification_service.sending.mail import Sender
from notification_service.sending.smtp import Server
from notification_service.wording.address import deliverable
from redress.ops.settings import ServiceSettings


def _sender(text: str) -> str:
    if deliverable(parseaddr(text)[1]) is None:
        raise ValueError("must be an address, or a name and an address: Accounts Receivable <ar@seller.example>")
    return text


class NotificationSettings(ServiceSettings):
    """`smtp_starttls` must be true where a password is sent to another machine; `mail_from` is name and address."""

    model_config = SettingsConfigDict(env_prefix="NOTIFICATION_")

    smtp_host: Annotated[str | None, Field(validation_alias="SMTP_HOST")] = None
    smtp_port: Annotated[int, Field(validation_alias="SMTP_PORT", ge=1, le=65_535)] = 25
    smtp_username: Annotated[str | None, Field(validation_alias="SMTP_USERNAME")] = None
    smtp_password: Annotated[SecretStr | None, Field(validation_alias="SMTP_PASSWORD")] = None
    smtp_starttls: Annotated[bool, Field(validation_alias="SMTP_STARTTLS")] = False
    mail_from: Annotated[Annotated[str, AfterValidator(_sender)] | None, Field(validation_alias="MAIL_FROM")] = (
        None  # None for the API, which sends nothing
    )

    @property
    def sender(self) -> Sender:
        """ValueError without `mail_from`, which only the worker needs."""
        if self.mail_from is None:
            raise ValueError("MAIL_FROM is missing")
        name, email = parseaddr(self.mail_from)
        return Sender(name or email, email)

    @property
    def mail_server(self) -> Server:
        """ValueError without `smtp_host`, or where a password would cross the network in the clear."""
        if self.smtp_host is None:
            raise ValueError("SMTP_HOST is missing")
        if self.smtp_password is not None and not self.smtp_starttls and self.smtp_host not in _HERE:
            raise ValueError("SMTP_PASSWORD needs SMTP_STARTTLS=true, except on this machine itself")
        return Server(
            host=self.smtp_host,
            port=self.smtp_port,
            starttls=self.smtp_starttls,
            username=self.smtp_username,
            password=None if self.smtp_password is None else self.smtp_password.get_secret_value(),
        )


_HERE = frozenset({"127.0.0.1", "::1", "localhost"})
