"""HubSpot's three buckets (calls in ten seconds, searches in a second, calls of a day) and their headers.

Source: HubSpot usage guidelines. Search has its own bucket for the whole account, and tells nothing in headers.
"""

from collections import deque
from typing import Any

from connector.sandbox.clock import DAY, Clock
from connector.sandbox.exchange import Answer
from connector.sandbox.hubspot_errors import error
from connector.sandbox.hubspot_portal import Settings

SEARCHES_PER_SECOND = 5
UNLIMITED = 1_000_000
"""What the headers promise while limits are off."""


class RateLimits:
    """Counts calls. Times are the sandbox clock's, so that a test can let a window pass."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self._recent: deque[int] = deque()
        self._searches: deque[int] = deque()
        self._day = clock.milliseconds() // DAY

    def admit(self, bucket: str) -> Answer | None:
        """Count a call of a bucket (`general` or `search`); the 429 where it is one too many."""
        now = self.clock.milliseconds()
        self._new_day(now)
        window, length, most = self._window(bucket)
        while window and window[0] <= now - length:
            window.popleft()
        if self.settings.limits and self.settings.daily_used >= self.settings.daily_limit:
            return _refused("daily", "DAILY")
        if self.settings.limits and len(window) >= most:
            return (
                _refused("secondly", "SECONDLY")
                if bucket == "search"
                else _refused("ten_secondly_rolling", "TEN_SECONDLY_ROLLING")
            )
        window.append(now)
        self.settings.daily_used += 1
        return None

    def headers(self, bucket: str) -> dict[str, str]:
        """What is left, as HubSpot tells it with every answer but a search's."""
        if bucket == "search":
            return {}
        most = self.settings.ten_seconds if self.settings.limits else UNLIMITED
        left = max(0, most - len(self._recent))
        daily = self.settings.daily_limit
        return {
            "X-HubSpot-RateLimit-Daily": str(daily),
            "X-HubSpot-RateLimit-Daily-Remaining": str(max(0, daily - self.settings.daily_used)),
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
            "X-HubSpot-RateLimit-Max": str(most),
            "X-HubSpot-RateLimit-Remaining": str(left),
            "X-HubSpot-RateLimit-Secondly": str(most // 10),
            "X-HubSpot-RateLimit-Secondly-Remaining": str(min(left, most // 10)),
        }

    def _window(self, bucket: str) -> tuple[deque[int], int, int]:
        if bucket == "search":
            return self._searches, 1_000, SEARCHES_PER_SECOND
        return self._recent, 10_000, self.settings.ten_seconds

    def _new_day(self, now: int) -> None:
        if now // DAY > self._day:
            self._day = now // DAY
            self.settings.daily_used = 0


def _refused(name: str, policy: str) -> Answer:
    more: dict[str, Any] = {"errorType": "RATE_LIMIT", "policyName": policy}
    return error(429, f"You have reached your {name} limit.", **more)
