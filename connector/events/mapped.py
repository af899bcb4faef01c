"""CSV and TSV files read through a mapping file: what an ad log and a product feed have in common."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from io import BufferedReader
from pathlib import Path

import pyarrow as pa

from connector.events import delimited
from connector.events.files import Line, Place
from connector.events.reading import Drawn, Layout, pull_file, rejection
from connector.field_map import Record, StreamMap
from connector.mapping import Mapping
from connector.model import Batch, Cursor
from connector.ports import Known


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What a mapped file is a file of.

    Attributes:
        stream: its stream, in the mapping and for cursors.
        grows: rows are appended to it; otherwise a changed file is read whole.
        column: a name of the header -> the name the mapping knows it by.
        of_no_use: positions of records that are to be skipped.
        finish: mapped rows, name of the source, the file's place -> the rows completed, and for each why it is bad
            (empty: it is good).
    """

    stream: str
    grows: bool
    column: Callable[[str], str]
    of_no_use: Callable[[StreamMap, Sequence[Record]], frozenset[int]]
    finish: Callable[[pa.Table, str, Place], tuple[pa.Table, Sequence[str]]]


class MappedFile:
    """One such file. Keeps the promises of EventSource."""

    def __init__(self, name: str, path: Path, mapping: Mapping, shape: Shape) -> None:
        self.name = name
        self.path = path
        self._mapping = mapping
        self._shape = shape
        self._rules = mapping.streams[shape.stream]

    def streams(self) -> Sequence[str]:
        return (self._shape.stream,)

    def pull(self, stream: str, cursor: Cursor | None, known: Known) -> Iterator[Batch]:
        """Rows of everything behind `cursor`; see EventSource and `reading`.

        Raises:
            SetupError: also where the file has no column that the mapping cannot do without.
        """
        return pull_file(self.name, self.path, cursor, self._begin, grows=self._shape.grows)

    def _begin(self, file: BufferedReader, now: Place) -> Layout:
        head = delimited.header(self.name, file)
        if head is None:
            return Layout(stream=self._shape.stream, draw=_nothing)
        columns = [self._shape.column(each) for each in head.columns]
        self._require(columns)
        return Layout(
            stream=self._shape.stream,
            join=partial(delimited.records, head=head),
            draw=partial(self._draw, columns, now),
        )

    def _require(self, columns: Sequence[str]) -> None:
        for column, field in self._rules.fields.items():
            if field.required and not set(field.sources) & set(columns):
                where = ("streams", self._shape.stream, "fields", column)
                names = " or ".join(repr(each) for each in field.sources)
                raise self._mapping.text.error(where, f"{self.path} has no column {names} in its header line")

    def _draw(self, columns: Sequence[str], now: Place, lines: Sequence[Line]) -> Drawn:
        records = [dict(zip(columns, line.cells, strict=True)) for line in lines]
        useless = self._shape.of_no_use(self._rules, records)
        used = [at for at in range(len(records)) if at not in useless]
        mapped = self._rules.rows([records[at] for at in used], {})
        table, reasons = self._shape.finish(mapped.table, self.name, now)
        left = [at for number, at in enumerate(used) if number not in mapped.rejected_at]
        bad = dict(zip(left, reasons, strict=True)) | {used[number]: reason for number, reason in mapped.rejected}
        good = pa.array([not reason for reason in reasons], pa.bool_())
        return Drawn(
            tables={self._rules.table: table.filter(good)},
            read=len(records),
            skipped=len(useless),
            rejected=[
                rejection(self.path, self._shape.stream, lines[at], reason, records[at])
                for at, reason in sorted(bad.items())
                if reason
            ],
        )


def filled(rows: pa.Table, **columns: pa.Array) -> pa.Table:
    """The rows with these columns in place of their own."""
    for name, values in columns.items():
        rows = rows.set_column(rows.schema.get_field_index(name), rows.schema.field(name), values)
    return rows


def _nothing(lines: Sequence[Line]) -> Drawn:
    return Drawn(tables={}, read=0, skipped=0, rejected=())
