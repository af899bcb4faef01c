"""Where the sandbox's org keeps its records: one SQLite table for each object, a column for each field."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from connector.errors import SetupError
from connector.sandbox.salesforce_fields import SObject, columns
from connector.sandbox.state import VERSION, State

TABLES = """
CREATE TABLE sequence (name TEXT PRIMARY KEY, next INTEGER) WITHOUT ROWID;
CREATE TABLE custom_field (object TEXT, name TEXT, line TEXT, PRIMARY KEY (object, name)) WITHOUT ROWID;
CREATE TABLE hidden_field (object TEXT, name TEXT, readable INTEGER, PRIMARY KEY (object, name)) WITHOUT ROWID;
CREATE TABLE hidden_row (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE query_cursor (id TEXT PRIMARY KEY, query TEXT, user TEXT, all_rows INTEGER, size INTEGER, made INTEGER);
CREATE TABLE cursor_row (cursor TEXT, position INTEGER, id TEXT, PRIMARY KEY (cursor, position)) WITHOUT ROWID;
CREATE TABLE open_transaction (
    id INTEGER PRIMARY KEY, object TEXT, record TEXT, changes TEXT, began INTEGER, commits INTEGER
);
"""
INDEXED = frozenset({"MasterRecordId", "SystemModstamp"})
APPLICATION = 0x5346
"""Tells a file of an org from other SQLite files."""


class OrgState(State):
    """The org's database. Raises SetupError for a file that holds something else."""

    def __init__(self, path: Path | None, objects: Mapping[str, SObject]) -> None:
        super().__init__(path)
        if not self.fresh and self.value("PRAGMA application_id") != APPLICATION:
            self.close()
            raise SetupError(f"The state in {path} is not a sandbox Salesforce's.", hint="name another file")
        if self.fresh:
            for (name,) in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'"):
                self.run(f"DROP TABLE {name}")
            self.db.executescript(TABLES + "".join(map(_table, objects.values())))

    def index(self, objects: Iterable[SObject]) -> None:
        """Build the indexes and call it complete: after the bulk is in, that is faster than growing them."""
        for one in objects:
            for name in _indexed(one):
                self.run(f'CREATE INDEX "{one.name}.{name}" ON "{one.name}" ("{name}")')
        self.run("ANALYZE")
        self.run(f"PRAGMA application_id = {APPLICATION}")
        self.run(f"PRAGMA user_version = {VERSION}")
        self.fresh = False

    def add_column(self, kind: SObject, name: str, column: str, *, indexed: bool) -> None:
        """One more column, of a custom field."""
        self.run(f'ALTER TABLE "{kind.name}" ADD COLUMN "{name}" {column}')
        if indexed and not self.fresh:
            self.run(f'CREATE INDEX IF NOT EXISTS "{kind.name}.{name}" ON "{kind.name}" ("{name}")')


def _table(kind: SObject) -> str:
    listed = ", ".join(f'"{name}" {column}' for name, column in columns(kind).items() if name != "Id")
    return f'CREATE TABLE "{kind.name}" (Id TEXT PRIMARY KEY, {listed}) WITHOUT ROWID;\n'


def _indexed(kind: SObject) -> list[str]:
    """Columns that are looked for: ties to parents, times of change, and values that stand for one record."""
    wanted = (one for one in kind.fields.values() if one.stored)
    return [one.name for one in wanted if one.name in INDEXED or _sought(one.name, one.children, one.properties)]


def _sought(name: str, children: str | None, properties: str) -> bool:
    return bool(children) or (name != "Id" and bool(set("UEI") & set(properties)))
