"""Records read through a mapping file: what ad logs, product feeds, tables and any other events have in common."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from io import BufferedReader
from pathlib import Path

import pyarrow as pa

from connector.events.contents import whatever
from connector.events.files import Line, Place
from connector.events.reading import Drawn, Layout, pull_path, rejection
from connector.field_map import Record, StreamMap
from connector.mapping import Mapping
from connector.model import Batch, Cursor
from connector.ports import Known


@dataclass(frozen=True, kw_only=True)
class Further:
    """What records make besides the rows of their stream.

    Attributes:
        tables: warehouse table -> rows.
        made_by: positions of the records that made some: they are kept, whatever else they are.
    """

    tables: dict[str, pa.Table]
    made_by: frozenset[int] = frozenset()


def nothing_further(mapping: Mapping, records: Sequence[Record], name: str) -> Further:
    """Of records that make rows of their stream only."""
    return Further(tables={})


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What mapped records are.

    Attributes:
        stream: their stream, in the mapping and for cursors.
        grows: rows are appended to a file of them; otherwise a changed file is read whole.
        record: a record as it came -> as the mapping knows it; None: they are the same.
        of_no_use: positions of records that are to be skipped.
        finish: mapped rows, name of the source, the file's place -> the rows completed, and for each why it is bad
            (empty: it is good).
        further: mapping, records, name of the source -> what else they make.
    """

    stream: str
    grows: bool
    record: Callable[[Record], Record] | None = None
    of_no_use: Callable[[StreamMap, Sequence[Record]], frozenset[int]]
    finish: Callable[[pa.Table, str, Place], tuple[pa.Table, Sequence[str]]]
    further: Callable[[Mapping, Sequence[Record], str], Further] = nothing_further


def _untold(column: str) -> str:
    return ""


class MappedRows:
    """How the records of one source become rows."""

    def __init__(self, name: str, mapping: Mapping, shape: Shape) -> None:
        self.name = name
        self.mapping = mapping
        self.shape = shape
        self.rules = mapping.streams[shape.stream]

    def foreign(self) -> list[str]:
        """Every column that any stream of the mapping reads, nested ones by their outermost."""
        named = [each for rules in self.mapping.streams.values() for each in rules.foreign_fields]
        return list(dict.fromkeys([*named, *(each.partition(".")[0] for each in named)]))

    def require(self, columns: Sequence[str], where: str, near: Callable[[str], str] = _untold) -> None:
        """Raises SetupError where records with these columns lack one that the mapping cannot do without.

        Args:
            where: what holds the columns, for the message.
            near: a column that is missing -> what may be meant instead, as the message says it. A header of a file is
                not told: it may be no header.
        """
        outermost = {*columns, *self.shape.record(dict.fromkeys(columns, ""))} if self.shape.record else {*columns}
        for column, field in self.rules.fields.items():
            read = {*field.sources, *(each.partition(".")[0] for each in field.sources)}
            if field.required and field.default is None and not read & outermost:
                names = " or ".join(repr(each) for each in field.sources)
                path = ("streams", self.shape.stream, "fields", column)
                raise self.mapping.text.error(path, f"{where} has no column {names}{near(field.sources[0])}")

    def draw(self, label: str, now: Place, lines: Sequence[Line]) -> Drawn:
        """Usable lines -> rows."""
        change = self.shape.record
        records = [change(line.record) for line in lines] if change else [line.record for line in lines]
        useless = self.shape.of_no_use(self.rules, records)
        used = [at for at in range(len(records)) if at not in useless]
        mapped = self.rules.rows([records[at] for at in used], {})
        table, reasons = self.shape.finish(mapped.table, self.name, now)
        left = [at for number, at in enumerate(used) if number not in mapped.rejected_at]
        bad = dict(zip(left, reasons, strict=True)) | {used[number]: reason for number, reason in mapped.rejected}
        good = pa.array([not reason for reason in reasons], pa.bool_())
        further = self.shape.further(self.mapping, records, self.name)
        return Drawn(
            tables={self.rules.table: table.filter(good), **further.tables},
            read=len(records),
            skipped=len(useless - further.made_by),
            rejected=[
                rejection(label, self.shape.stream, lines[at], reason, _row(lines[at]))
                for at, reason in sorted(bad.items())
                if reason
            ],
        )


def _row(line: Line) -> Record | None:
    """The columns of a CSV row, for its repair; other records are kept as text."""
    return line.record if line.cells else None


class MappedFile:
    """One file of such records, or a folder of them. Keeps the promises of EventSource."""

    def __init__(self, name: str, path: Path, mapping: Mapping, shape: Shape) -> None:
        self.name = name
        self.path = path
        self._rows = MappedRows(name, mapping, shape)

    def streams(self) -> Sequence[str]:
        return (self._rows.shape.stream,)

    def pull(self, stream: str, cursor: Cursor | None, known: Known) -> Iterator[Batch]:
        """Rows of everything behind `cursor`; see EventSource and `reading`.

        Raises:
            SetupError: also where the file has no column that the mapping cannot do without.
        """
        return pull_path(self.name, self.path, cursor, self._begin)

    def _begin(self, file: BufferedReader, now: Place, label: str) -> Layout:
        shape, wanted = self._rows.shape, None if self._rows.shape.record else self._rows.foreign()
        found = whatever(self.name, file, wanted, label)
        if found.columns is not None:
            where = self.path / label if self.path.is_dir() else self.path
            self._rows.require(found.columns, str(where))
        return Layout(
            stream=shape.stream,
            rows=found.rows,
            draw=partial(self._rows.draw, label, now),
            grows=found.grows and shape.grows,
        )


def filled(rows: pa.Table, **columns: pa.Array) -> pa.Table:
    """The rows with these columns in place of their own."""
    for name, values in columns.items():
        rows = rows.set_column(rows.schema.get_field_index(name), rows.schema.field(name), values)
    return rows
