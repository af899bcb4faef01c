"""Meta: custom audiences of people whom our ads leave alone, and sales told by the Conversions API.

The parts: `connector/ads/_meta`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from connector.ads._meta import spelling
from connector.ads._meta.api import Api
from connector.ads._meta.audiences import Audiences
from connector.ads._meta.doctor import Doctor
from connector.ads._meta.members import Members
from connector.ads._meta.refresh import Refresh
from connector.ads._meta.rows import MOST as ROWS
from connector.ads._meta.sales import MOST as EVENTS
from connector.ads._meta.sales import Sales
from connector.ads._meta.settings import MetaSettings
from connector.limits import Clock
from connector.model import AdTerms, Calls, Delivery, Ensured, Finding, ListSpec, Receipt, Sale
from connector.ports import Remembered

__all__ = ["Meta", "MetaSettings", "build"]

EFFECT = timedelta(hours=24)
"""Changes "usually take up to 24 hours" (Meta, "Custom Audience Users")."""


def build(settings: Mapping[str, Any], remembered: Remembered) -> "Meta":
    """The adapter.

    Args:
        settings: fields of MetaSettings by name.
    """
    return Meta(MetaSettings(**settings), remembered)


class Meta:
    """One Meta ad account behind the port of ad destinations, whose comments say what each method promises."""

    def __init__(self, settings: MetaSettings, remembered: Remembered, clock: Clock | None = None) -> None:
        self.name = settings.name
        self.terms = AdTerms(
            identifiers=("email", "phone"),
            minimum_size=100,
            maximum_audiences=settings.max_lists,
            longest=None,
            effect=EFFECT,
            takes_sales=bool(settings.dataset),
        )
        self._api = api = Api(settings, clock or Clock())
        self._audiences = Audiences(api, remembered)
        self._members = Members(api, self._audiences)
        self._refresh = Refresh(api, self._audiences, self._members, remembered)
        self._sales = Sales(api)

    def match(self, kind: str, value: str) -> str | None:
        """The match key of an e-mail address or a phone number as Meta spells it."""
        return spelling.match(kind, value)

    def ensure(self, lists: Sequence[ListSpec]) -> Ensured:
        """Our audiences; a changed id means an empty, new one."""
        return self._audiences.ensure(lists)

    def deliver(self, delivery: Delivery) -> Receipt:
        """Put people in and take people out: a call each."""
        return self._members.deliver(delivery)

    def refresh(self, audience: str, members: Iterable[Sequence[str]], *, sure: bool = False) -> Receipt:
        """Replace everybody in an audience; a call for each ten thousand."""
        return self._refresh.refresh(audience, members)

    def confirm(self, note: Callable[[Mapping[str, str]], None] = lambda told: None) -> Mapping[str, str]:
        """Replacements that came to nothing."""
        return self._refresh.confirm(note)

    def drop(self, audience: str) -> None:
        """Delete an audience of ours."""
        self._refresh.forget(audience)
        self._audiences.drop(audience)

    def erase(self, members: Sequence[str]) -> Mapping[str, str]:
        """Take people out of every audience of the account, whoever made it."""
        return self._members.erase(members)

    def report(self, sales: Sequence[Sale]) -> Receipt:
        """Tell of sales as server events."""
        return self._sales.report(sales)

    def check(self) -> Sequence[Finding]:
        """Token, account, terms, audiences, dataset."""
        return list(Doctor(self._api, self._audiences).findings())

    def batch_size(self, kind: str) -> int:
        """People or sales to a call."""
        return EVENTS if kind == "sale" else ROWS

    def close(self) -> None:
        """Let go of connections."""
        self._api.http.close()

    @property
    def calls(self) -> Calls:
        """Calls so far."""
        return self._api.http.calls
