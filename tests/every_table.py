"""Rows for any table of the store, at any revision of its schema: two that differ in every column."""

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

NOON = datetime(2026, 9, 30, 12, 0, 0, 250, tzinfo=UTC)
WORDS = {("outbox", "state"): ("sent", "deferred"), ("outbox", "kind"): ("membership", "properties")}
"""(Table, column) -> what may stand there, where not anything may."""
OTHERS = "ünïcode, \"quotes\" and 'more'\n"


def rows_for(table: sa.Table) -> list[dict[str, Any]]:
    """Two rows with every column filled; a table that was read from a database does as well."""
    return [{column.name: _value(column, number) for column in table.columns} for number in (1, 2)]


def _value(column: sa.Column[Any], number: int) -> Any:
    kind = column.type
    if words := WORDS.get((column.table.name, column.name)):
        return words[number - 1]
    if isinstance(kind, sa.JSON):
        return {"of": [column.name, number, None, OTHERS], "nested": {"true": True, "real": 1.5}}
    if isinstance(kind, sa.Boolean):
        return number == 1
    if isinstance(kind, sa.Integer):
        return number
    if isinstance(kind, sa.String):
        return f"{column.name} {number} {OTHERS}"[: kind.length or None]
    if isinstance(kind, sa.Float | sa.Numeric):
        return number / 4
    return NOON + timedelta(days=number) if _keeps_zones(kind) else (NOON + timedelta(days=number)).replace(tzinfo=None)


def _keeps_zones(kind: Any) -> bool:
    """Times in our own type and in Postgres' know their zone."""
    return not isinstance(kind, sa.DateTime) or kind.timezone


def contents(connection: sa.Connection, tables: list[sa.Table]) -> dict[str, list[dict[str, Any]]]:
    """Every row of some tables, by key."""
    found = {}
    for table in tables:
        query = sa.select(table).order_by(*table.primary_key)
        found[table.name] = [dict(row._mapping) for row in connection.execute(query)]
    return found
