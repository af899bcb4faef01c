"""Rows that could not be used, kept with their reasons until they are read well."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from connector.model import Rejection
from connector.store.clock import now
from connector.store.database import CHUNK, Store, upsert
from connector.store.tables import rejected


def keep(store: Store, source: str, run: int, rows: Sequence[Rejection]) -> None:
    """Keep rejected rows; the same row rejected again is one row with a later `last_seen`."""
    if not rows:
        return
    seen = now()
    values: dict[tuple[str, str], dict[str, Any]] = {
        (row.stream, row.reference[:512]): {
            "source": source,
            "stream": row.stream,
            "reference": row.reference[:512],
            "reason": row.reason,
            "row": dict(row.row),
            "run": run,
            "first_seen": seen,
            "last_seen": seen,
            "rows": row.rows,
        }
        for row in rows
    }
    with store.begin() as connection:
        upsert(connection, rejected, list(values.values()), keep=("first_seen",))


def forget(store: Store, source: str, references: Sequence[str]) -> None:
    """Drop what is kept of some records of a source: they were erased there."""
    with store.begin() as connection:
        for start in range(0, len(references), CHUNK):
            named = rejected.c.reference.in_(references[start : start + CHUNK])
            connection.execute(rejected.delete().where(rejected.c.source == source, named))


def counts(store: Store) -> list[tuple[str, str, str, int]]:
    """(source, stream, reason, rows), most rows first."""
    how_many = sa.func.sum(rejected.c.rows).label("how_many")
    query = sa.select(rejected.c.source, rejected.c.stream, rejected.c.reason, how_many)
    grouped = query.group_by(rejected.c.source, rejected.c.stream, rejected.c.reason).order_by(how_many.desc())
    return [(row.source, row.stream, row.reason, int(row.how_many)) for row in store.rows(grouped)]
