"""The runs: when, as of when, how they ended, and their reports."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from connector.store.clock import now
from connector.store.database import Store
from connector.store.tables import run

STATUSES = {
    "running": "at work, or killed",
    "done": "everything planned is acknowledged, the books balance",
    "deferred": "done in part; the rest waits for the next run",
    "guarded": "a list would have changed more than its guard allows; waits for approval",
    "planned": "decided and planned; nothing was pushed",
    "failed": "stopped by a fault; what was kept stays kept",
}


def start(store: Store, as_of: datetime) -> int:
    """Open a run and return its number. Runs left open by a killed process are closed as failed."""
    with store.begin() as connection:
        connection.execute(
            run.update()
            .where(run.c.status == "running")
            .values(status="failed", finished_at=now(), message="the process was killed")
        )
        row = {"status": "running", "as_of": as_of, "started_at": now()}
        return int(connection.execute(run.insert().values(**row).returning(run.c.number)).scalar_one())


def mark_decided(store: Store, number: int, *, full: bool, rules: str) -> None:
    """From here on readers see this run's decisions."""
    with store.begin() as connection:
        connection.execute(run.update().where(run.c.number == number).values(decided=True, full=full, rules=rules))


def finish(store: Store, number: int, status: str, report: dict[str, Any], message: str = "") -> None:
    """Close a run with one of STATUSES."""
    if status not in STATUSES:
        raise ValueError(f"no such run status: {status}")
    values = {"status": status, "finished_at": now(), "report": report, "message": message}
    with store.begin() as connection:
        connection.execute(run.update().where(run.c.number == number).values(**values))


def latest(store: Store, *, limit: int = 1, **where: Any) -> list[Any]:
    """The newest runs first, e.g. `latest(store, decided=True)`."""
    query = run.select().order_by(run.c.number.desc()).limit(limit)
    for column, value in where.items():
        query = query.where(run.c[column] == value)
    return store.rows(query)


def previous_push_complete(store: Store, number: int) -> bool:
    """True when the run before `number` left nothing open, so that only news need planning."""
    query = sa.select(run.c.status).where(run.c.number < number)
    found = store.rows(query.order_by(run.c.number.desc()).limit(1))
    return bool(found) and found[0].status == "done"


def passes(store: Store) -> list[Any]:
    """number, as_of, status and seconds (stage -> how long it took) of every run that decided, oldest first."""
    columns = (run.c.number, run.c.as_of, run.c.status, run.c.report["run"]["seconds"].label("seconds"))
    return store.rows(sa.select(*columns).where(run.c.decided).order_by(run.c.number))
