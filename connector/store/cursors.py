"""Where each source stands. A cursor moves only after its rows are kept."""

from collections.abc import Collection

from connector.model import Cursor
from connector.store.clock import now
from connector.store.database import Store, upsert
from connector.store.tables import cursor


def load(store: Store, source: str, stream: str) -> Cursor | None:
    """The cursor of a stream, or None before its first batch."""
    found = store.rows(cursor.select().where(cursor.c.source == source, cursor.c.stream == stream))
    return dict(found[0].value) if found else None


def save(store: Store, source: str, stream: str, value: Cursor) -> None:
    """Move the cursor; call it after the rows before it are in the warehouse."""
    with store.begin() as connection:
        row = {"source": source, "stream": stream, "value": dict(value), "moved_at": now()}
        upsert(connection, cursor, [row])


def forget(store: Store, sources: Collection[str]) -> None:
    """These sources are read from their beginning the next time, and what their sweeps have begun is forgotten."""
    with store.begin() as connection:
        connection.execute(cursor.delete().where(cursor.c.source.in_(sorted(sources))))
