"""Event files written by tests, and all that a source makes of them."""

import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connector.model import Batch, Cursor, Rejection
from connector.ports import EventSource
from connector.schema import SEEN


def event(number: int = 1, **other: Any) -> dict[str, Any]:
    """A page event as the spec has it; `other` replaces fields, None leaves one out."""
    usual = {
        "type": "track",
        "event": "Product Viewed",
        "messageId": f"m{number}",
        "anonymousId": f"anon-{number}",
        "timestamp": f"2026-09-01T10:00:{number % 60:02}.000Z",
        "properties": {"product_id": f"P{number}"},
    }
    return {key: value for key, value in {**usual, **other}.items() if value is not None}


def ndjson(events: Iterable[Mapping[str, Any] | str]) -> bytes:
    """Events, or lines as they are, one a line."""
    return "".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in events).encode()


def write(path: Path, data: bytes) -> Path:
    """Write `data`, packed where the name ends with .gz."""
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return path


@dataclass
class Pulled:
    """Everything one pull handed out."""

    batches: list[Batch] = field(default_factory=list)

    @property
    def cursor(self) -> Cursor:
        return self.batches[-1].cursor

    @property
    def books(self) -> tuple[int, int, int, int]:
        """read, kept, skipped, rejected."""
        skipped, rejected = sum(each.skipped for each in self.batches), len(self.rejected)
        return sum(each.read for each in self.batches), sum(each.kept for each in self.batches), skipped, rejected

    @property
    def rejected(self) -> list[Rejection]:
        return [each for batch in self.batches for each in batch.rejected]

    @property
    def complaints(self) -> list[tuple[str, str]]:
        """(reference, reason) of each rejected row."""
        return [(each.reference, each.reason) for each in self.rejected]

    def rows(self, table: str) -> list[dict[str, Any]]:
        return [row for batch in self.batches if table in batch.tables for row in batch.tables[table].to_pylist()]

    def keys(self, table: str = "interaction") -> list[str]:
        return [row["key"] for row in self.rows(table)]


def pull(source: EventSource, cursor: Cursor | None = None, batches: int | None = None) -> Pulled:
    """Pull a source's one stream, stopping after some batches as a killed process does; checks what every source must
    promise: books that balance, cursors that JSON can hold, tables of exactly the warehouse's columns."""
    pulled = Pulled()
    (stream,) = source.streams()
    for batch in source.pull(stream, json.loads(json.dumps(cursor)) if cursor else None, lambda keys: {}):
        assert batch.read == batch.kept + batch.skipped + len(batch.rejected)
        assert all(rows.schema == SEEN[table] for table, rows in batch.tables.items())
        pulled.batches.append(batch)
        if len(pulled.batches) == batches:
            break
    return pulled
