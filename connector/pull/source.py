"""One source's streams into the warehouse. The same few lines serve a CRM, an event file and a catalogue."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from connector.model import Batch
from connector.ports import EventSource, Known
from connector.pull.books import Book
from connector.store import Store, acknowledged, cursors, rejections
from connector.warehouse.tables import Warehouse

Progress = Callable[[str, str, int], None]
"""Told after each batch: source, stream, records read so far."""


def pull_source(source: EventSource, warehouse: Warehouse, store: Store, run: int, progress: Progress) -> Book:
    """Pull all streams of a source from where they stand.

    Rows first, then rejected rows, then the cursor: a crash in between hands the same rows out again, which
    changes nothing that a reader sees.
    """
    book = Book()
    for stream in source.streams():
        known = _known(stream, source.name, warehouse, store)
        seen = 0
        for batch in source.pull(stream, cursors.load(store, source.name, stream), known):
            _keep(batch, source.name, stream, warehouse, store, run)
            book.enter(batch)
            seen += batch.read
            progress(source.name, stream, seen)
    return book


def _keep(batch: Batch, source: str, stream: str, warehouse: Warehouse, store: Store, run: int) -> None:
    for table, rows in batch.tables.items():
        warehouse.append(table, rows, run)
    rejections.keep(store, source, run, batch.rejected)
    cursors.save(store, source, stream, batch.cursor)


def _known(stream: str, source: str, warehouse: Warehouse, store: Store) -> Known:
    """What we hold of some records, or have just written ourselves: our own echo is no news."""

    def known(keys: Sequence[str]) -> Mapping[str, datetime]:
        versions = warehouse.newest_versions(stream, keys)
        if stream == "contact":
            prefix = f"{source}:"
            ours = acknowledged.echoes(store, source, [key.removeprefix(prefix) for key in keys])
            for member, version in ours.items():
                key = prefix + member
                versions[key] = max(version, versions.get(key, version))
        return versions

    return known
