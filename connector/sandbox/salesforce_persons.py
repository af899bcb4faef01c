"""Person accounts: an account and a hidden contact that are one person; the person's fields are kept on the contact."""

from connector.sandbox.salesforce_errors import failed
from connector.sandbox.salesforce_fields import SObject
from connector.sandbox.salesforce_org import Session
from connector.sandbox.salesforce_rows import Row, make_row, next_id, put, read
from connector.sandbox.salesforce_rules import RULES


def split(kind: SObject, changes: Row) -> tuple[Row, Row]:
    """Changes of an object's own columns, and those of a person account's contact, by the contact's names."""
    own = {name: value for name, value in changes.items() if kind.fields[name].mirror is None}
    return own, {mirror: value for name, value in changes.items() if (mirror := kind.fields[name].mirror)}


def is_person(account: Row) -> bool:
    """Whether an account is a person."""
    return bool(account.get("IsPersonAccount"))


def new_person(session: Session, account: Row, person: Row) -> None:
    """Make an account that is about to be written a person's: a last name makes it one. Its contact comes later."""
    if account.get("Name"):
        message = "Account: bad field names on insert/update call: Name"
        raise failed("INVALID_FIELD_FOR_INSERT_UPDATE", message, "Name")
    contact = next_id(session.org, session.org.schema["Contact"])
    names = (person.get("FirstName"), person["LastName"])
    account.update(IsPersonAccount=1, PersonContactId=contact, Name=" ".join(name for name in names if name))


def write_person(session: Session, account: Row, person: Row) -> None:
    """Write the contact of a person account, and the account's name after it."""
    if not is_person(account):
        message = f"Unable to create/update fields: {', '.join(sorted(person))}."
        raise failed("INVALID_FIELD_FOR_INSERT_UPDATE", message, *sorted(person))
    kind = session.org.schema["Contact"]
    before = read(session.org, kind, account["PersonContactId"])
    row = before or make_row(session, kind, account["PersonContactId"], {"IsPersonAccount": 1})
    changes = dict(person)
    RULES["Contact"](session, before, changes)
    row.update({**changes, "AccountId": account["Id"], "IsPersonAccount": 1, **_stamps(account)})
    put(session.org, kind, row)
    sql = "UPDATE Account SET Name = ? WHERE Id = ?"
    session.org.state.run(sql, row["Name"], account["Id"])


def follow_contact(session: Session, contact: Row) -> None:
    """The account of a person whose contact changed has changed as well."""
    sql = """UPDATE Account SET Name = ?, LastModifiedDate = ?, SystemModstamp = ?, LastModifiedById = ?
        WHERE Id = ?"""
    stamps = _stamps(contact)
    session.org.state.run(sql, contact["Name"], *stamps.values(), contact["AccountId"])


def _stamps(row: Row) -> Row:
    return {name: row[name] for name in ("LastModifiedDate", "SystemModstamp", "LastModifiedById")}
