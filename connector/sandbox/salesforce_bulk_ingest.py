"""Bulk API 2.0 ingest: a job, its CSV, and what became of each row.

Source: "Ingest Jobs" of the Bulk API 2.0 guide; the words of its refusals follow public threads.
"""

from collections.abc import Callable, Mapping
from typing import Any

from connector.sandbox import salesforce_bulk_rows as bulk_rows
from connector.sandbox.exchange import Answer
from connector.sandbox.salesforce_bulk_jobs import (
    abort,
    body,
    delete,
    dialect,
    listing,
    look,
    one,
    sheet,
    version,
    wrong_state,
)
from connector.sandbox.salesforce_errors import failed
from connector.sandbox.salesforce_exchange import Request, operation
from connector.sandbox.salesforce_jobs import OVER, Job, Jobs, shown
from connector.sandbox.salesforce_multipart import parts
from connector.sandbox.salesforce_org import Session

KIND = "ingest"
MULTIPART = 100_000
"""Characters of data that may travel with a new job (source: "Bulk Insert with a Multipart Request")."""


def create(session: Session, request: Request) -> Answer:
    """A new job that waits for its data; or, as multipart, one that has it and is queued."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/"):
        return Answer(content=shown(_made(session, request, body(request))))
    found = parts(request)
    job = _made(session, request, _job_part(request, found))
    data = found.get("content", b"")
    if len(data.decode(errors="replace")) > MULTIPART:
        raise failed("INVALIDJOB", f"InvalidJob : The data of a multipart request may have {MULTIPART} characters")
    return Answer(content=_queued(session, job, data))


def _job_part(request: Request, found: Mapping[str, bytes]) -> Mapping[str, Any]:
    return body(Request(method="POST", path=request.path, body=found.get("job", b"")))


def _made(session: Session, request: Request, told: Mapping[str, Any]) -> Job:
    operation, external = str(told.get("operation")), str(told.get("externalIdFieldName") or "")
    if operation not in bulk_rows.OPERATIONS:
        raise failed("INVALIDJOB", f"InvalidJob : Unsupported operation: {operation}")
    kind = session.org.find(str(told.get("object")))
    if kind is None or not session.may(kind, "r"):
        raise failed("INVALIDENTITY", f"InvalidEntity : Unable to find object: {told.get('object')}")
    if operation == "hardDelete" and not session.org.settings.hard_delete:
        message = "hardDelete operation requires special user profile permission, please contact your administrator"
        raise failed("FEATURENOTENABLED", f"FeatureNotEnabled : {message}")
    if operation == "upsert":
        field = session.field(kind, external)
        if field is None or not (field.can("E") or field.can("I")):
            raise failed("INVALIDJOB", f"InvalidJob : Field name provided, {external} is not an External ID")
    return session.org.part(Jobs).add(
        session,
        kind=KIND,
        operation=operation,
        object=kind.name,
        version=version(request),
        dialect=dialect(told),
        state="Open",
        external=external if operation == "upsert" else "",
    )


def upload(session: Session, request: Request) -> Answer:
    """The job's data, once and whole; answers 201 without a body."""
    job = one(session, request, KIND)
    if job.state != "Open" or job.data is not None:
        raise wrong_state("Data can be uploaded once, while the job is Open")
    if not request.headers.get("content-type", "").lower().startswith("text/csv"):
        raise failed("UNSUPPORTED_MEDIA_TYPE", "The content type of job data is text/csv", status=415)
    most = session.org.settings.upload_megabytes
    if -(-len(request.body) // 3) * 4 > most * 1_000_000:
        raise failed("REQUEST_ENTITY_TOO_LARGE", f"Job data exceeds the maximum of {most:g} MB in base64", status=413)
    job.data = request.body
    return Answer(status=201)


def change(session: Session, request: Request) -> Answer:
    """Queue the job, or abort it."""
    state = body(request).get("state")
    job = one(session, request, KIND)
    if state == "Aborted":
        answer = abort(session, request, KIND)
        if not job.worked:
            bulk_rows.leave(job)
        return answer
    if state != "UploadComplete" or job.state != "Open":
        raise wrong_state(f"A job in state {job.told()} cannot be set to {state}")
    return Answer(content=_queued(session, job, job.data or b""))


def _queued(session: Session, job: Job, data: bytes) -> Mapping[str, Any]:
    """What is told of a job in the moment it is queued, whatever becomes of it at once."""
    job.data, job.state = data, "UploadComplete"
    answer = shown(job)
    session.org.part(Jobs).submit(job, bulk_rows.work)
    return answer


def _results(name: str) -> Callable[[Session, Request], Answer]:
    def results(session: Session, request: Request) -> Answer:
        """One of the three sheets of a job that is over."""
        job = one(session, request, KIND)
        if job.told() not in OVER:
            raise wrong_state(f"There are no results of a job in state {job.told()}")
        return sheet(request, job.sheets[name].page() if name in job.sheets else b"", {})

    return results


JOBS = "/services/data/{version}/jobs/ingest"
JOB = JOBS + "/{job}"

OPERATIONS = (
    operation("POST", JOBS, create, write=True, in_steps=True),
    operation("POST", JOBS + "/", create, write=True, in_steps=True),
    operation("GET", JOBS, lambda session, request: listing(session, request, KIND)),
    operation("GET", JOB, lambda session, request: look(session, request, KIND)),
    operation("PUT", JOB + "/batches", upload, write=True),
    operation("PATCH", JOB, change, write=True, in_steps=True),
    operation("DELETE", JOB, lambda session, request: delete(session, request, KIND), write=True),
    *(
        operation("GET", f"{JOB}/{name}", _results(name))
        for name in (bulk_rows.SUCCESSFUL, bulk_rows.FAILED, bulk_rows.UNPROCESSED)
    ),
)
