"""Records by the hundred: `/crm/objects/{version}/{type}/batch/...`.

One bad row fails its whole batch (400, or 409 for a conflict), except where the answer can say 207: ids that are
not there, and creations in which every input carries its `objectWriteTraceId`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from connector.sandbox.exchange import Answer, Call, Operation, Refusal
from connector.sandbox.hubspot_answers import batch, names, shown, shown_all
from connector.sandbox.hubspot_associations import associate_new
from connector.sandbox.hubspot_bin import archive
from connector.sandbox.hubspot_errors import fields, inputs, invalid, row_error
from connector.sandbox.hubspot_objects import PAGE, PAGE_WITH_HISTORY, PATH
from connector.sandbox.hubspot_portal import PORTAL_ID, Portal
from connector.sandbox.hubspot_records import Record, change, find_archived, find_many, insert, number_of, owner, unique
from connector.sandbox.hubspot_scopes import objects
from connector.sandbox.hubspot_types import ObjectType
from connector.sandbox.hubspot_values import checked

Row = Mapping[str, Any]


def read(portal: Portal, call: Call) -> Answer:
    """Records by id, in the order of their own ids; two ids of one merged record answer once."""
    kind = portal.kind(call.params["type"])
    body = fields(call, "inputs")
    history = body.get("propertiesWithHistory") or []
    rows = inputs(call, PAGE_WITH_HISTORY if history else PAGE)
    found, missing = _look_up(portal, kind, rows, body.get("idProperty") or "", archived=call.flag("archived"))
    wanted = names(portal, kind, body.get("properties") or [])
    records = {record.id: record for record in found.values()}
    results = shown_all(portal, kind, [records[number] for number in sorted(records)], wanted, history)
    return _answered(portal, results, _missing(kind, missing))


def _look_up(
    portal: Portal, kind: ObjectType, rows: Sequence[Row], by: str, *, archived: bool = False
) -> tuple[dict[str, Record], list[str]]:
    """Id as it was asked for -> record, and the ids that are not there."""
    asked = list(dict.fromkeys(str(row.get("id", "")) for row in rows))
    numbers = {text: owner(portal, kind, by, text) if by else number_of(text) for text in asked}
    look = find_archived if archived else find_many
    there = look(portal, kind, [number for number in numbers.values() if number is not None])
    found = {text: there[number] for text, number in numbers.items() if number is not None and number in there}
    return found, [text for text in asked if text not in found]


def _missing(kind: ObjectType, ids: Sequence[str]) -> list[dict[str, Any]]:
    message = f"Could not get some {kind.singular.upper()} objects, they may be deleted or not exist. "
    return [row_error(message + "Check that ids are valid.", "OBJECT_NOT_FOUND", {"ids": ids})] if ids else []


def _answered(portal: Portal, results: Sequence[Any], errors: Sequence[Any], status: int = 200) -> Answer:
    return Answer(status=207 if errors else status, content=batch(portal, results, errors))


def create(portal: Portal, call: Call) -> Answer:
    """New records. With a trace id in every input, bad rows come back one by one (207)."""
    kind = portal.kind(call.params["type"])
    rows = inputs(call, PAGE)
    traced = all(row.get("objectWriteTraceId") for row in rows)
    results, errors = [], []
    for row in rows:
        try:
            results.append(_created(portal, kind, row))
        except Refusal as refusal:
            if not traced:
                raise
            errors.append(_refused(row, refusal))
    return _answered(portal, results, errors, 201)


def _created(portal: Portal, kind: ObjectType, row: Row) -> dict[str, Any]:
    record = insert(portal, kind, checked(portal, kind, row.get("properties")))
    associate_new(portal, kind, record.id, row.get("associations") or [])
    return _traced(row, shown(kind, record, names(portal, kind, record.properties)))


def _refused(row: Row, refusal: Refusal) -> dict[str, Any]:
    content = refusal.answer.content
    return row_error(content["message"], content["category"], {"objectWriteTraceId": [row["objectWriteTraceId"]]})


def _traced(row: Row, answer: dict[str, Any]) -> dict[str, Any]:
    trace = row.get("objectWriteTraceId")
    return {**answer, "objectWriteTraceId": trace} if trace else answer


def update(portal: Portal, call: Call) -> Answer:
    """Set properties by id. Ids that are not there are named in a 207; any other bad row fails all."""
    kind = portal.kind(call.params["type"])
    rows = inputs(call, PAGE)
    by = _id_property(portal, kind, rows)
    _refuse_duplicates(rows)
    values = [checked(portal, kind, row.get("properties")) for row in rows]
    found, missing = _look_up(portal, kind, rows, by)
    results = []
    for row, wanted in zip(rows, values, strict=True):
        if record := found.get(str(row.get("id"))):
            results.append(_changed(portal, kind, record, row, wanted))
    return _answered(portal, results, _missing(kind, missing))


def _changed(portal: Portal, kind: ObjectType, record: Record, row: Row, values: Mapping[str, str]) -> dict[str, Any]:
    changed = change(portal, kind, record, values)
    return _traced(row, shown(kind, changed, names(portal, kind, values)))


def _id_property(portal: Portal, kind: ObjectType, rows: Sequence[Row]) -> str:
    by = {str(row.get("idProperty") or "") for row in rows}
    if len(by) > 1:
        raise invalid("All inputs must use the same idProperty")
    name = by.pop()
    definition = portal.definitions(kind).get(name)
    if name and not (definition and definition["hasUniqueValue"]):  # an e-mail is not unique in this sense
        raise invalid(f"Unable to perform update/upsert by non-unique {kind.id} property {name} in portal {PORTAL_ID}")
    return name


def _refuse_duplicates(rows: Sequence[Row]) -> None:
    seen = Counter(str(row.get("id", "")) for row in rows)
    if twice := [text for text, count in seen.items() if count > 1]:
        message = f"Duplicate IDs found in batch input: [{', '.join(twice)}]. IDs must be unique"
        raise invalid(message, context={"ids": twice})


def upsert(portal: Portal, call: Call) -> Answer:
    """Set properties of records found by a unique property (or a contact's e-mail); make those that are not there."""
    kind = portal.kind(call.params["type"])
    rows = inputs(call, PAGE)
    _refuse_duplicates(rows)
    by = {str(row.get("idProperty") or "") for row in rows}
    if len(by) > 1 or not unique(portal, kind, name := by.pop()):
        raise invalid("idProperty must be the same unique property in every input")
    results = [_upserted(portal, kind, name, row) for row in rows]
    return Answer(content=batch(portal, results))


def _upserted(portal: Portal, kind: ObjectType, name: str, row: Row) -> dict[str, Any]:
    text = str(row.get("id", ""))
    values = checked(portal, kind, {name: text, **(row.get("properties") or {})})
    number = owner(portal, kind, name, text)
    record = find_many(portal, kind, [number])[number] if number is not None else None
    after = change(portal, kind, record, values) if record else insert(portal, kind, values)
    return _traced(row, shown(kind, after, names(portal, kind, values))) | {"new": record is None}


def archive_many(portal: Portal, call: Call) -> Answer:
    """Archive by id; ids that are not there are passed over."""
    kind = portal.kind(call.params["type"])
    numbers = [number_of(row.get("id", "")) for row in inputs(call, PAGE)]
    archive(portal, kind, [number for number in numbers if number is not None])
    return Answer(status=204)


BATCH = PATH + "/batch"

OPERATIONS = (
    Operation(method="POST", path=BATCH + "/read", handle=read, scopes=objects("read")),
    Operation(method="POST", path=BATCH + "/create", handle=create, write=True, scopes=objects("write")),
    Operation(method="POST", path=BATCH + "/update", handle=update, write=True, scopes=objects("write")),
    Operation(method="POST", path=BATCH + "/upsert", handle=upsert, write=True, scopes=objects("write")),
    Operation(method="POST", path=BATCH + "/archive", handle=archive_many, write=True, scopes=objects("write")),
)
