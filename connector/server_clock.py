"""The other side's clock, so that ours may be wrong without losing a change."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Protocol

from connector.limits import Clock


class Stamped(Protocol):
    """An answer with its headers; `sent` and `received` are of our monotonic clock."""

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def sent(self) -> float: ...

    @property
    def received(self) -> float: ...


class ServerClock:
    """A server's time, from the `Date` headers of its answers: whole seconds, rounded down."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heard: tuple[datetime, Stamped] | None = None

    def heard(self, answer: Stamped) -> None:
        """Take note of an answer's `Date`."""
        try:
            self._heard = (parsedate_to_datetime(answer.headers["Date"]).astimezone(UTC), answer)
        except (KeyError, ValueError, TypeError):
            return

    def earliest(self, at: float) -> datetime:
        """What the server's clock had surely reached at our monotonic `at`. Our own clock's time if it never said."""
        if self._heard is None:
            return self._clock.now() + timedelta(seconds=at - self._clock.monotonic())
        date, answer = self._heard
        return date + timedelta(seconds=at - answer.received)

    def latest(self, at: float) -> datetime:
        """What it had surely not passed."""
        if self._heard is None:
            return self.earliest(at)
        date, answer = self._heard
        return date + timedelta(seconds=1 + at - answer.sent)

    def ahead(self) -> timedelta | None:
        """How far our own clock is ahead of the server's, to a second; None: it never said."""
        return None if self._heard is None else self._clock.now() - self.now()

    def now(self) -> datetime:
        """`earliest`, at this moment."""
        return self.earliest(self._clock.monotonic())
