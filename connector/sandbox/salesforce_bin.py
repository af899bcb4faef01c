"""The recycle bin: deleted records with what depended on them, taken out again, or gone for good."""

from collections.abc import Iterator, Sequence
from typing import Any

from connector.sandbox.salesforce_errors import failed
from connector.sandbox.salesforce_fields import SObject
from connector.sandbox.salesforce_org import Org


def discard(org: Org, kind: SObject, ids: Sequence[str]) -> None:
    """Put living records into the bin; records that depend on them go along, at the same moment."""
    _mark(org, kind, ids, 0, 1)


def restore(org: Org, kind: SObject, ids: Sequence[str]) -> None:
    """Take records out of the bin, with what went along with them. Fails for one that is not in it, or was merged."""
    for id in ids:
        row = org.state.row(f'SELECT IsDeleted, {_master(kind)} FROM "{kind.name}" WHERE Id = ?', id)  # noqa: S608
        if row is None or not row[0]:
            raise failed("UNDELETE_FAILED", "Entity is not in the recycle bin")
        if row[1]:
            raise failed("UNDELETE_FAILED", "entity was merged away")
    _mark(org, kind, ids, 1, 0)


def erase(org: Org, kind: SObject, ids: Sequence[str]) -> None:
    """Records gone for good, with what depends on them: no query and no list of deletions tells of them."""
    for child, column in dependants(org, kind):
        found = [row[0] for id in ids for row in _children(org, child, column, id)]
        if found:
            erase(org, child, found)
    org.state.run_many(f'DELETE FROM "{kind.name}" WHERE Id = ?', [(id,) for id in ids])  # noqa: S608 - of the schema


def dependants(org: Org, kind: SObject) -> Iterator[tuple[SObject, str]]:
    """The objects, and their reference columns, whose records go when one of this object goes."""
    for child in org.schema.values():
        for one in child.fields.values():
            if one.cascade and kind.name in one.parents and "IsDeleted" in child.fields:
                yield child, one.name


def _children(org: Org, child: SObject, column: str, id: str) -> list[Any]:
    return org.state.rows(f'SELECT Id FROM "{child.name}" WHERE "{column}" = ?', id)  # noqa: S608 - of the schema


def _mark(org: Org, kind: SObject, ids: Sequence[str], was: int, becomes: int) -> None:
    now = org.now()
    for id in ids:
        moment = org.state.value(f'SELECT SystemModstamp FROM "{kind.name}" WHERE Id = ?', id)  # noqa: S608
        _mark_one(org, kind, id, (was, becomes, moment, now))


def _mark_one(org: Org, kind: SObject, id: str, how: tuple[int, int, int, int]) -> None:
    """Mark a record, and those dependants that were not in the bin before it, or came into it together with it."""
    was, becomes, moment, now = how
    for child, column in dependants(org, kind):
        sql = f'SELECT Id FROM "{child.name}" WHERE "{column}" = ? AND IsDeleted = ?'  # noqa: S608 - of the schema
        together = " AND SystemModstamp = ?" if was else ""
        for (found,) in org.state.rows(sql + together, id, was, *([moment] if was else [])):
            if not (was and _orphaned(org, child, found, column)):
                _mark_one(org, child, found, how)
    sql = f'UPDATE "{kind.name}" SET IsDeleted = ?, SystemModstamp = ? WHERE Id = ?'  # noqa: S608 - of the schema
    org.state.run(sql, becomes, now, id)


def _orphaned(org: Org, child: SObject, id: str, but: str) -> bool:
    """Whether another record that it depends on is in the bin itself: then it stays there too."""
    ties = [one for one in child.fields.values() if one.cascade and one.name != but]
    return any(_in_bin(org, kind, child, one.name, id) for one in ties for kind in one.parents)


def _in_bin(org: Org, parent: str, child: SObject, column: str, id: str) -> bool:
    sql = f"""SELECT 1 FROM "{child.name}" JOIN "{parent}" ON "{parent}".Id = "{child.name}"."{column}"
        WHERE "{child.name}".Id = ? AND "{parent}".IsDeleted = 1"""  # noqa: S608 - names of the schema
    return org.state.row(sql, id) is not None


def _master(kind: SObject) -> str:
    return "MasterRecordId" if "MasterRecordId" in kind.fields else "NULL"
