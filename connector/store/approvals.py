"""Plans that a guard stopped, and the word of the person who looked at them."""

from collections.abc import Mapping
from typing import Any

from connector.store.clock import now
from connector.store.database import Store, upsert
from connector.store.tables import approval


def ask(store: Store, plan: str, run: int, summary: Mapping[str, Any]) -> None:
    """Keep a stopped plan's summary (audience -> {"add", "remove", "size"}) until somebody approves it."""
    with store.begin() as connection:
        upsert(connection, approval, [{"plan": plan, "run": run, "summary": dict(summary)}])


def approve(store: Store, plan: str) -> Mapping[str, Any] | None:
    """Mark a stopped plan as approved; its summary, or None where no such plan waits."""
    found = store.rows(approval.select().where(approval.c.plan == plan))
    if not found:
        return None
    with store.begin() as connection:
        connection.execute(approval.update().where(approval.c.plan == plan).values(approved_at=now()))
    return dict(found[0].summary)


def waiting(store: Store) -> list[Any]:
    """Stopped plans that nobody approved yet, newest first."""
    return store.rows(approval.select().where(approval.c.approved_at.is_(None)).order_by(approval.c.run.desc()))


def close(store: Store) -> None:
    """A push that went through leaves nothing waiting."""
    with store.begin() as connection:
        connection.execute(approval.delete())
