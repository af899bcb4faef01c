"""The store's own clock: when things were written down. Decisions never read it; they are told `as_of`."""

from datetime import UTC, datetime


def now() -> datetime:
    """This machine's time, aware, UTC."""
    return datetime.now(UTC)
