"""What each destination has confirmed: who is in which list, and which properties stand on whom.

The plan is wanted minus this. `certain` is False where we know that a member may or may not be in a list
(a merge carried memberships along): the next plan states its wish either way.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from connector.model import Delivery, Receipt
from connector.store.database import CHUNK, Store, upsert
from connector.store.tables import membership, profile, refusal

Properties = Mapping[str, str | None]


def record(connection: sa.Connection, delivery: Delivery, receipt: Receipt, run: int) -> None:
    """Write down a receipt, in the transaction that also moves the batch in the outbox."""
    if delivery.kind == "membership":
        _record_members(connection, delivery, receipt, run)
    else:
        _record_properties(connection, delivery, receipt, run)
    accepted = [*receipt.added, *receipt.removed, *receipt.written]
    _delete(connection, refusal, delivery.destination, accepted, audience=delivery.audience)
    _record_refusals(connection, delivery, receipt, run)


def members(store: Store, destination: str, of: Collection[str] | None = None) -> list[tuple[str, str, bool]]:
    """(audience, member, certain) of a destination; of all members, or of the named ones."""
    query = sa.select(membership.c.audience, membership.c.member, membership.c.certain)
    query = query.where(membership.c.destination == destination)
    return [tuple(row) for row in _chunked(store, query, membership.c.member, of)]


def profiles(store: Store, destination: str, of: Collection[str] | None = None) -> dict[str, dict[str, str] | None]:
    """member -> the non-empty properties that the destination acknowledged; None where a merge mixed them."""
    query = sa.select(profile.c.member, profile.c.properties).where(profile.c.destination == destination)
    return {row.member: json.loads(row.properties) for row in _chunked(store, query, profile.c.member, of)}


def refusals(store: Store, destination: str, of: Collection[str] | None = None) -> dict[tuple[str, str], str]:
    """(audience, member) -> the wish that was refused. The same wish is not sent again until its contact changes."""
    query = sa.select(refusal.c.audience, refusal.c.member, refusal.c.wish)
    query = query.where(refusal.c.destination == destination)
    return {(row.audience, row.member): row.wish for row in _chunked(store, query, refusal.c.member, of)}


def echoes(store: Store, destination: str, of: Collection[str]) -> dict[str, datetime]:
    """member -> the modification time that our own last write left on the record."""
    query = sa.select(profile.c.member, profile.c.version).where(profile.c.destination == destination)
    return {row.member: row.version for row in _chunked(store, query, profile.c.member, of) if row.version}


def sizes(store: Store, destination: str) -> dict[str, int]:
    """Acknowledged size of every list."""
    query = sa.select(membership.c.audience, sa.func.count()).where(membership.c.destination == destination)
    return {row[0]: row[1] for row in store.rows(query.group_by(membership.c.audience))}


def forget_list(store: Store, destination: str, audience: str) -> None:
    """The list itself is gone: nobody is in it any more."""
    where = sa.and_(membership.c.destination == destination, membership.c.audience == audience)
    with store.begin() as connection:
        connection.execute(membership.delete().where(where))
        connection.execute(refusal.delete().where(refusal.c.destination == destination, refusal.c.audience == audience))


def inherit(store: Store, destination: str, survivors: Mapping[str, str | None], run: int) -> None:
    """Contacts that are gone: their memberships pass, uncertain, to the survivor of a merge (None: deleted).

    The survivor's properties become unknown, since a merge mixes them.
    """
    gone = list(survivors)
    moved = [(name, survivors[member]) for name, member, _ in members(store, destination, gone)]
    heirs = {heir for heir in survivors.values() if heir}
    with store.begin() as connection:
        rows = {(name, heir) for name, heir in moved if heir}
        _put_members(connection, destination, sorted(rows), run, certain=False)
        for table in (membership, profile, refusal):
            _delete(connection, table, destination, gone)
        mixed = [
            {"destination": destination, "member": heir, "properties": "null", "run": run} for heir in sorted(heirs)
        ]
        if mixed:
            upsert(connection, profile, mixed)


def forget_refusals(store: Store, destination: str, of: Collection[str]) -> None:
    """These contacts changed: what was refused for them is worth another try."""
    with store.begin() as connection:
        _delete(connection, refusal, destination, sorted(of))


def _record_members(connection: sa.Connection, delivery: Delivery, receipt: Receipt, run: int) -> None:
    added = [(delivery.audience, member) for member in receipt.added]
    _put_members(connection, delivery.destination, added, run, certain=True)
    _delete(connection, membership, delivery.destination, receipt.removed, audience=delivery.audience)


def _record_properties(connection: sa.Connection, delivery: Delivery, receipt: Receipt, run: int) -> None:
    query = sa.select(profile.c.member, profile.c.properties).where(profile.c.destination == delivery.destination)
    known: dict[str, dict[str, str] | None] = {}
    written = list(receipt.written)
    for start in range(0, len(written), CHUNK):
        found = connection.execute(query.where(profile.c.member.in_(written[start : start + CHUNK])))
        known.update({row.member: json.loads(row.properties) for row in found})
    rows = [
        {
            "destination": delivery.destination,
            "member": member,
            "properties": merged(known.get(member) or {}, delivery.values[member]),
            "version": version,
            "run": run,
        }
        for member, version in receipt.written.items()
    ]
    if rows:
        upsert(connection, profile, rows)


def merged(known: Properties, changes: Properties) -> str:
    """Acknowledged properties after a write, as sorted JSON; None clears."""
    return json.dumps({k: v for k, v in {**known, **changes}.items() if v is not None}, sort_keys=True)


def wish_of(delivery: Delivery, member: str) -> str:
    """What a delivery wanted for one member, comparable with a later wish."""
    if delivery.kind == "properties":
        return json.dumps(delivery.values[member], sort_keys=True)
    return "add" if member in delivery.add else "remove"


def _record_refusals(connection: sa.Connection, delivery: Delivery, receipt: Receipt, run: int) -> None:
    rows = [
        {
            "destination": delivery.destination,
            "audience": delivery.audience,
            "member": member,
            "wish": wish_of(delivery, member),
            "reason": reason,
            "run": run,
        }
        for member, reason in receipt.rejected.items()
    ]
    if rows:
        upsert(connection, refusal, rows)


def _put_members(
    connection: sa.Connection, destination: str, pairs: list[tuple[str, str]], run: int, *, certain: bool
) -> None:
    rows = [
        {"destination": destination, "audience": name, "member": member, "certain": certain, "run": run}
        for name, member in pairs
    ]
    if rows:
        upsert(connection, membership, rows)


def _delete(
    connection: sa.Connection, table: sa.Table, destination: str, of: Collection[str], audience: str | None = None
) -> None:
    named = list(of)
    for start in range(0, len(named), CHUNK):
        query = table.delete().where(table.c.destination == destination)
        query = query.where(table.c.member.in_(named[start : start + CHUNK]))
        connection.execute(query if audience is None else query.where(table.c.audience == audience))


def _chunked(store: Store, query: sa.Select[Any], column: sa.Column[Any], of: Collection[str] | None) -> Iterator[Any]:
    """Rows of a query, of everybody or of the named members, a few thousand names a statement."""
    if of is None:
        yield from store.rows(query)
        return
    named = list(of)
    for start in range(0, len(named), CHUNK):
        yield from store.rows(query.where(column.in_(named[start : start + CHUNK])))
