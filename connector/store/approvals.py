"""Plans that a guard stopped, the word of the person who looked at them, and what is left of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connector.store.clock import now
from connector.store.database import Store, upsert
from connector.store.tables import approval

Summary = Mapping[str, Mapping[str, int]]
"""What an approval covers: audience -> {"add", "remove"}, or figure -> {"before", "now"}."""


def ask(
    store: Store,
    plan: str,
    run: int,
    summary: Summary,
    *,
    guard: str = "list",
    destination: str = "",
    words: str = "",
) -> None:
    """Keep a stopped plan until somebody approves it. It takes the place of what this guard asked there before, and of
    an approval that did not reach so far; one that no push has taken yet stands if it covers more than is asked now."""
    told = {"run": run, "summary": dict(summary), "guard": guard, "destination": destination, "words": words}
    same = (approval.c.guard == guard, approval.c.destination == destination)
    with store.begin() as connection:
        stand = [row.plan for row in connection.execute(approval.select().where(*same)) if _stands(row, summary)]
        connection.execute(approval.delete().where(*same, approval.c.plan.not_in(stand)))
        upsert(connection, approval, [{"plan": plan, **told, "approved_at": None, "used_at": None}])


def _stands(row: Any, asked: Summary) -> bool:
    return row.approved_at is not None and row.used_at is None and not row.summary.keys() <= asked.keys()


def approve(store: Store, plan: str) -> bool:
    """Mark a stopped plan as approved; False where no such plan waits, or a push took it already."""
    with store.begin() as connection:
        changed = connection.execute(
            approval.update().where(approval.c.plan == plan, approval.c.used_at.is_(None)).values(approved_at=now())
        )
        return changed.rowcount == 1


def waiting(store: Store) -> list[Any]:
    """Stopped plans that nobody approved yet, newest first."""
    return store.rows(approval.select().where(approval.c.approved_at.is_(None)).order_by(approval.c.run.desc()))


def approved(store: Store, since: datetime) -> list[Any]:
    """Plans that were approved since a moment, and that no push took."""
    return store.rows(approval.select().where(approval.c.approved_at >= since, approval.c.used_at.is_(None)))


def spend(store: Store, plan: str, left: Summary) -> None:
    """A push took an approval: `left` of it is good for the next one, where this one was cut short."""
    values = {"summary": dict(left)} if left else {"used_at": now()}
    with store.begin() as connection:
        connection.execute(approval.update().where(approval.c.plan == plan).values(**values))


def close(store: Store) -> None:
    """A push that went through leaves nothing waiting."""
    with store.begin() as connection:
        connection.execute(approval.delete())
