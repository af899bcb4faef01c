"""One row keeps two processes from running the same pass; a token tells a late sleeper that its turn is over.

A term is counted twice. The row says when it ends by the database's clock (SQLite's is this machine's), so that
machines whose clocks differ agree. The holder counts for itself, by a clock that nobody can set and that goes on while
the machine sleeps, from before its last sign of life on: it ends a third of a term before anybody else may begin.
"""

import math
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

import sqlalchemy as sa

from connector import turn
from connector.errors import EndPass, LamplighterError, RetryLater
from connector.store.clock import now
from connector.store.database import Store
from connector.store.tables import lease

TERM = timedelta(seconds=90)
"""A holder that has given no sign of life for this long is taken for dead."""
FREE = datetime(1970, 1, 1, tzinfo=UTC)
"""When a lease that was given back has ended: by any clock."""
_SPACE, _BOOT = Path("/proc/self/ns/pid"), Path("/proc/sys/kernel/random/boot_id")
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_held: set[tuple[str, int]] = set()
"""Name and token of what this process holds: not so what it could not give back, or one of its number held before."""


@dataclass(frozen=True)
class Lease:
    """Held by one process at a time. `token` grows with every holder."""

    name: str
    holder: str
    token: int


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Who is at work, for whoever asks.

    Attributes:
        since: when it began; None: an older Lamplighter did not write it down.
    """

    name: str
    holder: str
    since: datetime | None


def holder_name() -> str:
    """This process, in words an admin can look up: machine, and number there."""
    return f"{_machine()}:{os.getpid()}"


def _machine() -> str:
    """Containers may share a name, and each counts its processes from one: the number of its process space, too. So may
    machines, and the first process space has the same number on each: what its kernel calls this boot, too."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(f"{_SPACE.stat().st_ino:x}")
    with suppress(OSError):
        parts.append(_BOOT.read_text("ascii").partition("-")[0])
    return "/".join(parts)


def holders(store: Store) -> list[Holder]:
    """Who holds which lease now, by name."""
    with store.reading() as connection:
        moment = _moment(connection)
        query = lease.select().where(lease.c.expires_at > moment, lease.c.expires_at <= moment + TERM)
        rows = connection.execute(query.order_by(lease.c.name)).all()
    return [Holder(name=row.name, holder=row.holder, since=row.taken_at) for row in rows if not _is_over(row)]


class Keeper:
    """Gives signs of life for a lease, and knows how long the last one is good.

    Args:
        given: `elapsed` from before the lease was taken.
    """

    def __init__(self, store: Store, mine: Lease, term: timedelta, given: float) -> None:
        self.lease = mine
        self._store = store
        self._term = term
        self._given = given
        self._lock = Lock()

    def check(self) -> None:
        """Nothing, while the last sign of life is good; else it is given now. Raises EndPass where it cannot be."""
        if elapsed() >= self._given + self._term.total_seconds() * 2 / 3:
            self.renew()

    def renew(self) -> None:
        """Give a sign of life.

        Raises:
            EndPass: another process has taken over; or the store cannot be reached, so that nobody knows.
        """
        with self._lock:
            began = elapsed()
            with self._store.unfenced() as connection:
                if not _extend(connection, self.lease, self._term):
                    self._given = -math.inf
                    raise _over(connection, self.lease)
            self._given = began

    def fence(self, connection: sa.Connection) -> None:
        """Let a transaction go on only while the lease is ours; nobody takes it over before it ends.

        Raises:
            EndPass: another process has taken over.
        """
        if not still_held(connection, self.lease):
            raise _over(connection, self.lease)

    def keep_up(self, done: Event) -> None:
        """Renew, several times a term, until `done`; a store that is away for a moment is asked again."""
        while not done.wait(self._term.total_seconds() / 6):
            with suppress(LamplighterError):  # the pass hears of it itself
                self.renew()


def elapsed() -> float:
    """Seconds by a clock that is never set and does not stop while the machine sleeps."""
    return time.clock_gettime(_CLOCK)


@contextmanager
def held(store: Store, name: str, term: timedelta = TERM) -> Iterator[Lease]:
    """Hold the lease for the length of the block. Whatever the block writes, here or elsewhere, is fenced by it.

    Args:
        term: others take over after so long without a sign of life.

    Raises:
        RetryLater: another live process holds it. EndPass: in the block, another has taken over.
    """
    with kept(store, name, term) as keeper, turn.answered_by(keeper.check), store.fenced_by(keeper.fence):
        yield keeper.lease


@contextmanager
def kept(store: Store, name: str, term: timedelta = TERM) -> Iterator[Keeper]:
    """Hold a lease that fences nothing: its keeper is asked whether it is still ours."""
    given, done = elapsed(), Event()
    keeper = Keeper(store, _take(store, name, term), term, given)
    _held.add((name, keeper.lease.token))
    thread = Thread(target=keeper.keep_up, args=(done,), name=f"lease-{name}", daemon=True)
    thread.start()
    try:
        yield keeper
    finally:
        done.set()
        thread.join()
        _held.discard((name, keeper.lease.token))
        _give_back(store, keeper.lease)


def still_held(connection: sa.Connection, mine: Lease) -> bool:
    """True while nobody else took the lease over, and nobody does before this transaction ends."""
    query = sa.select(lease.c.token).where(lease.c.name == mine.name)
    return connection.execute(query.with_for_update(read=True, key_share=True)).scalar() == mine.token


def _over(connection: sa.Connection, mine: Lease) -> EndPass:
    holder = connection.execute(sa.select(lease.c.holder).where(lease.c.name == mine.name)).scalar() or "somebody"
    return EndPass(
        f"{holder} has taken over from this process, which was not heard of for too long; it writes nothing more",
        hint="nothing is to be done; `lamplighter status` shows the other's run",
    )


def _take(store: Store, name: str, term: timedelta) -> Lease:
    _end_in_time(store, name, max(TERM, term))
    with store.reading() as connection:
        _free(connection, name)  # whoever stands by asks often: not by SQLite's only lock
    with store.unfenced() as connection:
        row = _free(connection, name)
        return _first(connection, name, term) if row is None else _next(connection, name, row.token, term)


def _end_in_time(store: Store, name: str, longest: timedelta) -> None:
    """No sign of life is good for so long: where one seems to be, a clock was ahead. Whoever gave it has one term more
    to give another."""
    with store.reading() as connection:
        ends = _moment(connection) + longest
        ahead = sa.and_(lease.c.name == name, lease.c.expires_at > ends)
        if connection.execute(lease.select().where(ahead)).first() is None:
            return
    with store.unfenced() as connection:
        connection.execute(lease.update().where(ahead).values(expires_at=ends))


def _free(connection: sa.Connection, name: str) -> sa.Row[Any] | None:
    """The row of a lease, None before its first holder. Raises RetryLater where somebody holds it."""
    row = connection.execute(lease.select().where(lease.c.name == name)).first()
    if row is not None and row.expires_at > _moment(connection) and not _is_over(row):
        raise RetryLater(
            f"another process ({row.holder}) is at work on this home",
            hint="wait for it to end, or stop it; `lamplighter status` shows it",
            resume_at=row.expires_at,
        )
    return row


def _first(connection: sa.Connection, name: str, term: timedelta) -> Lease:
    mine, moment = Lease(name, holder_name(), 1), _moment(connection)
    row = {"name": name, "holder": mine.holder, "token": 1, "taken_at": moment, "expires_at": moment + term}
    try:
        connection.execute(lease.insert().values(**row))
    except sa.exc.IntegrityError:
        raise _faster() from None
    return mine


def _next(connection: sa.Connection, name: str, token: int, term: timedelta) -> Lease:
    """Take over, unless a transaction of the holder before is still open: its database ends it, if nobody else does."""
    ours = _still(Lease(name, "", token))
    if connection.execute(lease.select().where(ours).with_for_update(skip_locked=True)).first() is None:
        raise _faster()
    mine, moment = Lease(name, holder_name(), token + 1), _moment(connection)
    row = {"holder": mine.holder, "token": mine.token, "taken_at": moment, "expires_at": moment + term}
    connection.execute(lease.update().where(ours).values(**row))
    return mine


def _faster() -> RetryLater:
    return RetryLater("another process was faster, or is just ending", hint="try again in a minute")


def _moment(connection: sa.Connection) -> datetime:
    """Now, by the clock that all who share this store have in common."""
    if connection.dialect.name != "postgresql":
        return now()
    told: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    return told.astimezone(UTC)


def _is_over(row: sa.Row[Any]) -> bool:
    """Whether a lease that has not ended is held by nobody: its holder is gone, or is we, and knows nothing of it."""
    if row.holder == holder_name():
        return (row.name, row.token) not in _held
    return _dead(row.holder)


def _dead(holder: str) -> bool:
    """A holder on this very machine whose process is gone need not be waited for."""
    machine, _, pid = holder.rpartition(":")
    if machine != _machine() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _still(mine: Lease) -> sa.ColumnElement[bool]:
    return sa.and_(lease.c.name == mine.name, lease.c.token == mine.token)


def _extend(connection: sa.Connection, mine: Lease, by: timedelta) -> bool:
    """Let the lease end so long from now; False where it is somebody else's."""
    ends = _moment(connection) + by
    return connection.execute(lease.update().where(_still(mine)).values(expires_at=ends)).rowcount == 1


def _give_back(store: Store, mine: Lease) -> None:
    """Where the store is away, the lease runs out by itself."""
    with suppress(LamplighterError), store.unfenced() as connection:
        connection.execute(lease.update().where(_still(mine)).values(expires_at=FREE))
