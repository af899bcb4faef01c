"""Destinations that know more than our books do, since those came from a backup: they are read before they are told."""

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from connector.store.database import Store, upsert
from connector.store.tables import stale_book


def mark(connection: sa.Connection, outdated: Mapping[str, datetime]) -> None:
    """What we believe of some destinations may be wrong since a moment. An earlier moment stays."""
    known = {row.destination: row.since for row in connection.execute(sa.select(stale_book))}
    rows = [{"destination": name, "since": min(at, known.get(name, at))} for name, at in sorted(outdated.items())]
    upsert(connection, stale_book, rows)


def since(store: Store, destination: str) -> datetime | None:
    """From when on our books of a destination may be wrong; None where they are right."""
    found = store.rows(sa.select(stale_book.c.since).where(stale_book.c.destination == destination))
    return found[0].since if found else None


def clear(store: Store, destination: str) -> None:
    """Our books of a destination are right again."""
    with store.begin() as connection:
        connection.execute(stale_book.delete().where(stale_book.c.destination == destination))
