"""How records lie in a file: as lines of JSON, as rows under a header, or as a Parquet table."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from io import BufferedReader

from connector.events import delimited, json_lines, parquet
from connector.events.files import Line, Place, head_of, lines

NDJSON = (".ndjson", ".jsonl", ".json")
"""How the names of such files end."""
_BEFORE = b"\xef\xbb\xbf \t\r\n"


@dataclass(frozen=True, kw_only=True)
class Contents:
    """The records of an opened file.

    Attributes:
        rows: those behind a place, each with a `record` or a `problem`.
        columns: what every record has; None where each has its own.
        grows: records are appended to it; otherwise it is written anew.
    """

    rows: Callable[[Place], Iterator[Line]]
    columns: Sequence[str] | None = None
    grows: bool = True


def ndjson(name: str, file: BufferedReader) -> Contents:
    """One JSON object a line."""
    return Contents(rows=partial(json_lines.objects, name, file))


def ndjson_or_parquet(name: str, file: BufferedReader, wanted: Sequence[str] | None = None) -> Contents:
    """Of a Parquet table only the `wanted` columns are read (None: all)."""
    return table(file, wanted) if parquet.is_parquet(file) else ndjson(name, file)


def table(file: BufferedReader, wanted: Sequence[str] | None) -> Contents:
    """A Parquet table, of which only the `wanted` columns are read (None: all)."""
    return Contents(rows=partial(parquet.rows, file, wanted), columns=parquet.columns_of(file), grows=False)


def under_header(name: str, file: BufferedReader, label: str) -> Contents:
    """CSV or TSV; nothing where the file holds no header yet.

    Raises:
        SetupError: the file does not begin with a line of text.
    """
    head = delimited.header(name, file, label)
    if head is None:
        return Contents(rows=lambda place: iter(()))
    return Contents(
        rows=lambda place: delimited.records(lines(name, file, place), head),
        columns=head.columns,
    )


def whatever(name: str, file: BufferedReader, wanted: Sequence[str] | None, label: str) -> Contents:
    """Any of the three: Parquet by its mark, NDJSON by the file's name or its first character, else CSV or TSV."""
    if parquet.is_parquet(file):
        return table(file, wanted)
    named = label.removesuffix(".gz").endswith(NDJSON)
    if named or head_of(file).lstrip(_BEFORE).startswith(b"{"):
        return ndjson(name, file)
    return under_header(name, file, label)
