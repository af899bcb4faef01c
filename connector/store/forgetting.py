"""Letting a person vanish from the store: memberships, properties, refusals, vetoes, rejected rows, payloads."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from connector.store.database import Store, delete_members
from connector.store.tables import ad_member, membership, outbox, profile, refusal, rejected, veto

OF_MEMBERS = (membership, profile, refusal, veto, ad_member)
Names = Callable[[str], bool]
"""Whether a text names a person."""


def forget_members(store: Store, destination: str, members: Collection[str]) -> None:
    """Nothing is left of these members of a destination, nor in what was once sent about them."""
    with store.begin() as connection:
        for table in OF_MEMBERS:
            delete_members(connection, table, destination, members)
        rows = connection.execute(outbox.select().where(outbox.c.destination == destination)).all()
        for row in rows:
            _without_members(connection, row, set(members))


def _without_members(connection: sa.Connection, row: Any, members: set[str]) -> None:
    payload: dict[str, Any] = row.payload
    named = {*payload.get("add", ()), *payload.get("remove", ()), *payload.get("values", {})}
    if not named & members:
        return
    kept = {verb: [one for one in payload.get(verb, ()) if one not in members] for verb in ("add", "remove")}
    values = {one: told for one, told in payload.get("values", {}).items() if one not in members}
    connection.execute(outbox.update().where(outbox.c.id == row.id).values(payload={**kept, "values": values}))


def forget_rejected(store: Store, names: Names) -> int:
    """Rejected rows that hold a person vanish; returns how many."""
    with store.begin() as connection:
        gone = [row for row in connection.execute(rejected.select()) if any(map(names, _texts(row)))]
        for row in gone:
            key = (column == getattr(row, column.name) for column in rejected.primary_key)
            connection.execute(rejected.delete().where(*key))
    return len(gone)


def _texts(row: Any) -> tuple[str, str, str]:
    return row.reference, row.reason, json.dumps(row.row, ensure_ascii=False)


def rejected_texts(store: Store) -> set[str]:
    """Every text that stands in a rejected row by itself."""
    return {text for row in store.rows(sa.select(rejected.c.row)) for text in _leaves(row.row)}


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for each in value.values():
            yield from _leaves(each)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each)
    elif isinstance(value, str):
        yield value


def known_members(store: Store) -> set[tuple[str, str]]:
    """(destination, member) of everybody whom our books speak of."""
    tables = (membership, profile, refusal, veto)
    rows = (row for table in tables for row in store.rows(sa.select(table.c.destination, table.c.member).distinct()))
    return {(row.destination, row.member) for row in rows}


def forget_finished(store: Store, states: Collection[str], before: datetime) -> int:
    """Batches that ended before a moment vanish with their payloads; returns how many."""
    with store.begin() as connection:
        old = sa.and_(outbox.c.state.in_(states), outbox.c.changed_at < before)
        return int(connection.execute(outbox.delete().where(old)).rowcount)


def forget_rejected_before(store: Store, before: datetime) -> int:
    """Rejected rows last seen before a moment vanish; returns how many."""
    with store.begin() as connection:
        return int(connection.execute(rejected.delete().where(rejected.c.last_seen < before)).rowcount)
