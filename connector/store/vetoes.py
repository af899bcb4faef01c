"""Members whom a person took out of a list at the destination: they stay out until somebody lifts that here."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from connector.store.clock import now
from connector.store.database import Store, delete_members, of_members, upsert
from connector.store.tables import veto


def keep(connection: sa.Connection, destination: str, audience: str, members: Collection[str], run: int) -> None:
    """From now on these members are not put into this list again."""
    seen = now()
    rows = [
        {"destination": destination, "audience": audience, "member": one, "run": run, "noticed_at": seen}
        for one in sorted(members)
    ]
    if rows:
        upsert(connection, veto, rows, keep=("noticed_at",))


def drop(connection: sa.Connection, destination: str, audience: str, members: Collection[str]) -> None:
    """A person put these members back into this list: they may be in it."""
    delete_members(connection, veto, destination, members, audience=audience)


def vetoes(store: Store, destination: str, of: Collection[str] | None = None) -> dict[tuple[str, str], datetime]:
    """(audience, member) -> when we noticed; of all members, or of the named ones."""
    query = sa.select(veto.c.audience, veto.c.member, veto.c.noticed_at).where(veto.c.destination == destination)
    return {(row.audience, row.member): row.noticed_at for row in of_members(store, query, veto.c.member, of)}


def counts(store: Store) -> list[tuple[str, str, int]]:
    """(destination, audience, members), by name."""
    query = sa.select(veto.c.destination, veto.c.audience, sa.func.count())
    grouped = query.group_by(veto.c.destination, veto.c.audience).order_by(veto.c.destination, veto.c.audience)
    return [tuple(row) for row in store.rows(grouped)]


def lift(store: Store, destination: str, audience: str) -> int:
    """Let everybody whom this list needs come back into it; returns how many were kept out."""
    where = sa.and_(veto.c.destination == destination, veto.c.audience == audience)
    with store.begin() as connection:
        return int(connection.execute(veto.delete().where(where)).rowcount)
