"""Retry, rate and quota in one place, for every adapter. Nothing here knows any one system."""

import math
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from connector.errors import Resting, RetryLater

T = TypeVar("T")

TRANSIENT = frozenset({408, 423, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
"""HTTP answers that say "not now" rather than "no"."""

LOCKED_SECONDS = 2.0
"""HubSpot, error handling: after a 423 wait at least two seconds."""

MOST_ASKED = 30 * 86_400.0
"""Seconds: who asks for a longer rest than a month is asked again after one."""
EASES = 60.0
"""Seconds after which a limit that was met although we kept to it is tried again."""
MOST_BESIDE = 5.0
"""Calls that others are taken to make for each of ours, at most: a burst of theirs must not stop us for the day."""

_waiting = True


def never_wait(on: bool = True) -> None:
    """Test switch: while on, nothing in this process sleeps for a retry or a rate limit. Decisions stay the same."""
    global _waiting
    _waiting = not on


def _sleep(seconds: float) -> None:
    if _waiting and seconds > 0:
        time.sleep(seconds)


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Where time comes from and how it passes; tests bring their own."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = _sleep


class Again(Exception):
    """A call that failed in a way that may pass. Never leaves an adapter.

    Args:
        reason: for the log and the final message; holds nothing private.
        at_least: seconds that the other side asked for.
        after: when the other side takes calls again, where it is known.
    """

    def __init__(self, reason: str, *, at_least: float = 0.0, after: datetime | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.at_least = at_least
        self.after = after


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """A call that is about to be made again: what hooks are told.

    Attributes:
        number: of the attempt that failed, from 1.
        seconds: how long we wait now.
    """

    system: str
    operation: str
    number: int
    seconds: float
    reason: str


@dataclass(kw_only=True)
class Patience:
    """How far calls to one system may hold up whoever waits (mutable: an answer proves the system).

    Attributes:
        longest: seconds; where the other side asks for a longer rest, the call ends with Resting.
        proven: False while nobody knows whether the system answers at all: until it does, no call is repeated.
    """

    longest: float = math.inf
    proven: bool = True


_patience: ContextVar[Patience | None] = ContextVar("patience", default=None)


@contextmanager
def patient(patience: Patience) -> Iterator[None]:
    """Calls within the block have so much patience."""
    before = _patience.set(patience)
    try:
        yield
    finally:
        _patience.reset(before)


@dataclass(frozen=True, kw_only=True)
class Retry:
    """When to try again, and when to stop.

    Wait before attempt n + 1: a random time up to `first` * 2 ** (n - 1), at most `longest` ("full jitter"), but
    never less than the other side asked for. It ends after `attempts`, or where the wait would pass `deadline`
    seconds after the first attempt.
    """

    attempts: int = 8
    deadline: float = 120.0
    first: float = 0.5
    longest: float = 20.0

    def seconds(self, number: int, trouble: Again, chance: Callable[[], float]) -> float:
        """The wait after failed attempt `number`; `chance` gives 0 to 1."""
        return max(trouble.at_least, chance() * min(self.longest, self.first * 2.0 ** (number - 1)))


@dataclass(frozen=True, kw_only=True)
class Retrying:
    """Makes calls to one system, again where that makes sense.

    Attributes:
        on_repeat: told of every further attempt before its wait.
    """

    system: str
    policy: Retry = Retry()
    clock: Clock = Clock()
    on_repeat: Callable[[Repeat], None] = lambda repeat: None
    chance: Callable[[], float] = random.random

    def call(self, operation: str, once: Callable[[], T]) -> T:
        """`once()`, repeated while it raises Again.

        Raises:
            RetryLater: attempts or time are used up, with the reason of the last one.
            Resting: the other side asked for a longer rest than there is patience for.
        """
        patience = _patience.get() or Patience()
        start = self.clock.monotonic()
        number = 0
        while True:
            try:
                answer = once()
            except Again as trouble:
                number += 1
                seconds = self.policy.seconds(number, trouble, self.chance)
                late = self.clock.monotonic() - start + seconds > self.policy.deadline
                if trouble.after or late or number >= self.policy.attempts or not patience.proven:
                    raise self._enough(operation, number, trouble, seconds) from None
                if trouble.at_least > patience.longest:
                    raise self._enough(operation, number, trouble, seconds, Resting) from None
                self.on_repeat(self._repeat(operation, number, seconds, trouble))
                self.clock.sleep(seconds)
            else:
                patience.proven = True
                return answer

    def _repeat(self, operation: str, number: int, seconds: float, trouble: Again) -> Repeat:
        return Repeat(system=self.system, operation=operation, number=number, seconds=seconds, reason=trouble.reason)

    def _enough(
        self, operation: str, number: int, trouble: Again, seconds: float, kind: type[RetryLater] = RetryLater
    ) -> RetryLater:
        return kind(
            f"{self.system}, {operation}: {trouble.reason} (attempt {number}); what is done is kept",
            hint="lamplighter run, later: it goes on where it stopped",
            resume_at=trouble.after or self.clock.now() + timedelta(seconds=seconds),
        )


def retry_after(header: str | None, status: int) -> float:
    """Seconds to wait that an answer asks for: `Retry-After` (in seconds), and two for a locked record."""
    try:
        asked = float(header or 0)
    except ValueError:
        asked = 0.0  # the other form, a date, is not sent by the systems we speak to
    asked = min(asked, MOST_ASKED) if math.isfinite(asked) else 0.0
    return max(asked, LOCKED_SECONDS if status == 423 else 0.0, 0.0)


class Rate:
    """At most `calls` in any `seconds`, for all threads together. Waits, in turn, until a call fits.

    A rolling window and not a refilled bucket: the latter lets twice its size through within one window.

    Attributes:
        calls: what we allow ourselves; None: no limit is known.
        others: of these, what somebody else took within the last window, as far as the other side tells.
    """

    def __init__(self, calls: int | None, seconds: float, clock: Clock) -> None:
        self.calls = calls
        self.others = 0
        self.seconds = seconds
        self._clock = clock
        self._taken: deque[float] = deque()
        self._lock = threading.Lock()
        self._halved = 0
        self._eases_at = 0.0

    def take(self) -> float:
        """Wait for a place; returns how long that took. No limit known: no wait."""
        with self._lock:
            now = self._clock.monotonic()
            at = self._place(now)
        self._clock.sleep(at - now)
        return at - now

    def heard(self, most: int, left: int) -> None:
        """The other side allows `most` calls a window, and has `left`: what is missing and not ours, others took."""
        with self._lock:
            self._forget(self._clock.monotonic())
            self.others = max(0, most - left - len(self._taken))

    def pushed_back(self) -> None:
        """A call was one too many although we kept to `calls`: half as many for EASES seconds, at least one."""
        with self._lock:
            self._halved = min(self._halved + 1, 3)
            self._eases_at = self._clock.monotonic() + EASES

    def _place(self, now: float) -> float:
        self._forget(now)
        allowed, at = self._allowed(now), now
        if allowed is not None and len(self._taken) >= allowed:
            at = max(now, self._taken[-allowed] + self.seconds)
        self._taken.append(at)
        return at

    def _forget(self, now: float) -> None:
        while self._taken and self._taken[0] <= now - self.seconds:
            self._taken.popleft()

    def _allowed(self, now: float) -> int | None:
        if self._halved and now >= self._eases_at:
            self._halved, self._eases_at = self._halved - 1, now + EASES
        return None if self.calls is None else max(1, self.calls - self.others >> self._halved)


class DailyBudget:
    """Leaves a share of the account's daily calls to others.

    Not every answer tells what is left. In between, our own calls are counted, each as many times as others were
    seen to spend beside it.

    Args:
        reserve_percent: of the daily limit, never spent by us.
        resets_at: asked once the reserve is reached: when the account's day ends.

    Attributes:
        limit, left: calls a day and calls left today, as last told; None: never told.
        untold: our calls since then.
    """

    def __init__(self, system: str, reserve_percent: float, clock: Clock, resets_at: Callable[[], datetime]) -> None:
        self.limit: int | None = None
        self.left: int | None = None
        self.untold = 0
        self._pace = 1.0
        self._system = system
        self._share = reserve_percent / 100
        self._clock = clock
        self._resets_at = resets_at
        self._until: datetime | None = None
        self._lock = threading.RLock()

    def heard(self, limit: Any, left: Any) -> None:
        """What an answer said: calls a day, and calls left today. Anything that is no number is ignored."""
        if not (str(limit).isdecimal() and str(left).isdecimal()):
            return
        with self._lock:
            if self.left is not None and self.untold:
                self._pace = min(MOST_BESIDE, max(1.0, (self.left - int(left)) / self.untold))
            self.limit, self.left, self.untold = int(limit), int(left), 0

    @property
    def reserve(self) -> float:
        """Calls a day that are kept for others."""
        return (self.limit or 0) * self._share

    @property
    def spare(self) -> int | None:
        """Calls left today that are ours to spend; None: never told."""
        return None if self.left is None else max(0, int(self.left - self.untold * self._pace - self.reserve))

    def spend(self) -> None:
        """Called before each call. Raises RetryLater where it would touch the reserve."""
        with self._lock:
            if self.spare != 0 or self._new_day():
                self.untold += 1
                return
        raise RetryLater(
            f"{self._system}: {self.left or 0:,} of {self.limit or 0:,} daily calls are left, and the last "
            f"{self._share:.0%} are kept for others; what is done is kept",
            hint=f"lamplighter run after {self._until:%Y-%m-%d %H:%M} UTC, when there are calls again, or change "
            "reserve_percent in lamplighter.yaml",
            resume_at=self._until,
        )

    def _new_day(self) -> bool:
        """True once the day is over in which the reserve was reached: nothing is known of the new one yet."""
        if self._until is None:
            self._until = self._resets_at()
        if self._clock.now() < self._until:
            return False
        self.limit = self.left = self._until = None
        return True
