"""Counts that only grow, over all runs: kept where a run's end is kept, so that each run adds to them once."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from connector.store.database import Store
from connector.store.tables import total

Counter = tuple[str, tuple[tuple[str, str], ...]]
"""What is counted, and its labels in order of their names: `("calls", (("kind", "read"), ("system", "hubspot")))`."""
Counts = Mapping[Counter, float]


def add(connection: sa.Connection, counts: Counts) -> None:
    """Add to the totals, within the caller's transaction."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement: Any = insert(total)
    grown = {"value": total.c.value + statement.excluded.value}
    keep = statement.on_conflict_do_update(index_elements=["name", "key"], set_=grown)
    for (name, labels), value in counts.items():
        key = "&".join(f"{label}={one}" for label, one in labels)[:512]
        connection.execute(keep, {"name": name, "key": key, "labels": dict(labels), "value": value})


def read(store: Store) -> list[tuple[str, dict[str, str], float]]:
    """(name, labels, value) of everything counted, by name."""
    found = store.rows(total.select().order_by(total.c.name, total.c.key))
    return [(row.name, dict(row.labels), float(row.value)) for row in found]
