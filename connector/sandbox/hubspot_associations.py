"""Associations, kept in both directions. Adding or removing one does not move a record's modified date."""

from collections.abc import Sequence
from typing import Any

from connector.sandbox.exchange import Answer, Call, Operation
from connector.sandbox.hubspot_answers import batch, following
from connector.sandbox.hubspot_errors import inputs, invalid, not_found, read, row_error, whole
from connector.sandbox.hubspot_portal import Portal
from connector.sandbox.hubspot_records import find, find_many, number_of
from connector.sandbox.hubspot_scopes import objects
from connector.sandbox.hubspot_types import ASSOCIATIONS, LINE_ITEM, ObjectType, partners

READ_AT_ONCE, CREATE_AT_ONCE = 1_000, 2_000
"""Most inputs of a batch (source: HubSpot's changelog of 2025-02-10)."""
PAGE = 500
"""Most associated ids shown for one record at a time."""


def associate(portal: Portal, kind: ObjectType, number: int, other: ObjectType, end: int) -> None:
    """Tie two records. Refuses a pair of types that HubSpot does not tie."""
    there, back = _numbers(kind, other)
    if has_other_parent(portal, kind, number, other, end):
        raise invalid("A line item belongs to one parent: it already belongs to another object")
    rows = [(kind.id, other.id, number, end, there), (other.id, kind.id, end, number, back)]
    if sum(portal.state.run("INSERT OR IGNORE INTO association VALUES (?, ?, ?, ?, ?)", *row) for row in rows):
        _note(portal, "ASSOCIATION_ADDED", kind, number, other, end)


def has_other_parent(portal: Portal, kind: ObjectType, number: int, other: ObjectType, end: int) -> bool:
    """Whether one of the two is a line item that belongs to a third (source: HubSpot's line items guide)."""
    if LINE_ITEM not in (kind, other):
        return False
    line, parent = (number, (other.id, end)) if kind is LINE_ITEM else (end, (kind.id, number))
    sql = "SELECT to_type, to_id FROM association WHERE from_type = ? AND from_id = ? AND to_type = ?"
    held = {row for type_id in partners(LINE_ITEM) for row in portal.state.rows(sql, LINE_ITEM.id, line, type_id)}
    return bool(held - {parent})


def dissociate(portal: Portal, kind: ObjectType, number: int, other: ObjectType, end: int) -> None:
    """Untie two records; nothing happens where they are not tied."""
    sql = "DELETE FROM association WHERE from_type = ? AND to_type = ? AND from_id = ? AND to_id = ?"
    rows = [(kind.id, other.id, number, end), (other.id, kind.id, end, number)]
    if sum(portal.state.run(sql, *row) for row in rows):
        _note(portal, "ASSOCIATION_REMOVED", kind, number, other, end)


def _note(portal: Portal, action: str, kind: ObjectType, number: int, other: ObjectType, end: int) -> None:
    for here, one, there, two in ((kind, number, other, end), (other, end, kind, number)):
        spec = {"associationTypeId": ASSOCIATIONS[here.id, there.id], "associationCategory": "HUBSPOT_DEFINED"}
        portal.note(action, here, [one], toObjectTypeId=there.id, toObjectId=two, **spec)


def _numbers(kind: ObjectType, other: ObjectType) -> tuple[int, int]:
    if (kind.id, other.id) not in ASSOCIATIONS:
        raise invalid(f"No association type exists between {kind.name} and {other.name}")
    return ASSOCIATIONS[kind.id, other.id], ASSOCIATIONS[other.id, kind.id]


def associate_new(portal: Portal, kind: ObjectType, number: int, wanted: Sequence[dict[str, Any]]) -> None:
    """Tie a new record as its creation asks: `[{"to": {"id"}, "types": [{"associationTypeId"}]}]`."""
    for one in wanted:
        for spec in one.get("types") or []:
            other = _other_end(portal, kind, spec)
            associate(portal, kind, number, other, find(portal, other, str(one["to"]["id"])).id)


def _other_end(portal: Portal, kind: ObjectType, spec: dict[str, Any]) -> ObjectType:
    wanted = spec.get("associationTypeId")
    for (start, end), number in ASSOCIATIONS.items():
        if start == kind.id and str(number) == str(wanted):
            return portal.kind(end)
    raise invalid(f"{wanted} is no association type of {kind.name}")


def _kinds(portal: Portal, call: Call) -> tuple[ObjectType, ObjectType]:
    return portal.kind(call.params["from"]), portal.kind(call.params["to"])


def read_many(portal: Portal, call: Call) -> Answer:
    """Associated ids of many records, each with its own paging. A record without any is an error row of a 207."""
    kind, other = _kinds(portal, call)
    _numbers(kind, other)
    results, errors = [], []
    for row in inputs(call, READ_AT_ONCE):
        text, after = str(row.get("id", "")), whole(row.get("after") or 0, "after", 0, 2**63 - 1)
        if ends := _ends(portal, kind, other, number_of(text), after):
            results.append({"from": {"id": text}, **_shown(call, kind, other, text, ends, "to")})
        else:
            errors.append(_none_found(kind, other, text))
    return Answer(status=207 if errors else 200, content=batch(portal, results, errors))


def read_one(portal: Portal, call: Call) -> Answer:
    """Associated ids of one record, a page of at most 500."""
    kind, other = portal.kind(call.params["type"]), portal.kind(call.params["to"])
    number = find(portal, kind, call.params["id"]).id
    after = whole(call.query.get("after", "0"), "after", 0, 2**63 - 1)
    ends = _ends(portal, kind, other, number, after)
    return Answer(content=_shown(call, kind, other, str(number), ends, "results"))


def _ends(portal: Portal, kind: ObjectType, other: ObjectType, number: int | None, after: int) -> list[Any]:
    sql = """SELECT to_id, kind FROM association
        WHERE from_type = ? AND to_type = ? AND from_id = ? AND to_id >= ? ORDER BY to_id LIMIT ?"""
    return portal.state.rows(sql, kind.id, other.id, number, after, PAGE + 1)


def _shown(
    call: Call, kind: ObjectType, other: ObjectType, text: str, ends: Sequence[Any], under: str
) -> dict[str, Any]:
    answer: dict[str, Any] = {under: [_end(*end) for end in ends[:PAGE]]}
    if len(ends) > PAGE:
        path = f"/crm/objects/{call.params['version']}/{kind.name}/{text}/associations/{other.name}"
        answer["paging"] = following(call.url + path, {"after": str(ends[PAGE][0])})
    return answer


def _end(number: int, kind: int) -> dict[str, Any]:
    types = [{"category": "HUBSPOT_DEFINED", "typeId": kind, "label": None}]
    return {"toObjectId": str(number), "associationTypes": types}


def _none_found(kind: ObjectType, other: ObjectType, text: str) -> dict[str, Any]:
    context = {"fromObjectId": [text], "fromObjectType": [kind.singular], "toObjectType": [other.singular]}
    message = f"No {other.singular} is associated with {kind.singular} {text}."
    return row_error(message, "OBJECT_NOT_FOUND", context, "crm.associations.NO_ASSOCIATIONS_FOUND")


def create_many(portal: Portal, call: Call) -> Answer:
    """Tie pairs of records."""
    kind, other = _kinds(portal, call)
    pairs = [(_id(row, "from"), _id(row, "to")) for row in inputs(call, CREATE_AT_ONCE)]
    _refuse_missing(portal, kind, [start for start, _ in pairs])
    _refuse_missing(portal, other, [end for _, end in pairs])
    for start, end in pairs:
        associate(portal, kind, start, other, end)
    return Answer(status=201, content=batch(portal, [_pair(kind, start, other, end) for start, end in pairs]))


def archive_many(portal: Portal, call: Call) -> Answer:
    """Untie records: `[{"from": {"id"}, "to": [{"id"}, ...]}]`."""
    kind, other = _kinds(portal, call)
    for row in inputs(call, CREATE_AT_ONCE):
        for end in row.get("to") or []:
            dissociate(portal, kind, _id(row, "from"), other, _id({"to": end}, "to"))
    return Answer(status=204)


def _id(row: dict[str, Any], name: str) -> int:
    number = number_of((row.get(name) or {}).get("id", ""))
    if number is None:
        raise invalid(f"Invalid input JSON: {name}.id must be a record id")
    return number


def _refuse_missing(portal: Portal, kind: ObjectType, numbers: Sequence[int]) -> None:
    found = find_many(portal, kind, numbers)
    if missing := sorted({str(number) for number in numbers if number not in found}):
        raise not_found(f"Some {kind.singular} objects do not exist", context={"ids": missing})


def _pair(kind: ObjectType, start: int, other: ObjectType, end: int) -> dict[str, Any]:
    return {
        "fromObjectTypeId": kind.id,
        "fromObjectId": str(start),
        "toObjectTypeId": other.id,
        "toObjectId": str(end),
        "labels": [],
    }


def put_default(portal: Portal, call: Call) -> Answer:
    """Tie two records by the usual association of their types."""
    kind, number, other, end = _both(portal, call)
    associate(portal, kind, number, other, end)
    results = [_default(kind, number, other, end), _default(other, end, kind, number)]
    return Answer(content=batch(portal, results))


def put_one(portal: Portal, call: Call) -> Answer:
    """Tie two records by the association types of the body."""
    kind, number, other, end = _both(portal, call)
    specs = read(call)
    if not isinstance(specs, list) or not specs:
        raise invalid("Invalid input JSON: a list of association types is wanted")
    for spec in specs:
        if _other_end(portal, kind, spec) != other:
            raise invalid(f"{spec['associationTypeId']} does not tie {kind.name} to {other.name}")
    associate(portal, kind, number, other, end)
    return Answer(status=201, content=_pair(kind, number, other, end))


def delete_one(portal: Portal, call: Call) -> Answer:
    """Untie two records."""
    kind, number, other, end = _both(portal, call)
    dissociate(portal, kind, number, other, end)
    return Answer(status=204)


def _both(portal: Portal, call: Call) -> tuple[ObjectType, int, ObjectType, int]:
    kind, other = portal.kind(call.params["type"]), portal.kind(call.params["to"])
    return kind, find(portal, kind, call.params["id"]).id, other, find(portal, other, call.params["to_id"]).id


def _default(kind: ObjectType, start: int, other: ObjectType, end: int) -> dict[str, Any]:
    spec = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": ASSOCIATIONS[kind.id, other.id]}
    return {"from": {"id": str(start)}, "to": {"id": str(end)}, "associationSpec": spec}


BATCH = "/crm/associations/{version}/{from}/{to}/batch"
ONE = "/crm/objects/{version}/{type}/{id}/associations"

OPERATIONS = (
    Operation(method="POST", path=BATCH + "/read", handle=read_many, scopes=objects("read")),
    Operation(method="POST", path=BATCH + "/create", handle=create_many, write=True, scopes=objects("write")),
    Operation(method="POST", path=BATCH + "/archive", handle=archive_many, write=True, scopes=objects("write")),
    Operation(method="GET", path=ONE + "/{to}", handle=read_one, scopes=objects("read")),
    Operation(
        method="PUT", path=ONE + "/default/{to}/{to_id}", handle=put_default, write=True, scopes=objects("write")
    ),
    Operation(method="PUT", path=ONE + "/{to}/{to_id}", handle=put_one, write=True, scopes=objects("write")),
    Operation(method="DELETE", path=ONE + "/{to}/{to_id}", handle=delete_one, write=True, scopes=objects("write")),
)
