"""What Bulk API 2.0 does alike with query jobs and ingest jobs: look at one or all, abort, delete, send results."""

import base64
import binascii
import gzip
import json
from collections.abc import Mapping
from typing import Any

from connector.sandbox.exchange import Answer
from connector.sandbox.salesforce_csv import DELIMITERS, ENDINGS, Dialect
from connector.sandbox.salesforce_errors import Failed, failed, not_found
from connector.sandbox.salesforce_exchange import Request
from connector.sandbox.salesforce_jobs import OVER, Job, Jobs, details, shown
from connector.sandbox.salesforce_org import Session

LISTED = 1_000
"""Jobs of one page of a list (source: "Get All Jobs")."""
WORTH_PACKING = 1_000
"""Bytes from which an answer is sent compressed."""


def body(request: Request) -> Mapping[str, Any]:
    """The request's JSON object. Fails with JSON_PARSER_ERROR."""
    try:
        told = json.loads(request.body)
    except ValueError:
        told = None
    if not isinstance(told, Mapping):
        raise failed("JSON_PARSER_ERROR", "The HTTP entity body is required to be a JSON object")
    return told


def dialect(told: Mapping[str, Any]) -> Dialect:
    """How the job's CSV is written, as its maker says. Fails with INVALIDJOB."""
    if told.get("contentType", "CSV") != "CSV":
        raise failed("INVALIDJOB", f"InvalidJob : Unsupported content type: {told['contentType']}")
    delimiter, ending = told.get("columnDelimiter", "COMMA"), told.get("lineEnding", "LF")
    if delimiter not in DELIMITERS or ending not in ENDINGS:
        raise failed("INVALIDJOB", f"InvalidJob : Unsupported column delimiter or line ending: {delimiter}, {ending}")
    return Dialect(delimiter, ending)


def version(request: Request) -> float:
    """The API version of the address, as a number."""
    return float(request.params["version"].removeprefix("v"))


def one(session: Session, request: Request, kind: str) -> Job:
    """The job that the address names. Fails with NOT_FOUND."""
    job = session.org.part(Jobs).find(kind, request.params["job"])
    if job is None:
        raise not_found()
    return job


def look(session: Session, request: Request, kind: str) -> Answer:
    """How far a job is; each look brings what is told nearer to what is done."""
    job = one(session, request, kind)
    answer = Answer(content=details(job))
    if job.worked and job.polls:
        job.polls -= 1
    return answer


def listing(session: Session, request: Request, kind: str) -> Answer:
    """All jobs of a kind, or of the `jobType` that is asked for, a page at a time."""
    wanted = {"V2Query": "query", "V2Ingest": "ingest"}.get(request.query.get("jobType", ""), kind)
    jobs = [shown(job) for job in session.org.part(Jobs).all() if job.kind == wanted]
    start = place(request.query.get("queryLocator", ""))
    done = start + LISTED >= len(jobs)
    path = f"/services/data/{request.params['version']}/jobs/{kind}?queryLocator={locator(start + LISTED)}"
    told = {"done": done, "records": jobs[start : start + LISTED], "nextRecordsUrl": None if done else path}
    return Answer(content=told)


def abort(session: Session, request: Request, kind: str) -> Answer:
    """Stop a job that is not over; what it did stays done."""
    job = one(session, request, kind)
    if job.told() in OVER:
        raise wrong_state(f"Cannot abort a job in state {job.told()}")
    job.state, job.changed = "Aborted", session.org.now()
    return Answer(content=shown(job))


def delete(session: Session, request: Request, kind: str) -> Answer:
    """Forget a job that is over, or queued; answers 204 without a body."""
    job = one(session, request, kind)
    if job.told() not in OVER | {"UploadComplete"}:
        raise wrong_state(f"Cannot delete a job in state {job.told()}")
    session.org.part(Jobs).remove(job)
    return Answer(status=204)


def wrong_state(message: str) -> Failed:
    """400: not with a job in that state."""
    return failed("INVALIDJOBSTATE", f"InvalidJobState : {message}")


def sheet(request: Request, content: bytes, headers: Mapping[str, str]) -> Answer:
    """CSV on its way out, compressed where the client takes it."""
    told = {"Content-Type": "text/csv", **headers}
    if len(content) > WORTH_PACKING and "gzip" in request.headers.get("accept-encoding", ""):
        return Answer(content=gzip.compress(content, 1), headers={**told, "Content-Encoding": "gzip"})
    return Answer(content=content, headers=told)


def locator(place: int) -> str:
    """Where the next page begins, as text that clients hand back."""
    return base64.urlsafe_b64encode(str(place).encode()).decode().rstrip("=")


def place(text: str) -> int:
    """What `locator` made of a place; no text is the beginning. Fails with INVALID_QUERY_LOCATOR."""
    try:
        return int(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))) if text else 0
    except (ValueError, binascii.Error):
        raise failed("INVALID_QUERY_LOCATOR", "invalid query locator") from None
