"""The quota of a Cloud project: requests a minute and a day, of ingestion, of its status, and of everything else."""

from collections import defaultdict, deque

from connector.sandbox.clock import DAY, Clock
from connector.sandbox.google_errors import Failed
from connector.sandbox.google_settings import Settings

MINUTE = 60_000


class Quota:
    """Counts requests. Refuses only where the settings say so."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._taken: dict[str, deque[int]] = defaultdict(deque)

    def admit(self, bucket: str) -> None:
        """Count one request. Fails with RESOURCE_EXHAUSTED where it is one too many."""
        now, taken = self._clock.milliseconds(), self._taken[bucket]
        while taken and taken[0] <= now - DAY:
            taken.popleft()
        if self._settings.limits:
            self._check("1/d/{project}", len(taken), self._settings.per_day)
            self._check("1/min/{project}", sum(at > now - MINUTE for at in taken), self._settings.per_minute)
        taken.append(now)

    def _check(self, unit: str, taken: int, most: int) -> None:
        if taken < most:
            return
        metadata = {"quota_unit": unit, "quota_limit_value": str(most), "service": "datamanager.googleapis.com"}
        raise Failed(
            status="RESOURCE_EXHAUSTED",
            reason="RATE_LIMIT_EXCEEDED",
            message="Quota exceeded for quota metric 'Requests'.",
            domain="googleapis.com",
            metadata=metadata,
        )
