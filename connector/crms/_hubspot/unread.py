"""Streams that are not read any more: what is held of them, because `hubspot.purchases` was wider once, is put away.

No call is made. Such a row is as old as the one it replaces: whoever widens the setting again lists the records anew,
and of two rows of one version the one that came last counts.
"""

from collections.abc import Iterator
from datetime import datetime

import pyarrow as pa

from connector.crms._hubspot.holding import Entry, Holding
from connector.crms._hubspot.streams import Stream
from connector.model import Batch, Cursor
from connector.ports import Held
from connector.schema import SEEN, table_of

AT_ONCE = 5_000


def put_away(stream: Stream, cursor: Cursor, held: Held, now: datetime) -> Iterator[Batch]:
    """Rows that say "deleted" for everything that is held as alive of one stream."""
    holding, last = Holding(stream, held), int(cursor.get("last", 0))
    while entries := holding.alive_after(last, AT_ONCE):
        last = entries[-1].id
        rows = pa.Table.from_pylist([_row(stream, entry, now) for entry in entries], SEEN[table_of(stream.name)])
        tables, count = {table_of(stream.name): rows}, len(entries)
        yield Batch(tables=tables, cursor={"last": str(last)}, read=count, kept=count)
    yield Batch(tables={}, cursor={"done": True}, read=0, kept=0)


def _row(stream: Stream, entry: Entry, now: datetime) -> dict[str, object]:
    row = {"key": stream.key(str(entry.id)), "version": entry.version, "deleted_at": now}
    return {**row, stream.points_to: entry.points_to}
