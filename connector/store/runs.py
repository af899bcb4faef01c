"""The runs: when, as of when, how they ended, and their reports."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from connector.store import totals
from connector.store.clock import now
from connector.store.database import Store
from connector.store.tables import run

NOTHING: Mapping[totals.Counter, float] = MappingProxyType({})

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
        killed = connection.execute(
            run.update()
            .where(run.c.status == "running")
            .values(status="failed", finished_at=now(), message="the process was killed")
        )
        totals.add(connection, {("runs", (("status", "failed"),)): killed.rowcount})
        row = {"status": "running", "as_of": as_of, "started_at": now()}
        return int(connection.execute(run.insert().values(**row).returning(run.c.number)).scalar_one())


def mark_decided(store: Store, number: int, *, full: bool, rules: str) -> None:
    """From here on readers see this run's decisions."""
    with store.begin() as connection:
        connection.execute(run.update().where(run.c.number == number).values(decided=True, full=full, rules=rules))


def finish(
    store: Store, number: int, status: str, report: dict[str, Any], message: str = "", counts: totals.Counts = NOTHING
) -> None:
    """Close a run with one of STATUSES; what it counted is added to the totals in the same moment."""
    if status not in STATUSES:
        raise ValueError(f"no such run status: {status}")
    values = {"status": status, "finished_at": now(), "report": report, "message": message}
    with store.begin() as connection:
        connection.execute(run.update().where(run.c.number == number).values(**values))
        totals.add(connection, counts)


def latest(store: Store, *, limit: int = 1, **where: Any) -> list[Any]:
    """The newest runs first, e.g. `latest(store, decided=True)`."""
    query = run.select().order_by(run.c.number.desc()).limit(limit)
    for column, value in where.items():
        query = query.where(run.c[column] == value)
    return store.rows(query)


def begun(store: Store, limit: int = 50) -> list[datetime]:
    """When the last runs began, by the clock of the machine that made them, the newest first; of those alone that went
    by it: others were stopped, or ended before it was looked at."""
    query = sa.select(run.c.started_at).where(run.c.status != "running", run.c.decided | (run.c.status == "done"))
    return [row.started_at for row in store.rows(query.order_by(run.c.number.desc()).limit(limit))]


def first_since(store: Store, number: int = 0) -> datetime | None:
    """When the first began of the runs behind `number` that were more than a plan; None: there is none."""
    query = sa.select(sa.func.min(run.c.started_at)).where(run.c.number > number, run.c.status != "planned")
    found: datetime | None = store.rows(query)[0][0]
    return found


def last_ended(store: Store) -> Any:
    """The newest run that ended and was more than a plan; None: there is none."""
    query = run.select().where(run.c.finished_at.is_not(None), run.c.status != "planned")
    return next(iter(store.rows(query.order_by(run.c.number.desc()).limit(1))), None)


def previous_push_complete(store: Store, number: int) -> bool:
    """True when the run before `number` left nothing open, so that only news need planning."""
    query = sa.select(run.c.status).where(run.c.number < number)
    found = store.rows(query.order_by(run.c.number.desc()).limit(1))
    return bool(found) and found[0].status == "done"


def forget_reports_before(store: Store, moment: datetime) -> int:
    """Of runs that ended earlier only when, how and for how long they ran is kept; returns how many these are."""
    books = run.c.report["books"].as_string()
    query = sa.select(run.c.number, run.c.report).where(run.c.finished_at < moment, books.is_not(None))
    found = store.rows(query)
    with store.begin() as connection:
        for row in found:
            short = {"run": row.report["run"]}
            connection.execute(run.update().where(run.c.number == row.number).values(report=short))
    return len(found)


def passes(store: Store) -> list[Any]:
    """number, as_of, status and seconds (stage -> how long it took) of every run that decided, oldest first."""
    columns = (run.c.number, run.c.as_of, run.c.status, run.c.report["run"]["seconds"].label("seconds"))
    return store.rows(sa.select(*columns).where(run.c.decided).order_by(run.c.number))


def enter(store: Store, number: int) -> None:
    """From here on this run writes the warehouse, which names it as its last."""
    with store.begin() as connection:
        connection.execute(run.update().where(run.c.number == number).values(entered=True))


def last_entered(store: Store) -> int:
    """The newest run that got to the warehouse; 0 before the first."""
    return store.rows(sa.select(sa.func.max(run.c.number)).where(run.c.entered))[0][0] or 0


def go_on_behind(store: Store, number: int, as_of: datetime) -> None:
    """The warehouse has seen runs up to `number`, of which this store knows nothing: the next one gets a higher one."""
    row = {"number": number, "status": "failed", "as_of": as_of, "started_at": now(), "finished_at": now()}
    with store.begin() as connection:
        connection.execute(run.insert().values(**row, entered=True, message="known to the warehouse alone"))
        count_on(connection)


def count_on(connection: sa.Connection) -> None:
    """After runs were written with their numbers: the next one gets a higher one by itself."""
    if connection.dialect.name == "postgresql":
        sequence = sa.func.pg_get_serial_sequence("run", "number")
        following = sa.select(sa.func.coalesce(sa.func.max(run.c.number), 0) + 1).scalar_subquery()
        connection.execute(sa.select(sa.func.setval(sequence, following, False)))


def decide_anew(store: Store) -> None:
    """Nothing that was decided holds: the next pass decides for everybody."""
    with store.begin() as connection:
        connection.execute(run.update().where(run.c.decided).values(rules=""))
