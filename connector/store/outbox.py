"""The outbox: every batch on its way out, written down before it leaves and settled after a crash.

pending -> sent -> acknowledged
   |        |  \\-> rejected        no row of it was accepted
   |        \\----> deferred        unknown or refused for now; the next plan carries it again
   \\-------------> deferred        never sent

Nobody else writes a state, and the database knows no other than these.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from connector.model import Delivery
from connector.store.clock import now
from connector.store.database import CHUNK, Store
from connector.store.tables import outbox

STATES: dict[str, frozenset[str]] = {
    "pending": frozenset({"sent", "deferred"}),
    "sent": frozenset({"acknowledged", "rejected", "deferred"}),
    "acknowledged": frozenset(),
    "rejected": frozenset(),
    "deferred": frozenset(),
}
"""State -> the states that may follow it."""


def enqueue(store: Store, run: int, deliveries: Sequence[Delivery]) -> None:
    """Write down a whole plan, in its order, before the first call leaves."""
    moment = now()
    rows = [_row(run, position, delivery, moment) for position, delivery in enumerate(deliveries)]
    with store.begin() as connection:
        for start in range(0, len(rows), CHUNK):
            connection.execute(outbox.insert(), rows[start : start + CHUNK])


def move(connection: sa.Connection, delivery_id: str, to: str, reason: str = "") -> None:
    """Change a batch's state within the caller's transaction.

    Raises:
        ValueError: the table above does not allow it.
    """
    allowed = [state for state, following in STATES.items() if to in following]
    if _step(connection, to, reason, outbox.c.id == delivery_id, outbox.c.state.in_(allowed)) != 1:
        raise ValueError(f"batch {delivery_id} may not become {to}")


def unsettled(store: Store, destination: str) -> list[Delivery]:
    """Batches that were sent and whose answer nobody saw, oldest first."""
    query = outbox.select().where(outbox.c.state == "sent", outbox.c.destination == destination)
    return [_delivery(row) for row in store.rows(query.order_by(outbox.c.run, outbox.c.position))]


def named(store: Store, ids: Sequence[str]) -> list[Delivery]:
    """The batches of some ids that are still kept."""
    return [_delivery(row) for row in store.rows(outbox.select().where(outbox.c.id.in_(list(ids))))]


def last_acknowledged(store: Store, destination: str) -> datetime | None:
    """When a destination last accepted a batch that is still kept."""
    query = sa.select(sa.func.max(outbox.c.changed_at)).where(outbox.c.destination == destination)
    found: datetime | None = store.rows(query.where(outbox.c.state == "acknowledged"))[0][0]
    return found


def give_up_pending(store: Store, reason: str, destination: str = "") -> int:
    """Defer what was written down and never sent, for one destination or for all; the next plan finds the same
    differences again."""
    where = [outbox.c.state == "pending", *([outbox.c.destination == destination] if destination else [])]
    with store.begin() as connection:
        return _step(connection, "deferred", reason, *where)


def _step(connection: sa.Connection, to: str, reason: str, *where: sa.ColumnElement[bool]) -> int:
    """Every change of a state there is; returns how many batches changed."""
    changed = connection.execute(outbox.update().where(*where).values(state=to, reason=reason, changed_at=now()))
    return int(changed.rowcount)


def depth(store: Store) -> dict[str, int]:
    """How many batches stand in each state."""
    query = sa.select(outbox.c.state, sa.func.count()).group_by(outbox.c.state)
    return {row[0]: row[1] for row in store.rows(query)}


def outcomes(store: Store, run: int) -> list[dict[str, Any]]:
    """What became of a run's batches that are still kept: destination, audience ("" for properties), state, reason,
    batches and changes."""
    named = [outbox.c[name] for name in ("destination", "audience", "state", "reason")]
    counts = (sa.func.count().label("batches"), sa.func.sum(outbox.c.size).label("changes"))
    query = sa.select(*named, *counts).where(outbox.c.run == run).group_by(*named).order_by(*named)
    return [dict(row._mapping) for row in store.rows(query)]


def forget_settled(store: Store, before_run: int) -> None:
    """Drop finished batches of older runs: the acknowledged lists hold what matters of them."""
    finished = [state for state, following in STATES.items() if not following]
    with store.begin() as connection:
        connection.execute(outbox.delete().where(outbox.c.run < before_run, outbox.c.state.in_(finished)))


def _row(run: int, position: int, delivery: Delivery, moment: Any) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "run": run,
        "position": position,
        "destination": delivery.destination,
        "kind": delivery.kind,
        "audience": delivery.audience,
        "state": "pending",
        "size": delivery.size,
        "payload": {key: value for key, value in asdict(delivery).items() if key in ("add", "remove", "values")},
        "reason": "",
        "changed_at": moment,
    }


def _delivery(row: Any) -> Delivery:
    return Delivery(id=row.id, destination=row.destination, kind=row.kind, audience=row.audience, **dict(row.payload))
