"""What pulls cannot see, looked for from time to time: archived records, records that are gone, moved associations.

HubSpot tells neither of a deletion nor of a changed association by moving a modification time.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from connector.crms._hubspot.absent import gone
from connector.crms._hubspot.answers import Answer
from connector.crms._hubspot.holding import Holding
from connector.crms._hubspot.listing import fetched_ahead, pages
from connector.crms._hubspot.moved import moved
from connector.crms._hubspot.source import Source
from connector.crms._hubspot.streams import Record, Stream, unread
from connector.crms._hubspot.tombstones import Grave, moment, tombstones
from connector.crms._hubspot.unread import put_away
from connector.errors import SetupError
from connector.model import Batch, Cursor
from connector.ports import Held
from connector.schema import table_of

SWEEPS = {"archived": timedelta(hours=6), "gone": timedelta(days=1), "moved": timedelta(days=7)}
"""Name -> how often. The bin is short and names what is in it; the other two look at every record."""


def sweep(source: Source, name: str, cursor: Cursor | None, held: Held, *, approved: bool) -> Iterator[Batch]:
    """Stream by stream, from the cursor on. See `connector.ports.CRM.sweep`."""
    if name not in SWEEPS:
        raise SetupError(f"HubSpot has no sweep {name!r}", hint=f"there are {', '.join(SWEEPS)}")
    look_at = source.streams | (unread(source.settings.purchases) if name == "gone" else {})
    streams, stand = list(look_at), cursor or {}
    begin = streams.index(stand["stream"]) if stand.get("stream") in streams else 0
    for number, stream in enumerate(streams[begin:]):
        within = stand if number == 0 else {}
        if not within.get("done"):
            for batch in _of_stream(source, name, look_at[stream], within, held, approved=approved):
                yield replace(batch, cursor={**batch.cursor, "stream": stream})


def _of_stream(
    source: Source, name: str, stream: Stream, cursor: Cursor, held: Held, *, approved: bool
) -> Iterator[Batch]:
    if name == "archived":
        return archived(source, stream, cursor, held)
    if stream.name not in source.streams:
        return put_away(stream, cursor, held, source.api.transport.server.now())
    look = gone if name == "gone" else moved
    return look(source, stream, cursor, held, approved=approved)


def archived(source: Source, stream: Stream, cursor: Cursor, held: Held) -> Iterator[Batch]:
    """What lies in HubSpot's bin and is held as alive. The bin cannot be asked for what is new in it."""
    holding, kind = Holding(stream, held), source.kind(stream)
    records: list[Record] = []

    def ask(after: str | None) -> Answer:
        return source.api.archived(kind, after)

    for page in fetched_ahead(pages(source, kind, ask, cursor.get("after"), work="list archived", doubt=False)):
        records.extend(page.records)
        if page.next is None or len(records) >= source.settings.batch_records:
            cursor = {"after": page.next} if page.next else {"done": True}
            yield _buried(stream, holding, records, cursor, page.asked_at)
            records = []


def _buried(stream: Stream, holding: Holding, records: list[Record], cursor: Cursor, now: datetime) -> Batch:
    entries = {one: entry for one, entry in holding.named([one["id"] for one in records]).items() if not entry.gone}
    since = {one["id"]: moment(one.get("archivedAt")) or now for one in records}
    new = [Grave(entry=entry, deleted_at=since[one]) for one, entry in entries.items()]
    return Batch(
        tables={table_of(stream.name): tombstones(stream, new)} if new else {},
        cursor=cursor,
        read=len(records),
        kept=len(new),
        skipped=len(records) - len(new),
    )
