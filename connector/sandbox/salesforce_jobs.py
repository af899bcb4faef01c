"""Bulk jobs and their life: open, queued, in progress, complete, failed or aborted, and gone after seven days.

The work is done at once, or when the sandbox clock says so; what a client is told lags behind by as many looks as the
settings say. Kept in memory only, like sessions.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from connector.sandbox.clock import DAY, iso
from connector.sandbox.salesforce_csv import Dialect, Sheet
from connector.sandbox.salesforce_errors import Failed
from connector.sandbox.salesforce_ids import make_id
from connector.sandbox.salesforce_org import Org, Session

KEPT = 7 * DAY
"""Milliseconds until a job and its results are gone (source: "Bulk API and Bulk API 2.0 Limits and Allocations")."""
OVER = frozenset({"JobComplete", "Failed", "Aborted"})


@dataclass(kw_only=True, eq=False)
class Job:
    """One job.

    Attributes:
        kind: `query` or `ingest`, as the addresses have it.
        version: of the API it was made with, as 68.0.
        due: when the work is to begin, in milliseconds of the sandbox clock.
        polls: how many looks are still told that it is in progress.
        worked: whether the work was done.
        breaks_after: rows after which it is to fail; None: it does not.
        data: an upload that is not done yet.
        sheets: its results, by the last part of their address.
    """

    id: str
    kind: str
    session: Session
    operation: str
    object: str
    version: float
    created: int
    state: str
    dialect: Dialect
    query: str = ""
    external: str = ""
    changed: int = 0
    due: int = 0
    polls: int = 0
    worked: bool = False
    breaks_after: int | None = None
    processed: int = 0
    failed: int = 0
    error: str = ""
    data: bytes | None = None
    sheets: dict[str, Sheet] = field(default_factory=dict)

    def told(self) -> str:
        """The state as clients are told it."""
        if self.state in OVER and self.state != "Aborted" and self.polls:
            return "InProgress"
        return self.state

    def fail(self, message: str) -> None:
        """End it without success."""
        self.state, self.error = "Failed", message


class Jobs:
    """All jobs of an org, by id."""

    def __init__(self, org: Org) -> None:
        self.org = org
        self._jobs: dict[str, Job] = {}
        self._waiting: list[tuple[Job, Callable[[Job], None]]] = []
        self._breaks: dict[str, tuple[int, str]] = {}

    def add(self, session: Session, **told: Any) -> Job:
        """A new job; `told` are fields of it."""
        number, now = self.org.state.next_id("bulk_job"), self.org.now()
        job = Job(id=make_id("750", number), session=session, created=now, changed=now, **told)
        self._jobs[job.id] = job
        return job

    def find(self, kind: str, id: str) -> Job | None:
        """A job of this kind by its id of 15 or 18 characters; None where it never was or is gone."""
        self._forget()
        found = next((job for job in self._jobs.values() if id in (job.id, job.id[:15])), None)
        return found if found and found.kind == kind else None

    def all(self) -> Iterator[Job]:
        """Every job that is kept, the oldest first."""
        self._forget()
        return iter(list(self._jobs.values()))

    def remove(self, job: Job) -> None:
        """Forget a job and its results."""
        del self._jobs[job.id]

    def _forget(self) -> None:
        now = self.org.clock.milliseconds()
        self._jobs = {job.id: job for job in self._jobs.values() if job.created + KEPT > now}

    def submit(self, job: Job, work: Callable[[Job], None]) -> None:
        """Queue a job, and do it where nothing says to wait. `work` does it, and may end it by `fail`."""
        settings = self.org.settings
        job.state, job.changed = "UploadComplete", self.org.now()
        job.due = self.org.clock.milliseconds() + round(settings.job_seconds * 1000)
        job.polls = settings.job_polls
        if broken := self._breaks.pop(job.kind, None):
            job.breaks_after, job.error = broken
        self._waiting.append((job, work))
        self.advance()

    def advance(self) -> None:
        """Do the jobs that are due by now."""
        now = self.org.clock.milliseconds()
        due = [one for one in self._waiting if one[0].due <= now]
        self._waiting = [one for one in self._waiting if one[0].due > now]
        for job, work in due:
            if job.state == "UploadComplete":
                self._do(job, work)

    def _do(self, job: Job, work: Callable[[Job], None]) -> None:
        message, job.error = job.error, ""
        try:
            with self._transaction():
                work(job)
        except Failed as wrong:
            job.fail(f"InvalidBatch : {wrong}")
        job.worked, job.data = True, None
        if job.breaks_after is not None:
            job.fail(message)
        elif job.state == "UploadComplete":
            job.state = "JobComplete"
        job.changed = self.org.now()

    def _transaction(self) -> AbstractContextManager[None]:
        """A transaction of its own, unless it is done within the call that queued it."""
        return nullcontext() if self.org.state.db.in_transaction else self.org.state.transaction()

    def break_next(self, kind: str = "ingest", rows: int = 0, message: str = "InternalServerError : try again") -> None:
        """Let the next job of this kind fail after so many rows; the rest stays unprocessed."""
        if kind not in ("ingest", "query"):
            raise ValueError("a job is of the kind ingest or query")
        self._breaks[kind] = rows, message


def shown(job: Job) -> dict[str, Any]:
    """What every answer about a job tells."""
    upload = f"services/data/v{job.version}/jobs/ingest/{job.id}/batches"
    return {
        "id": job.id,
        "operation": job.operation,
        "object": job.object,
        "createdById": job.session.user.id,
        "createdDate": _time(job.created),
        "systemModstamp": _time(job.changed),
        "state": job.told(),
        **({"externalIdFieldName": job.external} if job.external else {}),
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": job.version,
        **({"contentUrl": upload} if job.kind == "ingest" and job.state == "Open" else {}),
        "lineEnding": job.dialect.ending,
        "columnDelimiter": job.dialect.delimiter,
    }


def _time(moment: int) -> str:
    return iso(moment).replace("Z", "+0000")


def details(job: Job) -> dict[str, Any]:
    """What a look at one job tells: how far it is as well."""
    over = job.told() in OVER
    counts = {
        "jobType": "V2Query" if job.kind == "query" else "V2Ingest",
        "numberRecordsProcessed": job.processed if over else 0,
        "retries": 0,
        "totalProcessingTime": 100 + job.processed // 10 if over else 0,
    }
    if job.kind == "query":
        return {**shown(job), **counts, "isPkChunkingSupported": True, **_error(job)}
    times = {"apiActiveProcessingTime": counts["totalProcessingTime"], "apexProcessingTime": 0}
    return {**shown(job), **counts, **times, "numberRecordsFailed": job.failed if over else 0, **_error(job)}


def _error(job: Job) -> dict[str, str]:
    return {"errorMessage": job.error} if job.told() == "Failed" else {}
