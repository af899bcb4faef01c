"""One ad account at the sandbox Meta: its audiences, who is in them, and the events of its dataset."""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from connector.sandbox.clock import Clock
from connector.sandbox.meta_settings import Settings

Key = tuple[str, bytes]
"""A kind of identifier (`email`, `phone`...) and its hash, or its bytes where it is not hashed."""
FIRST_ID = 23_850_000_000_000

_TABLES = """
CREATE TABLE audience (
    id INTEGER PRIMARY KEY, name TEXT, description TEXT, subtype TEXT, restriction TEXT, labels TEXT, flagged INTEGER,
    generation INTEGER, created INTEGER
);
CREATE TABLE member (
    audience INTEGER, generation INTEGER, kind TEXT, hash BLOB, limited INTEGER,
    PRIMARY KEY (audience, generation, kind, hash)
) WITHOUT ROWID;
"""


@dataclass(kw_only=True)
class Replacing:
    """A replace session of an audience. `received` counts rows; `ends` is when its work is done, once it is closed."""

    id: int
    generation: int
    begun: int
    received: int = 0
    ends: int | None = None


@dataclass(kw_only=True)
class Account:
    """The account. Whoever touches it holds `lock`.

    A million hashes take about 60 MB, on disk: the database is a private temporary file.

    Attributes:
        replacing: audience -> its session that is open or worked through.
        over: session id -> whether it ended by itself (True) or by its last batch.
        failed: audiences whose last replacement came to nothing.
        uploads: session id of /users -> rows received.
        events: (event name, event id) -> the event as it counts.
        refused: hashes that are taken for invalid, by lever.
        last_id: of the audience that was made last.
        blocked_until: no call is let through before (milliseconds), by lever.
    """

    settings: Settings
    clock: Clock
    lock: threading.RLock = field(default_factory=threading.RLock)
    replacing: dict[int, Replacing] = field(default_factory=dict)
    over: dict[int, bool] = field(default_factory=dict)
    failed: set[int] = field(default_factory=set)
    uploads: dict[int, int] = field(default_factory=dict)
    events: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    refused: set[bytes] = field(default_factory=set)
    last_id: int = FIRST_ID
    blocked_until: int = 0

    def __post_init__(self) -> None:
        self.db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -48000"):
            self.db.execute(f"PRAGMA {pragma}")
        self.db.executescript(_TABLES)
        self.db.row_factory = sqlite3.Row

    @contextmanager
    def bulk(self) -> Iterator[None]:
        """Many changes at once, as they go; handlers check before they change anything."""
        self.db.execute("BEGIN")
        try:
            yield
        finally:
            self.db.execute("COMMIT")

    def make(self, **values: Any) -> int:
        """A new audience. Returns its id, which none had before."""
        self.last_id += 1
        row = {"id": self.last_id, "generation": 1, "created": self.clock.milliseconds(), **values}
        marks = ", ".join(f":{name}" for name in row)
        self.db.execute(f"INSERT INTO audience ({', '.join(row)}) VALUES ({marks})", row)  # noqa: S608
        return int(row["id"])

    def audience(self, id: str) -> sqlite3.Row | None:
        """An audience, if it is there."""
        found: sqlite3.Row | None = None
        if id.isdecimal():
            found = self.db.execute("SELECT * FROM audience WHERE id = ?", (int(id),)).fetchone()
        return found

    def audiences(self) -> list[sqlite3.Row]:
        """All, the newest first, as the API lists them."""
        return self.db.execute("SELECT * FROM audience ORDER BY id DESC").fetchall()

    def change(self, id: int, values: Mapping[str, Any]) -> None:
        """Set columns of an audience."""
        for name, value in values.items():
            self.db.execute(f"UPDATE audience SET {name} = ? WHERE id = ?", (value, id))  # noqa: S608

    def delete(self, id: int) -> None:
        """An audience and its members are gone."""
        self.replacing.pop(id, None)
        self.db.execute("DELETE FROM member WHERE audience = ?", (id,))
        self.db.execute("DELETE FROM audience WHERE id = ?", (id,))

    def add(self, id: int, generation: int, rows: Iterable[tuple[Key, bool]]) -> None:
        """Put people into one generation of an audience; who is in already, is."""
        values = ((id, generation, kind, digest, limited) for (kind, digest), limited in rows)
        with self.bulk():
            self.db.executemany("INSERT OR REPLACE INTO member VALUES (?, ?, ?, ?, ?)", values)

    def remove(self, id: int, generation: int, rows: Iterable[Key]) -> None:
        """Take people out of one generation of an audience."""
        sql = "DELETE FROM member WHERE audience = ? AND generation = ? AND kind = ? AND hash = ?"
        with self.bulk():
            self.db.executemany(sql, ((id, generation, *key) for key in rows))

    def remove_everywhere(self, rows: Sequence[Key]) -> None:
        """Take people out of every audience, and out of what is on its way into one."""
        rooms = self.db.execute("SELECT DISTINCT audience, generation FROM member").fetchall()
        for audience, generation in rooms:
            self.remove(audience, generation, rows)

    def turn(self, id: int, generation: int) -> None:
        """Let one generation of an audience be the audience; the others are forgotten."""
        self.change(id, {"generation": generation})
        self.db.execute("DELETE FROM member WHERE audience = ? AND generation <> ?", (id, generation))

    def forget(self, id: int, generation: int) -> None:
        """Drop a generation that is not to be."""
        self.db.execute("DELETE FROM member WHERE audience = ? AND generation = ?", (id, generation))

    def members(self, id: int) -> list[tuple[str, bytes, bool]]:
        """Who is in an audience: kind, hash, whether use of their data is limited."""
        sql = "SELECT kind, hash, limited FROM member JOIN audience ON audience.id = member.audience "
        sql += "AND audience.generation = member.generation WHERE audience = ? ORDER BY kind, hash"
        return [(kind, digest, bool(limited)) for kind, digest, limited in self.db.execute(sql, (id,))]

    def size(self, id: int) -> int:
        """How many are in an audience."""
        sql = "SELECT count(*) FROM member JOIN audience ON audience.id = member.audience "
        sql += "AND audience.generation = member.generation WHERE audience = ?"
        return int(self.db.execute(sql, (id,)).fetchone()[0])
