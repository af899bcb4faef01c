"""Records read again by id: what they say now, as rows that beat those held."""

from collections.abc import Sequence

from connector.crms._hubspot.answers import told
from connector.crms._hubspot.holding import Holding
from connector.crms._hubspot.source import Source, parts
from connector.crms._hubspot.streams import Record, Stream
from connector.crms._hubspot.tombstones import newer
from connector.model import Batch, Cursor

READ = 100
"""Records to a batch read (HubSpot, object API reference)."""


def records_of(source: Source, stream: Stream, ids: Sequence[str]) -> list[Record]:
    """The records under these ids. Those archived are left out; one merged away answers as its survivor, once."""
    found: dict[str, Record] = {}
    kind = source.kind(stream)
    for part in parts(ids, READ):
        source.floor.add(f"read {kind}", len(part), per_call=READ)
        records = told(source.api.read(kind, part, source.properties(stream)), f"a read of {kind}")
        found |= {record["id"]: record for record in records}
    return list(found.values())


def reread(
    source: Source, stream: Stream, holding: Holding, ids: Sequence[str], looked_at: int, cursor: Cursor
) -> Batch:
    """Rows of `ids`, of `looked_at` records that were compared, each newer than what is held of it."""
    records = records_of(source, stream, ids)
    parents = source.parents(stream, [record["id"] for record in records])
    batch = source.batch(stream, records, parents, cursor, looked_at - len(records))
    return newer(batch, holding.versions(batch))
