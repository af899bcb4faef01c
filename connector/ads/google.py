"""Google: user lists of people whom our ads leave alone, and sales told as events, through the Data Manager API.

The parts: `connector/ads/_google`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from connector.ads._google import spelling
from connector.ads._google.doctor import Doctor
from connector.ads._google.lists import LONGEST_DAYS, Lists, takes_people
from connector.ads._google.members import MOST_MEMBERS, Members
from connector.ads._google.requests import Requests
from connector.ads._google.sales import MOST_EVENTS, report
from connector.ads._google.settings import GoogleSettings, settings_of
from connector.ads._google.transport import Transport
from connector.ads._standing import Standing
from connector.model import AdTerms, Calls, Delivery, Ensured, Finding, ListSpec, Receipt, Sale
from connector.ports import Remembered

__all__ = ["Google", "GoogleSettings", "build"]

MINIMUM_SIZE = 100
"""Members below which a list does nothing (Data Manager API, "Send audience members")."""
EFFECT = timedelta(hours=48)
"""Processing takes 6 to 48 hours."""
LOOKED = "google_looked"
"""The day on which all lists were last looked at: nothing else tells that one was closed, or deleted while nobody
came or went."""


def build(settings: Mapping[str, Any], remembered: Remembered) -> "Google":
    """The adapter.

    Args:
        settings: fields of GoogleSettings by name; `oauth` also as a mapping of the fields of its App.

    Raises:
        SetupError: there are no credentials, or plain http leads to another machine.
    """
    return Google(settings_of(settings), remembered)


class Google:
    """One Google Ads account behind the port of ad destinations, whose comments say what each method promises."""

    def __init__(self, settings: GoogleSettings, remembered: Remembered) -> None:
        self.name = settings.name
        self.terms = AdTerms(
            identifiers=("email", "phone"),
            minimum_size=MINIMUM_SIZE,
            maximum_audiences=settings.max_lists,
            longest=timedelta(days=LONGEST_DAYS),
            effect=EFFECT,
            takes_sales=bool(settings.conversion_action),
        )
        self._remembered = remembered
        self._transport = Transport(settings)
        self._standing = standing = Standing("Google", remembered)
        self._lists = Lists(self._transport, standing, remembered)
        self._requests = Requests(self._transport, remembered)
        self._members = Members(self._transport, standing, self._requests, remembered)
        self._doctor = Doctor(self._transport, self._lists, standing, remembered)

    def match(self, kind: str, value: str) -> str | None:
        """The match key of an e-mail address or a phone number as Google spells it."""
        return spelling.match(kind, value)

    def ensure(self, lists: Sequence[ListSpec]) -> Ensured:
        """Our user lists; a changed id means an empty, new one."""
        return self._lists.ensure(lists)

    def deliver(self, delivery: Delivery) -> Receipt:
        """Add people and take people out: a call each."""
        return self._members.deliver(delivery)

    def refresh(self, audience: str, members: Iterable[Sequence[str]], *, sure: bool = False) -> Receipt:
        """Say everybody again, a call for each part; then, unless nobody else can be in it, take out who was last said
        before, once Google has worked through the others: one call more."""
        return self._members.refresh(audience, members, sure=sure)

    def confirm(self, note: Callable[[Mapping[str, str]], None] = lambda told: None) -> Mapping[str, str]:
        """What Google could not work through; refreshes of which it could are ended. Once a day it is looked at whether
        our lists still stand, too."""
        today = self._transport.clock.now().date().isoformat()
        if self._standing.all() and self._remembered.get(LOOKED, "lists") != today:
            self._lists.look()
            self._remembered.put(LOOKED, "lists", today)
        told = self._requests.confirm(self._members.give_up, note)
        self._members.finish()
        return told

    def drop(self, audience: str) -> None:
        """Delete a user list of ours."""
        self._lists.drop(audience)

    def erase(self, members: Sequence[str]) -> Mapping[str, str]:
        """Take people out of every user list of the account that takes people by e-mail address or phone number."""
        return self._members.erase([str(one["id"]) for one in self._lists.all() if takes_people(one)], members)

    def report(self, sales: Sequence[Sale]) -> Receipt:
        """Tell of purchases, and of what refunds leave of them."""
        return report(self._transport, self._requests, sales)

    def check(self) -> Sequence[Finding]:
        """Access, lists, terms and sales, each with a fix."""
        return tuple(self._doctor.findings())

    def batch_size(self, kind: str) -> int:
        """Members, or events, of one request (Data Manager API, "Limits and quotas")."""
        return MOST_EVENTS if kind == "sale" else MOST_MEMBERS

    def close(self) -> None:
        """Let go of connections."""
        self._transport.http.close()

    @property
    def calls(self) -> Calls:
        """Calls made since the adapter was built; those for tokens are not calls of the API."""
        return self._transport.http.calls
