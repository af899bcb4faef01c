"""Rows that say that a record is gone, and versions by which such rows and those of restored records win.

HubSpot moves a record's modification time neither when it is archived, restored or merged away, nor when it is tied to
another; and it counts in milliseconds. A microsecond is room for our own order of things: the row that we make is newer
than the one it replaces, and older than the next that HubSpot changes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pyarrow as pa

from connector.crms._hubspot.holding import Entry
from connector.crms._hubspot.streams import Stream
from connector.model import Batch
from connector.schema import SEEN, TIME, table_of

STEP = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True)
class Grave:
    """A record that is gone: deleted at a time, or merged into another, whose key is given."""

    entry: Entry
    deleted_at: datetime | None = None
    merged_into: str | None = None


def tombstones(stream: Stream, graves: Sequence[Grave]) -> pa.Table:
    """Rows that replace those held: whose record is gone, and what it belonged to."""
    schema = SEEN[table_of(stream.name)]
    return pa.Table.from_pylist([_row(stream, grave) for grave in graves], schema=schema)


def _row(stream: Stream, grave: Grave) -> dict[str, object]:
    entry = grave.entry
    row: dict[str, object] = {"key": stream.key(str(entry.id)), "version": entry.version + STEP}
    if stream.name == "contact":
        return {**row, **_of_contact(grave)}
    if stream.points_to:
        row[stream.points_to] = entry.points_to
    return {**row, "deleted_at": grave.deleted_at}


def _of_contact(grave: Grave) -> dict[str, object]:
    gone = {"merged_into": grave.merged_into, "deleted_at": grave.deleted_at}
    return {"crm": "hubspot", "crm_id": str(grave.entry.id), **gone}


def moment(text: str | None) -> datetime | None:
    """A time as HubSpot writes it; None where it wrote none."""
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def not_older(batch: Batch, held: Mapping[str, datetime]) -> Batch:
    """The batch, its rows newer than what is held of them, or as new."""
    return _lifted(batch, held, timedelta(0))


def newer(batch: Batch, held: Mapping[str, datetime]) -> Batch:
    """The batch, its rows newer than what is held of them."""
    return _lifted(batch, held, STEP)


def _lifted(batch: Batch, held: Mapping[str, datetime], least: timedelta) -> Batch:
    return replace(batch, tables={name: _rows_lifted(rows, held, least) for name, rows in batch.tables.items()})


def _rows_lifted(rows: pa.Table, held: Mapping[str, datetime], least: timedelta) -> pa.Table:
    """A version that is `least` or more after the held one stays; any other becomes a step newer than it."""
    versions = [
        held[key] + STEP if key in held and version < held[key] + least else version
        for key, version in zip(rows["key"].to_pylist(), rows["version"].to_pylist(), strict=True)
    ]
    return rows.set_column(rows.schema.get_field_index("version"), "version", pa.array(versions, TIME))
