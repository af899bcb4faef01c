"""Queries run over the org: for one user, in pages that stay good for days, or as one stream for the bulk API."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from connector.sandbox import salesforce_soql_tree as tree
from connector.sandbox.clock import DAY
from connector.sandbox.salesforce_errors import failed
from connector.sandbox.salesforce_ids import make_id
from connector.sandbox.salesforce_org import Session
from connector.sandbox.salesforce_soql_conditions import Column
from connector.sandbox.salesforce_soql_parser import parse
from connector.sandbox.salesforce_soql_sql import Compiler, compiler
from connector.sandbox.salesforce_soql_tokens import wrong

MOST_OFFSET = 2_000
CURSOR_PREFIX = "01g"


@dataclass(frozen=True, slots=True)
class Result:
    """What a query found; children of the rows are asked for apart.

    Attributes:
        compiler: the query it answers.
        total: how many rows there are in all.
        page: the rows at hand, values as columns keep them; where rows are records, their ids and those of the parents
            that are selected from stand at the end.
        cursor: where the rest is; empty where there is none.
        next: the position of the first row that is not at hand.
    """

    compiler: Compiler
    total: int
    page: list[tuple[Any, ...]]
    cursor: str = ""
    next: int = 0

    @property
    def columns(self) -> tuple[Column, ...]:
        """What each row holds, in order."""
        return tuple(self.compiler.columns)


def first_page(session: Session, text: str, size: int, *, all_rows: bool = False) -> Result:
    """The first rows of a query, at most `size`. Fails with Salesforce's error for what it does not understand."""
    compiled = _compiled(session, text, all_rows=all_rows)
    if compiled.grouped:
        return _groups(session, compiled, size)
    order = compiled.order()
    rows = compiled.statement(_with_id(compiled))
    wanted = compiled.query.limit
    most = size + 1 if wanted is None else min(size + 1, wanted)
    found = session.org.state.rows(f"{rows.sql}{order} LIMIT {most} OFFSET {compiled.query.offset}", *rows.values)
    if len(found) <= size:
        return Result(compiled, len(found), found)
    cursor, total = _keep(session, compiled, text, all_rows=all_rows)
    return Result(compiled, total, found[:size], cursor, size)


def _groups(session: Session, compiled: Compiler, size: int) -> Result:
    if compiled.counts:
        if len(compiled.query.select) > 1:
            raise wrong(compiled.query.text, compiled.query.select[1].what.at, "Grouped field should not be aggregated")
        rows = compiled.statement("1")
        within = f" LIMIT {-1 if compiled.query.limit is None else compiled.query.limit}"
        total = session.org.state.value(f"SELECT count(*) FROM ({rows.sql}{within})", *rows.values)  # noqa: S608
        return Result(compiled, total, [])
    groups = compiled.groups()
    found = session.org.state.rows(groups.sql, *groups.values)
    if len(found) > size:
        message = "Aggregate query does not support queryMore(), use LIMIT to restrict the results to a single batch"
        raise failed("EXCEEDED_ID_LIMIT", message)
    return Result(compiled, len(found), found)


def _keep(session: Session, compiled: Compiler, text: str, *, all_rows: bool) -> tuple[str, int]:
    """Write down which records a query found, in order. Returns the cursor's id, and how many."""
    state = session.org.state
    _forget(session)
    cursor = make_id(CURSOR_PREFIX, state.next_id("query_cursor"))
    order = compiled.order()
    rows = compiled.statement(f"{compiled.table}.Id AS id")
    most = -1 if compiled.query.limit is None else compiled.query.limit
    inner = f"{rows.sql}{order} LIMIT {most} OFFSET {compiled.query.offset}"
    sql = f"INSERT INTO cursor_row SELECT ?, row_number() OVER () - 1, id FROM ({inner})"  # noqa: S608 - compiled
    total = state.run(sql, cursor, *rows.values)
    known = (cursor, text, session.user.id, int(all_rows), total, session.org.clock.milliseconds())
    state.run("INSERT INTO query_cursor VALUES (?, ?, ?, ?, ?, ?)", *known)
    return cursor, total


def _forget(session: Session) -> None:
    ended = session.org.clock.milliseconds() - session.org.settings.cursor_days * DAY
    state = session.org.state
    state.run("DELETE FROM cursor_row WHERE cursor IN (SELECT id FROM query_cursor WHERE made < ?)", ended)
    state.run("DELETE FROM query_cursor WHERE made < ?", ended)


def next_page(session: Session, cursor: str, start: int, size: int) -> Result:
    """Rows of a query from a position on. Fails with INVALID_QUERY_LOCATOR where its cursor is gone."""
    _forget(session)
    sql = "SELECT query, all_rows, size FROM query_cursor WHERE id = ? AND user = ?"
    known = session.org.state.row(sql, cursor, session.user.id)
    if known is None or start > known[2]:
        raise failed("INVALID_QUERY_LOCATOR", "invalid query locator")
    text, all_rows, total = known
    compiled = _compiled(session, text, all_rows=bool(all_rows))
    tables = f'FROM cursor_row JOIN "{compiled.kind.name}" {compiled.table} ON {compiled.table}.Id = cursor_row.id'
    sql = f"""SELECT {_with_id(compiled)} {" ".join([tables, *compiled.joins])}
        WHERE cursor_row.cursor = ? AND position >= ? AND position < ? ORDER BY position"""
    page = session.org.state.rows(sql, cursor, start, start + size)
    more = start + size < total
    return Result(compiled, total, page, cursor if more else "", start + size)


def _compiled(session: Session, text: str, *, all_rows: bool) -> Compiler:
    query = parse(text)
    if query.offset > MOST_OFFSET:
        raise failed("NUMBER_OUTSIDE_VALID_RANGE", f"Maximum SOQL offset allowed is {MOST_OFFSET}")
    compiled = compiler(session, query, all_rows=all_rows)
    _check(compiled)
    return compiled


def _check(compiled: Compiler) -> None:
    query = compiled.query
    counted = Counter(column.name for column in compiled.columns)
    if doubled := [name for name, count in counted.items() if count > 1]:
        raise failed("INVALID_FIELD", f"duplicate field selected: {doubled[0]}")
    if query.having and not query.group_by:
        raise wrong(query.text, query.at, "HAVING without GROUP BY", "MALFORMED_QUERY")
    if compiled.grouped and any(isinstance(one.what, tree.Query) for one in query.select):
        raise wrong(query.text, query.at, "aggregates and child queries cannot be mixed")


def _with_id(compiled: Compiler) -> str:
    ids = (f"{name}.Id" for name in (compiled.table, *(parent.name for parent in compiled.parents())))
    return ", ".join([*(column.sql for column in compiled.columns), *ids])


@dataclass(frozen=True, slots=True)
class Stream:
    """All rows of a query at once, as the bulk API reads them."""

    session: Session
    compiler: Compiler

    @property
    def columns(self) -> tuple[Column, ...]:
        """What each row holds, in order."""
        return tuple(self.compiler.columns)

    @property
    def total(self) -> int:
        """How many rows there are."""
        sql, values = self._statement("1")
        return int(self.session.org.state.value(f"SELECT count(*) FROM ({sql})", *values))  # noqa: S608 - compiled

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Values as columns keep them, parallel to `columns`. Read it to its end before anything is written."""
        sql, values = self._statement("")
        yield from self.session.org.state.db.execute(sql, values)

    def _statement(self, columns: str) -> tuple[str, list[Any]]:
        if self.compiler.grouped:
            groups = self.compiler.groups()
            return groups.sql, groups.values
        order = self.compiler.order()
        rows = self.compiler.statement(columns)
        most = -1 if self.compiler.query.limit is None else self.compiler.query.limit
        return f"{rows.sql}{order} LIMIT {most} OFFSET {self.compiler.query.offset}", rows.values


def run(session: Session, text: str, *, all_rows: bool = False) -> Stream:
    """A query's rows as a stream. Fails with Salesforce's error for what it does not understand."""
    return Stream(session, _compiled(session, text, all_rows=all_rows))
