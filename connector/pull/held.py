"""What we hold of a source, in the few words that a sweep compares with what the source has now."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from connector.ports import Held, Known
from connector.relations import newest
from connector.schema import SEEN, table_of
from connector.warehouse.tables import Warehouse, is_bare, is_gone

POINTS_TO = {"contact": "merged_into", "order_header": "contact_key", "order_line": "order_key"}
"""Table -> the column with the record that a row belongs to."""
REPLACES = ("replaces", "replaced_by")


def known_of(stream: str, warehouse: Warehouse) -> Known:
    """What we hold of some records of a stream."""

    def known(keys: Sequence[str]) -> Mapping[str, datetime]:
        return warehouse.newest_versions(table_of(stream), keys)

    return known


def held_of(source: str, warehouse: Warehouse) -> Held:
    """See `connector.ports.Held`."""

    def held(table: str) -> pa.Table:
        versions = warehouse.versions(table).filter(lambda each: each.key.startswith(f"{source}:"))
        # an erasure that was killed halfway leaves older rows beside the bare one: it is to be done again
        telling = versions.filter(~is_bare(versions)).select("key").distinct().mutate(telling=True)
        rows = newest(versions).left_join(telling, "key").drop("key_right")
        found = rows.select(
            "key",
            "version",
            gone=is_gone(rows),
            bare=rows.telling.isnull(),
            points_to=_text(rows, POINTS_TO.get(table)),
            replaces=ibis.coalesce(*(_text(rows, name) for name in REPLACES)),
        )
        return found.order_by("key").to_pyarrow()

    return held


def _text(rows: ir.Table, column: str | None) -> ir.StringValue:
    found: ir.StringValue = rows[column] if column in rows.columns else ibis.null("string")
    return found


def with_what_was_held(rows: pa.Table, table: str, erased: Sequence[str], warehouse: Warehouse) -> pa.Table:
    """Rows of deletions, filled where they are empty with what was held: an order that is deleted still says whose it
    was, a product what it was. Those in `erased` stay bare."""
    deleted = rows["key"].filter(rows["deleted_at"].is_valid()).to_pylist()
    wanted = sorted(set(deleted) - set(erased))
    if not wanted:
        return rows
    current = warehouse.current(table)
    held = {row["key"]: row for row in current.filter(current.key.isin(wanted)).to_pyarrow().to_pylist()}
    filled = [_filled(row, held.get(row["key"], {})) for row in rows.to_pylist()]
    return pa.Table.from_pylist(filled, schema=SEEN[table])


def _filled(row: dict[str, object], held: Mapping[str, object]) -> dict[str, object]:
    if row["deleted_at"] is None:
        return row
    return {name: held.get(name) if value is None else value for name, value in row.items()}


def with_those_merged_in(keys: Sequence[str], table: str, warehouse: Warehouse) -> list[str]:
    """Some keys, and those of the contacts that were merged into them, over any number of merges."""
    if POINTS_TO.get(table) != "merged_into":
        return list(keys)
    found, waiting = set[str](), set(keys)
    rows = warehouse.versions(table)
    while waiting:
        found |= waiting
        merged = rows.filter(rows.merged_into.isin(sorted(waiting))).select("key").distinct()
        waiting = set(merged.to_pyarrow()["key"].to_pylist()) - found
    return sorted(found)
