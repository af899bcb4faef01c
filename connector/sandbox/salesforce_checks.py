"""What must hold before a record is written: required fields, parents that are there, unique values, no locks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.sandbox.salesforce_errors import failed
from connector.sandbox.salesforce_fields import SObject
from connector.sandbox.salesforce_given import visible
from connector.sandbox.salesforce_org import Org, Session

Changes = Mapping[str, Any]


def required(kind: SObject, changes: Changes, *, new: bool) -> None:
    """A new record has a value for every field that must have one, and no change takes it away."""
    must = (
        one for one in kind.fields.values() if one.stored and one.can("c") and not one.can("n") and not one.can("D")
    )
    lacking = [one.name for one in must if (new or one.name in changes) and changes.get(one.name) is None]
    if lacking:
        raise failed("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(lacking)}]", *lacking)


def parents(session: Session, kind: SObject, changes: Changes) -> None:
    """Every parent that is named is of the right object, is there, and is not deleted."""
    for name, value in changes.items():
        one = kind.fields[name]
        if one.parents and value is not None and (one.can("c") or one.can("u")):
            _parent(session, name, one.label, one.parents, value)


def _parent(session: Session, name: str, label: str, allowed: Iterable[str], id: str) -> None:
    kind = session.org.prefixes.get(id[:3])
    if kind is None or kind.name not in allowed:
        if kind is None and id[:3] == "00G":  # a queue owns it; queues are no objects here
            return
        raise failed("FIELD_INTEGRITY_EXCEPTION", f"{label}: id value of incorrect type: {id}", name)
    deleted = "IsDeleted" if "IsDeleted" in kind.fields else "0"
    row = session.org.state.row(f'SELECT {deleted} FROM "{kind.name}" WHERE Id = ?', id)  # noqa: S608 - of the schema
    if row is None or not visible(session, id):
        message = f"insufficient access rights on cross-reference id: {id[:15]}"
        raise failed("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", message)
    if row[0]:
        raise failed("ENTITY_IS_DELETED", "entity is deleted", name, status=400)


def unique(session: Session, kind: SObject, changes: Changes, id: str | None) -> None:
    """No other record holds a value that only one may hold; deleted ones give theirs free."""
    for name, value in changes.items():
        if value is None or not kind.fields[name].can("U"):
            continue
        sql = f'SELECT Id FROM "{kind.name}" WHERE "{name}" = ? AND Id <> ? AND IsDeleted = 0'  # noqa: S608
        if other := session.org.state.value(sql, value, id or ""):
            message = f"duplicate value found: {name} duplicates value on record with id: {other[:15]}"
            raise failed("DUPLICATE_VALUE", message)


@dataclass
class Locks:
    """Rows that somebody else holds just now.

    Attributes:
        held: id -> how many more writes it refuses.
        every, storm: of the writes to any row, each so-manieth is refused, so many times in all.
    """

    org: Org
    held: dict[str, int] = field(default_factory=dict)
    every: int = 0
    storm: int = 0
    _writes: int = 0

    def check(self, kind: SObject, id: str | None, row: Changes) -> None:
        """Fail where the row, or a parent that a write to it locks as well, is held; or an open transaction has it."""
        if id and self.org.state.row("SELECT 1 FROM open_transaction WHERE record = ?", id):
            raise _locked(id)
        tied = [row.get(one.name) for one in kind.fields.values() if one.cascade]
        for one in filter(None, [id, *tied]):
            if self.held.get(one, 0) > 0:
                self.held[one] -= 1
                raise _locked(one)
        self._writes += 1
        if self.storm > 0 and self.every and self._writes % self.every == 0:
            self.storm -= 1
            raise _locked(id or next(filter(None, tied), ""))


def _locked(id: str) -> Exception:
    return failed("UNABLE_TO_LOCK_ROW", f"unable to obtain exclusive access to this record or 1 records: {id}")
