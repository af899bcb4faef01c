"""Rows on their way out: by collections, or by a bulk job where there are many; locked ones again, fewer at a time."""

from collections.abc import Mapping

from connector.crms import Remembered
from connector.crms._salesforce import bulk_ingest
from connector.crms._salesforce.api import COLLECTION, HEAVY, Api
from connector.crms._salesforce.collections_out import HOPELESS, Beside, Change, Collections, Rows
from connector.crms._salesforce.floor import Floor
from connector.crms._salesforce.verdicts import DONE, Verdict, of_csv
from connector.errors import RetryLater, SetupError
from connector.limits import Again

JOB, CURRENT = "bulk_job", "current"
"""Under what we remember a bulk job until its end is known; there is one at a time."""
DELIVERED = {"membership": 50_000, "properties": 10_000}
"""Rows to a delivery. Large, so that a bulk job is worth its calls; a delivery's outcome is settled as a whole."""
PER_CALL = COLLECTION * HEAVY
"""Rows to a call at best."""
PERMIT = "assign the permission set Lamplighter Connector to the integration user, then lamplighter check"
_NO_RIGHTS = frozenset({"INSUFFICIENT_ACCESS_OR_READONLY", "INSUFFICIENT_ACCESS"})
BULK_CALLS = 4
"""To make a job, to send its rows, to close it, and to see that it is done."""
DUPLICATE_RULE = "DUPLICATES_DETECTED"
"""A duplicate rule objects. A bulk job cannot say "save it anyway", a collection can."""


class Sending:
    """Sends changes to one org, one at a time."""

    def __init__(self, api: Api, remembered: Remembered, floor: Floor) -> None:
        self._api = api
        self._floor = floor
        self._remembered = remembered
        self._settled = False

    def settle(self) -> None:
        """Let nothing more come of a job that an earlier run began and did not see the end of."""
        if self._settled:
            return
        if job := self._remembered.get(JOB, CURRENT):
            bulk_ingest.stopped(self._api, job)
            self._note("")
        self._settled = True

    def send(self, change: Change, rows: Rows, beside: Beside | None = None) -> dict[str, Verdict]:
        """Carry out a change.

        Args:
            beside: a reading that travels along, where the rows go by collections.

        Returns:
            key -> verdict. What Salesforce's answers left out is not in it.

        Raises:
            RetryLater: rows stay locked, or an outcome is unknown.
            SetupError: Salesforce refuses more than rows.
        """
        self.settle()
        many = len(rows) > self._api.settings.bulk_above
        self._count(change, len(rows), many)
        told = self._in_bulk(change, rows) if many else {}
        left = {key: row for key, row in rows.items() if key not in told or self._again(told[key])}
        told |= self._until_unlocked(change, left, beside) if left else {}
        _demand_rights(change, told)
        return told

    def _count(self, change: Change, rows: int, in_bulk: bool) -> None:
        if in_bulk:
            self._floor.add("bulk jobs", BULK_CALLS)
        elif rows:
            self._floor.add(f"{change.operation} {change.name}", rows, per_call=PER_CALL)

    def _until_unlocked(self, change: Change, rows: Rows, beside: Beside | None) -> dict[str, Verdict]:
        """By collections. Each further time half as many rows to one, so that fewer meet the lock of another."""
        told: dict[str, Verdict] = {}
        left, size = dict(rows), COLLECTION

        def once() -> dict[str, Verdict]:
            nonlocal left, size
            told.update(Collections(self._api, change, left, size, beside).send())
            left = {key: left[key] for key in _sorted(left, beside) if key in told and told[key].passing}
            size = max(1, size // 2)
            if left:
                raise Again(f"{len(left):,} rows of {change.name} are locked by others")
            return told

        return self._api.transport.repeated(f"change {change.name}", once)

    def _in_bulk(self, change: Change, rows: Rows) -> dict[str, Verdict]:
        """By a job. Rows that it did not try are left out."""
        job = bulk_ingest.begin(self._api, change.name, change.operation, change.csv(rows), self._note)
        outcome = bulk_ingest.outcome(self._api, job)
        self._note("")
        untried = {row[change.key] for row in outcome.unprocessed}
        if outcome.seen + len(untried) < len(rows):
            raise RetryLater(f"Salesforce's bulk job {job} left rows out", hint="lamplighter run")
        failed = {row[change.key]: of_csv(row["sf__Error"]) for row in outcome.failed}
        return {key: failed.get(key, DONE) for key in rows if key not in untried}

    def _again(self, verdict: Verdict) -> bool:
        return verdict.passing or (verdict.code == DUPLICATE_RULE and not self._api.settings.obey_duplicate_rules)

    def _note(self, job: str) -> None:
        self._remembered.put(JOB, CURRENT, job)
        self._settled = not job


def _demand_rights(change: Change, told: Mapping[str, Verdict]) -> None:
    """Raises SetupError where every row was refused since we may not do this at all: it is not the rows."""
    refusals = {verdict.code: verdict for verdict in told.values()}
    if len(told) >= HOPELESS and len(refusals) == 1 and refusals.keys() <= _NO_RIGHTS:
        (verdict,) = refusals.values()
        raise SetupError(f"Salesforce does not let us {change.operation} {change.name}: {verdict.words}", hint=PERMIT)


def _sorted(rows: Mapping[str, object], beside: Beside | None) -> list[str]:
    """Keys, those with one parent together: a lock is then met by one collection and not by many."""
    return sorted(rows, key=beside.order) if beside else sorted(rows)
