"""CSV as Bulk API 2.0 speaks it: every value in quotes going out, line endings and delimiters as the job announced.

Source: "Valid CSV Record Rows" and "Create a Job" of the Bulk API 2.0 guide.
"""

import csv
import io
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

DELIMITERS = {"BACKQUOTE": "`", "CARET": "^", "COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "TAB": "\t"}
ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
BLOCK = 1_000
"""Rows that are packed together."""


class BadCsv(Exception):
    """An upload that is no CSV, or not the CSV that its job announced; the message is Salesforce's."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the CSV of a job is written, in the API's names."""

    delimiter: str = "COMMA"
    ending: str = "LF"

    def line(self, values: Iterable[str]) -> str:
        """One row, all values in quotes."""
        quoted = ('"' + one.replace('"', '""') + '"' for one in values)
        return DELIMITERS[self.delimiter].join(quoted) + ENDINGS[self.ending]

    def read(self, data: bytes) -> Iterator[list[str]]:
        """The rows of an upload, the header first; blank lines are left out. Raises BadCsv."""
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise BadCsv("ClientInputError : Failed to parse CSV. Found invalid UTF-8") from None
        self._check_ending(text)
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=DELIMITERS[self.delimiter], strict=True)
        try:
            yield from (row for row in rows if row)
        except csv.Error as wrong:
            raise BadCsv(f"InvalidBatch : Failed to parse CSV. {wrong}") from None

    def _check_ending(self, text: str) -> None:
        """The header's own end tells which line ending the whole upload has."""
        at = text.find("\n")
        found = "CRLF" if at > 0 and text[at - 1] == "\r" else "LF"
        if at >= 0 and found != self.ending:
            message = f"LineEnding is invalid on user data. Current LineEnding setting is {self.ending}"
            raise BadCsv(f"ClientInputError : {message}")


class Sheet:
    """Rows of CSV that are read again and again from any place, packed so that many jobs fit into memory."""

    def __init__(self, dialect: Dialect, header: Sequence[str]) -> None:
        self._header = dialect.line(header) if header else ""
        self._dialect = dialect
        self._blocks: list[bytes] = []
        self._open: list[str] = []

    def __len__(self) -> int:
        return len(self._blocks) * BLOCK + len(self._open)

    def add(self, row: Iterable[str]) -> None:
        """One more row."""
        self._open.append(self._dialect.line(row))
        if len(self._open) == BLOCK:
            self._blocks.append(zlib.compress(json.dumps(self._open).encode(), 1))
            self._open = []

    def page(self, start: int = 0, number: int | None = None) -> bytes:
        """The header and so many rows from `start` on; None: all that are left."""
        end = len(self) if number is None else min(len(self), start + number)
        lines = [self._header]
        for block in range(start // BLOCK, -(-end // BLOCK)):
            first = block * BLOCK
            lines += self._block(block)[max(0, start - first) : end - first]
        return "".join(lines).encode()

    def _block(self, number: int) -> list[str]:
        if number == len(self._blocks):
            return self._open
        lines: list[str] = json.loads(zlib.decompress(self._blocks[number]))
        return lines
