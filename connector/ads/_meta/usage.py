"""How much of an hour's calls is used, as Meta tells it in percent with its answers; a share is left to others."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.errors import RetryLater
from connector.limits import Clock

HEADER = "X-Business-Use-Case-Usage"
SPENT = ("call_count", "total_cputime", "total_time")
LOOK_AGAIN = timedelta(minutes=10)
"""The hour rolls: after a while a call may ask how things are now."""
MOST_MINUTES = 30 * 24 * 60
"""Whoever names a longer time is asked again after this one."""


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a header told. `percent`: used of what is counted most; None: nothing was told. `minutes`: until there are
    calls again; 0: now."""

    percent: int | None = None
    minutes: int = 0


def usage(headers: Mapping[str, str]) -> Usage:
    """What an answer's headers tell of custom audiences."""
    try:
        told = json.loads(headers.get(HEADER) or "{}")
        cases = [case for listed in told.values() for case in listed if case.get("type") == "custom_audience"]
        if not cases:
            return Usage()
        percent = max(int(case.get(name) or 0) for case in cases for name in SPENT)
        minutes = max(int(case.get("estimated_time_to_regain_access") or 0) for case in cases)
    except (ValueError, TypeError, AttributeError, OverflowError):
        return Usage()
    return Usage(percent=percent, minutes=min(minutes, MOST_MINUTES))


class Reserve:
    """Stops us before others have no calls left."""

    def __init__(self, percent: float, clock: Clock) -> None:
        self._most = 100 - percent
        self._clock = clock
        self._told: tuple[int, datetime] | None = None

    def heard(self, headers: Mapping[str, str]) -> None:
        """Take note of what an answer told."""
        if (percent := usage(headers).percent) is not None:
            self._told = (percent, self._clock.now())

    def before(self) -> None:
        """Called before each call. Raises RetryLater where it would touch the reserve."""
        if self._told is None:
            return
        percent, at = self._told
        if percent >= self._most and self._clock.now() < at + LOOK_AGAIN:
            raise RetryLater(
                f"Meta: {percent} % of the hour's calls are used, and the last {100 - self._most:g} % are kept for "
                "others; what is done is kept",
                hint="lamplighter run, later, or change ads.meta.reserve_percent in lamplighter.yaml",
                resume_at=at + LOOK_AGAIN,
            )
