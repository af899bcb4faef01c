"""Meta's limit of calls about custom audiences: those of a rolling hour, told of in percent with every answer.

Source: Meta, "Rate Limits", Business Use Case "Custom Audience": `5000 + 40 * active audiences` an hour (standard).
"""

import json
from collections import deque
from math import ceil

from connector.sandbox.exchange import Answer
from connector.sandbox.meta_account import Account
from connector.sandbox.meta_errors import error

HOUR = 3_600_000
TOO_MANY = 80_003


class RateLimits:
    """Counts calls by the sandbox's clock."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._calls: deque[int] = deque()
        self.refused = 0

    def admit(self) -> Answer | None:
        """Count a call; the error where it is one too many."""
        now = self._now()
        self._calls.append(now)
        if not self._minutes(now):
            return None
        self.refused += 1
        message = "There have been too many calls to this ad-account. Wait a bit and try again."
        return error(400, TOO_MANY, message, 2_446_079)

    def headers(self) -> dict[str, str]:
        """How much of the hour is used, in percent, and in how many minutes there are calls again."""
        now = self._now()
        percent = ceil(100 * len(self._calls) / self._most())
        usage = {
            "type": "custom_audience",
            "call_count": 100 if self._account.blocked_until > now else percent,
            "total_cputime": 0,
            "total_time": 0,
            "estimated_time_to_regain_access": self._minutes(now),
            "ads_api_access_tier": "standard_access",
        }
        return {"X-Business-Use-Case-Usage": json.dumps({self._account.settings.business: [usage]})}

    def _minutes(self, now: int) -> int:
        """Until calls are let through; 0: now."""
        until = self._account.blocked_until
        over = len(self._calls) - self._most()
        if over > 0 and self._account.settings.limits:
            until = max(until, self._calls[over - 1] + HOUR)
        return max(0, ceil((until - now) / 60_000))

    def _most(self) -> int:
        return self._account.settings.hourly + 40 * len(self._account.audiences())

    def _now(self) -> int:
        now = self._account.clock.milliseconds()
        while self._calls and self._calls[0] <= now - HOUR:
            self._calls.popleft()
        return now
