"""What an ingest job does with its rows: each by itself, with a result that stands somewhere else than the row did."""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connector.sandbox import salesforce_records as records
from connector.sandbox.salesforce_csv import BadCsv, Sheet
from connector.sandbox.salesforce_errors import Failed, failed
from connector.sandbox.salesforce_jobs import Job
from connector.sandbox.salesforce_limits import Usage
from connector.sandbox.salesforce_org import Session

Row = list[str]
NULL = "#N/A"
"""Clears a field; an empty cell leaves it as it is (source: "Valid CSV Record Rows")."""
BATCH = 10_000
"""Rows that Salesforce works on together (source: "How Requests Are Processed")."""
SUCCESSFUL, FAILED, UNPROCESSED = "successfulResults", "failedResults", "unprocessedrecords"


def work(job: Job) -> None:
    """Do the job's rows, and write its three sheets of results."""
    header: Row = []
    rows: list[Row] = []
    try:
        header, rows = _read(job)
        _check_header(job, header)
    except BadCsv as wrong:
        job.fail(str(wrong))
        _sheets(job, header)
        unprocessed(job, rows)
        return
    _sheets(job, header)
    done = len(rows) if job.breaks_after is None else job.breaks_after
    _do(job, header, rows[:done])
    unprocessed(job, rows[done:])
    job.session.org.part(Usage).count_batches(-(-len(rows) // BATCH))


def leave(job: Job) -> None:
    """The job was aborted before anything was done: all its rows are unprocessed."""
    try:
        header, rows = _read(job)
    except BadCsv:
        header, rows = [], []
    _sheets(job, header)
    unprocessed(job, rows)


def _read(job: Job) -> tuple[Row, list[Row]]:
    header, *rows = list(job.dialect.read(job.data or b"")) or [[]]
    if too_long := next((number for number, row in enumerate(rows, 1) if len(row) > len(header)), None):
        raise BadCsv(f"InvalidBatch : Row {too_long} has more columns than the header")
    return [name.strip() for name in header], [row + [""] * (len(header) - len(row)) for row in rows]


def _sheets(job: Job, header: Row) -> None:
    job.sheets = {
        SUCCESSFUL: Sheet(job.dialect, ["sf__Id", "sf__Created", *header]),
        FAILED: Sheet(job.dialect, ["sf__Id", "sf__Error", *header]),
        UNPROCESSED: Sheet(job.dialect, header),
    }


def unprocessed(job: Job, rows: Sequence[Row]) -> None:
    """Keep rows that were not touched."""
    for row in rows:
        job.sheets[UNPROCESSED].add(row)


def _check_header(job: Job, header: Row) -> None:
    """Raise BadCsv for columns that the operation cannot have: then no row is done."""
    if job.operation in ("delete", "hardDelete") and [name.lower() for name in header] != ["id"]:
        raise BadCsv(f"InvalidBatch : The '{job.operation}' batch must contain only ids")
    needed = {"update": "Id", "upsert": job.external}.get(job.operation)
    if needed and needed.lower() not in {name.lower() for name in header}:
        raise BadCsv(f"InvalidBatch : Field name not found : {needed}")
    for name in header:
        if not _known(job.session, job.object, name):
            raise BadCsv(f"InvalidBatch : Field name not found : {name}")


def _known(session: Session, object_name: str, name: str) -> bool:
    kind = session.object(object_name)
    relation, dot, key = _plain(name).partition(".")
    if not dot:
        return session.field(kind, relation) is not None
    one = kind.relation(relation)
    parents = (session.org.find(parent) for parent in one.parents) if one and session.sees(kind, one) else ()
    return any(session.field(parent, key) for parent in parents if parent)


def _plain(name: str) -> str:
    """`User:Owner.Email` is `Owner.Email`: the type is told where a parent may be of several."""
    return name.rpartition(":")[2]


def _do(job: Job, header: Row, rows: Sequence[Row]) -> None:
    results = [_one(job, header, row) for row in rows]
    for number in _order(job, len(results)):
        sheet, first, second = results[number]
        job.sheets[sheet].add([first, second, *rows[number]])
    job.processed, job.failed = len(rows), len(job.sheets[FAILED])


def _order(job: Job, number: int) -> Iterator[int]:
    """Batches are done side by side, so that results come in an order of their own; the same for the same job."""
    return iter(sorted(range(number), key=lambda one: zlib.crc32(f"{job.id}{one // 200}".encode())))


def _one(job: Job, header: Row, row: Row) -> tuple[str, str, str]:
    """The sheet that a row's result goes to, its id, and whether it is new or what is wrong."""
    given = dict(zip(header, row, strict=True))
    id = next((value for name, value in given.items() if name.lower() == "id"), "").strip().replace(NULL, "")
    try:
        record, created = OPERATIONS[job.operation](job, id, _values(given))
    except Failed as wrong:
        return FAILED, id, told(wrong)
    return SUCCESSFUL, record, "true" if created else "false"


def told(wrong: Failed) -> str:
    """An error as `sf__Error` has it: code, sentence and fields."""
    return ";".join(f"{one.code}:{one.message}:{','.join(one.fields)} --" for one in wrong.errors)


def _values(given: Mapping[str, str]) -> dict[str, Any]:
    """What a row says of its record; cells that are empty say nothing."""
    values: dict[str, Any] = {}
    for name, text in given.items():
        relation, dot, key = _plain(name).partition(".")
        value = None if text == NULL else text
        if text and name.lower() != "id":
            values[relation] = {key: value} if dot and value is not None else value
    return values


def _insert(job: Job, id: str, values: dict[str, Any]) -> tuple[str, bool]:
    return records.insert(job.session, job.object, values | ({"Id": id} if id else {})), True


def _update(job: Job, id: str, values: dict[str, Any]) -> tuple[str, bool]:
    if not id:
        raise failed("MISSING_ARGUMENT", "Id not specified in an update call")
    return records.update(job.session, job.object, id, values), False


def _upsert(job: Job, id: str, values: dict[str, Any]) -> tuple[str, bool]:
    if job.external.lower() == "id":
        return records.upsert(job.session, job.object, "Id", id or None, values)
    key = next((name for name in values if name.lower() == job.external.lower()), "")
    rest = {name: value for name, value in values.items() if name != key}
    return records.upsert(job.session, job.object, job.external, values.get(key), rest)


def _delete(job: Job, id: str, values: dict[str, Any]) -> tuple[str, bool]:
    records.delete(job.session, job.object, id)
    return id, False


def _hard_delete(job: Job, id: str, values: dict[str, Any]) -> tuple[str, bool]:
    records.hard_delete(job.session, job.object, id)
    return id, False


OPERATIONS = {
    "insert": _insert,
    "update": _update,
    "upsert": _upsert,
    "delete": _delete,
    "hardDelete": _hard_delete,
}
