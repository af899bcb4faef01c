"""Which purchases and refunds each ad platform was told of: none twice, none left out."""

from collections.abc import Collection, Mapping
from datetime import datetime

import sqlalchemy as sa

from connector.store.clock import now
from connector.store.database import CHUNK, Store, upsert
from connector.store.tables import told_sale


def keep(store: Store, destination: str, answers: Mapping[str, str], run: int) -> None:
    """Write down answers: key of the sale -> the platform's words, empty where it took it."""
    moment = now()
    rows = [
        {"destination": destination, "key": key, "words": words, "run": run, "told_at": moment}
        for key, words in sorted(answers.items())
    ]
    if rows:
        with store.begin() as connection:
            upsert(connection, told_sale, rows)


def known(store: Store, destination: str, keys: Collection[str]) -> set[str]:
    """Those of some sales that were answered before, taken or refused."""
    asked, found = sorted(keys), set[str]()
    for start in range(0, len(asked), CHUNK):
        named = told_sale.c.key.in_(asked[start : start + CHUNK])
        query = sa.select(told_sale.c.key).where(told_sale.c.destination == destination, named)
        found |= {row.key for row in store.rows(query)}
    return found


def forget_before(store: Store, moment: datetime) -> int:
    """Sales told before a moment are of no use any more: nobody tells any so old. Returns how many they were."""
    with store.begin() as connection:
        return int(connection.execute(told_sale.delete().where(told_sale.c.told_at < moment)).rowcount)
