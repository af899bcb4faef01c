"""How records look in HubSpot's answers: the properties asked for, inline associations, paging."""

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from connector.sandbox.clock import iso
from connector.sandbox.exchange import Call
from connector.sandbox.hubspot_history import past, versions
from connector.sandbox.hubspot_portal import Portal
from connector.sandbox.hubspot_records import Record
from connector.sandbox.hubspot_types import ASSOCIATIONS, ObjectType

INLINE = 100
"""Associated ids shown inline for one record and type; where HubSpot cuts is undocumented, so readers must page."""


def names(portal: Portal, kind: ObjectType, asked: Iterable[str]) -> list[str]:
    """Which properties to show: what was asked and exists, else the usual ones; always the id and both times."""
    definitions = portal.definitions(kind)
    known = {name for name in asked or kind.shown if name in definitions}
    return sorted(known | {"hs_object_id", kind.created, kind.modified})


def shown(kind: ObjectType, record: Record, wanted: Sequence[str]) -> dict[str, Any]:
    """A record as JSON. A property without a value is null."""
    values: dict[str, str | None] = dict(record.properties)
    created, updated = iso(record.created), iso(record.updated)
    values |= {kind.created: created, kind.modified: updated, "hs_object_id": str(record.id)}
    answer = {
        "id": str(record.id),
        "properties": {name: values.get(name) for name in wanted},
        "createdAt": created,
        "updatedAt": updated,
        "archived": record.archived is not None,
    }
    if record.archived is not None:
        answer["archivedAt"] = iso(record.archived)
    return answer


def shown_all(
    portal: Portal, kind: ObjectType, records: Sequence[Record], wanted: Sequence[str], history: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Records as JSON, with all values that the properties in `history` ever had."""
    page = [shown(kind, record, wanted) for record in records]
    if history:
        ended = past(portal, kind, [record.id for record in records], history)
        for record, one in zip(records, page, strict=True):
            one["propertiesWithHistory"] = {
                name: versions(kind, record.created, ended.get((record.id, name), []), record.properties.get(name))
                for name in history
            }
    return page


def associate_inline(
    portal: Portal, call: Call, kind: ObjectType, page: Sequence[dict[str, Any]], others: Iterable[str]
) -> None:
    """Put the ids of associated records of each type in `others` into the records of a page."""
    for other in (portal.kind(name) for name in others):
        found = _ends(portal, kind, other, [int(one["id"]) for one in page])
        for one in page:
            if ends := found.get(int(one["id"])):
                one.setdefault("associations", {})[other.label] = _inline(call, kind, other, one["id"], ends)


def _ends(portal: Portal, kind: ObjectType, other: ObjectType, ids: Sequence[int]) -> dict[int, list[int]]:
    sql = """SELECT DISTINCT from_id, to_id FROM association
        WHERE from_type = ? AND to_type = ? AND from_id BETWEEN ? AND ? ORDER BY from_id, to_id"""
    found: dict[int, list[int]] = {}
    if ids and (kind.id, other.id) in ASSOCIATIONS:
        for start, end in portal.state.rows(sql, kind.id, other.id, min(ids), max(ids)):
            found.setdefault(start, []).append(end)
    return found


def _inline(call: Call, kind: ObjectType, other: ObjectType, number: str, ends: Sequence[int]) -> dict[str, Any]:
    name = f"{kind.singular}_to_{other.singular}"
    answer: dict[str, Any] = {"results": [{"id": str(end), "type": name} for end in ends[:INLINE]]}
    if len(ends) > INLINE:
        path = f"/crm/objects/{call.params['version']}/{kind.name}/{number}/associations/{other.name}"
        answer["paging"] = following(call.url + path, {"after": str(ends[INLINE])})
    return answer


def following(url: str, query: dict[str, str]) -> dict[str, Any]:
    """The `paging` that points to the next page."""
    text = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
    return {"next": {"after": query["after"], "link": f"{url}?{text}"}}


def next_page(call: Call, after: str) -> dict[str, Any]:
    """The `paging` of this very request, further on."""
    kept = {name: ",".join(call.query.getlist(name)) for name in call.query if name != "after"}
    return following(call.url + call.path, {**kept, "after": after})


def batch(portal: Portal, results: Sequence[Any], errors: Sequence[Any] = ()) -> dict[str, Any]:
    """The envelope of a batch answer; with errors its status code is 207."""
    now = iso(portal.clock.milliseconds())
    answer = {"status": "COMPLETE", "results": list(results), "startedAt": now, "completedAt": now}
    return {**answer, "numErrors": len(errors), "errors": list(errors)} if errors else answer
