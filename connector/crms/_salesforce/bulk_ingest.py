"""Writes by Bulk API 2.0: one job a set of rows of one object and operation; what became of each row."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from connector.crms._salesforce.api import Api
from connector.crms._salesforce.bulk import DONE, parsed, waited, written

JOBS = "jobs/ingest"
AT_ONCE = 100_000
"""Characters of CSV that may travel with the job's creation."""
BOUNDARY = "lamplighter-part"
UNWANTED = "Open"
"""The state of a job whose rows will never be written unless somebody closes it."""

Row = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of the rows that were not written, each with the columns it was sent with.

    Attributes:
        failed: refused, with the reason in `sf__Error`.
        unprocessed: not tried: the job failed as a whole.
        seen: how many were tried.
    """

    failed: Sequence[Row]
    unprocessed: Sequence[Row]
    seen: int


def begin(
    api: Api, name: str, operation: str, rows: Sequence[Mapping[str, str | None]], noted: Callable[[str], None]
) -> str:
    """Send rows; returns the job's id. They are told apart by their columns: results come in no order.

    Args:
        operation: insert | update | delete.
        noted: told the job's id as soon as it is known.

    Raises:
        RetryLater: whether the job was made is not known, or it is not known to be complete; ask by `read_back`.
    """
    text = written(rows, list(dict.fromkeys(column for row in rows for column in row)))
    told = {"object": name, "operation": operation, "contentType": "CSV", "lineEnding": "LF"}
    if len(text) > AT_ONCE:
        return _in_steps(api, told, text, noted)
    job = _at_once(api, told, text)
    noted(job)
    return job


def _at_once(api: Api, told: Mapping[str, str], text: str) -> str:
    """Job and rows in one call, which also says that there are no more."""
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    answer = api.transport.request("POST", JOBS, content=_multipart(told, text), headers=headers)
    return str(answer.told("id")["id"])


def _multipart(told: Mapping[str, str], text: str) -> str:
    job = f'Content-Type: application/json\r\nContent-Disposition: form-data; name="job"\r\n\r\n{json.dumps(told)}'
    rows = f'Content-Type: text/csv\r\nContent-Disposition: form-data; name="content"; filename="content"\r\n\r\n{text}'
    return f"--{BOUNDARY}\r\n{job}\r\n--{BOUNDARY}\r\n{rows}\r\n--{BOUNDARY}--\r\n"


def _in_steps(api: Api, told: Mapping[str, str], text: str, noted: Callable[[str], None]) -> str:
    """A job, its rows, and the word that there are no more. Rows of a job that is not closed are never written."""
    job = str(api.transport.request("POST", JOBS, body=told, repeatable=True).told("id")["id"])
    noted(job)
    api.transport.request("PUT", f"{JOBS}/{job}/batches", content=text, headers={"Content-Type": "text/csv"})
    api.transport.request("PATCH", f"{JOBS}/{job}", body={"state": "UploadComplete"}, repeatable=False)
    return job


def outcome(api: Api, job: str) -> Outcome:
    """Wait for the job, then what became of its rows. Costs a call less for each kind that there is none of."""
    told = waited(api, f"{JOBS}/{job}")
    failed = int(told.get("numberRecordsFailed") or 0)
    return Outcome(
        failed=_results(api, job, "failedResults") if failed else [],
        unprocessed=[] if told["state"] == DONE else _results(api, job, "unprocessedrecords"),
        seen=int(told.get("numberRecordsProcessed") or 0),
    )


def stopped(api: Api, job: str) -> None:
    """Let nothing come of a job whose end nobody saw: abort it, or wait where it is too late for that."""
    path = f"{JOBS}/{job}"
    answer = api.transport.request("GET", path, ok=(404,))
    if answer.status == 404:
        return
    if answer.told("state")["state"] == UNWANTED:
        api.transport.request("PATCH", path, body={"state": "Aborted"}, ok=(400, 404))
    else:
        waited(api, path)


def _results(api: Api, job: str, what: str) -> list[Row]:
    path = f"{JOBS}/{job}/{what}/"
    return list(parsed(api.transport.request("GET", path, headers={"Accept": "text/csv"}).text))
