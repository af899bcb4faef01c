"""The bin: records archived, restored by a person, and erased for good.

An archived record leaves its lists and frees its unique values; its associations wait with it. Restoring brings them
back, but not its lists (source: HubSpot's knowledge base, "restore deleted records"). Whether restoring moves the
modified date is not documented: here it does not, which is the harder case for whoever reads by that date.
"""

from collections.abc import Iterable

from connector.sandbox.hubspot_associations import has_other_parent
from connector.sandbox.hubspot_portal import Portal
from connector.sandbox.hubspot_records import Record, claim, find, find_many, save
from connector.sandbox.hubspot_types import ObjectType, partners

Tie = tuple[str, str, int, int, int]
"""A row of the table `association`: both types, both ids, the kind."""


def archive(portal: Portal, kind: ObjectType, ids: Iterable[int]) -> None:
    """Put records into the bin; those that are none or there already are left alone."""
    now = portal.clock.milliseconds()
    sql = "UPDATE record SET archived = ? WHERE type = ? AND id = ? AND archived IS NULL"
    for record in find_many(portal, kind, ids).values():
        portal.state.run(sql, now, kind.id, record.id)
        _move(portal, ties(portal, "association", kind, record.id), "association", "detached")
        _leave(portal, kind, record.id)
        portal.note("DELETE", kind, [record.id])


def restore(portal: Portal, kind: ObjectType, text: str) -> Record:
    """Take a record out of the bin. Refuses one that is not in it, and one whose e-mail another holds by now.

    An association comes back as soon as both its ends have, unless a line item has another parent by now.
    """
    record = find(portal, kind, text, archived=True)._replace(archived=None)
    claim(portal, kind, record, record.properties)
    save(portal, kind, record)
    back = [tie for tie in ties(portal, "detached", kind, record.id) if _can_be(portal, tie)]
    _move(portal, back, "detached", "association")
    portal.note("RESTORE", kind, [record.id])
    return record


def erase(portal: Portal, kind: ObjectType, number: int) -> None:
    """Forget a record for good, in the bin too."""
    for table in ("association", "detached"):
        _drop(portal, ties(portal, table, kind, number), table)
    for table in ("record", "past", "late"):
        portal.state.run(f"DELETE FROM {table} WHERE type = ? AND id = ?", kind.id, number)  # noqa: S608 - constants
    _leave(portal, kind, number)


def ties(portal: Portal, table: str, kind: ObjectType, number: int) -> list[Tie]:
    """Rows of `association` or `detached` that have this record at either end."""
    sql = f"SELECT * FROM {table} WHERE from_type = ? AND to_type = ? AND from_id = ?"  # noqa: S608 - constants
    rows: list[Tie] = []
    for other in partners(kind):
        there: list[Tie] = portal.state.rows(sql, kind.id, other, number)
        rows += there
        for tie in there:
            rows += portal.state.rows(f"{sql} AND to_id = ?", other, kind.id, tie[3], number)
    return rows


def _can_be(portal: Portal, tie: Tie) -> bool:
    kind, other = portal.kind(tie[0]), portal.kind(tie[1])
    both_live = find_many(portal, kind, [tie[2]]) and find_many(portal, other, [tie[3]])
    return bool(both_live) and not has_other_parent(portal, kind, tie[2], other, tie[3])


def _move(portal: Portal, rows: list[Tie], source: str, target: str) -> None:
    _drop(portal, rows, source)
    portal.state.run_many(f"INSERT OR IGNORE INTO {target} VALUES (?, ?, ?, ?, ?)", rows)  # noqa: S608 - constants


def _drop(portal: Portal, rows: list[Tie], table: str) -> None:
    which = "from_type = ? AND to_type = ? AND from_id = ? AND to_id = ? AND kind = ?"
    portal.state.run_many(f"DELETE FROM {table} WHERE {which}", rows)  # noqa: S608 - constants


def _leave(portal: Portal, kind: ObjectType, number: int) -> None:
    """Take a record out of all lists, and free its unique values."""
    sql = "DELETE FROM membership WHERE record = ? AND list IN (SELECT id FROM list WHERE type = ?)"
    portal.state.run(sql, number, kind.id)
    portal.state.run("DELETE FROM unique_value WHERE type = ? AND id = ?", kind.id, number)
