"""Opening the store: SQLite in WAL mode by default, Postgres where several machines share the work."""

import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql, sqlite

from connector.errors import EndPass, LamplighterError, SetupError
from connector.store import damage

Fence = Callable[[sa.Connection], None]
"""Asked first in a transaction. Raises EndPass where it may not go on."""

CHUNK = 5_000
"""Rows a statement: SQLite and Postgres both slow down on larger parameter lists."""


WRITES = {"lamplighter_writes": True}
"""Execution option: this transaction writes. SQLite then takes its lock at the start, so that two never deadlock."""


MIGRATING = 76_301
"""Any number of our own: Postgres' advisory lock for migrations."""


PATIENCE = 30
"""Seconds to wait for another process that holds SQLite's lock."""
IDLE = 60
"""Seconds after which Postgres ends the transaction of a process that sleeps in the middle of it: its locks would keep
everybody else from taking over."""
SILENT = {"keepalives_idle": 20, "keepalives_interval": 5, "keepalives_count": 4, "tcp_user_timeout": 40_000}
"""A server that went without a word is given up after 40 seconds, not after hours."""


class Store:
    """A connection to everything promised and done.

    Args:
        engine: an SQLAlchemy engine whose schema is current (`open_store` sees to it).
    """

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self._fences: tuple[Fence, ...] = ()

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """One transaction: all of it or nothing.

        Raises:
            EndPass: a lease that is held on this store has gone to somebody else; or the database is away.
        """
        with self.unfenced() as connection:
            for fence in self._fences:
                fence(connection)
            yield connection

    @contextmanager
    def unfenced(self) -> Iterator[sa.Connection]:
        """One transaction that no lease is asked for: those of leases themselves."""
        with _answering(), self.engine.execution_options(**WRITES).begin() as connection:
            yield connection

    @contextmanager
    def fenced_by(self, fence: Fence) -> Iterator[None]:
        """Let every transaction of the block ask `fence` first."""
        before, self._fences = self._fences, (*self._fences, fence)
        try:
            yield
        finally:
            self._fences = before

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection for queries."""
        with _answering(), self.engine.connect() as connection:
            yield connection

    def rows(self, statement: sa.Select[Any]) -> list[Any]:
        """All rows of a query."""
        with self.reading() as connection:
            return list(connection.execute(statement))

    def close(self) -> None:
        self.engine.dispose()


@contextmanager
def _answering() -> Iterator[None]:
    """A database that went away, or is held by somebody else, ends the pass in words; what was kept stays kept."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        if not _is_away(error):
            raise
        problem = str(error.orig).strip().splitlines()[0][:200]
        raise EndPass(
            f"the store does not answer: {problem}; what was kept stays kept",
            hint="lamplighter run, when the database is there again: it goes on where it stopped",
        ) from None


def _is_away(error: sa.exc.DBAPIError) -> bool:
    """Gone in mid-sentence, not there, or busy for longer than we wait; not: asked for something that it cannot do."""
    if isinstance(error.orig, sqlite3.Error):
        return _is_busy(error.orig)
    return error.connection_invalidated or isinstance(error, sa.exc.OperationalError)


def _is_busy(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def upsert(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]], *, keep: Sequence[str] = ()) -> None:
    """Insert rows, or overwrite those with the same primary key, but for the columns in `keep`."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    key = [column.name for column in table.primary_key]
    written = rows[0].keys() - {*key, *keep} if rows else set()
    for start in range(0, len(rows), CHUNK):
        statement = insert(table)
        changes = {name: statement.excluded[name] for name in sorted(written)}
        connection.execute(
            statement.on_conflict_do_update(index_elements=key, set_=changes), rows[start : start + CHUNK]
        )


def of_members(
    store: Store, query: sa.Select[Any], column: sa.Column[Any], of: Collection[str] | None
) -> Iterator[Any]:
    """Rows of a query, of everybody or of the members named in `of`, a few thousand names a statement."""
    if of is None:
        yield from store.rows(query)
        return
    named = list(of)
    for start in range(0, len(named), CHUNK):
        yield from store.rows(query.where(column.in_(named[start : start + CHUNK])))


def delete_members(
    connection: sa.Connection, table: sa.Table, destination: str, of: Collection[str], audience: str | None = None
) -> None:
    """Delete these members' rows of one destination, of every audience or of one."""
    named = list(of)
    for start in range(0, len(named), CHUNK):
        query = table.delete().where(table.c.destination == destination)
        query = query.where(table.c.member.in_(named[start : start + CHUNK]))
        connection.execute(query if audience is None else query.where(table.c.audience == audience))


def open_store(url: str) -> Store:
    """Open the store and bring its schema up to date.

    Args:
        url: an SQLAlchemy URL, `sqlite:///...` or `postgresql+psycopg://...`.

    Raises:
        SetupError: the database cannot be opened, is damaged, or was written by a newer Lamplighter.
    """
    engine = engine_of(url)
    try:
        _migrate(engine)
    except LamplighterError:
        engine.dispose()
        raise
    except sa.exc.DatabaseError as error:
        engine.dispose()
        problem = str(error.orig).strip().splitlines()[0] if error.orig else "unknown"
        raise SetupError(
            f"the store cannot be opened: {problem}",
            hint="check store.url in lamplighter.yaml and that the database is up; restore a damaged file",
        ) from None
    return Store(engine)


def engine_of(url: str) -> sa.Engine:
    """An engine for whatever stands at `store.url`. Raises SetupError: the URL names no database."""
    try:
        engine = sa.create_engine(url, **_options(url))
    except (sa.exc.ArgumentError, ImportError) as error:  # no URL, an unknown database, or its driver is missing
        raise SetupError(
            f"store.url names no database that can be opened here ({type(error).__name__})",
            hint="write sqlite:///FILE or postgresql+psycopg://... (with pip install 'lamplighter[postgres]')",
        ) from None
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _pragmas)
        sa.event.listen(engine, "begin", _begin)
        damage.tell_in_words(engine)
        _create_private(engine)
    else:
        sa.event.listen(engine, "connect", _never_idle)
    return engine


def file_of(url: str) -> Path | None:
    """The file of a SQLite store; None of any other, and where the URL is none."""
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        return None
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def _options(url: str) -> dict[str, Any]:
    if url.startswith("sqlite"):
        return {"connect_args": {"timeout": PATIENCE}}
    return {"pool_pre_ping": True, "connect_args": {"connect_timeout": 10, **SILENT}}


def _create_private(engine: sa.Engine) -> None:
    """The file holds addresses: only its owner may read it."""
    name = engine.url.database
    if name and name != ":memory:":
        path = Path(name)
        try:
            damage.refuse_in_restore(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600, exist_ok=True)
        except OSError as error:
            raise SetupError(
                f"the store {path} cannot be written: {error.strerror}", hint="give --home a folder you may write to"
            ) from None


def _never_idle(connection: Any, _record: Any) -> None:
    connection.execute(f"SET idle_in_transaction_session_timeout = '{IDLE}s'")
    connection.commit()


def _pragmas(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # else the driver leaves table definitions outside of transactions
    _write_ahead(connection)
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _write_ahead(connection: Any) -> None:
    """SQLite waits for nobody while it changes the journal mode of a new file, so we do."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def config_of(connection: sa.Connection) -> Config:
    """Alembic's settings for a connection within a transaction."""
    config = Config()
    config.set_main_option("script_location", "connector.store:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def revisions(config: Config) -> list[str]:
    """Every revision of the schema that this code knows, the newest first."""
    return [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().keys() & WRITES.keys()
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _migrate(engine: sa.Engine) -> None:
    """All steps or none, and one process at a time: others wait and find the work done."""
    with engine.execution_options(**WRITES).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATING)))
        config = config_of(connection)
        known = revisions(config)
        current = MigrationContext.configure(connection).get_current_revision()
        if current == known[0]:
            return
        if current is not None and current not in known:
            raise damage.newer(engine)
        if current is not None:
            damage.keep_copy(engine, known[0])
        command.upgrade(config, "head")
