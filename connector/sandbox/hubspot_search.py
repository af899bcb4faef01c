"""Search: `POST /crm/objects/{version}/{type}/search`, with the limits of HubSpot's search guide.

It sees a change only after the index lag, never sees archived records, and finds nothing, without a complaint,
where a filter names a property that the type does not have (`hs_lastmodifieddate` of contacts).
"""

import fnmatch
import re
from collections.abc import Mapping, Sequence
from typing import Any

from connector.sandbox.clock import iso, milliseconds_of
from connector.sandbox.exchange import Answer, Call, Operation
from connector.sandbox.hubspot_answers import names, shown
from connector.sandbox.hubspot_errors import fields, invalid, whole
from connector.sandbox.hubspot_objects import PATH
from connector.sandbox.hubspot_portal import Portal
from connector.sandbox.hubspot_records import COLUMNS, record_of
from connector.sandbox.hubspot_scopes import objects
from connector.sandbox.hubspot_types import ObjectType

BODY, PAGE, REACH = 3_000, 200, 10_000
"""Most characters of a request, records of a page, and records that paging reaches."""
GROUPS, FILTERS, FILTERS_IN_ALL = 5, 6, 18
BY_TIME = "INDEXED BY record_updated"
"""Best for the usual narrow window; where very much matches, going through the ids finds a page sooner."""

Clause = tuple[str, list[Any]]
"""A piece of SQL and its values."""


def search(portal: Portal, call: Call) -> Answer:
    """One page of what matches, and how many do in all."""
    if len(call.body.decode()) > BODY:
        raise invalid(f"The request body must not be longer than {BODY} characters")
    kind = portal.kind(call.params["type"])
    body = fields(call)
    limit = whole(body.get("limit") or 10, "limit", 0, PAGE)
    start = whole(body.get("after") or 0, "after", 0, 2**63 - 1)
    if start + limit > REACH:
        raise invalid(f"Paging past {REACH} results is not supported")
    where, values = _where(portal, kind, body)
    total = portal.state.value(f"SELECT count(*) FROM record {BY_TIME} WHERE {where}", *values)  # noqa: S608 - built here
    order, at = _order(portal, kind, body)
    source = f"record {BY_TIME if total <= REACH else ''} WHERE {where}"
    sql = f"SELECT {COLUMNS} FROM {source} ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608 - built here
    rows = portal.state.rows(sql, *values, *at, limit, start)
    wanted = names(portal, kind, body.get("properties") or [])
    content: dict[str, Any] = {"total": total, "results": [shown(kind, record_of(row), wanted) for row in rows]}
    if start + limit < total:
        content["paging"] = {"next": {"after": str(start + limit)}}
    return Answer(content=content)


def _where(portal: Portal, kind: ObjectType, body: Mapping[str, Any]) -> Clause:
    seen = portal.clock.milliseconds() - round(portal.settings.index_lag_seconds * 1000)
    parts, values = ["type = ?", "archived IS NULL", "updated <= ?"], [kind.id, seen]
    groups = _groups(portal, kind, body.get("filterGroups") or [])
    for text, more in (_not_late(portal), groups, _query(body.get("query"))):
        if text:
            parts.append(text)
            values += more
    return " AND ".join(parts), values


def _not_late(portal: Portal) -> Clause:
    """Leaves out records whose latest change a lever made the index late for."""
    now = portal.clock.milliseconds()
    if not portal.state.value("SELECT count(*) FROM late WHERE until > ?", now):
        return "", []
    one = "late.type = record.type AND late.id = record.id AND late.updated = record.updated AND late.until > ?"
    return f"NOT EXISTS (SELECT 1 FROM late WHERE {one})", [now]  # noqa: S608 - constant


def _query(text: Any) -> Clause:
    if not text:
        return "", []
    return "EXISTS (SELECT 1 FROM json_each(properties) AS one WHERE one.value LIKE ?)", [f"%{text}%"]


def _groups(portal: Portal, kind: ObjectType, groups: Any) -> Clause:
    _refuse_too_many(groups)
    clauses = [_group(portal, kind, group["filters"]) for group in groups if group.get("filters")]
    if not clauses:
        return "", []
    text = " OR ".join(f"({text})" for text, _ in clauses)
    return f"({text})", [value for _, values in clauses for value in values]


def _refuse_too_many(groups: Any) -> None:
    if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
        raise invalid("Invalid input JSON: filterGroups must be a list of objects")
    counts = [len(group.get("filters") or []) for group in groups]
    if len(groups) > GROUPS or max(counts, default=0) > FILTERS or sum(counts) > FILTERS_IN_ALL:
        raise invalid(f"At most {GROUPS} filterGroups of {FILTERS} filters, {FILTERS_IN_ALL} filters in all")


def _group(portal: Portal, kind: ObjectType, filters: Sequence[Mapping[str, Any]]) -> Clause:
    clauses = [_filter(portal, kind, one) for one in filters]
    return " AND ".join(text for text, _ in clauses), [value for _, values in clauses for value in values]


def _filter(portal: Portal, kind: ObjectType, one: Mapping[str, Any]) -> Clause:
    name, operator = str(one.get("propertyName", "")), str(one.get("operator", ""))
    column, of_type, at = _column(portal, kind, name)
    if operator == "BETWEEN":
        wanted = [one.get("value"), one.get("highValue")]
    elif operator in ("IN", "NOT_IN"):
        wanted = one.get("values") or []
    else:
        wanted = [one.get("value")] if operator not in ("HAS_PROPERTY", "NOT_HAS_PROPERTY") else []
    if operator not in _SQL or (None in wanted) or (operator in ("IN", "NOT_IN") and not wanted):
        raise invalid(f"There was a problem with the request: {operator} on {name}")
    convert = str if operator.endswith("TOKEN") else _CONVERT[of_type]
    marks = ", ".join("?" * len(wanted))
    values = [_converted(convert, value, name) for value in wanted]
    return _SQL[operator].format(column=column, marks=marks), at * _SQL[operator].count("{column}") + values


def _converted(convert: Any, value: Any, name: str) -> Any:
    try:
        return convert(str(value))
    except ValueError:
        raise invalid(f"There was a problem with the request: {value!r} is no value of {name}") from None


def _column(portal: Portal, kind: ObjectType, name: str) -> tuple[str, str, list[str]]:
    """SQL for a property, its type, and the values that the SQL needs."""
    of_record = {"hs_object_id": "id", kind.created: "created", kind.modified: "updated"}
    if name in of_record:
        return of_record[name], "record", []
    definition = portal.definitions(kind).get(name)
    if definition is None:
        return "NULL", "string", []
    json = "json_extract(properties, ?)"
    of_type = definition["type"]
    column = f"CAST({json} AS REAL)" if of_type == "number" else f"{json} COLLATE NOCASE"
    return column, of_type, [f'$."{name}"']


def _order(portal: Portal, kind: ObjectType, body: Mapping[str, Any]) -> Clause:
    sorts = body.get("sorts") or []
    if len(sorts) > 1:
        raise invalid("Only one sort is supported")
    if not sorts:
        return "id", []
    name, down = _sort(sorts[0])
    column, _, at = _column(portal, kind, name)
    return f"{column} {'DESC' if down else 'ASC'}, id", at


def _sort(sort: Any) -> tuple[str, bool]:
    if isinstance(sort, str):
        return sort.lstrip("-"), sort.startswith("-")
    return str(sort.get("propertyName", "")), sort.get("direction") == "DESCENDING"


def contains_token(text: str | None, wanted: str) -> bool:
    """Whether a word of `text`, or all of it, is `wanted`; `*` stands for any letters."""
    if text is None:
        return False
    words = [text, *re.split(r"[^\w]+", text)]
    return any(fnmatch.fnmatchcase(word.lower(), wanted.lower()) for word in words)


_SQL = {
    "EQ": "{column} = {marks}",
    "NEQ": "{column} IS NOT {marks}",
    "LT": "{column} < {marks}",
    "LTE": "{column} <= {marks}",
    "GT": "{column} > {marks}",
    "GTE": "{column} >= {marks}",
    "BETWEEN": "{column} BETWEEN ? AND ?",
    "IN": "{column} IN ({marks})",
    "NOT_IN": "({column} IS NULL OR {column} NOT IN ({marks}))",
    "HAS_PROPERTY": "{column} IS NOT NULL",
    "NOT_HAS_PROPERTY": "{column} IS NULL",
    "CONTAINS_TOKEN": "contains_token({column}, {marks})",
    "NOT_CONTAINS_TOKEN": "NOT contains_token({column}, {marks})",
}

_CONVERT: dict[str, Any] = {
    "record": milliseconds_of,
    "datetime": lambda text: iso(milliseconds_of(text)),
    "date": lambda text: iso(milliseconds_of(text))[:10],
    "number": float,
    "string": str,
    "bool": str,
    "enumeration": str,
}

OPERATIONS = (Operation(method="POST", path=PATH + "/search", handle=search, scopes=objects("read"), bucket="search"),)
