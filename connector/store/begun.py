"""What the last push to a destination had let through, and nobody saw done: it was killed, or told to wait. A run in
which everything went through leaves nothing of it."""

from collections import Counter
from collections.abc import Mapping

import sqlalchemy as sa

from connector.store.database import Store
from connector.store.tables import outbox, run

OPEN = ("pending", "sent", "deferred")
"""States of batches that may still have to arrive."""


def begun(store: Store) -> dict[str, dict[str, Mapping[str, int]]]:
    """destination -> audience ("" for properties) -> {"add", "remove", "properties"}: changes of such batches."""
    done = sa.select(sa.func.coalesce(sa.func.max(run.c.number), 0)).where(run.c.status == "done").scalar_subquery()
    last = sa.select(outbox.c.destination, sa.func.max(outbox.c.run)).group_by(outbox.c.destination)
    names = ("destination", "audience", "kind", "size", "payload")
    query = sa.select(*[outbox.c[name] for name in names]).where(
        outbox.c.state.in_(OPEN), outbox.c.run > done, sa.tuple_(outbox.c.destination, outbox.c.run).in_(last)
    )
    found: dict[str, dict[str, Counter[str]]] = {}
    for row in store.rows(query):
        counts = found.setdefault(row.destination, {}).setdefault(row.audience, Counter())
        if row.kind == "properties":
            counts["properties"] += row.size
        else:
            counts.update({word: len(row.payload[word]) for word in ("add", "remove")})
    return {destination: dict(lists) for destination, lists in found.items()}
