"""Bulk edits by people: one property of very many records, and one and the same modified date for all of them."""

import json
from collections.abc import Mapping, Sequence

from connector.sandbox.hubspot_errors import invalid
from connector.sandbox.hubspot_pipelines import computed
from connector.sandbox.hubspot_portal import Portal
from connector.sandbox.hubspot_records import number_of, unique
from connector.sandbox.hubspot_types import ObjectType
from connector.sandbox.hubspot_values import checked


def touch(portal: Portal, kind: ObjectType, ids: Sequence[str] | None, properties: Mapping[str, str]) -> int:
    """Set properties of the living records among `ids` (None: of all of them); returns how many there are.

    Refuses bad values, and properties of which each record must have its own.
    """
    values = computed(portal, kind, checked(portal, kind, properties))
    if alone := [name for name in values if unique(portal, kind, name)]:
        raise invalid(f"Many records cannot share one value of {alone}")
    which, chosen = "type = ? AND archived IS NULL", [kind.id]
    if ids is not None:
        which += " AND id IN (SELECT value FROM json_each(?))"
        chosen.append(json.dumps([number_of(one) for one in ids]))
    for name, value in sorted(values.items()):
        _remember(portal, name, value, which, chosen)
        _set(portal, name, value, which, chosen)
    if portal.watch:
        ids_there = portal.state.rows(f"SELECT id FROM record WHERE {which} ORDER BY id", *chosen)  # noqa: S608
        portal.note("UPDATE", kind, [number for (number,) in ids_there], changes=({}, values))
    sql = f"UPDATE record SET updated = ? WHERE {which}"  # noqa: S608 - built here
    return portal.state.run(sql, portal.clock.milliseconds(), *chosen)


def _remember(portal: Portal, name: str, value: str, which: str, chosen: Sequence[str]) -> None:
    before = "coalesce(json_extract(properties, ?), '')"
    sql = f"""INSERT OR IGNORE INTO past SELECT type, id, ?, ?, {before} FROM record
        WHERE {which} AND {before} <> ?"""  # noqa: S608 - built here
    path = f'$."{name}"'
    portal.state.run(sql, name, portal.clock.milliseconds(), path, *chosen, path, value)


def _set(portal: Portal, name: str, value: str, which: str, chosen: Sequence[str]) -> None:
    how, given = ("json_set(properties, ?, ?)", [value]) if value else ("json_remove(properties, ?)", [])
    sql = f"UPDATE record SET properties = {how} WHERE {which}"  # noqa: S608 - built here
    portal.state.run(sql, f'$."{name}"', *given, *chosen)
