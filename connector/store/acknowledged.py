"""What each destination has confirmed: who is in which list, and which properties stand on whom.

The plan is wanted minus this. `certain` is False where we know that a member may or may not be in a list
(a merge carried memberships along): the next plan states its wish either way.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from connector.model import Delivery, Receipt
from connector.store import vetoes
from connector.store.database import CHUNK, Store, delete_members, of_members, upsert
from connector.store.tables import membership, profile, refusal, veto

Properties = Mapping[str, str | None]


def record(connection: sa.Connection, delivery: Delivery, receipt: Receipt, run: int) -> None:
    """Write down a receipt, in the transaction that also moves the batch in the outbox."""
    if delivery.kind == "membership":
        _record_members(connection, delivery, receipt, run)
    else:
        _record_properties(connection, delivery, receipt, run)
    accepted = [*receipt.added, *receipt.removed, *receipt.written]
    delete_members(connection, refusal, delivery.destination, accepted, audience=delivery.audience)
    _record_refusals(connection, delivery, receipt, run)


def members(store: Store, destination: str, of: Collection[str] | None = None) -> list[tuple[str, str, bool]]:
    """(audience, member, certain) of a destination; of all members, or of the named ones."""
    query = sa.select(membership.c.audience, membership.c.member, membership.c.certain)
    query = query.where(membership.c.destination == destination)
    return [tuple(row) for row in of_members(store, query, membership.c.member, of)]


def profiles(store: Store, destination: str, of: Collection[str] | None = None) -> dict[str, dict[str, str] | None]:
    """member -> the non-empty properties that the destination acknowledged; None where a merge mixed them."""
    query = sa.select(profile.c.member, profile.c.properties).where(profile.c.destination == destination)
    return {row.member: json.loads(row.properties) for row in of_members(store, query, profile.c.member, of)}


def refusals(store: Store, destination: str, of: Collection[str] | None = None) -> dict[tuple[str, str], str]:
    """(audience, member) -> the wish that was refused. The same wish is not sent again until its contact changes."""
    query = sa.select(refusal.c.audience, refusal.c.member, refusal.c.wish)
    query = query.where(refusal.c.destination == destination)
    return {(row.audience, row.member): row.wish for row in of_members(store, query, refusal.c.member, of)}


def echoes(store: Store, destination: str, of: Collection[str]) -> dict[str, datetime]:
    """member -> the modification time that our own last write left on the record."""
    query = sa.select(profile.c.member, profile.c.version).where(profile.c.destination == destination)
    return {row.member: row.version for row in of_members(store, query, profile.c.member, of) if row.version}


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


def doubt_list(store: Store, destination: str, audience: str) -> None:
    """Nobody knows who is in this list now: the next plan states every wish, unless the list is read before."""
    where = sa.and_(membership.c.destination == destination, membership.c.audience == audience)
    with store.begin() as connection:
        connection.execute(membership.update().where(where).values(certain=False))


def doubt_profiles(store: Store, destination: str, members: Collection[str], run: int) -> None:
    """Nobody knows which of our properties stand on these members now: the next plan states them all."""
    rows = [{"destination": destination, "member": one, "properties": "null", "run": run} for one in sorted(members)]
    if rows:
        with store.begin() as connection:
            upsert(connection, profile, rows)


def members_of(store: Store, destination: str, audience: str) -> dict[str, bool]:
    """member -> certain, of one list."""
    query = sa.select(membership.c.member, membership.c.certain)
    query = query.where(membership.c.destination == destination, membership.c.audience == audience)
    return {row.member: row.certain for row in store.rows(query)}


def corrected(store: Store, destination: str, run: int) -> bool:
    """Whether a run has changed what we believe of lists. Asked before its own deliveries: by reading them back."""
    query = sa.select(membership.c.member).where(membership.c.destination == destination, membership.c.run == run)
    return bool(store.rows(query.limit(1)))


def inherit(
    store: Store, destination: str, survivors: Mapping[str, str | None], run: int, erased: Collection[str] = ()
) -> None:
    """Contacts that are gone: their memberships pass, uncertain, to the survivor of a merge (None: deleted).

    Vetoes pass on too. The survivor's properties become unknown, since a merge mixes them; so do those of a deleted
    contact, which may be restored with them and stays vetoed. Nothing is kept of contacts in `erased`.
    """
    gone = list(survivors)
    deleted = [member for member, heir in survivors.items() if not heir and member not in erased]
    moved = {(name, survivors[member]) for name, member, _ in members(store, destination, gone)}
    barred = {(name, survivors[member]) for name, member in vetoes.vetoes(store, destination, gone)}
    unknown = {heir for heir in survivors.values() if heir} | profiles(store, destination, deleted).keys()
    with store.begin() as connection:
        put_members(connection, destination, sorted((name, heir) for name, heir in moved if heir), run, certain=False)
        for name, heir in sorted((name, heir) for name, heir in barred if heir):
            vetoes.keep(connection, destination, name, [heir], run)
        for table in (membership, refusal):
            delete_members(connection, table, destination, gone)
        for table in (profile, veto):
            delete_members(connection, table, destination, survivors.keys() - set(deleted))
        mixed = [
            {"destination": destination, "member": one, "properties": "null", "run": run} for one in sorted(unknown)
        ]
        if mixed:
            upsert(connection, profile, mixed)


def forget_refusals(store: Store, destination: str, of: Collection[str]) -> None:
    """These contacts changed: what was refused for them is worth another try."""
    with store.begin() as connection:
        delete_members(connection, refusal, destination, sorted(of))


def refusal_counts(store: Store) -> list[tuple[str, str, str, int]]:
    """(destination, audience or "", reason, members), most members first."""
    how_many = sa.func.count().label("members")
    columns = (refusal.c.destination, refusal.c.audience, refusal.c.reason)
    query = sa.select(*columns, how_many).group_by(*columns).order_by(how_many.desc(), *columns)
    return [tuple(row) for row in store.rows(query)]


def put_members(
    connection: sa.Connection, destination: str, pairs: Sequence[tuple[str, str]], run: int, *, certain: bool
) -> None:
    """These (audience, member) are in, or may be."""
    rows = [
        {"destination": destination, "audience": name, "member": member, "certain": certain, "run": run}
        for name, member in pairs
    ]
    if rows:
        upsert(connection, membership, rows)


def forget_members(connection: sa.Connection, destination: str, audience: str, of: Collection[str]) -> None:
    """These are not in this list."""
    delete_members(connection, membership, destination, of, audience=audience)


def _record_members(connection: sa.Connection, delivery: Delivery, receipt: Receipt, run: int) -> None:
    added = [(delivery.audience, member) for member in receipt.added]
    put_members(connection, delivery.destination, added, run, certain=True)
    delete_members(connection, membership, delivery.destination, receipt.removed, audience=delivery.audience)


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
            "properties": merged(known.get(member) or {}, _taken(delivery, receipt, member)),
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


def _taken(delivery: Delivery, receipt: Receipt, member: str) -> Properties:
    """What was written on a member: the delivery's values less those withheld."""
    withheld = receipt.withheld.get(member, {})
    return {name: value for name, value in delivery.values[member].items() if name not in withheld}


def wish_of(delivery: Delivery, receipt: Receipt, member: str) -> str:
    """What of a delivery was refused for one member, comparable with a later wish."""
    if delivery.kind == "membership":
        return "add" if member in delivery.add else "remove"
    names = receipt.withheld.get(member) or delivery.values[member]
    return json.dumps({name: delivery.values[member][name] for name in names}, sort_keys=True)


def _record_refusals(connection: sa.Connection, delivery: Delivery, receipt: Receipt, run: int) -> None:
    rows = [
        {
            "destination": delivery.destination,
            "audience": delivery.audience,
            "member": member,
            "wish": wish_of(delivery, receipt, member),
            "reason": reason,
            "run": run,
        }
        for member, reason in {**receipt.rejected, **_withheld(receipt)}.items()
    ]
    if rows:
        upsert(connection, refusal, rows)


def _withheld(receipt: Receipt) -> dict[str, str]:
    """Contacts that were written without some properties -> what the destination said of these."""
    return {
        member: "; ".join(f"{name}: {words}" for name, words in sorted(of.items()))
        for member, of in receipt.withheld.items()
    }
