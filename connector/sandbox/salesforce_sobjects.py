"""One record at a time: made, read, changed, put by a key, deleted."""

from typing import Any
from urllib.parse import quote

from connector.sandbox.exchange import Answer
from connector.sandbox.salesforce_errors import Failed, failed, not_found
from connector.sandbox.salesforce_exchange import Request, operation
from connector.sandbox.salesforce_fields import SObject
from connector.sandbox.salesforce_given import matches, visible
from connector.sandbox.salesforce_ids import long_id
from connector.sandbox.salesforce_org import Session
from connector.sandbox.salesforce_queries import first_page
from connector.sandbox.salesforce_query_api import records
from connector.sandbox.salesforce_records import delete, insert, update, upsert
from connector.sandbox.salesforce_rest import DATA, base, body
from connector.sandbox.salesforce_rows import read

ONE = f"{DATA}/sobjects/{{object}}/{{id}}"
KEYED = f"{DATA}/sobjects/{{object}}/{{key}}/{{value:path}}"


def create(session: Session, request: Request) -> Answer:
    """Make a record."""
    id = insert(session, request.params["object"], body(request))
    where = f"{base(request)}/sobjects/{request.params['object']}/{id}"
    return Answer(status=201, content=done(id), headers={"Location": where})


def done(id: str, **more: Any) -> dict[str, Any]:
    """What is said of a record that was written."""
    return {"id": id, "success": True, "errors": [], **more}


def retrieve(session: Session, request: Request) -> Answer:
    """A record with the fields that are named, or all that the user sees."""
    kind = session.object(request.params["object"])
    return Answer(content=_record(session, request, kind, _there(session, kind, request.params["id"])))


def retrieve_by_key(session: Session, request: Request) -> Answer:
    """A record by an external id; where several have it, 300 and their addresses."""
    kind = session.object(request.params["object"])
    found = matches(session, kind, request.params["key"], request.params["value"])
    if not found:
        raise not_found()
    if len(found) > 1:
        raise several(request, kind, found)
    return Answer(content=_record(session, request, kind, found[0]))


def _record(session: Session, request: Request, kind: SObject, id: str) -> dict[str, Any]:
    wanted = request.values("fields") or [one.name for one in session.fields(kind)]
    return fetch(session, kind, [id], wanted, base(request))[id]


def fetch(session: Session, kind: SObject, ids: list[str], wanted: list[str], at: str) -> dict[str, dict[str, Any]]:
    """Records by id, with some fields. Fails with INVALID_FIELD for one that is not there."""
    listed = ", ".join(f"'{id}'" for id in ids)
    soql = f"SELECT {', '.join(wanted)} FROM {kind.name} WHERE Id IN ({listed})"  # noqa: S608 - this is SOQL
    result = first_page(session, soql, max(len(ids), 1))
    made = records(session, result.compiler, result.page, at)
    return {row[len(result.columns)]: one for row, one in zip(result.page, made, strict=True)}


def _there(session: Session, kind: SObject, text: str) -> str:
    id = long_id(text)
    if id is None or not id.startswith(kind.prefix):
        message = f"Provided external ID field does not exist or is not accessible: {text}"
        raise failed("NOT_FOUND", message)
    row = read(session.org, kind, id)
    if row is None or not visible(session, id):
        raise not_found()
    if row.get("IsDeleted"):
        raise failed("ENTITY_IS_DELETED", "entity is deleted")
    return id


def change(session: Session, request: Request) -> Answer:
    """Change a record; null clears."""
    update(session, request.params["object"], request.params["id"], body(request))
    return Answer(status=204)


def put(session: Session, request: Request) -> Answer:
    """Change the record with an external id, or make it: 200 or 201, 300 where several have it."""
    params = request.params
    kind, values = session.object(params["object"]), body(request)
    if any(name.lower() == params["key"].lower() for name in values):
        raise failed("INVALID_FIELD", f"The {params['key']} field should not be specified in the sobject data.")
    try:
        id, created = upsert(session, kind.name, params["key"], params["value"], values)
    except Failed as error:
        if error.errors[0].code == "DUPLICATE_EXTERNAL_ID":
            raise several(request, kind, matches(session, kind, params["key"], params["value"])) from None
        raise
    return Answer(status=201 if created else 200, content=done(id, created=created))


def several(request: Request, kind: SObject, found: list[str]) -> Failed:
    """300: the addresses of all records that have the value of a key."""
    return Failed(status=300, content=[f"{base(request)}/sobjects/{kind.name}/{quote(id)}" for id in found])


def remove(session: Session, request: Request) -> Answer:
    """Put a record into the recycle bin."""
    delete(session, request.params["object"], request.params["id"])
    return Answer(status=204)


def remove_by_key(session: Session, request: Request) -> Answer:
    """Put the record with an external id into the recycle bin."""
    kind = session.object(request.params["object"])
    found = matches(session, kind, request.params["key"], request.params["value"])
    if not found:
        raise not_found()
    if len(found) > 1:
        raise several(request, kind, found)
    delete(session, kind.name, found[0])
    return Answer(status=204)


OPERATIONS = [
    operation("POST", f"{DATA}/sobjects/{{object}}", create, write=True),
    operation("GET", ONE, retrieve),
    operation("PATCH", ONE, change, write=True),
    operation("DELETE", ONE, remove, write=True),
    operation("GET", KEYED, retrieve_by_key),
    operation("PATCH", KEYED, put, write=True),
    operation("DELETE", KEYED, remove_by_key, write=True),
]
