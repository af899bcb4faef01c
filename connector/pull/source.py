"""One source's streams into the warehouse. The same few lines serve a CRM, an event file and a catalogue."""

from collections.abc import Callable

from connector import tracing
from connector.model import Batch
from connector.ports import EventSource
from connector.pull.books import Book
from connector.pull.echo import TABLE, without_echoes
from connector.pull.few import Few
from connector.pull.forgotten import Forgotten
from connector.pull.held import known_of, with_those_merged_in, with_what_was_held
from connector.schema import SEEN
from connector.store import Store, cursors, rejections
from connector.warehouse.tables import Warehouse

Progress = Callable[[str, str, int], None]
"""Told after each batch: source, stream, records read so far."""


def pull_source(source: EventSource, warehouse: Warehouse, store: Store, run: int, progress: Progress) -> Book:
    """Pull all streams of a source from where they stand.

    Rows first, then rejected rows, then the cursor: a crash in between hands the same rows out again, which
    changes nothing that a reader sees.
    """
    book, forgotten, few = Book(), Forgotten(store), Few()
    for stream in source.streams():
        known = known_of(stream, warehouse)
        seen = 0
        with tracing.span("pull stream", source=source.name, stream=stream) as note:
            for told in source.pull(stream, cursors.load(store, source.name, stream), known):
                batch = few.of(forgotten.without(told))
                keep(batch, source.name, warehouse, store, run)
                cursors.save(store, source.name, stream, batch.cursor)
                book.enter(batch)
                seen += batch.read
                progress(source.name, stream, seen)
            note(read=seen)
    book.erased = forgotten.left_out
    return book


def keep(batch: Batch, source: str, warehouse: Warehouse, store: Store, run: int) -> None:
    """Make a batch's rows durable, and let vanish what it says was erased."""
    for table, rows in batch.tables.items():
        erased = batch.erased.get(table, ())
        filled = with_what_was_held(rows, table, erased, warehouse) if "deleted_at" in SEEN[table].names else rows
        warehouse.append(table, without_echoes(filled, source, warehouse, store) if table == TABLE else filled, run)
    for table, named in batch.erased.items():
        keys = with_those_merged_in(named, table, warehouse)
        rejections.forget(store, source, keys)  # first: what the warehouse still holds is erased again, these are not
        warehouse.erase(table, keys, run)
    rejections.keep(store, source, run, batch.rejected)
