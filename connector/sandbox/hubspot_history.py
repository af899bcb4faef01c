"""What properties were before: one row for each value that was replaced, with when it ended.

HubSpot shows 45 values of a contact's property and 20 of any other type's (source: "using object APIs").
"""

import json
from collections.abc import Mapping, Sequence

from connector.sandbox.clock import iso
from connector.sandbox.hubspot_portal import Portal
from connector.sandbox.hubspot_types import CONTACT, ObjectType

SHOWN, SHOWN_OF_CONTACTS = 20, 45

Values = Mapping[str, str]
Ended = tuple[int, str]
"""When a value was replaced, and the value; empty text where there was none."""


def remember(portal: Portal, kind: ObjectType, number: int, before: Values, after: Values) -> None:
    """Keep, as ended now, what `before` has and `after` has no more."""
    now = portal.clock.milliseconds()
    changed = [name for name in before.keys() | after.keys() if before.get(name) != after.get(name)]
    rows = [(kind.id, number, name, now, before.get(name, "")) for name in changed]
    portal.state.run_many("INSERT OR IGNORE INTO past VALUES (?, ?, ?, ?, ?)", rows)


def inherit(portal: Portal, kind: ObjectType, old: Sequence[int], new: int) -> None:
    """The survivor of a merge has the past of all."""
    sql = "UPDATE OR REPLACE past SET id = ? WHERE type = ? AND id IN (SELECT value FROM json_each(?))"
    portal.state.run(sql, new, kind.id, json.dumps(list(old)))


def past(
    portal: Portal, kind: ObjectType, ids: Sequence[int], names: Sequence[str]
) -> dict[tuple[int, str], list[Ended]]:
    """(record id, property) -> its replaced values, oldest first."""
    sql = """SELECT id, name, until, value FROM past WHERE type = ? AND id IN (SELECT value FROM json_each(?))
        AND name IN (SELECT value FROM json_each(?)) ORDER BY id, name, until"""
    found: dict[tuple[int, str], list[Ended]] = {}
    for number, name, until, value in portal.state.rows(sql, kind.id, json.dumps(list(ids)), json.dumps(list(names))):
        found.setdefault((number, name), []).append((until, value))
    return found


def versions(kind: ObjectType, created: int, ended: Sequence[Ended], now: str | None) -> list[dict[str, str]]:
    """A property's values as HubSpot shows them, newest first; nothing before the first that was set."""
    begun = [created, *(until for until, _ in ended)]
    values = [*(value for _, value in ended), now or ""]
    first = next((at for at, value in enumerate(values) if value), len(values))
    rows = [
        {"value": value, "timestamp": iso(at), "sourceType": "INTEGRATION"}
        for at, value in zip(begun[first:], values[first:], strict=True)
    ]
    return rows[::-1][: SHOWN_OF_CONTACTS if kind is CONTACT else SHOWN]
