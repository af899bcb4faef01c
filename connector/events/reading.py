"""One pass over one file, from where the last one stopped: batches out, books kept, the place moved on.

The last line of a growing file may be torn. A line without its line break is used as far as it can be (rejected, with
its number and the reason, where it cannot), but the place stays before it: when the file has grown it is read again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BufferedReader
from pathlib import Path

import pyarrow as pa

from connector.events.files import Line, Place, glance, head_of, lines, opened
from connector.model import Batch, Cursor, Rejection

ROWS = 20_000
BYTES = 32_000_000
"""A batch ends with whichever is reached first."""
LONGEST_QUOTE = 10_000
"""Characters of a bad row that are kept for its repair."""


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """What some lines became.

    Attributes:
        tables: warehouse table -> rows.
        read, skipped, rejected: records, as in Batch; the rest of `read` is kept.
    """

    tables: Mapping[str, pa.Table]
    read: int
    skipped: int
    rejected: Sequence[Rejection]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How a file's lines become rows.

    Attributes:
        draw: usable lines -> rows.
        join: lines -> records, where a record may span lines.
        stream: what the rows are meant to be, for rejections.
    """

    draw: Callable[[Sequence[Line]], Drawn]
    stream: str
    join: Callable[[Iterator[Line]], Iterator[Line]] = iter


def pull_file(
    name: str,
    path: Path,
    cursor: Cursor | None,
    begin: Callable[[BufferedReader, Place], Layout],
    *,
    grows: bool = True,
) -> Iterator[Batch]:
    """Batches of everything behind `cursor`; none at all for a file that did not change.

    Args:
        begin: looks at the start of the file (its header) and says how to read it; told its size and time.
        grows: lines are appended to this file. Otherwise any change means another file, to be read whole.

    Raises:
        SetupError: the file cannot be opened, or `begin` does not know what to do with it.
        RetryLater: it stopped being readable.
    """
    now, stood = glance(path), Place.of(cursor)
    if stood.done and stood.same_file(now):
        return
    with opened(name, path) as file:
        place = _start(file, stood, now, grows=grows)
        layout, head = begin(file, now), head_of(file)
        for chunk in _chunks(layout.join(lines(name, file, place))):
            place = _behind(place, chunk, head)
            yield _batch(path, layout, chunk, place)
        yield Batch(tables={}, cursor=replace(place, done=True).cursor(), read=0, kept=0)


def _start(file: BufferedReader, stood: Place, now: Place, *, grows: bool) -> Place:
    """Behind what was read before if that still stands in the file, else its start; with its size and time of now."""
    on = (grows or stood.same_file(now)) and stood.stands_in(file)
    return replace(stood if on else Place(), size=now.size, mtime_ns=now.mtime_ns, done=False)


def _chunks(records: Iterable[Line]) -> Iterator[list[Line]]:
    chunk: list[Line] = []
    size = 0
    for record in records:
        chunk.append(record)
        size += len(record.text)
        if len(chunk) >= ROWS or size >= BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _behind(place: Place, chunk: Sequence[Line], head: bytes) -> Place:
    """The place behind the last whole line."""
    last = next((line for line in reversed(chunk) if line.whole), None)
    return place.after(last, head) if last else place


def _batch(path: Path, layout: Layout, chunk: Sequence[Line], place: Place) -> Batch:
    bad = [rejection(path, layout.stream, line, line.problem) for line in chunk if line.problem]
    drawn = layout.draw([line for line in chunk if not line.problem])
    read, rejected = drawn.read + len(bad), [*bad, *drawn.rejected]
    return Batch(
        tables={table: rows for table, rows in drawn.tables.items() if rows.num_rows},
        cursor=place.cursor(),
        read=read,
        kept=read - drawn.skipped - len(rejected),
        skipped=drawn.skipped,
        rejected=rejected,
    )


def rejection(path: Path, stream: str, line: Line, reason: str, row: Mapping[str, object] | None = None) -> Rejection:
    """A bad row, to be found again as `file:line`."""
    kept = row if row is not None else {"text": line.text[:LONGEST_QUOTE]}
    return Rejection(stream=stream, reference=f"{path.name}:{line.first}", reason=reason, row=kept)
