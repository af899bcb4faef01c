"""Rows of a Parquet file. It is written once, so reading goes on behind a number of rows or starts again."""

from collections.abc import Iterator, Sequence
from io import BufferedReader
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from connector.events.files import Line, Place, head_of
from connector.events.values import Unusable, plain

ROWS = 5_000
"""Rows that are made Python's at a time."""
_MAGIC = b"PAR1"
_BROKEN = (pa.ArrowException, OSError, ValueError, EOFError, OverflowError, RecursionError, MemoryError)
"""What Arrow and Python raise for bytes that are no table, or no values of the types they are said to be."""


def is_parquet(file: BufferedReader) -> bool:
    """Whether an opened file says of itself that it is Parquet."""
    return head_of(file).startswith(_MAGIC)


def columns_of(file: BufferedReader) -> Sequence[str] | None:
    """The columns of a Parquet file; None where it is broken."""
    try:
        return [str(name) for name in _table(file).schema_arrow.names]
    except _BROKEN:
        return None


def rows(file: BufferedReader, wanted: Sequence[str] | None, place: Place) -> Iterator[Line]:
    """The rows behind `place`, each with its `wanted` columns (None: all) as record, or with a problem. A file that
    breaks off, or is none, ends with a Line that says so."""
    passed = 0
    try:
        table = _table(file)
        chosen = [name for name in table.schema_arrow.names if wanted is None or name in wanted]
        for batch in table.iter_batches(ROWS, columns=chosen, use_threads=False):
            used = max(place.line - passed, 0)
            yield from (_line(number, found) for number, found in enumerate(_records(batch[used:]), passed + used + 1))
            passed += batch.num_rows
    except _BROKEN as error:
        problem = f"the Parquet file cannot be read from here on ({type(error).__name__}); copy it again"
        yield Line(passed + 1, passed, 0, "", b"", whole=False, problem=problem)


def _table(file: BufferedReader) -> pq.ParquetFile:
    file.seek(0)
    return pq.ParquetFile(file)


def _line(number: int, found: dict[str, Any] | Unusable) -> Line:
    line = Line(number, number, 0, "", b"")
    return line._replace(problem=str(found)) if isinstance(found, Unusable) else line._replace(record=found)


def _records(batch: pa.RecordBatch) -> Iterator[dict[str, Any] | Unusable]:
    """Each row by itself where some value of the batch cannot be made Python's."""
    try:
        found = _readable(batch).to_pylist()
    except _BROKEN:
        yield from (_alone(batch[at : at + 1]) for at in range(batch.num_rows))
    else:
        yield from (_plain_row(each) for each in found)


def _alone(row: pa.RecordBatch) -> dict[str, Any] | Unusable:
    try:
        return _plain_row(_readable(row).to_pylist()[0])
    except _BROKEN as error:
        return Unusable(f"a value is not of its column's type ({type(error).__name__})")


def _readable(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Checked, as bytes of a broken file may claim to be anything; and coarser, as Python knows no nanoseconds."""
    batch.validate(full=True)
    for at, field in enumerate(batch.schema):
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns":
            coarse = batch.column(at).cast(pa.timestamp("us", field.type.tz), safe=False)
            batch = batch.set_column(at, field.name, coarse)
    return batch


def _plain_row(row: dict[str, Any]) -> dict[str, Any] | Unusable:
    try:
        return {name: plain(value) for name, value in row.items()}
    except Unusable as problem:
        return problem
