"""Rows of the org's tables, read and written whole."""

from typing import Any

from connector.sandbox.salesforce_fields import NUMBERS, SObject
from connector.sandbox.salesforce_ids import make_id
from connector.sandbox.salesforce_org import Org, Session

Row = dict[str, Any]
CURRENCY = "GBP"
"""The org's own."""


def next_id(org: Org, kind: SObject) -> str:
    """An id that no record of the object has had."""
    return make_id(kind.prefix, org.state.next_id(kind.name))


def read(org: Org, kind: SObject, id: str) -> Row | None:
    """A record as it is kept, also a deleted one."""
    found = org.state.db.execute(f'SELECT * FROM "{kind.name}" WHERE Id = ?', (id,))  # noqa: S608 - of the schema
    row = found.fetchone()
    return row and dict(zip((column[0] for column in found.description), row, strict=True))


def put(org: Org, kind: SObject, row: Row) -> None:
    """Write a record, new or changed. Columns that are not named become null."""
    names = [name for name in row if kind.fields[name].stored]
    listed, marks = ", ".join(f'"{name}"' for name in names), ", ".join("?" * len(names))
    sql = f'INSERT OR REPLACE INTO "{kind.name}" ({listed}) VALUES ({marks})'  # noqa: S608 - names of the schema
    org.state.run(sql, *(row[name] for name in names))


def make_row(session: Session, kind: SObject, id: str, given: Row) -> Row:
    """A new record's row: what was given, over what Salesforce fills in by itself."""
    now, user = session.org.now(), session.user.id
    stamps = {"CreatedDate": now, "LastModifiedDate": now, "SystemModstamp": now}
    row: Row = {name: value for name, value in stamps.items() if name in kind.fields}
    row |= {name: user for name in ("CreatedById", "LastModifiedById", "OwnerId") if name in kind.fields}
    return {"Id": id, **_defaults(kind), **row, **{name: value for name, value in given.items() if value is not None}}


def _defaults(kind: SObject) -> Row:
    made: Row = {}
    for one in kind.fields.values():
        numeric = one.can("D") and (one.type in NUMBERS or one.type == "int")
        if one.stored and (one.type == "boolean" or numeric):
            made[one.name] = 0
        elif one.name == "CurrencyIsoCode":
            made[one.name] = CURRENCY
    return made
