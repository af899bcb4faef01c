"""The ways to people: a webhook, Slack's incoming webhook or one like it, e-mail. Their addresses are secrets."""

import smtplib
import ssl
from collections.abc import Iterator, Mapping
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any, Protocol

import urllib3

from connector.alerts.notice import Notice
from connector.errors import Failed, LamplighterError
from connector.settings import AlertsPart, EmailPart, secret

HINT = "put it there, or name another place under alerts in lamplighter.yaml"
WELL = range(200, 300)


class Channel(Protocol):
    """One way to people."""

    name: str

    def send(self, notice: Notice) -> None:
        """Hand a notice over. Raises LamplighterError where it was not taken; its words hold no address."""
        ...


def channels(part: AlertsPart) -> Iterator[Channel]:
    """The channels that the settings name."""
    if part.webhook:
        yield Webhook("webhook", part.webhook, part.timeout_seconds)
    if part.slack:
        yield Slack("slack", part.slack, part.timeout_seconds)
    if part.email:
        yield Email(part.email, part.timeout_seconds)


class Webhook:
    """Posts a notice as JSON. Follows no redirect: it could lead anywhere.

    Args:
        reference: where the URL is.
    """

    def __init__(self, name: str, reference: str, timeout: float) -> None:
        self.name = name
        self._reference = reference
        self._timeout = timeout

    def send(self, notice: Notice) -> None:
        """See Channel."""
        url = secret(self._reference, HINT).get_secret_value()
        try:
            with urllib3.PoolManager(timeout=self._timeout, retries=False) as pool:
                answer = pool.request("POST", url, json=self._body(notice), redirect=False)
        except (urllib3.exceptions.HTTPError, ValueError) as error:  # their own words hold the address
            raise Failed(f"{self.name} cannot be reached ({type(error).__name__})", hint=HINT) from None
        if answer.status not in WELL:
            raise Failed(f"{self.name} answers {answer.status}", hint=HINT)

    def _body(self, notice: Notice) -> Mapping[str, Any]:
        return notice.as_json()


class Slack(Webhook):
    """Posts a notice as Slack's incoming webhooks take it; Mattermost, Rocket.Chat and others take the same."""

    def _body(self, notice: Notice) -> Mapping[str, Any]:
        text = notice.text
        for character, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):  # Slack's three control characters
            text = text.replace(character, written)
        return {"text": text}


class Email:
    """Sends a notice as a mail of plain text."""

    name = "email"

    def __init__(self, part: EmailPart, timeout: float) -> None:
        self._part = part
        self._timeout = timeout

    def send(self, notice: Notice) -> None:
        """See Channel."""
        try:
            with self._connected() as server:
                server.send_message(_message(notice, self._part))
        except LamplighterError:
            raise
        except (OSError, ValueError) as error:  # smtplib's own errors are OSErrors; their words may hold addresses
            why = f"{type(error).__name__} {getattr(error, 'smtp_code', '')}".rstrip()
            raise Failed(f"{self.name} was not taken ({why})", hint=HINT) from None

    def _connected(self) -> smtplib.SMTP:
        part, trusted = self._part, ssl.create_default_context()
        if part.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(part.host, part.port, timeout=self._timeout, context=trusted)
        else:
            server = smtplib.SMTP(part.host, part.port, timeout=self._timeout)
        try:
            if part.security == "starttls":
                server.starttls(context=trusted)
            if part.password is not None:
                server.login(part.username, secret(part.password, HINT).get_secret_value())
        except BaseException:
            server.close()
            raise
        return server


def _message(notice: Notice, part: EmailPart) -> EmailMessage:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = notice.title, part.sender, ", ".join(part.to)
    message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain="lamplighter.invalid")
    message.set_content(notice.text)
    return message
