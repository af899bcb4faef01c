"""One pass over one file, from where the last one stopped: batches out, books kept, the place moved on.

The last line of a growing file may be torn. A line without its line break is used as far as it can be (rejected, with
its number and the reason, where it cannot), but the place stays before it: when the file has grown it is read again.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BufferedReader
from pathlib import Path

import pyarrow as pa

from connector.events.files import Line, Place, glance, head_of, opened
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


Draw = Callable[[Sequence[Line]], Drawn]
"""Takes usable records, makes rows."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How a file becomes rows.

    Attributes:
        rows: the records behind a place, each with a `record` or a `problem`.
        draw: usable records -> rows.
        stream: what the rows are meant to be, for rejections.
        grows: records are appended to this file. Otherwise any change means another file, to be read whole.
    """

    rows: Callable[[Place], Iterator[Line]]
    draw: Draw
    stream: str
    grows: bool = True


Begin = Callable[[BufferedReader, Place, str], Layout]
"""Looks at the start of an opened file (its header) and says how to read it; told its size and time, and its name for
messages. Raises SetupError where it does not know what to do with it."""
Settled = Callable[[Sequence[Path]], frozenset[Path]]
"""Of the files in a folder, those that do not change any more once they were read to their end."""


def nothing_settled(paths: Sequence[Path]) -> frozenset[Path]:
    """The Settled of files that may change at any time."""
    return frozenset()


def pull_path(
    name: str, path: Path, cursor: Cursor | None, begin: Begin, settled: Settled = nothing_settled
) -> Iterator[Batch]:
    """As `pull_file`; of a folder each file by itself, in the order of their names, those in folders below included.

    The cursor of a folder holds the place in each of its files. What begins with a dot or underscore is no data.
    """
    if path.is_dir():
        return _pull_folder(name, path, cursor, begin, settled)
    return pull_file(name, path, cursor, begin, path.name)


def _pull_folder(name: str, path: Path, cursor: Cursor | None, begin: Begin, settled: Settled) -> Iterator[Batch]:
    found = {str(each.relative_to(path)): each for each in sorted(path.rglob("[!._]*")) if each.is_file()}
    found = {label: each for label, each in found.items() if _shown(each.relative_to(path))}
    final = settled(list(found.values()))
    places = {label: place for label, place in (cursor or {}).get("files", {}).items() if label in found}
    for label, each in found.items():
        if each in final and places.get(label, {}).get("done"):
            continue
        for batch in pull_file(name, each, places.get(label), begin, label):
            places[label] = batch.cursor
            yield replace(batch, cursor={"files": dict(places)})


def _shown(path: Path) -> bool:
    return not any(part.startswith((".", "_")) for part in path.parts)


def pull_file(name: str, path: Path, cursor: Cursor | None, begin: Begin, label: str) -> Iterator[Batch]:
    """Batches of everything behind `cursor`; none at all for a file that did not change.

    Args:
        label: what the file is called in messages.

    Raises:
        SetupError: the file cannot be opened, or `begin` does not know what to do with it.
        RetryLater: it stopped being readable.
    """
    now, stood = glance(path), Place.of(cursor)
    if stood.done and stood.same_file(now):
        return
    with opened(name, path) as file:
        layout, head = begin(file, now, label), head_of(file)
        place = _start(file, stood, now, grows=layout.grows)
        for chunk in _chunks(layout.rows(place)):
            place = _behind(place, chunk, head)
            yield batch_of(label, layout.stream, layout.draw, chunk, place.cursor())
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


def batch_of(label: str, stream: str, draw: Draw, chunk: Sequence[Line], cursor: Cursor) -> Batch:
    """Some records as a batch, those with a problem as rejections."""
    bad = [rejection(label, stream, line, line.problem) for line in chunk if line.problem]
    drawn = draw([line for line in chunk if not line.problem])
    read, rejected = drawn.read + len(bad), [*bad, *drawn.rejected]
    return Batch(
        tables={table: rows for table, rows in drawn.tables.items() if rows.num_rows},
        cursor=cursor,
        read=read,
        kept=read - drawn.skipped - len(rejected),
        skipped=drawn.skipped,
        rejected=rejected,
    )


def rejection(label: str, stream: str, line: Line, reason: str, row: Mapping[str, object] | None = None) -> Rejection:
    """A bad row, to be found again as `file:line`."""
    if row is None:
        text = line.text or (json.dumps(line.record, default=str) if line.record else "")
        row = {"text": text[:LONGEST_QUOTE]}
    return Rejection(stream=stream, reference=f"{label}:{line.name or line.first}", reason=reason, row=row)
