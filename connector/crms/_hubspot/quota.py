"""What HubSpot's limits leave us: its buckets, the account's day, and a pause where it asks for one."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from connector.crms import Remembered
from connector.crms._hubspot.answers import MIGRATING, Answer
from connector.crms._hubspot.paths import ASSOCIATIONS, EXEMPT, GENERAL, SEARCH
from connector.crms._hubspot.settings import HubSpotSettings
from connector.errors import LamplighterError, RetryLater
from connector.limits import Again, Clock, DailyBudget, Rate, retry_after
from connector.model import DailyQuota
from connector.server_clock import ServerClock

SYSTEM = "HubSpot"
HEADROOM = 0.8
"""Share of a ten-second limit that we use."""
FEWEST = 100
"""Calls in ten seconds that every account allows (usage guidelines; association API)."""
MOVED_SECONDS = 3_600.0
"""How long an account that is being moved is left alone where HubSpot does not say."""
ZONE = "utc_offset_ms"
ASK_AGAIN = 500
"""Calls after which the day's usage is asked for again, where answers do not tell it."""


class AccountDay:
    """When the account's day ends: HubSpot counts daily calls from midnight to midnight of the account's own zone.

    Args:
        details: asks HubSpot for the account's details.
        remembered: keeps the zone between runs: once the day's calls are used up, HubSpot does not answer that either.
    """

    def __init__(self, server: ServerClock, remembered: Remembered, details: Callable[[], Mapping[str, Any]]) -> None:
        self._server = server
        self._remembered = remembered
        self._details = details

    def learn(self, details: Mapping[str, Any]) -> None:
        """Take note of the account's details."""
        offset = str(details.get("utcOffsetMilliseconds", ""))
        if offset.lstrip("-").isdecimal() and self._remembered.get("account", ZONE) != offset:
            self._remembered.put("account", ZONE, offset)

    @property
    def known_end(self) -> datetime | None:
        """The next midnight, where the zone is known."""
        zone = self._remembered.get("account", ZONE)
        return self._midnight(timedelta(milliseconds=int(zone))) if zone else None

    def end(self) -> datetime:
        """The next midnight; where HubSpot will not tell the zone, of UTC."""
        if self.known_end is None:
            try:
                self.learn(self._details())
            except (Again, LamplighterError):
                return self._midnight(timedelta())
        return self.known_end or self._midnight(timedelta())

    def _midnight(self, zone: timedelta) -> datetime:
        local = self._server.now() + zone
        return local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1) - zone


class Quota:
    """Asked before every call, told of every answer. May be used from several threads.

    Attributes:
        budget: the account's daily calls.
        ten_seconds: calls in ten seconds that HubSpot allows, where it told.
    """

    def __init__(self, settings: HubSpotSettings, clock: Clock, day: AccountDay) -> None:
        self.budget = DailyBudget(SYSTEM, settings.reserve_percent, clock, day.end)
        self.day = day
        self._clock = clock
        self.ten_seconds: int | None = None
        self._fixed = settings.requests_per_10s
        most = self._fixed or int(FEWEST * HEADROOM)
        self.rates = {
            GENERAL: Rate(most, 10.0, clock),
            ASSOCIATIONS: Rate(most, 10.0, clock),
            SEARCH: Rate(settings.searches_per_second, 1.0, clock),
        }
        self._paused: RetryLater | None = None

    def before(self, bucket: str) -> None:
        """Wait for a place. Raises RetryLater where the account is to be left alone, or the rest is for others."""
        if self._paused and self._paused.resume_at and self._clock.now() < self._paused.resume_at:
            raise self._paused
        if bucket == EXEMPT:
            return
        if bucket != ASSOCIATIONS:  # they have a day of their own, twice as large
            self.budget.spend()
        self.rates[bucket].take()

    def heard(self, bucket: str, answer: Answer) -> None:
        """Learn what is left. Searches tell nothing."""
        told = answer.headers.get
        self.budget.heard(told("X-HubSpot-RateLimit-Daily"), told("X-HubSpot-RateLimit-Daily-Remaining"))
        most, left = told("X-HubSpot-RateLimit-Max") or "", told("X-HubSpot-RateLimit-Remaining") or ""
        if bucket in (GENERAL, ASSOCIATIONS) and most.isdecimal():
            rate = self.rates[bucket]
            rate.calls = self._fixed or max(1, int(int(most) * HEADROOM))
            self.ten_seconds = int(most) if bucket == GENERAL else self.ten_seconds
            rate.heard(int(most), int(left) if left.isdecimal() else int(most))
        if answer.status == 429 and not daily(answer) and bucket != EXEMPT:
            self.rates[bucket].pushed_back()

    def ends(self, answer: Answer) -> datetime | None:
        """When calls make sense again, after an answer that forbids them for long; else None."""
        if daily(answer):
            return self.day.end()
        return self._pause(answer) if answer.status == MIGRATING else None

    def _pause(self, answer: Answer) -> datetime:
        seconds = retry_after(answer.headers.get("Retry-After"), answer.status) or MOVED_SECONDS
        until = self._clock.now() + timedelta(seconds=seconds)
        message = f"HubSpot is moving this account to another place and asks to wait until {until:%Y-%m-%d %H:%M} UTC"
        self._paused = RetryLater(f"{message}; what is done is kept", hint="lamplighter run, then", resume_at=until)
        return until

    @property
    def usage_is_due(self) -> bool:
        """Whether nobody told the day's usage, or not for long."""
        return self.budget.limit is None or self.budget.untold >= ASK_AGAIN

    def told(self) -> DailyQuota | None:
        """The daily quota as far as HubSpot told it."""
        budget = self.budget
        if budget.limit is None or budget.left is None:
            return None
        ours_a_day = int(budget.limit - budget.reserve)
        return DailyQuota(
            limit=budget.limit, left=budget.left, spare=budget.spare or 0, ours=ours_a_day, resets_at=self.day.known_end
        )


def daily(answer: Answer) -> bool:
    """Whether an answer says that the day's calls are used up."""
    return answer.status == 429 and answer.body.get("policyName") == "DAILY"
