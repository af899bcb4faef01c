"""Events in a table or query of any database that SQLAlchemy speaks to, read through a mapping.

Reading goes on behind what was read, by a column that only grows. The last rows are looked at again each time, as a
row may be committed after one that has a greater value; those that were seen are not handed out twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any
from warnings import catch_warnings

import sqlalchemy as sa
from sqlalchemy import exc

from connector.errors import RetryLater, SetupError
from connector.events.events import EVENTS, events_mapping
from connector.events.files import Line, Place
from connector.events.mapped import MappedRows
from connector.events.reading import batch_of
from connector.events.sql_place import Seen
from connector.events.values import Unusable, plain
from connector.model import Batch, Cursor
from connector.ports import EventSource, Known

ROWS = 10_000
"""Rows of a batch."""
_TABLE_HINT = "correct `table` of this source in lamplighter.yaml, or `object` in its mapping"
_AWAY = (exc.OperationalError, exc.InterfaceError, exc.InternalError, exc.DisconnectionError, exc.TimeoutError)


def source(name: str, url: str, table: str, growing: str, mapping: str, home: Path | None) -> EventSource:
    """A table of a database.

    Args:
        url: SQLAlchemy's; may hold a password.
        table: name of a table or view, with its schema before a dot where it needs one; empty: `object` of the mapping,
            which may also be a query.
        growing: the column whose value only grows from row to row: a number that the database gives, or the time at
            which a row was written.
        mapping: name of the mapping file (`events` where none is named).

    Raises:
        SetupError: the mapping is wrong, or there is no such kind of database.
    """
    chosen = events_mapping(mapping or "events", home)
    named = table or chosen.streams["interaction"].object
    if not named:
        raise SetupError(f"source {name!r}: no table is named", hint=_TABLE_HINT)
    return SqlTable(MappedRows(name, chosen, EVENTS), _engine(name, url, home), named, growing)


def _engine(name: str, url: str, home: Path | None) -> sa.Engine:
    """Not connected yet. The URL never stands in a message: it may hold a password."""
    try:
        address = sa.make_url(url)
        if address.get_backend_name() == "sqlite":
            return _sqlite(name, address, (home or Path()) / (address.database or ""))
        return sa.create_engine(address, poolclass=sa.NullPool, hide_parameters=True)
    except (exc.ArgumentError, ImportError, ValueError):
        raise SetupError(
            f"source {name!r}: its url names no database that can be spoken to here",
            hint="write it as SQLAlchemy does (postgresql+psycopg://user@host/name), and install the driver it names",
        ) from None


def _sqlite(name: str, address: sa.URL, path: Path) -> sa.Engine:
    """A file, never made by us. Its texts may be any bytes: one that is none must not end the pull."""
    if not path.is_file():
        raise SetupError(f"source {name!r}: there is no file {path}", hint="correct `url` of this source")
    engine = sa.create_engine(address.set(database=str(path)), poolclass=sa.NullPool, hide_parameters=True)
    sa.event.listen(engine, "connect", lambda connection, _: setattr(connection, "text_factory", _text_or_bytes))
    return engine


def _text_or_bytes(data: bytes) -> str | bytes:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


class SqlTable:
    """One table, view or query. Keeps the promises of EventSource."""

    def __init__(self, rows: MappedRows, engine: sa.Engine, table: str, growing: str) -> None:
        self.name = rows.name
        self._rows = rows
        self._engine = engine
        self._table = table
        self._growing = growing
        self._label = "query" if _is_query(table) else table

    def streams(self) -> Sequence[str]:
        return (EVENTS.stream,)

    def pull(self, stream: str, cursor: Cursor | None, known: Known) -> Iterator[Batch]:
        """Rows of everything behind `cursor` that was not read before; see EventSource.

        Raises:
            SetupError: no such table or column, with the nearest name, or the database refuses the query.
            RetryLater: the database is away, or went away.
        """
        seen = Seen.of(cursor)
        with self._asking(), self._engine.connect() as connection:
            query = self._query(connection, seen.boundary)
            for part in connection.execution_options(yield_per=ROWS).execute(query).mappings().partitions():
                if lines := list(self._new(part, seen)):
                    yield batch_of(self._label, EVENTS.stream, self._drawn, lines, seen.cursor())

    def _drawn(self, lines: Sequence[Line]) -> Any:
        return self._rows.draw(self._label, Place(), lines)

    def _new(self, part: Sequence[Mapping[Any, Any]], seen: Seen) -> Iterator[Line]:
        for row in part:
            if seen.is_new(row[self._growing], row.values()):
                yield self._line(row)

    def _line(self, row: Mapping[Any, Any]) -> Line:
        named = (row.get(column) for column in (*self._rows.rules.fields["key"].sources, self._growing))
        line = Line(0, 0, 0, "", b"", name=str(next(each for each in named if each is not None)))
        try:
            return line._replace(record={str(name): plain(value) for name, value in row.items()})
        except Unusable as problem:
            return line._replace(problem=str(problem))

    def _query(self, connection: sa.Connection, boundary: Any) -> sa.Select[Any]:
        found, columns = _rows_of(connection, self._table) if _is_query(self._table) else self._reflected(connection)
        near = partial(_nearest, names=columns)
        self._rows.require(columns, f"{self._label} of source {self.name!r}", near)
        if self._growing not in columns:
            wrong = f"{self._label} has no column {self._growing!r}{near(self._growing)}"
            raise SetupError(
                f"source {self.name!r}: {wrong}", hint="correct `growing` of this source in lamplighter.yaml"
            )
        wanted = {*self._rows.foreign(), self._growing}
        growing = found.c[self._growing]
        query = sa.select(*(found.c[each] for each in columns if each in wanted)).where(growing.is_not(None))
        if boundary is not None:
            query = query.where(growing >= sa.bindparam("boundary", boundary, type_=sa.types.NullType()))
        return query.order_by(growing)

    def _reflected(self, connection: sa.Connection) -> tuple[sa.FromClause, Sequence[str]]:
        """The table by the names of its columns only: what a column is said to hold, a row of it may not."""
        schema, _, name = self._table.rpartition(".")
        inspector = sa.inspect(connection)
        try:
            with catch_warnings(category=exc.SAWarning, action="ignore"):  # of types that SQLAlchemy does not know
                columns = [str(each["name"]) for each in inspector.get_columns(name, schema or None)]
        except exc.NoSuchTableError:
            names = [*inspector.get_table_names(schema or None), *inspector.get_view_names(schema or None)]
            near = _nearest(name, names)
            raise SetupError(f"source {self.name!r}: there is no table {name!r}{near}", hint=_TABLE_HINT) from None
        return sa.table(name, *map(sa.column, columns), schema=schema or None), columns

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """The database's troubles in our words. Its own may hold what somebody wrote, and are left out."""
        try:
            yield
        except _AWAY as error:
            raise RetryLater(
                f"source {self.name!r}: the database cannot be reached, or went away ({_kind(error)}); "
                "what was read is kept",
                hint="lamplighter run, when it is back; if it is there, look at `url` of this source",
            ) from None
        except exc.SQLAlchemyError as error:
            raise SetupError(
                f"source {self.name!r}: the database refuses to read {self._label} ({_kind(error)})",
                hint="look at `table` and `growing` of this source, and at what its user may read",
            ) from None


def _is_query(table: str) -> bool:
    return table.lstrip().lower().startswith(("select ", "select\n", "with "))


def _rows_of(connection: sa.Connection, query: str) -> tuple[sa.FromClause, Sequence[str]]:
    """A query by the columns that the database says it has."""
    with connection.execution_options(yield_per=1).execute(sa.text(query)) as result:
        columns = list(result.keys())
    return sa.text(query).columns(*map(sa.column, columns)).subquery("found"), columns


def _nearest(name: str, names: Sequence[str]) -> str:
    near = get_close_matches(name, names, n=1, cutoff=0.4)
    return f"; did you mean {near[0]!r}?" if near else ""


def _kind(error: exc.SQLAlchemyError) -> str:
    return type(getattr(error, "orig", None) or error).__name__
