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
LARGE = 100_000
"""A list of so many members can be neither emptied nor copied at once (source: HubSpot's segments guide)."""
RECORDS = 100


def members(portal: Portal, call: Call) -> Answer:
    """Members in the order of their record ids; the cursor is opaque."""
    return _page(portal, call, ("record",))


def by_join_order(portal: Portal, call: Call) -> Answer:
    """Members in the order in which they were put in."""
    return _page(portal, call, ("added", "record"))


def _page(portal: Portal, call: Call, order: Sequence[str]) -> Answer:
    number, after = living(portal, call.params["list"])["id"], call.query.get("after")
    limit = whole(call.query.get("limit", PAGE), "limit", 1, LONGEST_PAGE)
    start = cursor_read(after, len(order)) if after else [0] * len(order)
    key, marks = ", ".join(order), ", ".join("?" * len(order))
    sql = f"SELECT record, added FROM membership WHERE list = ? AND ({key}) > ({marks}) ORDER BY {key} LIMIT ?"  # noqa: S608
    rows = portal.state.rows(sql, number, *start, limit + 1)
    results = [{"recordId": str(one), "membershipTimestamp": iso(added)} for one, added in rows[:limit]]
    content: dict[str, Any] = {"results": results, "total": _size(portal, number)}
    if len(rows) > limit:
        last = dict(zip(("record", "added"), rows[limit - 1], strict=True))
        content["paging"] = next_page(call, cursor(*(last[name] for name in order)))
    return Answer(content=content)


def _size(portal: Portal, number: int) -> int:
    return int(portal.state.value("SELECT count(*) FROM membership WHERE list = ?", number))


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
    added, removed = _exchange(portal, row, to_add & there, to_remove & there)
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


def _exchange(portal: Portal, row: dict[str, Any], add: Iterable[int], remove: Iterable[int]) -> list[list[int]]:
    """Put in and take out; returns those for whom that changed something."""
    kind, number = portal.kind(row["type"]), row["id"]
    added, removed = _put_in(portal, number, sorted(add)), _take_out(portal, number, sorted(remove))
    portal.note("ADDED_TO_LIST", kind, added, listId=number)
    portal.note("REMOVED_FROM_LIST", kind, removed, listId=number)
    return [added, removed]


def remove_all(portal: Portal, call: Call) -> Answer:
    """Empty a list of fewer than 100,000 members."""
    row = _changeable(portal, call)
    _exchange(portal, row, (), _all_of(portal, row["id"]))
    return Answer(status=204)


def add_from(portal: Portal, call: Call) -> Answer:
    """Put all members of another list of fewer than 100,000 members, of whatever processing type, into a list."""
    row, source = _changeable(portal, call), living(portal, call.params["source"])
    if row["type"] != source["type"]:
        raise invalid(f"Lists {row['id']} and {source['id']} are of different object types")
    _exchange(portal, row, _all_of(portal, source["id"]), ())
    return Answer(status=204)


def _all_of(portal: Portal, number: int) -> list[int]:
    _refuse_large(portal, number)
    return [record for (record,) in portal.state.rows("SELECT record FROM membership WHERE list = ?", number)]


def _refuse_large(portal: Portal, number: int) -> None:
    if (size := _size(portal, number)) >= LARGE:
        raise invalid(f"List {number} has {size} members; this works below {LARGE} only")


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
    Operation(method="GET", path=MEMBERS + "/join-order", handle=by_join_order, scopes=READ),
    Operation(method="DELETE", path=MEMBERS, handle=remove_all, write=True, scopes=WRITE),
    Operation(method="PUT", path=MEMBERS + "/add", handle=add, write=True, scopes=WRITE),
    Operation(method="PUT", path=MEMBERS + "/add-from/{source}", handle=add_from, write=True, scopes=WRITE),
    Operation(method="PUT", path=MEMBERS + "/remove", handle=remove, write=True, scopes=WRITE),
    Operation(method="PUT", path=MEMBERS + "/add-and-remove", handle=add_and_remove, write=True, scopes=WRITE),
)
