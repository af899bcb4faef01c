"""Salesforce's limits: calls of the last 24 hours, bulk queries, and what `/limits` and the headers tell of them.

Source: "API Request Limits and Allocations" and "Limits" of the REST API guide. The window rolls: there is no midnight
at which everything is given back.
"""

from collections import deque

from connector.sandbox.clock import DAY
from connector.sandbox.exchange import Answer
from connector.sandbox.salesforce_errors import failed
from connector.sandbox.salesforce_exchange import Request, operation
from connector.sandbox.salesforce_org import Org, Session

KILOBYTES = {"CampaignMember": 1, "Campaign": 8}
"""Storage of one record, 2 where nothing is said (source: "Salesforce record size overview")."""
FREE = frozenset(
    {"User", "Organization", "RecordType", "OrderStatus", "CampaignMemberStatus", "Pricebook2", "PricebookEntry"}
)
GRAIN = 60_000
"""Milliseconds within which calls are counted together."""


class Rolling:
    """A count over the last 24 hours of a clock."""

    def __init__(self) -> None:
        self._counts: deque[list[int]] = deque()
        self._total = 0

    def add(self, now: int, number: int) -> None:
        """Count so many now."""
        if not self._counts or self._counts[-1][0] != now // GRAIN:
            self._counts.append([now // GRAIN, 0])
        self._counts[-1][1] += number
        self._total += number

    def total(self, now: int) -> int:
        """How many of the last 24 hours."""
        while self._counts and self._counts[0][0] <= (now - DAY) // GRAIN:
            self._total -= self._counts.popleft()[1]
        return self._total


class Usage:
    """Counts the calls of the org.

    Attributes:
        made: calls of ours that were let in, since the start.
        refused: calls that found nothing left.
        reached: the highest count of 24 hours, all apps together, at which a call of ours was let in.
    """

    def __init__(self, org: Org) -> None:
        self.org = org
        self.made = self.refused = self.reached = 0
        self._calls, self._query_jobs, self._batches = Rolling(), Rolling(), Rolling()
        self._others = 0.0

    def used(self) -> int:
        """Calls of the last 24 hours, all apps together; `daily_used` of the settings stands for those before."""
        return self.org.settings.daily_used + self._calls.total(self.org.clock.milliseconds())

    def admit(self) -> None:
        """Count one call. Fails with REQUEST_LIMIT_EXCEEDED where none is left."""
        if (used := self.used()) >= self.org.settings.daily_limit:
            self.refused += 1
            raise failed("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        self.reached = max(self.reached, used + 1)
        self.count(1)

    def count(self, calls: int) -> None:
        """Count calls of ours, and those that other apps make meanwhile."""
        self.made += calls
        self._others += calls * self.org.settings.others_per_call
        others, self._others = divmod(self._others, 1)
        self._calls.add(self.org.clock.milliseconds(), calls + int(others))

    def count_query_job(self) -> None:
        """Count one bulk query. Fails with LIMIT_EXCEEDED where the day has no more."""
        now, most = self.org.clock.milliseconds(), self.org.settings.query_jobs_daily
        if self._query_jobs.total(now) >= most:
            raise failed("LIMIT_EXCEEDED", f"Max bulk v2 query jobs ({most}) per 24 hrs has been reached")
        self._query_jobs.add(now, 1)

    def count_batches(self, number: int) -> None:
        """Count the batches into which Salesforce splits an ingest job."""
        self._batches.add(self.org.clock.milliseconds(), number)

    def headers(self) -> dict[str, str]:
        """What every answer tells."""
        return {"Sforce-Limit-Info": f"api-usage={self.used()}/{self.org.settings.daily_limit}"}

    def told(self) -> dict[str, int]:
        """The counters, for a test that must prove that room was left."""
        return {"made": self.made, "refused": self.refused, "reached": self.reached, "used": self.used()}

    def limits(self) -> dict[str, dict[str, int]]:
        """As `/limits` shows them, those that are counted here."""
        now, settings = self.org.clock.milliseconds(), self.org.settings
        return {
            "DailyApiRequests": _left(settings.daily_limit, self.used()),
            "DailyBulkApiBatches": _left(15_000, self._batches.total(now)),
            "DailyBulkV2QueryFileStorageMB": _left(976_562, 0),
            "DailyBulkV2QueryJobs": _left(settings.query_jobs_daily, self._query_jobs.total(now)),
            "DataStorageMB": _left(settings.storage_megabytes, _storage(self.org)),
        }


def _storage(org: Org) -> int:
    """Megabytes of data storage that the records take."""
    sizes = (_records(org, name) * KILOBYTES.get(name, 2) for name in org.schema if name not in FREE)
    return sum(sizes) // 1024


def _left(most: int, used: int) -> dict[str, int]:
    return {"Max": most, "Remaining": max(0, most - used)}


def limits(session: Session, request: Request) -> Answer:
    """What the org may use, and what is left."""
    return Answer(content=session.org.part(Usage).limits())


def record_count(session: Session, request: Request) -> Answer:
    """Roughly how many records there are of each object that is asked for, whoever may see them."""
    asked = request.values("sObjects")
    names = [kind.name for kind in map(session.org.find, asked) if kind] if asked else list(session.org.schema)
    counts = [{"count": _records(session.org, name), "name": name} for name in sorted(set(names))]
    return Answer(content={"sObjects": [one for one in counts if one["count"] or asked]})


def _records(org: Org, name: str) -> int:
    alive = " WHERE IsDeleted = 0" if "IsDeleted" in org.schema[name].fields else ""
    return int(org.state.value(f'SELECT count(*) FROM "{name}"{alive}'))  # noqa: S608 - names of our own schema


OPERATIONS = (
    operation("GET", "/services/data/{version}/limits", limits),
    operation("GET", "/services/data/{version}/limits/recordCount", record_count),
)
