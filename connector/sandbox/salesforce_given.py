"""What a caller gives for a record: names become fields, values what columns keep, parents named by a key their ids."""

from collections.abc import Mapping
from typing import Any

from connector.sandbox.salesforce_errors import ApiError, Failed, failed
from connector.sandbox.salesforce_fields import Field, SObject
from connector.sandbox.salesforce_ids import long_id
from connector.sandbox.salesforce_org import Session
from connector.sandbox.salesforce_values import stored

WORDS = (
    "Please check the security settings of this field and verify that it is read/write for your profile or "
    "permission set."
)


def changes_of(session: Session, kind: SObject, values: Mapping[str, Any], letter: str) -> dict[str, Any]:
    """Field name -> what its column keeps.

    Args:
        letter: c for a new record, u for a change: the property a field must have.
    """
    changes: dict[str, Any] = {}
    for name, value in values.items():
        if name.lower() in ("attributes", "id"):
            continue
        one = kind.relation(name) if isinstance(value, Mapping) else None
        if one is None:
            one = _field(session, kind, name, letter)
            changes[one.name] = stored(one, value)
        else:
            _writable(session, kind, one, letter)
            changes[one.name] = _parent(session, kind, one, value)
    return changes


def _field(session: Session, kind: SObject, name: str, letter: str) -> Field:
    one = kind.find(name)
    if one is None or not session.org.has(one.feature):
        raise failed("INVALID_FIELD", f"No such column '{name}' on sobject of type {kind.name}")
    return _writable(session, kind, one, letter)


def _writable(session: Session, kind: SObject, one: Field, letter: str) -> Field:
    if not one.can(letter) or not session.edits(kind, one):
        message = f"Unable to create/update fields: {one.name}. {WORDS}"
        raise failed("INVALID_FIELD_FOR_INSERT_UPDATE", message, one.name)
    return one


def _parent(session: Session, kind: SObject, one: Field, value: Mapping[str, Any]) -> str:
    """The id of a parent that is named by one of its keys: `{"Account": {"Number__c": "7"}}`."""
    named = {name: text for name, text in value.items() if name != "attributes"}
    if len(named) != 1:
        raise failed("INVALID_FIELD", f"One key field is wanted for the parent {one.relationship}")
    ((name, text),) = named.items()
    parent = session.object(one.parents[0])
    found = matches(session, parent, name, text)
    if len(found) == 1:
        return found[0]
    if found:
        raise ambiguous(name, found)
    message = f"Foreign key external ID: {text} not found for field {name} in entity {parent.name}"
    raise Failed(ApiError("INVALID_FIELD", message, ()))


def matches(session: Session, kind: SObject, name: str, value: Any) -> list[str]:
    """Ids of the living records with this value of a key field: an external id, or one marked as an id lookup."""
    one = session.field(kind, name)
    if one is None or not (one.can("E") or one.can("I")):
        message = f"Provided external ID field does not exist or is not accessible: {name}"
        raise failed("NOT_FOUND", message)
    if one.name == "Id":
        return [found] if (found := long_id(value)) and alive(session, kind, found) else []
    living = " AND IsDeleted = 0" if "IsDeleted" in kind.fields else ""
    column = f'"{one.mirror or one.name}"'
    sql = f'SELECT Id FROM "{kind.name}" WHERE {column} = ?{living} ORDER BY Id'  # noqa: S608 - names of the schema
    if one.mirror:
        sql = f"""SELECT Id FROM Account WHERE PersonContactId IN
            (SELECT Id FROM Contact WHERE {column} = ?) AND IsDeleted = 0 ORDER BY Id"""  # noqa: S608
    return [found for (found,) in session.org.state.rows(sql, stored(one, value)) if visible(session, found)]


def ambiguous(name: str, found: list[str]) -> Failed:
    """More than one record has this value of a key field."""
    message = f"{name}: more than one record found for external id field: [{', '.join(found)}]"
    return failed("DUPLICATE_EXTERNAL_ID", message, name)


def alive(session: Session, kind: SObject, id: str) -> bool:
    """Whether a record is there, not deleted, and to be seen by the user."""
    living = " AND IsDeleted = 0" if "IsDeleted" in kind.fields else ""
    sql = f'SELECT 1 FROM "{kind.name}" WHERE Id = ?{living}'  # noqa: S608 - names of the schema
    return session.org.state.row(sql, id) is not None and visible(session, id)


def visible(session: Session, id: str) -> bool:
    """Whether sharing lets the user see a record."""
    if session.user.admin or not session.org.hides_rows:
        return True
    return session.org.state.row("SELECT 1 FROM hidden_row WHERE id = ?", id) is None
