"""Where reading stands in a table that grows: the greatest value but some, and which rows from there on were seen."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from connector.errors import SetupError
from connector.events.values import digest
from connector.model import Cursor

OVERLAP = 1_000
"""Rows that are looked at again. A row that is committed later than so many rows of greater value is not seen."""
MOST_SEEN = 20 * OVERLAP
"""Digests that are kept. Where more rows share one value, they are all handed out again, which changes nothing."""

_READ: Mapping[str, Callable[[str], Any]] = {
    "time": datetime.fromisoformat,
    "date": date.fromisoformat,
    "number": Decimal,
    "bytes": bytes.fromhex,
    "uuid": UUID,
}


class Seen:
    """The last rows that were read, by value and digest, in their order.

    Attributes:
        boundary: rows of at least this value are to be asked for; None: all.
    """

    def __init__(self, boundary: Any, before: Iterable[str]) -> None:
        self.boundary = boundary
        self._before = frozenset(before)
        self._last: deque[tuple[Any, str]] = deque()

    @classmethod
    def of(cls, cursor: Cursor | None) -> "Seen":
        """What a cursor tells; nothing where it tells of something else: the source was a file."""
        return cls(_value(cursor["from"]), cursor["seen"]) if cursor and "from" in cursor else cls(None, ())

    def is_new(self, value: Any, row: Collection[Any]) -> bool:
        """Enter the next row, and whether it was not read before this pull."""
        name = digest(*(repr(bytes(each) if isinstance(each, memoryview) else each) for each in row))[:16]
        self._last.append((value, name))
        return name not in self._before

    def cursor(self) -> Cursor:
        """What to store when all rows that were entered are kept. A value is never cut in two: all of its rows are
        among those seen, or none."""
        last = self._last
        while len(last) > OVERLAP and last[0][0] != last[-OVERLAP][0]:
            last.popleft()
        return {"from": _stored(last[0][0]), "seen": [name for _, name in last] if len(last) <= MOST_SEEN else []}


def _stored(value: Any) -> Any:
    """As JSON can hold it."""
    match value:
        case int() | float() | str():
            return value
        case datetime():
            return {"time": value.isoformat()}
        case date():
            return {"date": value.isoformat()}
        case Decimal():
            return {"number": str(value)}
        case bytes():
            return {"bytes": value.hex()}
        case UUID():
            return {"uuid": str(value)}
        case _:
            raise SetupError(
                f"a column of type {type(value).__name__} cannot be the one that grows",
                hint="name a number or a time as `growing` of this source in lamplighter.yaml",
            )


def _value(stored: Any) -> Any:
    if not isinstance(stored, dict):
        return stored
    ((kind, text),) = stored.items()
    return _READ[kind](text)
