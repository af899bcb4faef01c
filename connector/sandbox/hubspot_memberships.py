"""Who is in which list: `/crm/lists/{version}/{list}/memberships`. Dynamic lists refuse every change."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from connector.sandbox.clock import iso
from connector.sandbox.exchange import Answer, Call, Operation
from connector.sandbox.hubspot_answers import batch, next_page
from connector.sandbox.hubspot_errors import fields, inputs, invalid, read, whole
from connector.sandbox.hubspot_lists import PATH, cursor, cursor_read, living
from connector.sandbox.hubspot_portal import Portal
from connector.sandbox.hubspot_records import number_of
from connector.sandbox.hubspot_scopes import lists
from connector.sandbox.hubspot_types import ObjectType

PAGE, LONGEST_PAGE = 100, 250
"""The usual page of members (documented), and the longest (not documented: ours)."""
RECORDS = 100


def members(portal: Portal, call: Call) -> Answer:
    """Members in the order of their record ids; the cursor is opaque."""
    number = living(portal, call.params["list"])["id"]
    limit = whole(call.query.get("limit", PAGE), "limit", 1, LONGEST_PAGE)
    start = cursor_read(call.query["after"]) if call.query.get("after") else 0
    sql = "SELECT record, added FROM membership WHERE list = ? AND record > ? ORDER BY record LIMIT ?"
    rows = portal.state.rows(sql, number, start, limit + 1)
    total = portal.state.value("SELECT count(*) FROM membership WHERE list = ?", number)
    results = [{"recordId": str(one), "membershipTimestamp": iso(added)} for one, added in rows[:limit]]
    content: dict[str, Any] = {"results": results, "total": total}
    if len(rows) > limit:
        content["paging"] = next_page(call, cursor(rows[limit - 1][0]))
    return Answer(content=content)


def add(portal: Portal, call: Call) -> Answer:
    """Put records into a list: the body is a bare list of ids."""
    return _changed(portal, call, add=_bare(call), remove=[])


def remove(portal: Portal, call: Call) -> Answer:
    """Take records out of a list: the body is a bare list of ids."""
    return _changed(portal, call, add=[], remove=_bare(call))


def add_and_remove(portal: Portal, call: Call) -> Answer:
    """Both at once; both keys are required."""
    body = fields(call, "recordIdsToAdd", "recordIdsToRemove")
    return _changed(portal, call, add=body["recordIdsToAdd"], remove=body["recordIdsToRemove"])


def _bare(call: Call) -> Any:
    return read(call)


def _changed(portal: Portal, call: Call, *, add: Any, remove: Any) -> Answer:
    """Passes over members that are added and others that are removed. `recordsIdsAdded` is HubSpot's spelling."""
    row = _changeable(portal, call)
    to_add, to_remove = _numbers(add), _numbers(remove)
    there = _existing(portal, portal.kind(row["type"]), to_add | to_remove)
    added = _put_in(portal, row["id"], sorted(to_add & there))
    removed = _take_out(portal, row["id"], sorted(to_remove & there))
    missing = sorted((to_add | to_remove) - there)
    return Answer(
        content={
            "recordsIdsAdded": [str(one) for one in added],
            "recordIdsRemoved": [str(one) for one in removed],
            "recordIdsMissing": [str(one) for one in missing],
        }
    )


def _changeable(portal: Portal, call: Call) -> dict[str, Any]:
    row = living(portal, call.params["list"])
    if row["processing"] == "DYNAMIC":
        raise invalid(
            f"Memberships of list {row['id']} cannot be changed: it is DYNAMIC", subCategory="ILS.DYNAMIC_LIST"
        )
    return row


def _numbers(ids: Any) -> set[int]:
    if not isinstance(ids, list):
        raise invalid("Invalid input JSON: a list of record ids is wanted")
    numbers = [number_of(one) for one in ids]
    if None in numbers:
        raise invalid("Invalid input JSON: record ids are numbers")
    return {number for number in numbers if number is not None}


def _existing(portal: Portal, kind: ObjectType, numbers: Iterable[int]) -> set[int]:
    sql = """SELECT id FROM record
        WHERE type = ? AND archived IS NULL AND id IN (SELECT value FROM json_each(?))"""
    return {number for (number,) in portal.state.rows(sql, kind.id, json.dumps(sorted(numbers)))}


def _put_in(portal: Portal, number: int, records: Sequence[int]) -> list[int]:
    now, sql = portal.clock.milliseconds(), "INSERT OR IGNORE INTO membership VALUES (?, ?, ?)"
    return [record for record in records if portal.state.run(sql, number, record, now)]


def _take_out(portal: Portal, number: int, records: Sequence[int]) -> list[int]:
    sql = "DELETE FROM membership WHERE list = ? AND record = ?"
    return [record for record in records if portal.state.run(sql, number, record)]


def remove_all(portal: Portal, call: Call) -> Answer:
    """Empty a list."""
    portal.state.run("DELETE FROM membership WHERE list = ?", _changeable(portal, call)["id"])
    return Answer(status=204)


def of_record(portal: Portal, call: Call) -> Answer:
    """The lists that one record is in."""
    kind = portal.kind(call.params["type"])
    results = _lists_of(portal, kind, call.params["id"])
    return Answer(content={"results": results, "total": len(results)})


def of_records(portal: Portal, call: Call) -> Answer:
    """The lists that each of many records is in."""
    results = []
    for row in inputs(call, RECORDS):
        type_id, text = str(row.get("objectTypeId", "")), str(row.get("recordId", ""))
        found = _lists_of(portal, portal.kind(type_id), text)
        results.append({"recordId": text, "recordListMemberships": found})
    return Answer(content=batch(portal, results))


def _lists_of(portal: Portal, kind: ObjectType, text: str) -> list[dict[str, Any]]:
    sql = """SELECT list.id, list.version, membership.added FROM membership JOIN list ON list.id = membership.list
        WHERE membership.record = ? AND list.type = ? AND list.deleted IS NULL ORDER BY list.id"""
    return [
        {
            "listId": str(number),
            "listVersion": version,
            "isPublicList": True,
            "firstAddedTimestamp": iso(added),
            "lastAddedTimestamp": iso(added),
        }
        for number, version, added in portal.state.rows(sql, number_of(text), kind.id)
    ]


READ, WRITE = lists(), lists(memberships=True, write=True)
MEMBERS = PATH + "/{list}/memberships"

OPERATIONS = (
    Operation(method="POST", path=PATH + "/records/memberships/batch/read", handle=of_records, scopes=READ),
    Operation(method="GET", path=PATH + "/records/{type}/{id}/memberships", handle=of_record, scopes=READ),
    Operation(method="GET", path=MEMBERS, handle=members, scopes=READ),
    Operation(method="DELETE", path=MEMBERS, handle=remove_all, write=True, scopes=WRITE),
    Operation(method="PUT", path=MEMBERS + "/add", handle=add, write=True, scopes=WRITE),
    Operation(method="PUT", path=MEMBERS + "/remove", handle=remove, write=True, scopes=WRITE),
    Operation(method="PUT", path=MEMBERS + "/add-and-remove", handle=add_and_remove, write=True, scopes=WRITE),
)
