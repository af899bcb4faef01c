"""A store that may only be looked at: its home is mounted so, or belongs to somebody else."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext

from connector.errors import LamplighterError, SetupError
from connector.store import damage
from connector.store.database import PATIENCE, Store, config_of, file_of, open_store, revisions


def open_to_look(url: str) -> Store:
    """Open the store for reading. As `open_store` where it may be written; else as it stands.

    Raises:
        SetupError: as of `open_store`; or it may only be read, and an upgrade or a killed process left work to be done.
    """
    path = file_of(url)
    if path is None or not os.access(path, os.F_OK) or all(os.access(one, os.W_OK) for one in (path, path.parent)):
        return open_store(url)
    name = next(filter(_opens, _names(path)), None)
    if name is None:
        raise SetupError(
            f"the store {path} may only be read, and cannot be as it stands",
            hint="do this once as the user whom the home belongs to, where it may be written",
        )
    return _opened(url, path, name)


def _names(path: Path) -> Iterator[str]:
    """How SQLite may read a file: beside whoever writes it, by the log and the index next to it; or, where the log
    holds nothing, without these: it could not make them."""
    name, log = f"file:{quote(str(path.resolve()))}", path.with_name(f"{path.name}-wal")
    yield f"{name}?mode=ro"
    if not log.exists() or not log.stat().st_size:
        yield f"{name}?immutable=1"


def _opens(name: str) -> bool:
    try:
        with closing(sqlite3.connect(name, uri=True)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        return False
    except sqlite3.DatabaseError:  # damaged: said in words when it is read
        return True
    return True


def _opened(url: str, path: Path, name: str) -> Store:
    engine = sa.create_engine(
        url, creator=lambda: sqlite3.connect(name, uri=True, timeout=PATIENCE, check_same_thread=False)
    )
    damage.tell_in_words(engine)
    try:
        _check_schema(engine, path)
    except LamplighterError:
        engine.dispose()
        raise
    return Store(engine)


def _check_schema(engine: sa.Engine, path: Path) -> None:
    with engine.connect() as connection:
        known = revisions(config_of(connection))
        current = MigrationContext.configure(connection).get_current_revision()
    if current not in known:
        raise damage.newer(engine)
    if current != known[0]:
        raise SetupError(
            f"the store {path} is of an older Lamplighter, and may only be read",
            hint="lamplighter status, once where it may be written, brings it up to date",
        )
