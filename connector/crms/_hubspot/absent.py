"""The sweep `gone`: everything that HubSpot lists, held against everything that we hold.

What is listed and unknown to us, newer, or held as gone is read, the last with what belongs to it. What we hold and is
not listed is asked for by id, among the living and in the bin, and only a plain "not there" counts as deleted for good.
A listing that lacks far too much ends the sweep before anything is taken from it.
"""

from collections.abc import Iterator, Mapping, Sequence

from connector.crms._hubspot.answers import Answer
from connector.crms._hubspot.holding import Entry, Holding
from connector.crms._hubspot.inquiry import grave, inquire
from connector.crms._hubspot.listing import Page, fetched_ahead, pages
from connector.crms._hubspot.moved import belongings
from connector.crms._hubspot.reread import reread
from connector.crms._hubspot.source import Source
from connector.crms._hubspot.streams import Record, Stream
from connector.crms._hubspot.tombstones import moment, tombstones
from connector.errors import GuardStop
from connector.model import Batch, Cursor
from connector.ports import SILENCE, Held
from connector.schema import table_of

CONTACT = "contact"


class Comparison:
    """One stream's listing against what we hold of it."""

    def __init__(self, source: Source, stream: Stream, held: Held, *, approved: bool) -> None:
        self._source = source
        self._stream = stream
        self._kind = source.kind(stream)
        self._held = held
        self._holding = Holding(stream, held)
        self._approved = approved

    def batches(self, cursor: Cursor) -> Iterator[Batch]:
        """The listing from where it stands, then what became of those it lacks.

        Args:
            cursor: `after` and `last`: of the listing; `missing`: ids it lacks so far; `listed`: it is through.
        """
        missing = list(cursor.get("missing", []))
        if not cursor.get("listed"):
            yield from self._listing(cursor, missing)
        yield self._settled(missing)

    def _listing(self, cursor: Cursor, missing: list[str]) -> Iterator[Batch]:
        """What is listed and differs; adds to `missing` what is not listed."""
        last, listed, stand = int(cursor.get("last", 0)), list[Record](), cursor
        for page in fetched_ahead(self._pages(cursor.get("after"))):
            listed.extend(page.records)
            if page.next is not None and len(listed) < self._source.settings.batch_records:
                continue
            end = int(listed[-1]["id"]) if page.next is not None else None
            if back := [one["id"] for one in listed if self._comes_back(one)]:
                yield from belongings(self._source, self._stream, back, self._held, stand)
            missing.extend(self._lacking(listed, last, end))
            stand = {**_stand(page, end), "missing": list(missing)}
            yield self._differing(listed, stand)
            listed, last = [], end or last

    def _pages(self, after: str | None) -> Iterator[Page]:
        doubt = self._holding.living > 0
        return pages(self._source, self._kind, self._ask, after, work="list ids", doubt=doubt)

    def _ask(self, after: str | None) -> Answer:
        return self._source.api.page(self._kind, ["hs_object_id"], [], after)

    def _lacking(self, listed: Sequence[Record], last: int, end: int | None) -> list[str]:
        """Ids above `last` and up to `end` (None: all above) that should have been listed."""
        there = {int(one["id"]) for one in listed}
        return [str(one.id) for one in self._holding.between(last, end) if one.id not in there and self._matters(one)]

    def _matters(self, entry: Entry) -> bool:
        """Held as alive; or a contact in the bin, whose data must go when HubSpot lets go of it."""
        binned = self._stream.name == CONTACT and not entry.bare and entry.points_to is None
        return not entry.gone or binned

    def _differing(self, listed: Sequence[Record], cursor: Cursor) -> Batch:
        wanted = [one["id"] for one in listed if self._differs(one)]
        return reread(self._source, self._stream, self._holding, wanted, len(listed), cursor)

    def _differs(self, listed: Record) -> bool:
        entry = self._holding.find(int(listed["id"]))
        changed = moment(listed.get("updatedAt"))
        return entry is None or entry.gone or (changed is not None and changed > entry.version)

    def _comes_back(self, listed: Record) -> bool:
        entry = self._holding.find(int(listed["id"]))
        return entry is not None and entry.gone

    def _settled(self, missing: Sequence[str]) -> Batch:
        """Rows for those that are gone, once each was asked for. Those that are there after all are left alone."""
        entries = {one: entry for one, entry in self._holding.named(missing).items() if self._matters(entry)}
        self._guard(entries)
        found = inquire(self._source, self._stream, entries)
        nowhere = [self._stream.key(one) for one in found.nowhere]
        graves = [each for one, entry in entries.items() if (each := grave(self._stream, entry, one, found))]
        return Batch(
            tables={table_of(self._stream.name): tombstones(self._stream, graves)} if graves else {},
            cursor={"done": True},
            read=len(entries),
            kept=len(graves),
            skipped=len(entries) - len(graves),
            erased={CONTACT: nowhere} if nowhere and self._stream.name == CONTACT else {},
        )

    def _guard(self, entries: Mapping[str, Entry]) -> None:
        lost, held = sum(not entry.gone for entry in entries.values()), self._holding.living
        if not self._approved and not SILENCE.allows(lost, held):
            raise GuardStop(
                f"HubSpot lists {lost:,} of our {held:,} {self._kind} no more; nothing was deleted for it",
                hint="see in HubSpot whether they were deleted for good; if so: "
                "lamplighter run --sweep gone --approve-deletions",
            )


def _stand(page: Page, last: int | None) -> Cursor:
    return {"listed": True} if page.next is None else {"after": page.next, "last": str(last)}


def gone(source: Source, stream: Stream, cursor: Cursor, held: Held, *, approved: bool) -> Iterator[Batch]:
    """One stream of the sweep, from the cursor on."""
    return Comparison(source, stream, held, approved=approved).batches(cursor)
