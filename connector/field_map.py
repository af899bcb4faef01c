"""A field map at work: foreign records in, rows of a warehouse table out, a column at a time."""

import json
from collections import abc
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from connector import transforms

Record = abc.Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Field:
    """How one column is filled.

    Attributes:
        sources: foreign fields, of which the first that is filled counts; a dot leads into a nested object.
        values: foreign text, in any case -> what stands for it before the transform; None makes it unknown. `*` is
            every text that is not named.
        default: used where no source is filled.
        required: a row without it is rejected.
        lenient: a value that cannot be used is left empty instead of rejecting its row (`on_error: null`).
    """

    column: str
    sources: tuple[str, ...]
    transform: str
    values: abc.Mapping[str, Any] = field(default_factory=dict)
    default: Any = None
    required: bool = False
    lenient: bool = False

    def read(self, records: Sequence[Record]) -> list[Any]:
        """The foreign values, before the transform."""
        found = [_pluck(records, source) for source in self.sources] or [[None] * len(records)]
        raw = found[0] if len(found) == 1 else [_first_filled(several) for several in zip(*found, strict=True)]
        if self.default is not None:
            raw = [self.default if transforms.empty(value) else value for value in raw]
        return [_translated(self.values, value) for value in raw] if self.values else raw


@dataclass(frozen=True, kw_only=True)
class Mapped:
    """Rows ready for the warehouse.

    Attributes:
        table: exactly the columns of the warehouse schema, rejected records left out.
        kept: rows in `table`.
        rejected: position in the records handed in -> "column: reason", in order, one reason a record.
    """

    table: pa.Table
    kept: int
    rejected: list[tuple[int, str]]

    @property
    def rejected_at(self) -> frozenset[int]:
        """Positions of the records that are not in `table`."""
        return frozenset(index for index, _ in self.rejected)


@dataclass(frozen=True, kw_only=True)
class StreamMap:
    """One stream of a source and the table it fills.

    Attributes:
        object: what the source calls it (`contacts`, a CSV's name...); may be empty.
        table: the warehouse table.
        schema: its columns.
        fields: column -> how it is filled, in the file's order.
        extra: foreign fields kept together as JSON in column `extra`.
    """

    object: str
    table: str
    schema: pa.Schema
    fields: abc.Mapping[str, Field]
    extra: tuple[str, ...] = ()

    @property
    def foreign_fields(self) -> tuple[str, ...]:
        """Every foreign field that is read, in the file's order, each once."""
        used = [source for each in self.fields.values() for source in each.sources]
        return tuple(dict.fromkeys([*used, *self.extra]))

    def rows(self, records: Sequence[Record], fixed: abc.Mapping[str, Any]) -> Mapped:
        """Map `records`. `fixed` gives further columns: one value for all, or a list or Arrow array, one a record."""
        columns = {name: self._given(name, value, len(records)) for name, value in fixed.items()}
        problems: dict[int, str] = {}
        for each in self._in_order():
            if each.column not in columns:
                columns[each.column] = self._fill(each, records, columns, problems)
        if self.extra and "extra" not in columns:
            columns["extra"] = pa.array([self._leftovers(record) for record in records], pa.string())
        return self._assembled(columns, len(records), problems)

    def _in_order(self) -> list[Field]:
        """Regional transforms last: they look at the country of their row."""
        return sorted(self.fields.values(), key=lambda each: transforms.TRANSFORMS[each.transform].regional)

    def _given(self, name: str, value: Any, count: int) -> pa.Array:
        kind = self.schema.field(name).type
        if isinstance(value, pa.Array | pa.ChunkedArray):
            return value
        if isinstance(value, Sequence) and not isinstance(value, str):
            return pa.array(value, kind)
        return pa.repeat(pa.scalar(value, kind), count)

    def _fill(
        self, each: Field, records: Sequence[Record], columns: abc.Mapping[str, pa.Array], problems: dict[int, str]
    ) -> pa.Array:
        rule = transforms.TRANSFORMS[each.transform]
        regions = columns["country"].to_pylist() if rule.regional and "country" in columns else None
        column, wrong = transforms.apply(rule, each.read(records), regions)
        if not each.lenient:
            _note(problems, each.column, wrong)
        if each.required and column.null_count:
            missing = [at for at, valid in enumerate(column.is_valid().to_pylist()) if not valid]
            _note(problems, each.column, {at: wrong.get(at, "is missing") for at in missing})
        return column

    def _leftovers(self, record: Record) -> str | None:
        found = {name: record[name] for name in self.extra if not transforms.empty(record.get(name))}
        return json.dumps(found, sort_keys=True, default=str) if found else None

    def _assembled(self, columns: abc.Mapping[str, pa.Array], count: int, problems: abc.Mapping[int, str]) -> Mapped:
        arrays = [columns[each.name] if each.name in columns else pa.nulls(count, each.type) for each in self.schema]
        table = pa.table(arrays, schema=self.schema)
        if problems:
            table = table.filter(pa.array([at not in problems for at in range(count)], pa.bool_()))
        return Mapped(table=table, kept=table.num_rows, rejected=sorted(problems.items()))


def _pluck(records: Sequence[Record], source: str) -> list[Any]:
    if "." in source:
        return [_descend(record, source) for record in records]
    return [record.get(source) for record in records]


def _descend(record: Record, source: str) -> Any:
    """The value at `a.b.c`, or under the literal name where a file's own column holds dots."""
    if source in record:
        return record[source]
    found: Any = record
    for part in source.split("."):
        found = found.get(part) if isinstance(found, abc.Mapping) else None
    return found


def _first_filled(values: tuple[Any, ...]) -> Any:
    return next((value for value in values if not transforms.empty(value)), None)


def _translated(values: abc.Mapping[str, Any], value: Any) -> Any:
    if transforms.empty(value) or isinstance(value, dict | list):
        return value
    found = transforms.text(value)
    return values.get(found, values.get(found.lower(), values.get("*", value)))


def _note(problems: dict[int, str], column: str, wrong: abc.Mapping[int, str]) -> None:
    for at, reason in wrong.items():
        problems.setdefault(at, f"{column}: {reason}")
