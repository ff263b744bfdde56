"""Contacts as e-mail, over SMTP with the standard library.

The Message-ID is made of the contact's id, so that a mail sent again after a crash is known to be
the same. A server that refuses the address for good gives "undelivered"; one that cannot be reached
or asks to wait, gives NotSent.
"""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass, field
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage

from streams.outbound.letter import Letter, NotSent, Sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """Where mail leaves from. `security`: "starttls", "tls", or "none" on a closed network."""

    host: str
    port: int
    sender: str
    security: str = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    timeout_seconds: float = 10.0


class Mail:
    """Sends by one mailbox, a connection a letter."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._box = mailbox

    def send(self, letter: Letter) -> Sent:
        """Hand it to the server. Errors: NotSent."""
        try:
            message = mail_of(letter, self._box.sender)
        except (ValueError, MessageError):
            return Sent("undelivered")
        try:
            with self._connected() as server:
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            if all(500 <= code < 600 for code in codes):
                return Sent("undelivered")
            raise NotSent("The mail server asks to wait.") from None
        except smtplib.SMTPResponseException as error:
            raise NotSent(f"The mail server answered {error.smtp_code}.") from None
        except (OSError, smtplib.SMTPException) as error:
            raise NotSent(f"The mail server was not reached: {type(error).__name__}.") from None
        return Sent("delivered")

    def _connected(self) -> smtplib.SMTP:
        box, context = self._box, ssl.create_default_context()
        if box.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                box.host, box.port, timeout=box.timeout_seconds, context=context
            )
        else:
            server = smtplib.SMTP(box.host, box.port, timeout=box.timeout_seconds)
        try:
            if box.security == "starttls":
                server.starttls(context=context)
            if box.user:
                server.login(box.user, box.password)
        except BaseException:
            server.close()
            raise
        return server


def mail_of(letter: Letter, sender: str) -> EmailMessage:
    """The mail. Errors: ValueError or MessageError for an address that is none."""
    if not letter.address:
        raise ValueError("no address")
    message = EmailMessage()
    message["From"] = Address(addr_spec=sender)
    message["To"] = Address(addr_spec=letter.address)
    message["Subject"] = letter.subject
    message["Message-ID"] = f"<{letter.contact.contact_id}@loanbell.invalid>"
    message["Content-Language"] = letter.language
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    return message
