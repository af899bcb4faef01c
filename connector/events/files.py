"""A file opened for reading, plain or gzip, and where reading stands in it.

A file that did not change is not opened again. One that grew is read on from the last whole line; one that was
rewritten is read again from its start: its first and last used bytes tell. Replays change nothing, a gap would.
"""

import gzip
import hashlib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from io import BufferedReader, RawIOBase
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from connector.errors import RetryLater, SetupError
from connector.model import Cursor

LONGEST_LINE = 1_000_000
"""Bytes. No event or product is longer; a longer line is a mistake, and is skipped without being held in memory."""
HEAD = 4_096
TAIL = 256
"""Bytes at the start, and before where reading stands, by which a file is recognised."""
UNSUSPECTED, MOST_UNPACKED = 200_000_000, 200
"""A gzip file that unpacks to more bytes than the first, and to so many times its size, is a bomb: logs shrink to a
tenth, at the very best to a fiftieth."""
_GZIP = b"\x1f\x8b"
_BROKEN = (EOFError, zlib.error, gzip.BadGzipFile)


class Line(NamedTuple):
    """One line, the lines of one CSV row, or one row of a table.

    Attributes:
        first, last: line numbers in the file, from 1.
        end: bytes up to its end, after unpacking.
        text: without the line break; empty where there is a problem.
        tail: its last bytes as they stand in the file.
        whole: it ends with a line break. The last line of a growing file may not yet.
        problem: why it cannot be used; empty if it can.
        cells: its columns, where it is a CSV row.
        record: what it holds by name; empty until somebody has made that of its text or cells.
        name: how the row is found again where lines have no numbers.
    """

    first: int
    last: int
    end: int
    text: str
    tail: bytes
    whole: bool = True
    problem: str = ""
    cells: Sequence[str] = ()
    record: Mapping[str, Any] = MappingProxyType({})
    name: str = ""

    @property
    def broken_off(self) -> bool:
        """It is no line: it says that the file cannot be read behind the one before."""
        return self.first > self.last


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where reading stands. Stored as the cursor.

    Attributes:
        size, mtime_ns: of the file as it was opened.
        done: its end was reached.
        line, offset: lines and unpacked bytes used so far.
        head, tail: digests of the first bytes, and of `tail_bytes` before `offset`.
    """

    size: int = 0
    mtime_ns: int = 0
    done: bool = False
    line: int = 0
    offset: int = 0
    head: str = ""
    tail: str = ""
    tail_bytes: int = 0

    @classmethod
    def of(cls, cursor: Cursor | None) -> "Place":
        """The place a cursor tells of; the start where there is none, or where it tells of something else: the source
        was a folder or a table."""
        return cls(**cursor) if cursor and "offset" in cursor else cls()

    def cursor(self) -> Cursor:
        """The place as it is stored."""
        return asdict(self)

    def after(self, line: Line, head: bytes) -> "Place":
        """The place behind a line of a file that begins with `head`."""
        return replace(
            self,
            line=line.last,
            offset=line.end,
            head=_digest(head[: line.end]),
            tail=_digest(line.tail),
            tail_bytes=len(line.tail),
        )

    def same_file(self, other: "Place") -> bool:
        """Nothing was written to the file between the two openings."""
        return (self.size, self.mtime_ns) == (other.size, other.mtime_ns)

    def stands_in(self, file: BufferedReader) -> bool:
        """The file still holds what was read of it, as far as its first and last used bytes tell."""
        try:
            file.seek(0)
            head = file.read(min(HEAD, self.offset))
            file.seek(self.offset - self.tail_bytes)
            tail = file.read(self.tail_bytes)
        except (*_BROKEN, OSError):
            return False
        return (_digest(head), _digest(tail)) == (self.head, self.tail)


@contextmanager
def opened(name: str, path: Path) -> Iterator[BufferedReader]:
    """The unpacked bytes of a file; gzip is told by its first two bytes, not by its name.

    Raises:
        SetupError: source `name` points at something that cannot be read.
    """
    try:
        raw = path.open("rb")
    except OSError as error:
        raise SetupError(
            f"source {name!r}: cannot read {path}: {error.strerror}",
            hint="put the file there, or correct `path` of this source under `sources:` in lamplighter.yaml",
        ) from None
    with raw:
        packed = raw.peek(2)[:2] == _GZIP
        yield BufferedReader(_Unpacked(raw), 1 << 18) if packed else raw


class _Unpacked(RawIOBase):
    """gzip as a raw stream: each read gives what is there. GzipFile itself withholds what it has unpacked before a
    break, and with it whole lines."""

    def __init__(self, raw: BufferedReader) -> None:
        self._raw = raw
        self._gzip = gzip.GzipFile(fileobj=raw)
        self._broken = False

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        if self._broken:  # where it broke off within its first bytes gzip would take it for an empty file from now on
            self._raw.seek(0)
            self._gzip, self._broken = gzip.GzipFile(fileobj=self._raw), False
        return self._gzip.seek(offset, whence)

    def tell(self) -> int:
        return self._gzip.tell()

    def readinto(self, into: Any) -> int:
        try:
            data = self._gzip.read1(len(into))
        except _BROKEN:
            self._broken = True
            raise
        if self._gzip.tell() > max(UNSUSPECTED, self._raw.tell() * MOST_UNPACKED):
            raise gzip.BadGzipFile(f"it unpacks to more than {MOST_UNPACKED} times its size")
        into[: len(data)] = data
        return len(data)


def glance(path: Path) -> Place:
    """Size and time of a file as it is now, without opening it; zero where there is none."""
    try:
        found = path.stat()
    except OSError:
        return Place()
    return Place(size=found.st_size, mtime_ns=found.st_mtime_ns)


def head_of(file: BufferedReader) -> bytes:
    """The first HEAD bytes; fewer where the file has no more, or breaks off within them."""
    file.seek(0)
    head = b""
    with suppress(*_BROKEN):
        while len(head) < HEAD and (more := file.read1(HEAD - len(head))):
            head += more
    return head


def modified(place: Place) -> datetime:
    """When the file was last written."""
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=place.mtime_ns // 1000)


def lines(name: str, file: BufferedReader, place: Place) -> Iterator[Line]:
    """The lines behind `place`, blank ones left out. A gzip file that breaks off ends with a Line that says so.

    Raises:
        RetryLater: the disk or network below stopped answering.
    """
    number, end = place.line, place.offset
    try:
        file.seek(end)
        while data := file.readline(LONGEST_LINE + 1):
            number += 1
            skipped, tail = (0, data) if len(data) <= LONGEST_LINE or data.endswith(b"\n") else _skip(file)
            end += len(data) + skipped
            if skipped or not data.isspace():
                yield _line(number, end, data, tail[-TAIL:], too_long=len(data) > LONGEST_LINE)
    except _BROKEN as error:
        problem = f"the gzip file breaks off here ({error}); what stands before it is kept; copy the file again"
        yield Line(number + 1, number, end, "", b"", whole=False, problem=problem)
    except OSError as error:
        raise RetryLater(f"source {name!r}: reading stopped at line {number + 1}: {error.strerror}") from None


def _skip(file: BufferedReader) -> tuple[int, bytes]:
    """Go to the end of a line that is too long; returns how many bytes were passed, and the last of them."""
    passed, data = 0, b""
    while more := file.readline(LONGEST_LINE):
        passed, data = passed + len(more), more
        if more.endswith(b"\n"):
            break
    return passed, data


def _line(number: int, end: int, data: bytes, tail: bytes, *, too_long: bool) -> Line:
    whole = tail.endswith(b"\n")
    if too_long:
        return Line(number, number, end, "", tail, whole, f"longer than {LONGEST_LINE:,} bytes")
    if b"\0" in data:
        return Line(number, number, end, "", tail, whole, "holds NUL bytes")
    try:
        text = data.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        return Line(number, number, end, "", tail, whole, f"not UTF-8 text (byte {error.start + 1} of the line)")
    return Line(number, number, end, text, tail, whole)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]
