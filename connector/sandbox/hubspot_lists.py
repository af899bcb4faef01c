"""Lists, which HubSpot's pages call segments: `/crm/lists/{version}`."""

import base64
import json
from typing import Any

from connector.sandbox.clock import DAY, iso
from connector.sandbox.exchange import Answer, Call, Operation
from connector.sandbox.hubspot_errors import fields, invalid, not_found, whole
from connector.sandbox.hubspot_folders import folder_of
from connector.sandbox.hubspot_portal import Portal
from connector.sandbox.hubspot_scopes import lists

USER = "4711"
PAGE = 500
"""Most lists of a page (source: HubSpot's segments guide)."""
RESTORABLE = 90 * DAY
PROCESSING = ("MANUAL", "SNAPSHOT", "DYNAMIC")
COLUMNS = "id, name, type, processing, folder, filters, version, created, updated, deleted"


def living(portal: Portal, text: str) -> dict[str, Any]:
    """The row of a list that is not deleted. Refuses where there is none."""
    found = _rows(portal, "id = ? AND deleted IS NULL", text)
    if not found:
        raise not_found(f"List with ID {text} does not exist")
    return found[0]


def _rows(portal: Portal, where: str, *values: Any) -> list[dict[str, Any]]:
    sql = f"SELECT {COLUMNS} FROM list WHERE {where}"  # noqa: S608 - constants
    return [dict(zip(COLUMNS.split(", "), row, strict=True)) for row in portal.state.rows(sql, *values)]


def shown(row: dict[str, Any], *, filters: bool = False) -> dict[str, Any]:
    """A list as JSON."""
    answer = {
        "listId": str(row["id"]),
        "listVersion": row["version"],
        "name": row["name"],
        "objectTypeId": row["type"],
        "processingType": row["processing"],
        "processingStatus": "COMPLETE",
        "createdAt": iso(row["created"]),
        "updatedAt": iso(row["updated"]),
        "filtersUpdatedAt": iso(row["created"]),
        "createdById": USER,
        "updatedById": USER,
    }
    if filters and row["filters"]:
        answer["filterBranch"] = json.loads(row["filters"])
    return answer


def create(portal: Portal, call: Call) -> Answer:
    """A new, empty list; its name must be free."""
    body = fields(call, "name", "objectTypeId", "processingType")
    kind = portal.kind(str(body["objectTypeId"]))
    if body["processingType"] not in PROCESSING:
        raise invalid(f"processingType must be one of {PROCESSING}", subCategory="INVALID_PROCESSING_TYPE")
    _refuse_taken(portal, body["name"])
    _refuse_one_more(portal)
    folder = folder_of(portal, body.get("listFolderId") or 0)
    number, now = portal.state.next_id("list"), portal.clock.milliseconds()
    filters = json.dumps(body["filterBranch"]) if body.get("filterBranch") else None
    values = (number, body["name"], kind.id, body["processingType"], folder, filters, 1, now, now, None)
    portal.state.run("INSERT INTO list VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", *values)
    return Answer(content={"list": shown(living(portal, str(number)), filters=True)})


def _refuse_taken(portal: Portal, name: str) -> None:
    if _rows(portal, "name = ? AND deleted IS NULL", name):
        message = f"A list with the name '{name}' already exists."
        raise invalid(message, subCategory="ILS.DUPLICATE_LIST_NAMES", context={"listName": [name]})


def _refuse_one_more(portal: Portal) -> None:
    most = portal.settings.list_limit
    if portal.state.value("SELECT count(*) FROM list WHERE deleted IS NULL") >= most:
        raise invalid(f"You have reached the limit of {most} lists for this account.")


def get_one(portal: Portal, call: Call) -> Answer:
    """One list by id, with its size."""
    return Answer(content={"list": _sized(portal, living(portal, call.params["list"]), call.flag("includeFilters"))})


def _sized(portal: Portal, row: dict[str, Any], filters: bool) -> dict[str, Any]:
    return {**shown(row, filters=filters), "size": _size(portal, row)}


def _size(portal: Portal, row: dict[str, Any]) -> int:
    return int(portal.state.value("SELECT count(*) FROM membership WHERE list = ?", row["id"]))


def get_by_name(portal: Portal, call: Call) -> Answer:
    """One list by its type and name."""
    kind = portal.kind(call.params["type"])
    found = _rows(portal, "type = ? AND name = ? AND deleted IS NULL", kind.id, call.params["name"])
    if not found:
        raise not_found(f"List with name {call.params['name']} does not exist")
    return Answer(content={"list": _sized(portal, found[0], call.flag("includeFilters"))})


def get_many(portal: Portal, call: Call) -> Answer:
    """Lists by `listIds`; those that are not there are left out."""
    wanted = json.dumps(call.values("listIds"))
    rows = _rows(portal, "deleted IS NULL AND id IN (SELECT CAST(value AS INTEGER) FROM json_each(?))", wanted)
    return Answer(content={"lists": [_sized(portal, row, call.flag("includeFilters")) for row in rows]})


def search(portal: Portal, call: Call) -> Answer:
    """Lists by words of their name, by page number."""
    body = fields(call, "listIds", "processingTypes")
    offset, count = whole(body.get("offset") or 0, "offset", 0, 2**31), whole(body.get("count") or 20, "count", 1, PAGE)
    found = [row for row in _rows(portal, "deleted IS NULL ORDER BY id") if _matches(row, body)]
    page = [_with_more(portal, row) for row in found[offset : offset + count]]
    more = offset + count < len(found)
    return Answer(content={"lists": page, "offset": offset + len(page), "hasMore": more, "total": len(found)})


def _matches(row: dict[str, Any], body: dict[str, Any]) -> bool:
    words = str(body.get("query") or "").lower().split()
    wanted_type, ids = body.get("objectTypeId"), [str(one) for one in body.get("listIds") or []]
    return (
        (not wanted_type or row["type"] == wanted_type)
        and (not body.get("processingTypes") or row["processing"] in body["processingTypes"])
        and (not ids or str(row["id"]) in ids)
        and all(word in row["name"].lower() for word in words)
    )


def _with_more(portal: Portal, row: dict[str, Any]) -> dict[str, Any]:
    more = {"hs_list_size": str(_size(portal, row)), "hs_list_reference_count": "0"}
    return {**shown(row), "additionalProperties": more}


def list_all(portal: Portal, call: Call) -> Answer:
    """All lists in the order of their ids, by cursor (new in 2026-09)."""
    body = fields(call) if call.body else {}
    if unknown := set(body.get("processingTypes") or []) - set(PROCESSING):
        raise invalid(f"no processing types: {sorted(unknown)}", subCategory="INVALID_PROCESSING_TYPE")
    count = whole(body.get("count") or 20, "count", 1, PAGE)
    start = cursor_read(body["after"])[0] if body.get("after") else 0
    rows = [row for row in _rows(portal, "deleted IS NULL AND id > ? ORDER BY id", start) if _matches(row, body)]
    content: dict[str, Any] = {"results": [_with_more(portal, row) for row in rows[:count]]}
    if len(rows) > count:
        content["paging"] = {"next": {"after": cursor(rows[count - 1]["id"])}}
    return Answer(content=content)


def cursor(*numbers: int) -> str:
    """A place to go on from, as opaque text."""
    return base64.b64encode(json.dumps({"last": numbers}).encode()).decode()


def cursor_read(text: str, length: int = 1) -> list[int]:
    """The numbers in a cursor. Refuses text that is none of ours."""
    try:
        numbers = [int(one) for one in json.loads(base64.b64decode(text, validate=True))["last"]]
    except (ValueError, KeyError, TypeError):
        numbers = []
    if len(numbers) != length:
        raise invalid("The after cursor is malformed", subCategory="INVALID_CURSOR")
    return numbers


def rename(portal: Portal, call: Call) -> Answer:
    """Give a list another name, which must be free."""
    row, name = living(portal, call.params["list"]), call.query.get("listName", "")
    if not name:
        raise invalid("listName is required")
    if name != row["name"]:
        _refuse_taken(portal, name)
    sql = "UPDATE list SET name = ?, version = version + 1, updated = ? WHERE id = ?"
    portal.state.run(sql, name, portal.clock.milliseconds(), row["id"])
    return Answer(content={"updatedList": shown(living(portal, str(row["id"])), filters=call.flag("includeFilters"))})


def delete(portal: Portal, call: Call) -> Answer:
    """Delete a list; it can be restored for 90 days."""
    row = living(portal, call.params["list"])
    portal.state.run("UPDATE list SET deleted = ? WHERE id = ?", portal.clock.milliseconds(), row["id"])
    return Answer(status=204)


def restore(portal: Portal, call: Call) -> Answer:
    """Bring a deleted list back, with the members that still are, unless its name was taken or the account is full.

    It stands below the root where its folder is gone.
    """
    since = portal.clock.milliseconds() - RESTORABLE
    found = _rows(portal, "id = ? AND deleted > ?", call.params["list"], since)
    if not found:
        raise not_found(f"List with ID {call.params['list']} cannot be restored")
    _refuse_taken(portal, found[0]["name"])
    _refuse_one_more(portal)
    sql = "UPDATE list SET deleted = NULL, folder = coalesce((SELECT id FROM folder WHERE id = folder), 0) WHERE id = ?"
    portal.state.run(sql, found[0]["id"])
    return Answer(status=204)


PATH = "/crm/lists/{version}"
READ, WRITE = lists(), lists(write=True)

OPERATIONS = (
    Operation(method="POST", path=PATH + "/", handle=create, write=True, scopes=WRITE),
    Operation(method="POST", path=PATH, handle=create, write=True, scopes=WRITE),
    Operation(method="GET", path=PATH + "/", handle=get_many, scopes=READ),
    Operation(method="GET", path=PATH, handle=get_many, scopes=READ),
    Operation(method="POST", path=PATH + "/search", handle=search, scopes=READ),
    Operation(method="POST", path=PATH + "/all", handle=list_all, scopes=READ),
    Operation(method="GET", path=PATH + "/object-type-id/{type}/name/{name:path}", handle=get_by_name, scopes=READ),
    Operation(method="GET", path=PATH + "/{list}", handle=get_one, scopes=READ),
    Operation(method="DELETE", path=PATH + "/{list}", handle=delete, write=True, scopes=WRITE),
    Operation(method="PUT", path=PATH + "/{list}/restore", handle=restore, write=True, scopes=WRITE),
    Operation(method="PUT", path=PATH + "/{list}/update-list-name", handle=rename, write=True, scopes=WRITE),
)
