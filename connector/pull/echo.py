"""Our own writes on their way back: the record moved in time, but says nothing new.

A record that carries the time of our last write is read all the same, for a person may have changed it just before
that write. Where it says what it said before, the row is kept as one of the run that brought it first: it is the
newest version, so it is not read again, but no news, so nobody is decided anew for it. It was updated when a person
last did so: of two records that differ, the one that we wrote last has no better claim to be right.
"""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from connector.relations import newest
from connector.schema import TIME
from connector.store import Store, acknowledged
from connector.warehouse.tables import Warehouse

TABLE = "contact"
"""Where we write."""
TIMES = ("version", "updated_at")


def without_echoes(rows: pa.Table, source: str, warehouse: Warehouse, store: Store) -> pa.Table:
    """The rows of contacts that are news; the others are kept here."""
    echoed = _echoed(rows, source, store)
    if not any(echoed):
        return rows
    told = rows.to_pylist()
    held = _held([row["key"] for row, echo in zip(told, echoed, strict=True) if echo], warehouse)
    runs = [_same(row, held.get(row["key"])) if echo else None for row, echo in zip(told, echoed, strict=True)]
    updated = [held[row["key"]]["updated_at"] if run is not None else None for row, run in zip(told, runs, strict=True)]
    at = rows.schema.get_field_index("updated_at")
    kept = rows.set_column(at, rows.schema.field(at), pa.array(updated, TIME))
    for run in {run for run in runs if run is not None}:
        warehouse.append(TABLE, kept.filter(pa.array([one == run for one in runs])), run)
    return rows.filter(pa.array([run is None for run in runs]))


def _echoed(rows: pa.Table, source: str, store: Store) -> list[bool]:
    """Which rows have the very time of our last write."""
    members = [key.removeprefix(f"{source}:") for key in rows["key"].to_pylist()]
    ours = acknowledged.echoes(store, source, members)
    return [ours.get(one) == version for one, version in zip(members, rows["version"].to_pylist(), strict=True)]


def _held(keys: list[str], warehouse: Warehouse) -> dict[str, dict[str, Any]]:
    rows = warehouse.versions(TABLE)
    found = newest(rows.filter(rows.key.isin(keys))).to_pyarrow().to_pylist()
    return {row["key"]: row for row in found}


def _same(row: Mapping[str, Any], held: Mapping[str, Any] | None) -> int | None:
    """The run that brought the same content; None where it is other content, or new."""
    if held is None or any(held[name] != value for name, value in row.items() if name not in TIMES):
        return None
    return int(held["run"])
