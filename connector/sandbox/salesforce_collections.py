"""Many records in one call: up to 200, each with a result of its own, or all or none."""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

from connector.sandbox.exchange import Answer
from connector.sandbox.salesforce_errors import ApiError, Failed, failed
from connector.sandbox.salesforce_exchange import Request, operation
from connector.sandbox.salesforce_ids import long_id
from connector.sandbox.salesforce_org import Session, savepoint
from connector.sandbox.salesforce_records import delete, insert, update, upsert
from connector.sandbox.salesforce_rest import DATA, base, body
from connector.sandbox.salesforce_sobjects import done, fetch

MOST = 200
MOST_CHUNKS = 10
MOST_READ = 2_000
MANY = f"{DATA}/composite/sobjects"
ROLLED_BACK = ApiError(
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone header",
)

Row = Mapping[str, Any]
Write = Callable[[Any], dict[str, Any]]


def create(session: Session, request: Request) -> Answer:
    """Make records, also of several objects."""
    rows, together = _rows(request)
    return _each(session, rows, lambda row: done(insert(session, _type(row), row)), together)


def change(session: Session, request: Request) -> Answer:
    """Change records by their ids."""
    rows, together = _rows(request)

    def write(row: Row) -> dict[str, Any]:
        _refuse_duplicates(session, request, row)
        return done(update(session, _type(row), _id(row), row))

    return _each(session, rows, write, together)


def _refuse_duplicates(session: Session, request: Request, row: Row) -> None:
    """A duplicate rule that alerts is passed by whoever says so (REST API guide, "Duplicate Rule Header")."""
    anyway = "allowsave=true" in str(request.headers.get("Sforce-Duplicate-Rule-Header", "")).lower()
    if session.org.settings.duplicate_rule and _type(row) == "Contact" and not anyway:
        raise failed("DUPLICATES_DETECTED", "You're creating a duplicate record. Use an existing record instead.")


def put(session: Session, request: Request) -> Answer:
    """Change records by a key, or make them."""
    rows, together = _rows(request)
    kind, key = request.params["object"], request.params["key"]
    session.object(kind)
    seen: set[str] = set()

    def write(row: Row) -> dict[str, Any]:
        given = next((row[name] for name in row if name.lower() == key.lower()), None)
        if given is not None and str(given).lower() in seen:
            raise failed("DUPLICATE_VALUE", f"Duplicate external id specified: {given}", key)
        seen.add(str(given).lower())
        id, created = upsert(session, kind, key, given, row)
        return done(id, created=created)

    return _each(session, rows, write, together)


def remove(session: Session, request: Request) -> Answer:
    """Put records into the recycle bin."""
    ids = request.values("ids")
    _few(ids, MOST)

    def write(id: str) -> dict[str, Any]:
        kind = session.org.prefixes.get(id[:3])
        if kind is None:
            raise failed("MALFORMED_ID", f"malformed id {id}")
        delete(session, kind.name, id)
        return done(long_id(id) or id)

    return _each(session, ids, write, request.flag("allOrNone"))


def read(session: Session, request: Request) -> Answer:
    """Records by their ids, in that order, null for those that are not there."""
    asked = body(request) if request.method == "POST" else {}
    ids, wanted = asked.get("ids") or request.values("ids"), asked.get("fields") or request.values("fields")
    _few(ids, MOST_READ)
    if not wanted:
        raise failed("MISSING_ARGUMENT", "The fields parameter is required.")
    kind = session.object(request.params["object"])
    known = [found for id in ids if (found := long_id(id))]
    there = fetch(session, kind, known, wanted, base(request)) if known else {}
    return Answer(content=[there.get(long_id(id) or "") for id in ids])


def _rows(request: Request) -> tuple[list[Row], bool]:
    asked = body(request)
    rows = asked.get("records")
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise failed("INVALID_INPUT", "A list of records is required.")
    _few(rows, MOST)
    types = [row.get("attributes", {}).get("type") for row in rows]
    if sum(1 for _ in groupby(types)) > MOST_CHUNKS:
        message = "Cannot have more than 10 chunks in a single operation. Please rearrange the data to reduce chunking."
        raise failed("INVALID_INPUT", message)
    return rows, bool(asked.get("allOrNone"))


def _few(rows: Sequence[Any], most: int) -> None:
    if len(rows) > most:
        message = f"record limit reached. cannot submit more than {most} records in this request"
        raise failed("EXCEEDED_ID_LIMIT", message)


def _type(row: Row) -> str:
    kind = row.get("attributes", {}).get("type")
    if not kind:
        raise failed("INVALID_INPUT", "The type attribute is required for each record.")
    return str(kind)


def _id(row: Row) -> Any:
    found = next((row[name] for name in row if name.lower() == "id"), None)
    if found is None:
        raise failed("MISSING_ARGUMENT", "Id not specified in an update call")
    return found


def _each(session: Session, rows: Sequence[Any], write: Write, together: bool) -> Answer:
    """Write each row; with `together`, one that fails takes all back."""
    with savepoint(session.org) as take_back:
        results = [_result(write, row) for row in rows]
        if together and not all(one["success"] for one in results):
            take_back()
            results = [_refused([ROLLED_BACK]) if one["success"] else one for one in results]
    return Answer(content=results)


def _result(write: Write, row: Any) -> dict[str, Any]:
    try:
        return write(row)
    except Failed as error:
        return _refused(error.errors)


def _refused(errors: Sequence[ApiError]) -> dict[str, Any]:
    return {"success": False, "errors": [error.of_row() for error in errors]}


OPERATIONS = [
    operation("POST", MANY, create, write=True),
    operation("PATCH", MANY, change, write=True),
    operation("DELETE", MANY, remove, write=True),
    operation("PATCH", f"{MANY}/{{object}}/{{key}}", put, write=True),
    operation("GET", f"{MANY}/{{object}}", read),
    operation("POST", f"{MANY}/{{object}}", read),
]
