"""Records of any type: found by id through merges, made and changed."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from connector.sandbox.clock import DAY
from connector.sandbox.hubspot_errors import conflict, invalid, not_found
from connector.sandbox.hubspot_history import remember
from connector.sandbox.hubspot_pipelines import computed
from connector.sandbox.hubspot_portal import Portal
from connector.sandbox.hubspot_types import CONTACT, ObjectType
from connector.sandbox.hubspot_values import forward_only

RESTORABLE = 90 * DAY
"""How long an archived record is to be found, and can be restored (source: HubSpot, "restore deleted records")."""
COLUMNS = "id, created, updated, archived, properties"
MORE_EMAILS = "hs_additional_emails"


class Record(NamedTuple):
    """One row; times in milliseconds, `properties` without those that follow from the other columns."""

    id: int
    created: int
    updated: int
    archived: int | None
    properties: dict[str, str]


def record_of(row: Sequence[Any]) -> Record:
    """A Record from a row of COLUMNS."""
    return Record(row[0], row[1], row[2], row[3], json.loads(row[4]))


def number_of(text: Any) -> int | None:
    """A record id as a number; None for anything that cannot be one."""
    text = str(text)
    return int(text) if text.isdecimal() and len(text) < 19 else None


def find_many(portal: Portal, kind: ObjectType, ids: Iterable[int]) -> dict[int, Record]:
    """Requested id -> the record that lives under it now: for a merged one, the survivor."""
    wanted = set(ids)
    known = json.dumps(sorted(wanted))
    moved = dict(
        portal.state.rows(
            "SELECT id, survivor FROM merged WHERE type = ? AND id IN (SELECT value FROM json_each(?))", kind.id, known
        )
    )
    sql = f"""SELECT {COLUMNS} FROM record
        WHERE type = ? AND archived IS NULL AND id IN (SELECT value FROM json_each(?))"""  # noqa: S608 - constants
    rows = portal.state.rows(sql, kind.id, json.dumps(sorted({moved.get(one, one) for one in wanted})))
    living = {row[0]: record_of(row) for row in rows}
    return {one: living[moved.get(one, one)] for one in wanted if moved.get(one, one) in living}


def find_archived(portal: Portal, kind: ObjectType, ids: Iterable[int]) -> dict[int, Record]:
    """Those of some records that are archived and can still be restored, by id."""
    sql = f"""SELECT {COLUMNS} FROM record
        WHERE type = ? AND archived > ? AND id IN (SELECT value FROM json_each(?))"""  # noqa: S608 - constants
    since = portal.clock.milliseconds() - RESTORABLE
    return {row[0]: record_of(row) for row in portal.state.rows(sql, kind.id, since, json.dumps(sorted(set(ids))))}


def find(portal: Portal, kind: ObjectType, text: str, *, by: str = "", archived: bool = False) -> Record:
    """The record with this id, or with this value of the unique property `by`. Refuses where there is none."""
    number = number_of(text) if by in ("", "hs_object_id") else owner(portal, kind, by, text)
    if number is not None and archived:
        since = portal.clock.milliseconds() - RESTORABLE
        sql = f"SELECT {COLUMNS} FROM record WHERE type = ? AND id = ? AND archived > ?"  # noqa: S608 - constant
        if row := portal.state.row(sql, kind.id, number, since):
            return record_of(row)
    elif number is not None and (found := find_many(portal, kind, [number]).get(number)):
        return found
    raise not_found("Object not found.  objectId are usually numeric.")


def owner(portal: Portal, kind: ObjectType, name: str, value: str) -> int | None:
    """Who has this value of a unique property. Refuses a property whose values need not be unique."""
    if not unique(portal, kind, name):
        raise invalid(f"Property '{name}' is not a unique property of {kind.id}")
    sql = "SELECT id FROM unique_value WHERE type = ? AND name = ? AND value = ?"
    found: int | None = portal.state.value(sql, kind.id, name, value.lower())
    return found


def unique(portal: Portal, kind: ObjectType, name: str) -> bool:
    """Whether records can be addressed by this property."""
    definition = portal.definitions(kind).get(name)
    return (kind is CONTACT and name == "email") or bool(definition and definition["hasUniqueValue"])


def insert(portal: Portal, kind: ObjectType, values: Mapping[str, str]) -> Record:
    """A new record, now. Refuses values that another record holds alone."""
    now = portal.clock.milliseconds()
    kept = {name: value for name, value in computed(portal, kind, values).items() if value != ""}
    record = Record(portal.state.next_id(kind.id), now, now, None, kept)
    claim(portal, kind, record, kept)
    save(portal, kind, record)
    portal.note("CREATE", kind, [record.id], changes=({}, kept))
    return record


def change(portal: Portal, kind: ObjectType, record: Record, values: Mapping[str, str]) -> Record:
    """Set properties, empty text clears. Moves the modified date even where nothing differs, as HubSpot does."""
    together = {**record.properties, **computed(portal, kind, forward_only(portal, kind, record.properties, values))}
    kept = {name: value for name, value in together.items() if value != ""}
    changed = record._replace(updated=portal.clock.milliseconds(), properties=kept)
    claim(portal, kind, changed, values)
    remember(portal, kind, record.id, record.properties, kept)
    save(portal, kind, changed)
    portal.note("UPDATE", kind, [record.id], changes=(record.properties, kept))
    return changed


def claim(portal: Portal, kind: ObjectType, record: Record, touched: Iterable[str]) -> None:
    """Hold the unique values among `touched` for this record. Refuses those that another record holds.

    A contact's further e-mails are held like its first.
    """
    fields = {_held_as(name) for name in touched}
    for field in sorted(field for field in fields if unique(portal, kind, field)):
        sql = "DELETE FROM unique_value WHERE type = ? AND name = ? AND id = ?"
        portal.state.run(sql, kind.id, field, record.id)
        for value in _values(record, field):
            _hold(portal, kind, record.id, field, value)


def _held_as(name: str) -> str:
    return "email" if name == MORE_EMAILS else name


def _values(record: Record, field: str) -> list[str]:
    more = record.properties.get(MORE_EMAILS, "").split(";") if field == "email" else []
    return sorted({value.strip().lower() for value in (record.properties.get(field, ""), *more) if value.strip()})


def _hold(portal: Portal, kind: ObjectType, number: int, field: str, value: str) -> None:
    if portal.state.run("INSERT OR IGNORE INTO unique_value VALUES (?, ?, ?, ?)", kind.id, field, value, number):
        return
    other = owner(portal, kind, field, value)
    if field == "email":
        raise conflict(f"Contact already exists. Existing ID: {other}")
    raise invalid(f"Property values were not valid: {field} {value} is already held by {other}")


def save(portal: Portal, kind: ObjectType, record: Record) -> None:
    """Write the row as it stands."""
    text = json.dumps(record.properties, separators=(",", ":"), ensure_ascii=False)
    portal.state.run(
        "INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?, ?)",
        kind.id, record.id, record.created, record.updated, record.archived, text,
    )  # fmt: skip
