"""E-mail as a notification block of Prefect, over SMTP.

One message goes to all recipients in one transaction with the mail server, so that it arrives once with each.
"""

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Literal

from prefect.blocks.abstract import NotificationBlock
from pydantic import Field, SecretStr

Security = Literal["starttls", "tls", "none"]


class Email(NotificationBlock):
    """Sends notifications by e-mail."""

    _block_type_name = "E-mail"
    _block_type_slug = "email"

    host: str = Field(description="The mail server.")
    port: int = Field(587, ge=1, le=65535, description="587 with starttls, 465 with tls, 25 with none.")
    security: Security = Field(
        "starttls", description="How the connection is encrypted; none is for a server on this machine."
    )
    user: str | None = Field(None, description="Who signs in; nobody does where it is empty.")
    password: SecretStr | None = Field(None, description="Of that user.")
    sender: str = Field(description="The address that messages come from.")
    recipients: list[str] = Field(min_length=1, description="The addresses that they go to.")
    timeout_seconds: float = Field(10, gt=0, description="How long to wait for the server.")

    def notify(self, body: str, subject: str | None = None) -> None:  # type: ignore[override]
        """Raises:
        OSError, smtplib.SMTPException: the message was taken for no recipient.
        """
        message = EmailMessage()
        message["Subject"], message["Date"] = subject or "", formatdate()
        message["From"], message["To"] = self.sender, ", ".join(self.recipients)
        message["Message-ID"] = make_msgid(domain=self.sender.rpartition("@")[2])
        message.set_content(body)
        with self._connected() as server:
            if self.user and self.password:
                server.login(self.user, self.password.get_secret_value())
            refused = server.send_message(message)
        if refused:  # sent all the same: sending it again would bring it to the others twice
            self.logger.warning(f"{len(refused)} of {len(self.recipients)} recipients were refused by the mail server")

    def _connected(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self.security == "tls":
            return smtplib.SMTP_SSL(self.host, self.port, timeout=self.timeout_seconds, context=context)
        server = smtplib.SMTP(self.host, self.port, timeout=self.timeout_seconds)
        if self.security == "starttls":
            server.starttls(context=context)  # raises where the server cannot, rather than go on in the clear
        return server
