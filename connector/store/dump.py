"""The whole store as plain rows, the same for SQLite and Postgres: one moment of it out, and in again elsewhere."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.runtime.migration import MigrationContext

from connector.errors import SetupError
from connector.store import database, runs, stale
from connector.store.database import Store
from connector.store.tables import UtcTime, lease, metadata, run

ROWS = 5_000
"""So many are in memory at a time."""
LEAP = 1_000_000
"""So far a lease's token moves on in a restored store: above any that was given out since the backup."""

Row = dict[str, Any]
Tables = Mapping[str, Iterable[Row]]


@dataclass(frozen=True)
class Snapshot:
    """A store as it is at one moment, whoever writes meanwhile. Holds while `snapshot` is open.

    Attributes:
        revision: of its schema.
        run: number of its newest run; 0 before the first.
    """

    connection: sa.Connection
    revision: str
    run: int

    def rows(self, table: str) -> Iterator[Row]:
        """The rows of a table in JSON's types, times in ISO 8601, ordered by key."""
        of = metadata.tables[table]
        query = sa.select(of).order_by(*of.primary_key)
        streamed = self.connection.execution_options(stream_results=True, yield_per=ROWS).execute(query)
        for row in streamed:
            yield {name: _plain(value) for name, value in row._mapping.items()}


@contextmanager
def snapshot(store: Store) -> Iterator[Snapshot]:
    """Look at one moment of a store; others may go on writing."""
    engine = store.engine
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with engine.connect() as connection:
        revision = MigrationContext.configure(connection).get_current_revision()
        newest = connection.execute(sa.select(sa.func.max(run.c.number))).scalar_one()
        yield Snapshot(connection, revision or "", newest or 0)


def table_names() -> list[str]:
    """Every table of the store, by name."""
    return sorted(metadata.tables)


def is_used(store: Store) -> bool:
    """Whether a store knows of any run, cursor or remote object."""
    told = (sa.select(metadata.tables[name]).limit(1) for name in ("run", "cursor", "remote"))
    return any(store.rows(query) for query in told)


def load(url: str, revision: str, tables: Tables, outdated: Mapping[str, datetime]) -> None:
    """Make the store at `url` what a snapshot was, then bring its schema up to date. All of it or nothing.

    Args:
        outdated: destination -> since when it may know more than the snapshot.

    Raises:
        SetupError: the database cannot be opened, or the snapshot was taken by a newer Lamplighter.
    """
    engine = database.engine_of(url)
    try:
        with engine.execution_options(**database.WRITES).begin() as connection:
            config = database.config_of(connection)
            if revision not in database.revisions(config):
                raise SetupError(
                    "the backup was taken by a newer Lamplighter", hint="upgrade: pip install --upgrade lamplighter"
                )
            _clear(connection)
            command.upgrade(config, revision)
            for name, rows in tables.items():
                _fill(connection, metadata.tables[name], rows)
            command.upgrade(config, "head")
            _settle(connection)
            stale.mark(connection, outdated)
    except sa.exc.DatabaseError as error:
        raise SetupError(
            f"the store cannot be restored into {engine.url.render_as_string()}: {type(error.orig).__name__}",
            hint="check store.url in lamplighter.yaml and that the database is up",
        ) from None
    finally:
        engine.dispose()


def _clear(connection: sa.Connection) -> None:
    """Drop what stands there, the note of its schema included."""
    found = sa.MetaData()
    ours = {*metadata.tables, "alembic_version"}
    found.reflect(connection, only=lambda name, _: name in ours)
    found.drop_all(connection)


def _fill(connection: sa.Connection, table: sa.Table, rows: Iterable[Row]) -> None:
    """Insert rows into the columns that they have: an older schema lacks some of today's."""
    batch: list[Row] = []
    for row in rows:
        batch.append({name: _typed(table.c[name], value) for name, value in row.items()})
        if len(batch) == ROWS:
            _insert(connection, table, batch)
            batch = []
    _insert(connection, table, batch)


def _insert(connection: sa.Connection, table: sa.Table, batch: list[Row]) -> None:
    if batch:  # without the defaults of today's code
        plain = sa.table(table.name, *(sa.column(name, table.c[name].type) for name in batch[0]))
        connection.execute(plain.insert(), batch)


def _settle(connection: sa.Connection) -> None:
    """Nobody is at work on a restored store, and run numbers go on behind its newest."""
    past = datetime(1970, 1, 1, tzinfo=UTC)
    connection.execute(lease.update().values(token=lease.c.token + LEAP, expires_at=past))
    runs.count_on(connection)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _typed(column: sa.Column[Any], value: Any) -> Any:
    return datetime.fromisoformat(value) if isinstance(column.type, UtcTime) and value is not None else value
