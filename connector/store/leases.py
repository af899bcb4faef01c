"""One row keeps two processes from running the same pass; a token tells a late sleeper that its turn is over."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import Event, Thread

import sqlalchemy as sa

from connector.errors import RetryLater
from connector.store.clock import now
from connector.store.database import Store
from connector.store.tables import lease

TERM = timedelta(seconds=90)
"""A holder that has not renewed for this long is taken for dead."""


@dataclass(frozen=True)
class Lease:
    """Held by one process at a time. `token` grows with every holder."""

    name: str
    holder: str
    token: int


def holder_name() -> str:
    """This process, in words an admin can look up."""
    return f"{socket.gethostname()}:{os.getpid()}"


@contextmanager
def held(store: Store, name: str) -> Iterator[Lease]:
    """Hold the lease for the length of the block, renewing it in the background.

    Raises:
        RetryLater: another live process holds it.
    """
    mine = _take(store, name)
    done = Event()
    keeper = Thread(target=_renew_until, args=(store, mine, done), name=f"lease-{name}", daemon=True)
    keeper.start()
    try:
        yield mine
    finally:
        done.set()
        keeper.join()
        _give_back(store, mine)


def still_held(connection: sa.Connection, mine: Lease) -> bool:
    """True while nobody else took the lease over; ask within the transaction that writes."""
    row = connection.execute(sa.select(lease.c.token).where(lease.c.name == mine.name)).first()
    return row is not None and row.token == mine.token


def _take(store: Store, name: str) -> Lease:
    with store.begin() as connection:
        row = connection.execute(lease.select().where(lease.c.name == name).with_for_update()).first()
        if row is None:
            return _first(connection, name)
        if row.expires_at > now() and not _dead(row.holder):
            raise RetryLater(
                f"another process ({row.holder}) is at work on this home",
                hint="wait for it to end, or stop it; `lamplighter status` shows it",
                resume_at=row.expires_at,
            )
        mine = Lease(name, holder_name(), row.token + 1)
        taken = connection.execute(
            lease.update()
            .where(lease.c.name == name, lease.c.token == row.token)
            .values(holder=mine.holder, token=mine.token, expires_at=now() + TERM)
        )
        if taken.rowcount != 1:
            raise RetryLater("another process was faster", hint="try again in a minute")
        return mine


def _first(connection: sa.Connection, name: str) -> Lease:
    mine = Lease(name, holder_name(), 1)
    try:
        connection.execute(lease.insert().values(name=name, holder=mine.holder, token=1, expires_at=now() + TERM))
    except sa.exc.IntegrityError:
        raise RetryLater("another process was faster", hint="try again in a minute") from None
    return mine


def _dead(holder: str) -> bool:
    """A holder on this very machine whose process is gone need not be waited for."""
    host, _, pid = holder.rpartition(":")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _renew_until(store: Store, mine: Lease, done: Event) -> None:
    while not done.wait(TERM.total_seconds() / 3):
        with store.begin() as connection:
            connection.execute(
                lease.update()
                .where(lease.c.name == mine.name, lease.c.token == mine.token)
                .values(expires_at=now() + TERM)
            )


def _give_back(store: Store, mine: Lease) -> None:
    with store.begin() as connection:
        connection.execute(
            lease.update()
            .where(lease.c.name == mine.name, lease.c.token == mine.token)
            .values(expires_at=now() - timedelta(seconds=1))
        )
