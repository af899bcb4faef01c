"""Whose the match keys are that ad platforms were told of, and what of the ledger is in doubt or runs out there."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

import sqlalchemy as sa

from connector.model import Delivery, Receipt
from connector.store import acknowledged, outbox
from connector.store.database import Store, of_members, upsert
from connector.store.tables import ad_member, membership, run

PIECE = 50_000
"""Keys that are written down in one transaction."""


def remember(store: Store, destination: str, whose: Mapping[str, str]) -> None:
    """match key -> person, of keys that are in an audience or about to be. Only what is new is written, some at a time:
    a million at once would keep everybody else out of the store for a minute."""
    members = sorted(whose)
    for start in range(0, len(members), PIECE):
        part = members[start : start + PIECE]
        known = persons_of(store, destination, part)
        new = [
            {"destination": destination, "member": one, "person": whose[one]}
            for one in part
            if known.get(one) != whose[one]
        ]
        if new:
            with store.begin() as connection:
                upsert(connection, ad_member, new)


def of_persons(store: Store, destination: str, persons: Collection[str]) -> dict[str, str]:
    """match key -> person, of all keys that were told of some persons."""
    query = sa.select(ad_member.c.member, ad_member.c.person).where(ad_member.c.destination == destination)
    return {row.member: row.person for row in of_members(store, query, ad_member.c.person, persons)}


def persons_of(store: Store, destination: str, members: Collection[str]) -> dict[str, str]:
    """match key -> person, of some keys."""
    query = sa.select(ad_member.c.member, ad_member.c.person).where(ad_member.c.destination == destination)
    return {row.member: row.person for row in of_members(store, query, ad_member.c.member, members)}


def forget_unused(store: Store, destination: str) -> None:
    """Of keys that are in no audience any more nobody need know whose they were."""
    used = sa.select(membership.c.member).where(membership.c.destination == destination)
    unused = sa.and_(ad_member.c.destination == destination, ad_member.c.member.not_in(used))
    with store.begin() as connection:
        connection.execute(ad_member.delete().where(unused))


def told_before(store: Store, destination: str, moment: datetime) -> frozenset[tuple[str, str]]:
    """(audience, member) that were last told by a run as of an earlier moment."""
    old = sa.select(run.c.number).where(run.c.as_of < moment)
    query = sa.select(membership.c.audience, membership.c.member).where(
        membership.c.destination == destination, membership.c.run.in_(old)
    )
    return frozenset((row.audience, row.member) for row in store.rows(query))


def doubt_unsettled(store: Store, destination: str, number: int) -> set[str]:
    """Batches whose answer nobody saw: whom they named may be in or out, and the next plan states its wish either way.

    They are not sent again as they were: since then somebody may have withdrawn their consent.

    Returns:
        The match keys in doubt.
    """
    open_batches = outbox.unsettled(store, destination)
    doubted = _doubt(store, destination, open_batches, number)
    with store.begin() as connection:
        for delivery in open_batches:
            outbox.move(connection, delivery.id, "deferred", "the answer was never seen; it is said anew")
    return doubted


def doubt_failed(store: Store, destination: str, failed: Collection[str], number: int) -> tuple[set[str], set[str]]:
    """Batches, by id, that were accepted and then failed at least in part.

    Returns:
        The match keys in doubt, and the ids that are no batch's.
    """
    batches = outbox.named(store, sorted(failed))
    return _doubt(store, destination, batches, number), set(failed) - {each.id for each in batches}


def _doubt(store: Store, destination: str, batches: Iterable[Delivery], number: int) -> set[str]:
    pairs = {(each.audience, member) for each in batches for member in (*each.add, *each.remove)}
    with store.begin() as connection:
        acknowledged.put_members(connection, destination, sorted(pairs), number, certain=False)
    return {member for _, member in pairs}


def replace_audience(store: Store, destination: str, audience: str, receipt: Receipt, number: int) -> None:
    """After a refresh an audience holds those whom the platform took, and nobody else. Some at a time: who is not
    written down yet stands in the books as before, and is said again."""
    known = acknowledged.members_of(store, destination, audience)
    gone = sorted(known.keys() - set(receipt.added))
    for start in range(0, len(receipt.added), PIECE):
        pairs = [(audience, member) for member in receipt.added[start : start + PIECE]]
        with store.begin() as connection:
            acknowledged.put_members(connection, destination, pairs, number, certain=True)
    for start in range(0, len(gone), PIECE):
        with store.begin() as connection:
            acknowledged.forget_members(connection, destination, audience, gone[start : start + PIECE])
