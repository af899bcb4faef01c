"""HubSpot: contacts, products, orders and their lines in; lists and properties of contacts out.

Stands on hubspot-api-client with a transport of our own under it. The parts are in `connector/crms/_hubspot`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from connector.crms import Remembered
from connector.crms._hubspot.api import Api
from connector.crms._hubspot.changes import changes
from connector.crms._hubspot.doctor import Doctor
from connector.crms._hubspot.fields import WRITTEN, Fields
from connector.crms._hubspot.floor import Floor
from connector.crms._hubspot.listing import listing
from connector.crms._hubspot.lists import Lists
from connector.crms._hubspot.memberships import Memberships
from connector.crms._hubspot.rows import NEEDS, STREAMS, Stream
from connector.crms._hubspot.settings import HubSpotSettings
from connector.crms._hubspot.source import Source
from connector.crms._hubspot.transport import Transport
from connector.limits import Clock
from connector.mapping import Mapping as FieldMapping
from connector.mapping import load_mapping
from connector.model import Batch, Calls, Cursor, Delivery, Finding, ListSpec, Receipt
from connector.ports import Known

__all__ = ["HubSpot", "HubSpotSettings", "build"]


def build(settings: Mapping[str, Any], home: Path | None, remembered: Remembered) -> "HubSpot":
    """The adapter with the mapping of `home`. Raises SetupError for a mapping that is not valid.

    Args:
        settings: fields of HubSpotSettings by name.
    """
    return HubSpot(HubSpotSettings(**settings), load_mapping("hubspot", home, NEEDS), remembered)


class HubSpot:
    """One HubSpot account behind the CRM port, whose comments say what each method promises."""

    name = "hubspot"

    def __init__(
        self, settings: HubSpotSettings, mapping: FieldMapping, remembered: Remembered, clock: Clock | None = None
    ) -> None:
        self._floor = Floor()
        self._mapping = mapping
        self._transport = Transport(settings, clock or Clock())
        api = Api(self._transport, settings.version)
        self._source = Source(api, mapping, settings, self._floor)
        self._fields = Fields(api, mapping, self._floor)
        self._lists = Lists(api, mapping, remembered, self._floor)
        self._memberships = Memberships(api, self._lists, settings.membership_chunk, self._floor)
        self._doctor = Doctor(api, self._source, self._fields, mapping, settings.version)

    def streams(self) -> Sequence[str]:
        """Products and contacts before the orders that point to them."""
        return tuple(STREAMS)

    def pull(self, stream: str, cursor: Cursor | None, known: Known) -> Iterator[Batch]:
        """Everything by listing, and from then on what changed by search.

        Everything again where the mapping of the stream has changed: rows that did not change lack what it adds.
        """
        mapped = self._mapping.digest(stream)
        if cursor is None or cursor.get("mapping") != mapped:
            self._doctor.demand(STREAMS[stream])
            cursor = {"phase": "list"}
        for batch in self._batches(STREAMS[stream], cursor, known):
            yield replace(batch, cursor={**batch.cursor, "mapping": mapped})

    def _batches(self, stream: Stream, cursor: Cursor, known: Known) -> Iterator[Batch]:
        if cursor["phase"] == "list":
            return listing(self._source, stream, cursor)
        return changes(self._source, stream, cursor, known)

    def provision(self) -> None:
        """Create our property group and properties where they are missing."""
        self._fields.provision()

    def ensure(self, lists: Sequence[ListSpec]) -> Mapping[str, str]:
        """Our static lists; a changed id means an empty, new list."""
        return self._lists.ensure(lists)

    def deliver(self, delivery: Delivery) -> Receipt:
        """Change who is in a list, or set properties of contacts."""
        return self._part(delivery).deliver(delivery)

    def read_back(self, delivery: Delivery) -> Receipt:
        """Which of the wishes hold."""
        return self._part(delivery).read_back(delivery)

    def _part(self, delivery: Delivery) -> Memberships | Fields:
        return self._memberships if delivery.kind == "membership" else self._fields

    def batch_size(self, kind: str) -> int:
        """People in one change of a list, or contacts in one write of properties."""
        return self._memberships.chunk if kind == "membership" else WRITTEN

    @property
    def calls(self) -> Calls:
        """Calls so far, and the fewest that this work could have taken."""
        self._transport.calls.floor = self._floor.calls
        return self._transport.calls

    def check(self) -> Sequence[Finding]:
        """Token, scopes, properties, quota, version."""
        return list(self._doctor.findings())
