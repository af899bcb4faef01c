"""CSV and TSV rows out of lines (RFC 4180). A quote that is never closed costs one line, not the rest of the file."""

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader

from connector.errors import SetupError
from connector.events.files import Line, Place, lines

LONGEST_ROW = 200
"""Lines. A quoted text that runs on for longer is taken for a quote that was never closed."""
MOST_COLUMNS = 2_000
"""Of a file; each costs memory in every row."""


@dataclass(frozen=True, kw_only=True)
class Header:
    """The first row of a file.

    Attributes:
        columns: trimmed names.
        last: number of its last line.
    """

    columns: tuple[str, ...]
    delimiter: str
    last: int


def header(name: str, file: BufferedReader, label: str) -> Header | None:
    """The header of an opened file, split at tabs or commas, whichever its first line holds more of.

    None where the file holds nothing yet, or no whole line.

    Args:
        label: what the file is called in messages.

    Raises:
        SetupError: the file does not begin with a line of text, or with one of far too many columns, or its gzip is
            broken within that.
    """
    first = next(lines(name, file, Place()), None)
    if first is not None and first.broken_off:
        raise SetupError(
            f"source {name!r}: the gzip file {label} breaks off within its header; nothing of it was read",
            hint="copy the file again",
        )
    if first is None or not first.whole:
        return None
    delimiter = "\t" if first.text.count("\t") > first.text.count(",") else ","
    row = next(rows(lines(name, file, Place()), delimiter, 0))
    if not row.whole:
        return None
    if row.problem:
        raise SetupError(
            f"source {name!r}: the header line cannot be read: {row.problem}",
            hint="its file must begin with a line of column names, in UTF-8",
        )
    if len(row.cells) > MOST_COLUMNS:
        raise SetupError(
            f"source {name!r}: the header names {len(row.cells):,} columns; more than {MOST_COLUMNS:,} are a mistake",
            hint="check that it is the file you meant",
        )
    return Header(columns=tuple(cell.strip() for cell in row.cells), delimiter=delimiter, last=row.last)


def records(found: Iterator[Line], head: Header) -> Iterator[Line]:
    """The rows below a header, each with its columns by name or with a problem."""
    for row in rows((line for line in found if line.last > head.last), head.delimiter, len(head.columns)):
        if row.problem:
            yield row
        elif len(row.cells) == len(head.columns):
            yield row._replace(record=dict(zip(head.columns, row.cells, strict=True)))
        else:
            yield row._replace(problem=_too_many_or_few(len(row.cells), len(head.columns)))


def _too_many_or_few(cells: int, width: int) -> str:
    return f"{cells} columns where the header has {width}"


def rows(found: Iterator[Line], delimiter: str, width: int) -> Iterator[Line]:
    """Lines with their cells; several lines become one where a quoted text spans them.

    Args:
        width: how many cells a row has; 0: unknown. Lines that do not make a row of so many are not taken together.
    """
    feed = _Feed(found, width)
    while not feed.at_end():
        try:
            # strict, or an unclosed quote ends at the next inch mark and takes the rows between with it
            yield from (feed.row(cells) for cells in csv.reader(feed, delimiter=delimiter, strict=True))
        except csv.Error as error:
            yield feed.first_alone("a quote is opened and never closed" if feed.cut_short else f"not CSV: {error}")
        yield from feed.problems()


class _Feed(Iterator[str]):
    """Hands csv.reader its lines, remembers which ones a row took, and can take them back."""

    def __init__(self, found: Iterator[Line], width: int) -> None:
        self._found = found
        self._width = width
        self._ahead: deque[Line] = deque()
        self._taken: list[Line] = []
        self._torn = False
        self.cut_short = False

    def __next__(self) -> str:
        """One more line for the row; csv.reader asks for a second one only within quotes."""
        if self.at_end() or self._ahead[0].problem or len(self._taken) == LONGEST_ROW:
            self.cut_short = bool(self._taken)
            self._torn = self._torn or (self.cut_short and self.at_end())
            raise StopIteration
        line = self._ahead.popleft()
        self._taken.append(line)
        return line.text + "\n"

    def at_end(self) -> bool:
        if not self._ahead:
            self._ahead.extend(line for line in [next(self._found, None)] if line)
        return not self._ahead

    def row(self, cells: list[str]) -> Line:
        """The row just read. Two stray quotes in two bad lines must not make one of all the lines between them."""
        if len(self._taken) > 1 and self._width and len(cells) != self._width:
            self._torn = self._torn or not self._taken[-1].whole
            return self.first_alone(_too_many_or_few(len(cells), self._width))
        taken, self._taken = self._taken, []
        last = taken[-1]
        text = last.text if len(taken) == 1 else "\n".join(line.text for line in taken)
        return last._replace(first=taken[0].first, text=text, cells=cells, whole=last.whole and not self._torn)

    def first_alone(self, problem: str) -> Line:
        """Give up the first line of the row; the others are read again as rows of their own.

        Where the file ends within the row, it may yet grow: nothing from there on counts as whole.
        """
        first, *others = self._taken
        self._ahead.extendleft(reversed(others))
        self._taken, self.cut_short = [], False
        return first._replace(problem=problem, whole=first.whole and not self._torn)

    def problems(self) -> Iterator[Line]:
        """The bad lines that come next."""
        while not self.at_end() and self._ahead[0].problem:
            yield self._ahead.popleft()
