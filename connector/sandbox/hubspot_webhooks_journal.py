"""The webhooks journal: every change that an app subscribed to, in files that the app fetches when it likes.

Paths, offsets, the file's outside, 204, 404 and the three days are documented. HubSpot's pages show events of records
and associations; of merges they name `mergedObjectIds`, of lists and privacy deletions only the actions. What is not
shown follows the fields of HubSpot's webhooks, so readers should go by `action` and pass over what they do not know.
"""

import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from connector.sandbox.clock import DAY, iso
from connector.sandbox.exchange import Answer, Call, Operation
from connector.sandbox.hubspot_answers import batch
from connector.sandbox.hubspot_errors import error, not_found, whole
from connector.sandbox.hubspot_portal import PORTAL_ID, Portal
from connector.sandbox.hubspot_scopes import journal
from connector.sandbox.hubspot_types import ObjectType

RETENTION = 3 * DAY
LINK_LIFE = 300_000
"""Milliseconds for which the address of a file works."""
SPAN = 60_000
"""Milliseconds that one file covers at most."""
MOST_AT_ONCE = 100
EVENTS = {
    "CREATE": ("OBJECT", "crmObject"),
    "UPDATE": ("OBJECT", "crmObject"),
    "DELETE": ("OBJECT", "crmObject"),
    "MERGE": ("OBJECT", "crmObject"),
    "RESTORE": ("OBJECT", "crmObject"),
    "ASSOCIATION_ADDED": ("ASSOCIATION", "association"),
    "ASSOCIATION_REMOVED": ("ASSOCIATION", "association"),
    "ADDED_TO_LIST": ("LIST_MEMBERSHIP", "listMembership"),
    "REMOVED_FROM_LIST": ("LIST_MEMBERSHIP", "listMembership"),
    "GDPR_DELETE": ("GDPR_PRIVACY_DELETION", "gdprPrivacyDeletion"),
}
"""action -> (subscriptionType, an event's type)."""

TABLES = """
CREATE TABLE IF NOT EXISTS journal_event (id INTEGER PRIMARY KEY, at INTEGER, file INTEGER, text TEXT);
CREATE TABLE IF NOT EXISTS journal_file (id INTEGER PRIMARY KEY, offset TEXT UNIQUE, published INTEGER);
CREATE TABLE IF NOT EXISTS journal_link (name TEXT PRIMARY KEY, file INTEGER, ends INTEGER);
CREATE TABLE IF NOT EXISTS journal_subscription (id INTEGER PRIMARY KEY, body TEXT);
CREATE INDEX IF NOT EXISTS journal_event_file ON journal_event (file);
"""

Subscription = Mapping[str, Any]
File = tuple[int, str, int]
"""Number, offset, when it was published."""


def begin(portal: Portal) -> None:
    """Make the portal's changes known here, as far as somebody subscribed."""
    portal.state.db.executescript(TABLES)
    refresh(portal)


def refresh(portal: Portal) -> None:
    """Read the subscriptions anew. Without any, changes are not even looked at."""
    rows = portal.state.rows("SELECT body FROM journal_subscription ORDER BY id")
    portal.subscribed = tuple(json.loads(text) for (text,) in rows)
    portal.watch = record if rows else None


def record(portal: Portal, action: str, kind: ObjectType, ids: Iterable[int], more: Mapping[str, Any]) -> None:
    """Write down what happened to records of one type, for those who subscribed to it."""
    meant = [one for one in portal.subscribed if _meets(one, action, kind, more)]
    if not meant:
        return
    now, body = portal.clock.milliseconds(), _body(action, kind, meant, more)
    shown = {"portalId": PORTAL_ID, "occurredAt": iso(now), "action": action, **body}
    end = "from" if action.startswith("ASSOCIATION") else ""
    rows = [(now, json.dumps({**shown, **_record(end, kind, number)})) for number in ids if _watched(meant, number)]
    portal.state.run_many("INSERT INTO journal_event (at, text) VALUES (?, ?)", rows)


def _meets(one: Subscription, action: str, kind: ObjectType, more: Mapping[str, Any]) -> bool:
    fits = one["subscriptionType"] == EVENTS[action][0] and action in one["actions"]
    narrower = [
        (one.get("associatedObjectTypeIds"), [more.get("toObjectTypeId")]),
        (one.get("listIds"), [more.get("listId")]),
        (one.get("properties") if action == "UPDATE" else None, _changed(more)),
    ]
    met = all(not few or set(few).intersection(those) for few, those in narrower)
    return met and fits and one.get("objectTypeId") in (None, kind.id)


def _changed(more: Mapping[str, Any]) -> dict[str, str]:
    """Property -> its value now, of those that differ; cleared ones are empty."""
    before, after = more.get("changes", ({}, {}))
    return {name: after.get(name, "") for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def _watched(meant: Sequence[Subscription], number: int) -> bool:
    return any(not one.get("objectIds") or number in map(int, one["objectIds"]) for one in meant)


def _body(action: str, kind: ObjectType, meant: Sequence[Subscription], more: Mapping[str, Any]) -> dict[str, Any]:
    body = {"type": EVENTS[action][1], **more}
    if body.pop("changes", None):
        wanted = {name for one in meant for name in one.get("properties") or ()}
        body["propertyChanges"] = {name: value for name, value in sorted(_changed(more).items()) if name in wanted}
    return body


def _record(end: str, kind: ObjectType, number: int) -> dict[str, Any]:
    type_name, id_name = ("fromObjectTypeId", "fromObjectId") if end else ("objectTypeId", "objectId")
    return {type_name: kind.id, id_name: number}


def _publish(portal: Portal) -> None:
    """Put events that are in no file yet into files; forget files that are too old."""
    rows = portal.state.rows("SELECT id, at FROM journal_event WHERE file IS NULL ORDER BY id")
    while rows:
        count = _fits(rows, portal.settings.journal_file_events)
        _close(portal, [number for number, _ in rows[:count]], rows[count - 1][1])
        rows = rows[count:]
    old = portal.clock.milliseconds() - RETENTION
    portal.state.run("DELETE FROM journal_event WHERE file IN (SELECT id FROM journal_file WHERE published <= ?)", old)
    portal.state.run("DELETE FROM journal_file WHERE published <= ?", old)


def _fits(rows: Sequence[tuple[int, int]], most: int) -> int:
    near = [at for _, at in rows[:most] if abs(at - rows[0][1]) <= SPAN]
    return max(1, len(near))


def _close(portal: Portal, events: Sequence[int], at: int) -> None:
    sql = "INSERT INTO journal_file (offset, published) VALUES (?, ?) RETURNING id"
    number = portal.state.value(sql, str(uuid.uuid4()), at)
    sql = "UPDATE journal_event SET file = ? WHERE id BETWEEN ? AND ? AND file IS NULL"
    portal.state.run(sql, number, events[0], events[-1])


def _files(portal: Portal, call: Call, where: str, *values: Any) -> list[File]:
    """Files of this account; of another, whose id a call may name, there are none."""
    _publish(portal)
    asked = call.query.get("installPortalId", str(PORTAL_ID))
    sql = f"SELECT id, offset, published FROM journal_file WHERE {where}"  # noqa: S608 - constants
    return portal.state.rows(sql, *values) if asked == str(PORTAL_ID) else []


def _after(portal: Portal, call: Call, count: int) -> list[File]:
    found = _files(portal, call, "offset = ?", call.params["offset"])
    if not found:
        raise not_found("The offset does not exist or has expired")
    return _files(portal, call, "id > ? ORDER BY id LIMIT ?", found[0][0], count)


def _earliest(portal: Portal, call: Call, count: int) -> list[File]:
    return _files(portal, call, "1 ORDER BY id LIMIT ?", count)


def _latest(portal: Portal, call: Call, count: int) -> list[File]:
    return _files(portal, call, "1 ORDER BY id DESC LIMIT ?", count)[::-1]


def _pointer(portal: Portal, call: Call, file: File) -> dict[str, Any]:
    name, ends = uuid.uuid4().hex, portal.clock.milliseconds() + LINK_LIFE
    portal.state.run("INSERT INTO journal_link VALUES (?, ?, ?)", name, file[0], ends)
    return {"url": f"{call.url}{FILES}/{name}.json", "expiresAt": iso(ends), "currentOffset": file[1]}


def _one(portal: Portal, call: Call, files: Sequence[File]) -> Answer:
    return Answer(content=_pointer(portal, call, files[0])) if files else Answer(status=204)


def earliest(portal: Portal, call: Call) -> Answer:
    """Where the oldest file is."""
    return _one(portal, call, _earliest(portal, call, 1))


def latest(portal: Portal, call: Call) -> Answer:
    """Where the newest file is."""
    return _one(portal, call, _latest(portal, call, 1))


def following(portal: Portal, call: Call) -> Answer:
    """Where the file after an offset is; 204 where there is none yet, 404 where the offset is gone."""
    return _one(portal, call, _after(portal, call, 1))


def _many(portal: Portal, call: Call, read: Callable[[Portal, Call, int], list[File]]) -> Answer:
    count = whole(call.params["count"], "count", 1, MOST_AT_ONCE)
    return Answer(content=batch(portal, [_pointer(portal, call, file) for file in read(portal, call, count)]))


def earliest_many(portal: Portal, call: Call) -> Answer:
    """Where the oldest files are, oldest first."""
    return _many(portal, call, _earliest)


def latest_many(portal: Portal, call: Call) -> Answer:
    """Where the newest files are, oldest first."""
    return _many(portal, call, _latest)


def following_many(portal: Portal, call: Call) -> Answer:
    """Where the files after an offset are; none is an empty batch."""
    return _many(portal, call, _after)


def download(portal: Portal, call: Call) -> Answer:
    """A file, for whoever knows its address, for five minutes."""
    now = portal.clock.milliseconds()
    portal.state.run("DELETE FROM journal_link WHERE ends <= ?", now)
    sql = """SELECT journal_file.id, offset, published FROM journal_link
        JOIN journal_file ON journal_file.id = journal_link.file WHERE name = ?"""
    if (file := portal.state.row(sql, call.params["name"])) is None:
        return error(403, "Request has expired", category="ACCESS_DENIED")
    rows = portal.state.rows("SELECT text FROM journal_event WHERE file = ? ORDER BY id", file[0])
    events = [json.loads(text) for (text,) in rows]
    return Answer(content={"offset": file[1], "journalEvents": events, "publishedAt": iso(file[2])})


PATH = "/webhooks-journal/journal-local/{version}"
FILES = "/webhooks-journal-files"
READ = journal("read")

OPERATIONS = (
    Operation(method="GET", path=PATH + "/earliest", handle=earliest, scopes=READ, bucket="exempt"),
    Operation(method="GET", path=PATH + "/latest", handle=latest, scopes=READ, bucket="exempt"),
    Operation(method="GET", path=PATH + "/offset/{offset}/next", handle=following, scopes=READ, bucket="exempt"),
    Operation(method="GET", path=PATH + "/batch/earliest/{count}", handle=earliest_many, scopes=READ, bucket="exempt"),
    Operation(method="GET", path=PATH + "/batch/latest/{count}", handle=latest_many, scopes=READ, bucket="exempt"),
    Operation(
        method="GET", path=PATH + "/batch/{offset}/next/{count}", handle=following_many, scopes=READ, bucket="exempt"
    ),
    Operation(method="GET", path=FILES + "/{name}.json", handle=download, open=True),
)
