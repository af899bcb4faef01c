"""Lists that a destination does not have and will not get as things are: each with the reason."""

from collections.abc import Collection, Mapping

import sqlalchemy as sa

from connector.store.database import Store, upsert
from connector.store.tables import refused_list


def keep(store: Store, destination: str, refused: Mapping[str, str], run: int) -> None:
    """Write down refused lists: audience -> reason."""
    rows = [
        {"destination": destination, "audience": audience, "reason": reason, "run": run}
        for audience, reason in sorted(refused.items())
    ]
    if rows:
        with store.begin() as connection:
            upsert(connection, refused_list, rows)


def reasons(store: Store, destination: str) -> dict[str, str]:
    """audience -> why its list is not there."""
    query = sa.select(refused_list.c.audience, refused_list.c.reason)
    query = query.where(refused_list.c.destination == destination).order_by(refused_list.c.audience)
    return {row.audience: row.reason for row in store.rows(query)}


def drop(store: Store, destination: str, audiences: Collection[str]) -> None:
    """These lists stand, or are to be asked for again."""
    where = sa.and_(refused_list.c.destination == destination, refused_list.c.audience.in_(sorted(audiences)))
    with store.begin() as connection:
        connection.execute(refused_list.delete().where(where))
