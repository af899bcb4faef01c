"""Where a stand-in keeps what it knows: one SQLite database, in a private temporary file unless a path is given."""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connector.errors import SetupError

TABLES = """
CREATE TABLE record (
    type TEXT, id INTEGER, created INTEGER, updated INTEGER, archived INTEGER, properties TEXT,
    PRIMARY KEY (type, id)
) WITHOUT ROWID;
CREATE TABLE unique_value (type TEXT, name TEXT, value TEXT, id INTEGER, PRIMARY KEY (type, name, value)) WITHOUT ROWID;
CREATE TABLE merged (type TEXT, id INTEGER, survivor INTEGER, PRIMARY KEY (type, id)) WITHOUT ROWID;
CREATE TABLE association (
    from_type TEXT, to_type TEXT, from_id INTEGER, to_id INTEGER, kind INTEGER,
    PRIMARY KEY (from_type, to_type, from_id, to_id, kind)
) WITHOUT ROWID;
CREATE TABLE detached (
    from_type TEXT, to_type TEXT, from_id INTEGER, to_id INTEGER, kind INTEGER,
    PRIMARY KEY (from_type, to_type, from_id, to_id, kind)
) WITHOUT ROWID;
CREATE TABLE past (
    type TEXT, id INTEGER, name TEXT, until INTEGER, value TEXT, PRIMARY KEY (type, id, name, until)
) WITHOUT ROWID;
CREATE TABLE late (type TEXT, id INTEGER, updated INTEGER, until INTEGER, PRIMARY KEY (type, id)) WITHOUT ROWID;
CREATE TABLE property (type TEXT, name TEXT, definition TEXT, PRIMARY KEY (type, name)) WITHOUT ROWID;
CREATE TABLE property_group (
    type TEXT, name TEXT, label TEXT, position INTEGER, PRIMARY KEY (type, name)
) WITHOUT ROWID;
CREATE TABLE pipeline (type TEXT, id TEXT, definition TEXT, PRIMARY KEY (type, id)) WITHOUT ROWID;
CREATE TABLE folder (id INTEGER PRIMARY KEY, name TEXT, parent INTEGER, created INTEGER, updated INTEGER);
CREATE TABLE list (
    id INTEGER PRIMARY KEY, name TEXT, type TEXT, processing TEXT, folder INTEGER, filters TEXT,
    version INTEGER, created INTEGER, updated INTEGER, deleted INTEGER
);
CREATE TABLE membership (list INTEGER, record INTEGER, added INTEGER, PRIMARY KEY (list, record)) WITHOUT ROWID;
CREATE TABLE sequence (name TEXT PRIMARY KEY, next INTEGER) WITHOUT ROWID;
"""

INDEXES = """
CREATE INDEX record_updated ON record (type, updated, id) WHERE archived IS NULL;
CREATE INDEX record_archived ON record (type, id) WHERE archived IS NOT NULL;
CREATE INDEX unique_owner ON unique_value (type, id);
CREATE INDEX merged_survivor ON merged (type, survivor);
CREATE INDEX membership_record ON membership (record);
"""

VERSION = 2
"""Of the tables; a file of another version is not taken up."""
FIRST_ID = 101
"""Every sequence starts here, of every type: a reader that mixes types up meets a wrong record, not a gap."""


class State:
    """The database and its one lock. `fresh` tells that nothing complete was found in it.

    Raises SetupError for a path that cannot be opened, or holds something else.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.lock = threading.RLock()
        try:
            self.db = sqlite3.connect(path or "", isolation_level=None, check_same_thread=False)
            self.db.execute(f"PRAGMA journal_mode = {'WAL' if path else 'MEMORY'}")
        except sqlite3.DatabaseError as wrong:
            raise SetupError(
                f"The sandbox cannot keep its state in {path}: {wrong}.", hint="name another file"
            ) from wrong
        self.db.execute("PRAGMA synchronous = OFF")
        self.db.execute("PRAGMA cache_size = -48000")
        version = self.value("PRAGMA user_version")
        if version not in (0, VERSION):
            self.close()
            raise SetupError(f"The state in {path} is of another version of the sandbox.", hint="name another file")
        self.fresh = version == 0
        if self.fresh:
            for (name,) in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'"):
                self.run(f"DROP TABLE {name}")  # left by a filling that was broken off
            self.db.executescript(TABLES)

    def finish(self) -> None:
        """Call it complete, and build the indexes: after the bulk is in, that is faster than growing them."""
        self.db.executescript(INDEXES)
        self.db.execute(f"PRAGMA user_version = {VERSION}")

    def rows(self, sql: str, *values: Any) -> list[Any]:
        """All rows of a query."""
        with self.lock:
            return self.db.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> Any:
        """The first row, or None."""
        with self.lock:
            return self.db.execute(sql, values).fetchone()

    def value(self, sql: str, *values: Any) -> Any:
        """The first column of the first row, or None."""
        row = self.row(sql, *values)
        return row[0] if row else None

    def run(self, sql: str, *values: Any) -> int:
        """Change something; returns how many rows."""
        with self.lock:
            return self.db.execute(sql, values).rowcount

    def run_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Change something for each of `rows`."""
        with self.lock:
            self.db.executemany(sql, rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; nobody else gets in between."""
        with self.lock:
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self.db.execute("ROLLBACK")
                raise
            self.db.execute("COMMIT")

    def next_id(self, name: str) -> int:
        """The next number of a sequence; a number is never given out twice."""
        sql = "INSERT INTO sequence VALUES (?, ?) ON CONFLICT DO UPDATE SET next = next + 1 RETURNING next"
        return int(self.value(sql, name, FIRST_ID))

    def reserve(self, name: str, last: int) -> None:
        """Tell a sequence that ids up to `last` are taken."""
        self.run(
            "INSERT INTO sequence VALUES (?, ?) ON CONFLICT DO UPDATE SET next = max(next, excluded.next)", name, last
        )

    def close(self) -> None:
        """Let go of the file; a private one is gone with it."""
        with self.lock:
            self.db.close()
