"""HubSpot: contacts, products, orders and their lines in; lists and properties of contacts out.

Stands on hubspot-api-client with a transport of our own under it. The parts are in `connector/crms/_hubspot`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from connector.crms import Remembered
from connector.crms._hubspot.account import Account
from connector.crms._hubspot.alive import alive
from connector.crms._hubspot.answers import Refused
from connector.crms._hubspot.api import Api
from connector.crms._hubspot.changes import changes
from connector.crms._hubspot.doctor import Doctor, needed_scopes
from connector.crms._hubspot.fields import Fields
from connector.crms._hubspot.floor import Floor
from connector.crms._hubspot.forecast import ahead
from connector.crms._hubspot.listing import listing
from connector.crms._hubspot.lists import Lists
from connector.crms._hubspot.marks import Marks
from connector.crms._hubspot.memberships import Memberships
from connector.crms._hubspot.oauth import authorize_url, exchange
from connector.crms._hubspot.options import Options
from connector.crms._hubspot.settings import HubSpotSettings
from connector.crms._hubspot.source import Source
from connector.crms._hubspot.streams import Stream, mapped, needs, unread
from connector.crms._hubspot.subscriptions import Subscriptions
from connector.crms._hubspot.sweeps import SWEEPS, sweep
from connector.crms._hubspot.transport import Transport
from connector.crms._hubspot.webhooks_journal import STREAM as JOURNAL
from connector.crms._hubspot.webhooks_journal import Journal
from connector.crms._hubspot.writes import WRITTEN
from connector.limits import Clock
from connector.mapping import Mapping as FieldMapping
from connector.mapping import load_mapping
from connector.model import Batch, Calls, Cursor, Delivery, Ensured, Finding, ListSpec, Receipt
from connector.ports import Held, Known

__all__ = ["HubSpot", "HubSpotSettings", "authorize_url", "build", "exchange", "scopes"]

PUT_AWAY = "put_away"
"""Under what we remember when the rows of a stream that is not read any more were put away."""


def build(settings: Mapping[str, Any], home: Path | None, remembered: Remembered) -> "HubSpot":
    """The adapter with the mapping of `home`. Raises SetupError for a mapping that is not valid.

    Args:
        settings: fields of HubSpotSettings by name.
    """
    told = HubSpotSettings(**settings)
    return HubSpot(told, load_mapping("hubspot", home, needs(told.purchases)), remembered)


def scopes(settings: HubSpotSettings, home: Path | None) -> list[str]:
    """What an install must be allowed to do, in HubSpot's words. Raises SetupError for a mapping that is not valid."""
    mapping = load_mapping("hubspot", home, needs(settings.purchases))
    return needed_scopes(mapped(mapping, settings), settings)


class HubSpot:
    """One HubSpot account behind the CRM port, whose comments say what each method promises."""

    name = "hubspot"

    def __init__(
        self, settings: HubSpotSettings, mapping: FieldMapping, remembered: Remembered, clock: Clock | None = None
    ) -> None:
        self._floor = Floor()
        self._settings, self._remembered = settings, remembered
        self._mapping = mapping = mapped(mapping, settings)
        self._transport = Transport(settings, clock or Clock(), remembered)
        self._api = api = Api(self._transport, settings.version)
        self._account = Account(api, remembered, self._floor)
        self._source = Source(api, mapping, settings, self._floor)
        self._fields = Fields(api, mapping, self._floor)
        self._lists: Lists | Marks
        self._memberships: Memberships | Marks
        self._lists, self._memberships = self._audiences(settings, remembered)
        self._doctor = Doctor(api, self._source, self._fields, mapping, settings, remembered, self._account)
        self._journaled = settings.journal
        self._subscriptions = Subscriptions(self._source)
        self._journal = Journal(self._source, self._subscriptions, remembered)

    def _audiences(
        self, settings: HubSpotSettings, remembered: Remembered
    ) -> tuple[Lists, Memberships] | tuple[Marks, Marks]:
        if settings.lists == "properties":
            options = Options(self._api, self._fields, remembered, self._floor)
            marks = Marks(self._api, options, remembered, self._floor)
            return marks, marks
        lists = Lists(self._api, self._mapping, remembered, settings.max_lists, self._floor)
        return lists, Memberships(self._api, lists, settings.membership_chunk, self._floor)

    def streams(self) -> Sequence[str]:
        """Products and contacts before the orders that point to them; the journal, which is about all, at the end."""
        return (*self._source.streams, *([JOURNAL] if self._journaled else []))

    def pull(self, stream: str, cursor: Cursor | None, known: Known) -> Iterator[Batch]:
        """Everything by listing, and from then on what changed by search.

        Everything again where the mapping of the stream has changed: rows that did not change lack what it adds.
        """
        self._account.demand()
        if stream == JOURNAL:
            yield from self._journal.pull(cursor)
            return
        self._journal.tell(stream, known)
        digest, wanted = self._digest(stream), self._source.streams[stream]
        if cursor is None or cursor.get("mapping") != digest:
            self._doctor.demand(wanted)
            cursor = {"phase": "list", "again": cursor is not None}
        for batch in self._batches(wanted, cursor, known):
            yield replace(batch, cursor={**batch.cursor, "mapping": digest})

    def _batches(self, stream: Stream, cursor: Cursor, known: Known) -> Iterator[Batch]:
        if cursor["phase"] == "list":
            return listing(self._source, stream, cursor, known)
        return changes(self._source, stream, cursor, known)

    def forecast(self, cursors: Mapping[str, Cursor | None]) -> int | None:
        """Calls to pull streams from these cursors; None where HubSpot will not tell: the pull then says why."""
        try:
            self._account.learn()
            if any(self._fresh(name, cursor) for name, cursor in cursors.items()):
                self._transport.learn_usage()  # searches do not tell what is left
            return sum(self._ahead(name, cursor) for name, cursor in cursors.items())
        except Refused:
            return None

    def _ahead(self, name: str, cursor: Cursor | None) -> int:
        stream = self._source.streams.get(name)
        if stream is None:
            return 1
        return ahead(self._source, stream, None if self._fresh(name, cursor) else cursor)

    def _fresh(self, name: str, cursor: Cursor | None) -> bool:
        """Whether a stream is to be read from its start."""
        return name in self._source.streams and (cursor is None or cursor.get("mapping") != self._digest(name))

    def _digest(self, name: str) -> str:
        """Changes with what a stream's rows are made by, and when they were put away: then all are read anew."""
        return self._mapping.digest(name) + (self._remembered.get(PUT_AWAY, name) or "")

    def sweeps(self) -> Mapping[str, timedelta]:
        """Archived records, records that are gone for good or merged away, associations that moved."""
        return {name: timedelta() if self._journal.overdue(name) else often for name, often in SWEEPS.items()}

    def sweep(self, name: str, cursor: Cursor | None, held: Held, *, approved: bool = False) -> Iterator[Batch]:
        """What HubSpot has now against what we hold."""
        self._account.demand()
        if name == "gone":  # puts away the rows of these; noted before, so that a kill costs a listing and no row
            for left_out in unread(self._settings.purchases):
                self._remembered.put(PUT_AWAY, left_out, self._transport.server.now().isoformat())
        yield from sweep(self._source, name, cursor, held, approved=approved)
        if cursor is None:  # one that was broken off began before the gap was known
            self._journal.made_up(name)

    def provision(self) -> None:
        """Create our property group and properties, and subscribe to what the journal must tell, where missing."""
        self._account.learn()
        self._account.demand()
        self._fields.provision()
        if self._journaled:
            self._subscriptions.provision()

    def ensure(self, lists: Sequence[ListSpec]) -> Ensured:
        """Our static lists, or the options of our properties; a changed id means an empty, new list."""
        self._account.demand()
        return self._lists.ensure(lists)

    def members(self, audience: str) -> Iterator[Sequence[str]]:
        """Who is in a list now."""
        self._account.demand()
        return self._memberships.members(audience)

    def alive(self, members: Sequence[str]) -> frozenset[str]:
        """Those that are neither deleted nor merged away."""
        return alive(self._api, self._floor, members)

    def deliver(self, delivery: Delivery) -> Receipt:
        """Change who is in a list, or set properties of contacts."""
        return self._part(delivery).deliver(delivery)

    def read_back(self, delivery: Delivery) -> Receipt:
        """Which of the wishes hold."""
        return self._part(delivery).read_back(delivery)

    def _part(self, delivery: Delivery) -> Memberships | Marks | Fields:
        self._account.demand()
        return self._memberships if delivery.kind == "membership" else self._fields

    def batch_size(self, kind: str) -> int:
        """People in one change of a list, or contacts in one write of properties."""
        return self._memberships.chunk if kind == "membership" else WRITTEN

    def close(self) -> None:
        """Let go of connections."""
        self._transport.close()

    @property
    def calls(self) -> Calls:
        """Calls so far, and the fewest that this work could have taken."""
        calls = self._transport.calls
        calls.floor, calls.quota = self._floor.calls, self._transport.quota.told()
        return calls

    def check(self) -> Sequence[Finding]:
        """Token, scopes, properties, quota, version."""
        journal = [self._subscriptions.finding()] if self._journaled else []
        return [*self._doctor.findings(), *journal]
