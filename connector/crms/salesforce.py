"""Salesforce: contacts, products, orders and their lines in; campaigns with their members and fields of contacts out.

Stands on simple-salesforce with sessions, retries and counting of our own. The parts: `connector/crms/_salesforce`.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from connector.crms import Remembered
from connector.crms._salesforce.alive import alive
from connector.crms._salesforce.api import Api
from connector.crms._salesforce.campaigns import Campaigns
from connector.crms._salesforce.doctor import Doctor
from connector.crms._salesforce.fields import Fields
from connector.crms._salesforce.floor import Floor
from connector.crms._salesforce.forecast import ahead
from connector.crms._salesforce.look import Lookout
from connector.crms._salesforce.members import Members
from connector.crms._salesforce.pull import Puller
from connector.crms._salesforce.sending import DELIVERED, Sending
from connector.crms._salesforce.settings import ClientCredentials, JwtBearer, SalesforceSettings, application
from connector.crms._salesforce.streams import mapped, needs
from connector.crms._salesforce.sweeps import Sweeper
from connector.crms._salesforce.transport import Transport
from connector.crms._salesforce.visible import Visible
from connector.crms._salesforce.web_flow import authorize_url, exchange, new_verifier
from connector.limits import Clock
from connector.mapping import Mapping as FieldMapping
from connector.mapping import load_mapping
from connector.model import Batch, Calls, Cursor, Delivery, Ensured, Finding, ListSpec, Receipt
from connector.ports import Held, Known

__all__ = [
    "ClientCredentials",
    "JwtBearer",
    "Salesforce",
    "SalesforceSettings",
    "authorize_url",
    "build",
    "exchange",
    "new_verifier",
]


def build(settings: Mapping[str, Any], home: Path | None, remembered: Remembered) -> "Salesforce":
    """The adapter with the mapping of `home`. Raises SetupError for a mapping or a setting that is not valid.

    Args:
        settings: fields of SalesforceSettings by name; `oauth` also as plain fields, with its `flow`.
    """
    oauth = settings.get("oauth")
    app = application(oauth) if isinstance(oauth, Mapping) else oauth
    told = SalesforceSettings(**{**settings, "oauth": app})
    return Salesforce(told, load_mapping("salesforce", home, needs(told.purchases)), remembered)


class Salesforce:
    """One Salesforce org behind the CRM port, whose comments say what each method promises."""

    name = "salesforce"

    def __init__(
        self, settings: SalesforceSettings, mapping: FieldMapping, remembered: Remembered, clock: Clock | None = None
    ) -> None:
        self._floor = floor = Floor()
        mapping = mapped(mapping, settings)
        self._transport = Transport(settings, clock or Clock(), remembered)
        self._api = api = Api(self._transport)
        visible = Visible(api)
        self._lookout = Lookout(api, mapping, visible, floor)
        self._puller = Puller(self._lookout)
        self._sweeper = Sweeper(self._lookout, self._puller)
        sending = Sending(api, remembered, floor)
        self._fields = Fields(api, mapping, visible, sending)
        self._campaigns = Campaigns(api, mapping, remembered, floor)
        self._members = Members(api, self._campaigns, sending, remembered, floor)
        self._doctor = Doctor(self._lookout, self._fields.trouble)

    def streams(self) -> Sequence[str]:
        """Products and contacts before the orders that point to them."""
        return tuple(self._lookout.streams)

    def pull(self, stream: str, cursor: Cursor | None, known: Known) -> Iterator[Batch]:
        """Everything at first, then what changed; everything again where the mapping, or what we may see, changed."""
        yield from self._puller.pull(stream, cursor, known)

    def forecast(self, cursors: Mapping[str, Cursor | None]) -> int | None:
        """Calls to pull streams from these cursors; None where Salesforce will not count."""
        return ahead(self._lookout, cursors)

    def sweeps(self) -> Mapping[str, timedelta]:
        """Records that are gone for good, that a merge gave to another, or that a gap hid from us."""
        return self._sweeper.sweeps()

    def sweep(self, name: str, cursor: Cursor | None, held: Held, *, approved: bool = False) -> Iterator[Batch]:
        """What Salesforce has now against what we hold."""
        yield from self._sweeper.sweep(name, cursor, held, approved=approved)

    def provision(self) -> None:
        """See that our fields are there; they come with install/salesforce. SetupError names what is missing."""
        self._fields.provision()

    def ensure(self, lists: Sequence[ListSpec]) -> Ensured:
        """Our campaigns; a changed id means an empty, new one."""
        return self._campaigns.ensure(lists)

    def members(self, audience: str) -> Iterator[Sequence[str]]:
        """Who is in a campaign now."""
        return self._members.members(audience)

    def alive(self, members: Sequence[str]) -> frozenset[str]:
        """Those that are neither deleted nor merged away."""
        return alive(self._api, self._floor, members)

    def deliver(self, delivery: Delivery) -> Receipt:
        """Change who is in a campaign, or set fields of contacts."""
        return self._part(delivery).deliver(delivery)

    def read_back(self, delivery: Delivery) -> Receipt:
        """Which of the wishes hold."""
        return self._part(delivery).read_back(delivery)

    def _part(self, delivery: Delivery) -> Members | Fields:
        return self._members if delivery.kind == "membership" else self._fields

    def batch_size(self, kind: str) -> int:
        """Members in one change of a campaign, or contacts in one write of fields."""
        return DELIVERED[kind]

    def close(self) -> None:
        """Let go of connections."""
        self._transport.close()

    @property
    def calls(self) -> Calls:
        """Calls so far, and the fewest that this work could have taken."""
        calls = self._transport.calls
        calls.floor, calls.quota = self._floor.calls, self._transport.quota()
        return calls

    def check(self) -> Sequence[Finding]:
        """Session, version, org, calls left, objects, fields, consent, campaigns."""
        return list(self._doctor.findings())
