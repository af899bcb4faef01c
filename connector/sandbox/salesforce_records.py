"""Records made, changed, put or deleted, one at a time; each wholly or not at all."""

from collections.abc import Mapping
from typing import Any

from connector.sandbox import salesforce_checks as checks
from connector.sandbox.salesforce_bin import discard, erase
from connector.sandbox.salesforce_errors import failed
from connector.sandbox.salesforce_fields import SObject
from connector.sandbox.salesforce_given import ambiguous, changes_of, matches, visible
from connector.sandbox.salesforce_ids import long_id
from connector.sandbox.salesforce_org import Session, savepoint
from connector.sandbox.salesforce_persons import follow_contact, is_person, new_person, split, write_person
from connector.sandbox.salesforce_rows import Row, make_row, next_id, put, read
from connector.sandbox.salesforce_rules import RULES
from connector.sandbox.salesforce_sequels import sequels

Values = Mapping[str, Any]


def insert(session: Session, name: str, values: Values) -> str:
    """Make a record; returns its id. Fails with Salesforce's error."""
    kind = _allowed(session, name, "c")
    if any(given.lower() == "id" and values[given] is not None for given in values):
        raise failed("INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", "Id")
    changes = changes_of(session, kind, values, "c")
    with savepoint(session.org):
        return add(session, kind, changes)


def add(session: Session, kind: SObject, changes: Row) -> str:
    """Write a new record from what its columns keep; checks and rules apply. Returns its id."""
    own, mirrored = split(kind, changes)
    if mirrored.get("LastName"):
        new_person(session, own, mirrored)
    row = make_row(session, kind, next_id(session.org, kind), {})
    _checked(session, kind, None, own, row)
    row.update((name, value) for name, value in own.items() if value is not None)
    put(session.org, kind, row)
    if mirrored:
        write_person(session, row, mirrored)
    sequels(session, kind, row)
    return str(row["Id"])


def update(session: Session, name: str, id: str, values: Values) -> str:
    """Change a record; returns its id. Fails with Salesforce's error."""
    kind = _allowed(session, name, "u")
    changes = changes_of(session, kind, values, "u")
    before = existing(session, kind, id)
    with savepoint(session.org):
        change(session, kind, before, changes)
    return str(before["Id"])


def change(session: Session, kind: SObject, before: Row, changes: Row) -> None:
    """Write what changes of a record; checks and rules apply. The modified date moves even where nothing differs."""
    own, mirrored = split(kind, changes)
    _checked(session, kind, before, own, {**before, **own})
    after = {**before, **own, **stamps(session, kind)}
    put(session.org, kind, after)
    if kind.name == "Account" and (mirrored or is_person(after)):
        write_person(session, after, mirrored)
    if kind.name == "Contact" and after.get("IsPersonAccount"):
        follow_contact(session, after)
    sequels(session, kind, after)


def _checked(session: Session, kind: SObject, before: Row | None, changes: Row, row: Row) -> None:
    if rule := RULES.get(kind.name):
        rule(session, before, changes)
    checks.required(kind, changes, new=before is None)
    checks.parents(session, kind, changes)
    checks.unique(session, kind, changes, row.get("Id"))
    session.org.part(checks.Locks).check(kind, before["Id"] if before else None, {**row, **changes})


def stamps(session: Session, kind: SObject) -> Row:
    """The audit fields of a change made by this user now."""
    if not kind.system:
        return {}
    now = session.org.now()
    return {"LastModifiedDate": now, "SystemModstamp": now, "LastModifiedById": session.user.id}


def upsert(session: Session, name: str, key: str, value: Any, values: Values) -> tuple[str, bool]:
    """Change the record with this value of a key field, or make one; returns its id and whether it is new."""
    kind = session.object(name)
    if key.lower() == "id":
        return (update(session, name, value, values), False) if value else (insert(session, name, values), True)
    if value is None or str(value).strip() == "":
        raise failed("MISSING_ARGUMENT", f"{key} not specified")
    found = matches(session, kind, key, value)
    if len(found) > 1:
        raise ambiguous(key, found)
    rest = {given: what for given, what in values.items() if given.lower() != key.lower()}
    if found:
        return update(session, name, found[0], rest), False
    return insert(session, name, {**rest, key: value}), True


def delete(session: Session, name: str, id: str) -> None:
    """Put a record into the recycle bin, with those that depend on it. Fails with Salesforce's error."""
    kind = _allowed(session, name, "d")
    row = existing(session, kind, id)
    session.org.part(checks.Locks).check(kind, row["Id"], row)
    if kind.name == "Contact" and row.get("IsPersonAccount"):
        raise failed("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")
    if kind.name == "Order" and row["StatusCode"] == "Activated":
        raise failed("DELETE_FAILED", "You can't delete an activated order.")
    with savepoint(session.org):
        discard(session.org, kind, [row["Id"]])
        sequels(session, kind, row)


def hard_delete(session: Session, name: str, id: str) -> None:
    """Delete a record for good, past the recycle bin, with those that depend on it. Fails with Salesforce's error."""
    kind = _allowed(session, name, "d")
    row = existing(session, kind, id)
    session.org.part(checks.Locks).check(kind, row["Id"], row)
    with savepoint(session.org):
        erase(session.org, kind, [row["Id"]])


def existing(session: Session, kind: SObject, id: Any) -> Row:
    """The living record with this id. Fails for one that is not there, not of this object, or deleted."""
    found = long_id(id)
    if found is None:
        raise failed("MALFORMED_ID", f"{kind.label} ID: id value of incorrect type: {id}", "Id")
    row = read(session.org, kind, found) if found.startswith(kind.prefix) else None
    if row is None or not visible(session, found):
        raise failed("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", status=404)
    if row.get("IsDeleted"):
        raise failed("ENTITY_IS_DELETED", "entity is deleted")
    return row


def _allowed(session: Session, name: str, right: str) -> SObject:
    kind = session.object(name)
    if not session.may(kind, right):
        raise failed("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", status=403)
    return kind
