"""Transactions that take long: what they change carries the time they began, and is seen when they commit.

While one runs, nobody else can write the record that it changes.
"""

import json
from contextlib import suppress
from typing import Any

from connector.sandbox.salesforce_errors import Failed
from connector.sandbox.salesforce_fields import SObject
from connector.sandbox.salesforce_given import changes_of
from connector.sandbox.salesforce_org import Org, Session, savepoint
from connector.sandbox.salesforce_records import add, change, existing


def begin(session: Session, kind: SObject, id: str | None, values: dict[str, Any], seconds: float) -> None:
    """Begin now to change a record, or to make one (no id), and commit so many seconds later by the sandbox clock."""
    changes_of(session, kind, values, "u" if id else "c")
    if id:
        existing(session, kind, id)
    now = session.org.now()
    changes = json.dumps(values, sort_keys=True)
    sql = "INSERT INTO open_transaction (object, record, changes, began, commits) VALUES (?, ?, ?, ?, ?)"
    session.org.state.run(sql, kind.name, id, changes, now, now + round(seconds * 1000))


def commit_due(org: Org, *, all_of_them: bool = False) -> int:
    """Commit the transactions whose time has come, or all; returns how many."""
    until = org.clock.milliseconds()
    sql = "SELECT id, object, record, changes, began FROM open_transaction WHERE commits <= ? OR ? ORDER BY commits, id"
    due = org.state.rows(sql, until, all_of_them)
    for number, name, id, changes, began in due:
        org.state.run("DELETE FROM open_transaction WHERE id = ?", number)
        with suppress(Failed), savepoint(org):  # one whose record was deleted meanwhile comes to nothing
            _commit(Session(org, org.automated), org.schema[name], id, json.loads(changes), began)
    return len(due)


def _commit(session: Session, kind: SObject, id: str | None, values: dict[str, Any], began: int) -> None:
    given = changes_of(session, kind, values, "u" if id else "c")
    with session.org.at(began):
        if id:
            change(session, kind, existing(session, kind, id), given)
        else:
            add(session, kind, given)


def earliest_open(org: Org, kind: SObject) -> int | None:
    """When the oldest transaction that still changes records of an object began."""
    began: int | None = org.state.value("SELECT min(began) FROM open_transaction WHERE object = ?", kind.name)
    return began
