"""The sandbox's own time: real time plus an offset, so that a test can let hours pass at once."""

import time
from datetime import UTC, datetime
from email.utils import formatdate
from functools import lru_cache

DAY = 86_400_000
"""Milliseconds of a day."""


class Clock:
    """Every time the sandbox tells or stores comes from here."""

    def __init__(self) -> None:
        self._offset = 0

    def milliseconds(self) -> int:
        """Now, in milliseconds since 1970 (UTC)."""
        return time.time_ns() // 1_000_000 + self._offset

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once (negative: turn back)."""
        self._offset += round(seconds * 1000)

    def http_date(self) -> str:
        """Now, as an HTTP `Date` header has it."""
        return formatdate(self.milliseconds() / 1000, usegmt=True)


@lru_cache(maxsize=65_536)
def iso(milliseconds: int) -> str:
    """`2026-11-21T20:32:00.123Z` for milliseconds since 1970."""
    moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"


def milliseconds_of(text: str) -> int:
    """Milliseconds since 1970 for ISO 8601 text or digits, as APIs take both. Raises ValueError for neither.

    Text without a zone is UTC, as the APIs have it.
    """
    if text.lstrip("-").isdecimal():
        return int(text)
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
