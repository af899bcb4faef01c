"""HubSpot's limits: calls in ten seconds, searches in a second, associations, calls of a day; and their headers.

Source: HubSpot usage guidelines, search and associations guides. An app with a static token has 100 to 190 calls in ten
seconds and shares the account's day with all others; an OAuth app has 110 and no day. Search has its own bucket for
the whole account and tells nothing in headers; the associations API has its own as well, and no page says that its
answers carry headers, so they carry none. The webhooks journal is exempt from everything.
"""

from collections import defaultdict, deque
from math import floor
from typing import Any

from connector.sandbox.clock import DAY, Clock
from connector.sandbox.exchange import Answer
from connector.sandbox.hubspot_errors import error
from connector.sandbox.hubspot_portal import Settings

SEARCHES_PER_SECOND = 5
OAUTH_TEN_SECONDS = 110
UNLIMITED = 1_000_000
"""What the headers promise while limits are off."""


class RateLimits:
    """Counts calls. Times are the sandbox clock's, so that a test can let a window pass.

    Attributes:
        refused: how many calls were answered with 429.
        ours_most: the most calls of one day that came from us.
        reached: the highest count of the day, all apps together, at which a call of ours was let through.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.refused = self.ours_most = self.reached = 0
        self._windows: defaultdict[str, deque[int]] = defaultdict(deque)
        self._seen = clock.milliseconds()
        self._ours = 0
        self._others = 0.0

    def admit(self, bucket: str, *, oauth: bool = False) -> Answer | None:
        """Count a call of a bucket (`general`, `search`, `associations`, `exempt`); the 429 where it is one too many.

        Args:
            oauth: it came with the token of an OAuth app.
        """
        if bucket == "exempt":
            return None
        now = self.clock.milliseconds()
        self._new_day(now)
        answer = self._over_day(bucket, oauth) or self._over_window(bucket, oauth, now)
        if answer:
            self.refused += 1
        else:
            self._count_day(bucket, oauth)
        return answer

    def headers(self, bucket: str, *, oauth: bool = False) -> dict[str, str]:
        """What is left, as HubSpot tells it with the answers of the general bucket."""
        if bucket != "general":
            return {}
        most = self._most(bucket, oauth) if self.settings.limits else UNLIMITED
        left = max(0, most - len(self._windows[_window(bucket, oauth)]))
        shown = {
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
            "X-HubSpot-RateLimit-Max": str(most),
            "X-HubSpot-RateLimit-Remaining": str(left),
            "X-HubSpot-RateLimit-Secondly": str(most // 10),
            "X-HubSpot-RateLimit-Secondly-Remaining": str(min(left, most // 10)),
        }
        return shown if oauth else {**self._daily_headers(), **shown}

    def _daily_headers(self) -> dict[str, str]:
        daily = self.settings.daily_limit
        left = max(0, daily - self.settings.daily_used)
        return {"X-HubSpot-RateLimit-Daily": str(daily), "X-HubSpot-RateLimit-Daily-Remaining": str(left)}

    def usage(self) -> dict[str, int]:
        """The counters above, for a test that must prove that room was left; since the start."""
        return {"refused": self.refused, "ours_most": self.ours_most, "reached": self.reached}

    def _over_day(self, bucket: str, oauth: bool) -> Answer | None:
        used, most = self.settings.daily_used, self.settings.daily_limit
        if bucket == "associations":
            used, most = self.settings.associations_used, self.settings.associations_daily
        elif oauth:
            return None
        return _refused("daily", "DAILY") if self.settings.limits and used >= most else None

    def _over_window(self, bucket: str, oauth: bool, now: int) -> Answer | None:
        window, length = self._windows[_window(bucket, oauth)], 1_000 if bucket == "search" else 10_000
        while window and window[0] <= now - length:
            window.popleft()
        if self.settings.limits and len(window) >= self._most(bucket, oauth) - self._taken(bucket, now):
            return _refused(*_POLICIES["search" if bucket == "search" else "general"])
        window.append(now)
        return None

    def _most(self, bucket: str, oauth: bool) -> int:
        if bucket == "search":
            return SEARCHES_PER_SECOND
        if bucket == "associations":
            return self.settings.associations_ten_seconds
        return OAUTH_TEN_SECONDS if oauth else self.settings.ten_seconds

    def _taken(self, bucket: str, now: int) -> int:
        """Searches of other apps within the last second: evenly spread, so that a fraction takes turns."""
        rate = self.settings.others_searches_per_second if bucket == "search" else 0.0
        return floor(now * rate / 1_000) - floor((now - 1_000) * rate / 1_000)

    def _count_day(self, bucket: str, oauth: bool) -> None:
        settings = self.settings
        if bucket == "associations":
            settings.associations_used += 1
            return
        if not oauth:
            settings.daily_used += 1
            self._ours += 1
            self.ours_most = max(self.ours_most, self._ours)
            self.reached = max(self.reached, settings.daily_used)
        self._others += settings.others_per_call
        settings.daily_used += int(self._others)
        self._others %= 1

    def _new_day(self, now: int) -> None:
        if self._day(now) > self._day(self._seen):
            self.settings.daily_used = self.settings.associations_used = self._ours = 0
        self._seen = max(now, self._seen)

    def _day(self, moment: int) -> int:
        return (moment + self.settings.utc_offset_minutes * 60_000) // DAY


def _window(bucket: str, oauth: bool) -> str:
    return "oauth" if oauth and bucket == "general" else bucket


_POLICIES = {
    "search": ("secondly", "SECONDLY"),
    "general": ("ten_secondly_rolling", "TEN_SECONDLY_ROLLING"),
}


def _refused(name: str, policy: str) -> Answer:
    more: dict[str, Any] = {"errorType": "RATE_LIMIT", "policyName": policy}
    return error(429, f"You have reached your {name} limit.", **more)
