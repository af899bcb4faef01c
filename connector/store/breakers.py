"""Circuit breakers: a system that failed in several runs in a row is left alone for a while, then tried with one call.

closed -> (AFTER failed runs) -> open until `try_again_at` -> one call tries it -> closed, or open for twice as long
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connector.store.clock import now
from connector.store.database import Store, upsert
from connector.store.tables import breaker

AFTER = 3
"""Failed runs in a row after which a system is left alone."""
FIRST, LONGEST = timedelta(minutes=30), timedelta(hours=2)
"""How long, at first and at most: it doubles. A removal that waits is an ad that should not be shown."""


@dataclass(frozen=True, kw_only=True)
class Breaker:
    """Where one system stands.

    Attributes:
        failures: runs in a row.
        opened_at: since when it is left alone; None: it is asked as ever.
        try_again_at: until when.
        reason: of the last failure.
    """

    system: str
    failures: int
    opened_at: datetime | None
    try_again_at: datetime | None
    reason: str

    @property
    def open(self) -> bool:
        """Whether it is left alone now: not by an end that a clock which was ahead has set."""
        return self.try_again_at is not None and now() < self.try_again_at <= now() + LONGEST


def standing(store: Store) -> dict[str, Breaker]:
    """System -> its breaker, of those that failed in their last run."""
    rows = store.rows(breaker.select().order_by(breaker.c.system))
    return {row.system: Breaker(**row._mapping) for row in rows}


def failed(store: Store, system: str, reason: str) -> Breaker:
    """Count a failed run; the breaker as it stands then."""
    known = standing(store).get(system)
    failures = known.failures + 1 if known else 1
    opens = failures >= AFTER
    row: dict[str, Any] = {
        "system": system,
        "failures": failures,
        "opened_at": ((known and known.opened_at) or now()) if opens else None,
        "try_again_at": now() + min(LONGEST, FIRST * 2 ** min(failures - AFTER, 8)) if opens else None,
        "reason": reason,
    }
    with store.begin() as connection:
        upsert(connection, breaker, [row])
    return Breaker(**row)


def close(store: Store, system: str = "") -> list[str]:
    """A system answered, or somebody wants it tried now; all of them without a name. Returns those that were open."""
    closed = [name for name, one in standing(store).items() if one.open and system in ("", name)]
    statement = breaker.delete().where(breaker.c.system == system) if system else breaker.delete()
    with store.begin() as connection:
        connection.execute(statement)
    return closed
