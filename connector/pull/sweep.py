"""One sweep of a CRM into the warehouse: what a pull cannot see, such as what was deleted there."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connector import tracing
from connector.errors import GuardStop
from connector.ports import CRM
from connector.pull.books import Book
from connector.pull.few import Few
from connector.pull.forgotten import Forgotten
from connector.pull.held import held_of
from connector.pull.source import Progress, keep
from connector.store import Store, cursors
from connector.warehouse.tables import Warehouse

SWEPT, STOPPED, UNDER_WAY = "swept_at", "stopped_at", "cursor"
"""In what is kept of a sweep: when it last came to its end, when a guard stopped it, where it was broken off."""


def stream_of(name: str) -> str:
    """Where a sweep's cursor is kept, beside those of the source's streams."""
    return f"sweep:{name}"


def pull_sweep(
    source: CRM,
    name: str,
    warehouse: Warehouse,
    store: Store,
    run: int,
    progress: Progress,
    *,
    at: datetime,
    approved: bool = False,
) -> Book:
    """Sweep once, or go on with a sweep that was broken off. Rows first, then the cursor, as in a pull.

    Args:
        at: when this run is; kept as the time of the sweep once it is whole.
        approved: a person wants deletions to count, however many.

    Raises:
        GuardStop: far more is missing than may be; what is missing stays, and the next sweep begins anew.
    """
    stream, book, forgotten, few = stream_of(name), Book(), Forgotten(store), Few()
    stand = load(store, source.name, name)
    held = held_of(source.name, warehouse)
    try:
        with tracing.span("sweep", source=source.name, stream=stream) as note:
            for told in source.sweep(name, stand.get(UNDER_WAY), held, approved=approved):
                batch = few.of(forgotten.without(told))
                keep(batch, source.name, warehouse, store, run)
                cursors.save(store, source.name, stream, {**stand, UNDER_WAY: dict(batch.cursor)})
                book.enter(batch)
                progress(source.name, stream, book.read)
            note(read=book.read)
    except GuardStop:
        stand.pop(UNDER_WAY, None)
        cursors.save(store, source.name, stream, {**stand, STOPPED: at.isoformat()})
        raise
    mark_swept(store, source.name, name, at)
    return book


def load(store: Store, source: str, name: str) -> dict[str, Any]:
    """What is kept of a sweep."""
    stand: Mapping[str, Any] = cursors.load(store, source, stream_of(name)) or {}
    return dict(stand)


def mark_swept(store: Store, source: str, name: str, at: datetime) -> None:
    """The sweep came to its end in the run of `at`."""
    cursors.save(store, source, stream_of(name), {SWEPT: at.isoformat()})
