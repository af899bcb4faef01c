"""Bulk API 2.0 queries: SOQL as a job, and its rows as pages of CSV that can be read again.

Source: "Query Jobs" of the Bulk API 2.0 guide; the words of its refusals follow public threads.
"""

from connector.sandbox import salesforce_soql_tree as tree
from connector.sandbox.exchange import Answer
from connector.sandbox.salesforce_bulk_jobs import (
    abort,
    body,
    delete,
    dialect,
    listing,
    locator,
    look,
    one,
    place,
    sheet,
    version,
)
from connector.sandbox.salesforce_csv import Sheet
from connector.sandbox.salesforce_errors import Failed, failed
from connector.sandbox.salesforce_exchange import Request, operation
from connector.sandbox.salesforce_jobs import Job, Jobs, shown
from connector.sandbox.salesforce_limits import Usage
from connector.sandbox.salesforce_org import Session
from connector.sandbox.salesforce_queries import Stream, run
from connector.sandbox.salesforce_soql_parser import parse
from connector.sandbox.salesforce_values import csv_text

KIND = "query"
OPERATIONS_OF_JOBS = ("query", "queryAll")


def create(session: Session, request: Request) -> Answer:
    """Queue a query. It is checked first: what cannot be asked in bulk makes no job."""
    told = body(request)
    operation, text = told.get("operation"), told.get("query")
    if operation not in OPERATIONS_OF_JOBS or not isinstance(text, str):
        raise failed("INVALIDJOB", "InvalidJob : A query job needs an operation (query or queryAll) and a query")
    written, asked = dialect(told), parse(text)
    _check(asked, _result(session, text, operation))
    session.org.part(Usage).count_query_job()
    kind = session.object(asked.object)
    jobs = session.org.part(Jobs)
    job = jobs.add(
        session,
        kind=KIND,
        operation=operation,
        object=kind.name,
        version=version(request),
        dialect=written,
        state="UploadComplete",
        query=text,
    )
    answer = shown(job)
    jobs.submit(job, _work)
    return Answer(content=answer)


def _result(session: Session, text: str, operation: str) -> Stream:
    return run(session, text, all_rows=operation == "queryAll")


def _check(query: tree.Query, result: Stream) -> None:
    """Fail with what a bulk query may not hold."""
    if any(isinstance(one.what, tree.Query) for one in query.select):
        raise _refused("Aggregate Relationships not supported in Bulk Query")
    if query.group_by or any(isinstance(one.what, tree.Function) for one in query.select):
        raise _refused("Aggregate functions and GROUP BY not supported in Bulk Query")
    if query.offset:
        raise _refused("OFFSET not supported in Bulk Query")
    if any(column.type == "address" for column in result.columns):
        raise _refused("Selecting compound data not supported in Bulk Query")


def _refused(message: str) -> Failed:
    return failed("FEATURENOTENABLED", f"FeatureNotEnabled : {message}")


def _work(job: Job) -> None:
    job.sheets["results"] = _filled(job, _result(job.session, job.query, job.operation))
    job.processed = len(job.sheets["results"])


def _filled(job: Job, result: Stream) -> Sheet:
    filled = Sheet(job.dialect, [column.name for column in result.columns])
    types = [column.type for column in result.columns]
    for number, row in enumerate(result.rows()):
        if number == job.breaks_after:
            break
        filled.add(map(csv_text, types, row))
    return filled


def results(session: Session, request: Request) -> Answer:
    """A page of rows. A job that is not complete has none: 204 without a body ("Get Results for a Query Job")."""
    job = one(session, request, KIND)
    if job.version != version(request):
        message = f"The API version of the request must be that of the job: {job.version}"
        raise failed("API_VERSION_MISMATCH", message, status=409)
    if job.told() != "JobComplete":
        return Answer(status=204)
    rows, start = job.sheets["results"], place(request.query.get("locator", ""))
    number = min(_number(request, session.org.settings.bulk_page), max(0, len(rows) - start))
    following = locator(start + number) if start + number < len(rows) else "null"
    headers = {"Sforce-Locator": following, "Sforce-NumberOfRecords": str(number)}
    return sheet(request, rows.page(start, number), headers)


def _number(request: Request, default: int) -> int:
    text = request.query.get("maxRecords", str(default))
    if not text.isdecimal() or int(text) < 1:
        raise failed("INVALID_QUERY_SCOPE", f"maxRecords must be a positive number, not {text}")
    return int(text)


def change(session: Session, request: Request) -> Answer:
    """Abort a query; nothing else can be changed."""
    if body(request).get("state") != "Aborted":
        raise failed("INVALIDJOB", "InvalidJob : The state of a query job can only be set to Aborted")
    return abort(session, request, KIND)


JOBS = "/services/data/{version}/jobs/query"
JOB = JOBS + "/{job}"

OPERATIONS = (
    operation("POST", JOBS, create),
    operation("GET", JOBS, lambda session, request: listing(session, request, KIND)),
    operation("GET", JOB, lambda session, request: look(session, request, KIND)),
    operation("PATCH", JOB, change),
    operation("DELETE", JOB, lambda session, request: delete(session, request, KIND)),
    operation("GET", JOB + "/results", results),
)
