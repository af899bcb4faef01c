"""The query resources: SOQL in, records out, with parents and children within them, page by page."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from connector.sandbox import salesforce_soql_tree as tree
from connector.sandbox.exchange import Answer
from connector.sandbox.salesforce_errors import failed
from connector.sandbox.salesforce_exchange import Request, operation
from connector.sandbox.salesforce_ids import long_id
from connector.sandbox.salesforce_org import Session
from connector.sandbox.salesforce_queries import Result, first_page, next_page
from connector.sandbox.salesforce_rest import DATA, attributes, base, batch_size
from connector.sandbox.salesforce_soql_conditions import Column
from connector.sandbox.salesforce_soql_metadata import column_metadata
from connector.sandbox.salesforce_soql_sql import ADVICE, Compiler, compiler
from connector.sandbox.salesforce_soql_tokens import wrong
from connector.sandbox.salesforce_values import shown

Record = dict[str, Any]


def query(session: Session, request: Request) -> Answer:
    """Records that are not deleted."""
    return _first(session, request, all_rows=False)


def query_all(session: Session, request: Request) -> Answer:
    """Records, also deleted ones and those that were merged away."""
    return _first(session, request, all_rows=True)


def _first(session: Session, request: Request, *, all_rows: bool) -> Answer:
    text = request.query.get("q")
    if not text:
        raise failed("MALFORMED_QUERY", "SOQL statement is missing")
    result = first_page(session, text, _size(session, request), all_rows=all_rows)
    if request.flag("columns"):
        return Answer(content=column_metadata(result.compiler))
    return Answer(content=told(session, result, base(request)))


def more(session: Session, request: Request) -> Answer:
    """The next page of a query, where `nextRecordsUrl` pointed."""
    cursor, _, start = request.params["locator"].partition("-")
    if not start.isdigit():
        raise failed("INVALID_QUERY_LOCATOR", "invalid query locator")
    result = next_page(session, long_id(cursor) or cursor, int(start), _size(session, request))
    return Answer(content=told(session, result, base(request)))


def _size(session: Session, request: Request) -> int:
    return batch_size(request, session.org.settings.query_batch)


def told(session: Session, result: Result, at: str) -> Record:
    """A result as the API tells it."""
    content: Record = {"totalSize": result.total, "done": not result.cursor}
    if result.cursor:
        content["nextRecordsUrl"] = f"{at}/query/{result.cursor}-{result.next}"
    return {**content, "records": list(records(session, result.compiler, result.page, at))}


def records(session: Session, compiled: Compiler, rows: Sequence[Sequence[Any]], at: str) -> Iterator[Record]:
    """Rows as records: what was selected, in its order, parents nested, children listed."""
    if compiled.grouped:
        yield from (_group(compiled.columns, row) for row in rows)
        return
    place = len(compiled.columns)
    children = [(name, _children(session, compiled, one, [row[place] for row in rows], at))
                for name, one in _subqueries(compiled)]  # fmt: skip
    make = _Maker(compiled, at)
    for row in rows:
        record = make(row)
        record.update((name, found.get(row[place])) for name, found in children)
        yield record


class _Maker:
    """Makes records of rows; what is the same for all of them is worked out once."""

    def __init__(self, compiled: Compiler, at: str) -> None:
        self.kind, self.at = compiled.kind.name, at
        self.columns = [(column.name.split("."), column.type) for column in compiled.columns]
        self.place = len(self.columns)
        self.parents = [(parent.path, parent.kind.name) for parent in compiled.parents()]

    def __call__(self, row: Sequence[Any]) -> Record:
        record: Record = {"attributes": attributes(self.at, self.kind, row[self.place])}
        within: dict[tuple[str, ...], Record | None] = {(): record}
        ids = dict(zip((path for path, _ in self.parents), row[self.place + 1 :], strict=True))
        kinds = dict(self.parents)
        for (names, kind), value in zip(self.columns, row, strict=False):
            inside = self._parent(tuple(names[:-1]), within, ids, kinds)
            if inside is not None:
                inside[names[-1]] = shown(kind, value)
        return record

    def _parent(self, path: tuple[str, ...], within: dict[tuple[str, ...], Record | None], ids: Any, kinds: Any) -> Any:
        """The record of a parent within a record, made where it is first needed; None where there is no parent."""
        if path not in within:
            outer = self._parent(path[:-1], within, ids, kinds)
            id = ids[path]
            within[path] = {"attributes": attributes(self.at, kinds[path], id)} if id and outer is not None else None
            if outer is not None:
                outer[path[-1]] = within[path]
        return within[path]


def _group(columns: Sequence[Column], row: Sequence[Any]) -> Record:
    values = {
        column.name.rpartition(".")[2]: shown(column.type, value) for column, value in zip(columns, row, strict=False)
    }
    return {"attributes": {"type": "AggregateResult"}, **values}


def _subqueries(compiled: Compiler) -> Iterator[tuple[str, tuple[str, Compiler]]]:
    """Relationship -> the reference that ties the children, and what reads them."""
    for one in compiled.query.select:
        if isinstance(one.what, tree.Query):
            yield _child(compiled, one.what)


def _child(compiled: Compiler, inner: tree.Query) -> tuple[str, tuple[str, Compiler]]:
    session = compiled.session
    for kind in session.org.schema.values():
        for field in session.fields(kind):
            named = (field.children or "").lower() == inner.object.lower()
            if named and compiled.kind.name in field.parents and session.may(kind, "r"):
                query = _renamed(inner, kind.name)
                return str(field.children), (field.name, compiler(session, query, all_rows=compiled.all_rows, depth=20))
    message = f"Didn't understand relationship '{inner.object}' in FROM part of query call. {ADVICE}"
    raise wrong(inner.text, 0, message, "INVALID_TYPE")


def _renamed(inner: tree.Query, name: str) -> tree.Query:
    parts = {slot: getattr(inner, slot) for slot in tree.Query.__slots__}
    return tree.Query(**{**parts, "object": name})


def _children(
    session: Session, compiled: Compiler, child: tuple[str, Compiler], ids: Sequence[str], at: str
) -> dict[str, Record]:
    """Parent's id -> its children as a result of their own."""
    tie, inner = child
    order = inner.order()
    parents = [f"{parent.name}.Id" for parent in inner.parents()]
    listed = ", ".join(
        [*(column.sql for column in inner.columns), f"{inner.table}.Id", *parents, f"{inner.table}.{tie}"]
    )
    rows = inner.statement(listed)
    glue = "AND" if " WHERE " in rows.sql else "WHERE"
    sql = f"{rows.sql} {glue} {inner.table}.{tie} IN (SELECT value FROM json_each(?)){order}"  # noqa: S608 - compiled
    found: dict[str, list[Any]] = {}
    for row in session.org.state.rows(sql, *rows.values, json.dumps(ids)):
        found.setdefault(row[-1], []).append(row[:-1])
    return {id: _listed(session, inner, rows, at) for id, rows in found.items()}


def _listed(session: Session, inner: Compiler, rows: Sequence[Any], at: str) -> Record:
    begin = inner.query.offset
    kept = rows[begin:] if inner.query.limit is None else rows[begin : begin + inner.query.limit]
    return {"totalSize": len(kept), "done": True, "records": list(records(session, inner, kept, at))}


OPERATIONS = [
    operation("GET", f"{DATA}/query", query),
    operation("GET", f"{DATA}/queryAll", query_all),
    operation("GET", f"{DATA}/query/{{locator}}", more),
    operation("GET", f"{DATA}/queryAll/{{locator}}", more),
]
