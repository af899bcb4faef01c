"""SOQL's conditions as SQL over the org's tables. A comparison is true or false, never unknown: null is not `x`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from connector.sandbox import salesforce_soql_tree as tree
from connector.sandbox.clock import DAY, milliseconds_of
from connector.sandbox.salesforce_errors import Failed
from connector.sandbox.salesforce_fields import NUMBERS, TEXTS
from connector.sandbox.salesforce_ids import long_id
from connector.sandbox.salesforce_soql_dates import span
from connector.sandbox.salesforce_soql_tokens import pattern, plain, wrong

IDS = ("id", "reference")
_WANTED = {"datetime": "dateTime", "int": "integer", "reference": "ID", "id": "ID"}


@dataclass(slots=True)
class Piece:
    """Some SQL and the values of its question marks."""

    sql: str
    values: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Column:
    """One value of each row: its SQL, its Salesforce type, and its name as the schema spells it."""

    name: str
    type: str
    sql: str
    filterable: bool = True
    sortable: bool = True
    groupable: bool = True


Columns = Callable[[tree.Expression], Column]
Inner = Callable[[tree.Query], Piece]


@dataclass(frozen=True, slots=True)
class Conditions:
    """Turns the conditions of one query into SQL.

    Args:
        text: the query, for errors.
        now: the org's time, in milliseconds, for relative dates.
        column: finds what a path or function stands for.
        inner: the SQL of a query whose rows are the values of a membership.
    """

    text: str
    now: int
    column: Columns
    inner: Inner

    def sql(self, condition: tree.Condition) -> Piece:
        """The SQL of a condition."""
        if isinstance(condition, tree.Several):
            return self._several(condition)
        if isinstance(condition, tree.Negation):
            part = self.sql(condition.part)
            return Piece(f"NOT coalesce({part.sql}, 0)", part.values)
        if isinstance(condition, tree.Membership):
            return self._membership(condition)
        return self._comparison(condition)

    def _several(self, condition: tree.Several) -> Piece:
        parts = [self.sql(part) for part in condition.parts]
        joined = f" {condition.operator} ".join(part.sql for part in parts)
        return Piece(f"({joined})", [value for part in parts for value in part.values])

    def _comparison(self, one: tree.Comparison) -> Piece:
        column = self._filtered(one.left)
        if one.value.kind == "null" or (one.value.kind == "text" and not one.value.text):
            return self._empty(column, one.operator)
        if one.operator == "LIKE":
            return self._like(column, one.value)
        if one.value.kind == "range":
            return self._range(column, one)
        return Piece(f"{column.sql} {_SQL[one.operator]} ?", [self._value(column, one.value)])

    def _filtered(self, left: tree.Expression) -> Column:
        column = self.column(left)
        if column.filterable:
            return column
        message = f"field '{column.name.rpartition('.')[2]}' can not be filtered in a query call"
        raise wrong(self.text, left.at, message, "INVALID_FIELD")

    def _empty(self, column: Column, operator: str) -> Piece:
        return Piece(f"{column.sql} IS {'NOT ' if operator != '=' else ''}NULL")

    def _like(self, column: Column, value: tree.Literal) -> Piece:
        if column.type not in TEXTS or value.kind != "text":
            raise self._refused(column, value)
        return Piece(f"{column.sql} LIKE ? ESCAPE '\\'", [pattern(value.text)])

    def _range(self, column: Column, one: tree.Comparison) -> Piece:
        """A day or more: equal is within, less is before its begin, greater is after its end."""
        begin, end = self._span(column, one.value)
        if one.operator in ("=", "!="):
            inside = f"({column.sql} >= ? AND {column.sql} < ?)"
            return Piece(inside if one.operator == "=" else f"NOT coalesce({inside}, 0)", [begin, end])
        bound, operator = {"<": (begin, "<"), "<=": (end, "<"), ">": (end, ">="), ">=": (begin, ">=")}[one.operator]
        return Piece(f"{column.sql} {operator} ?", [bound])

    def _span(self, column: Column, value: tree.Literal) -> tuple[Any, Any]:
        if column.type not in ("date", "datetime"):
            raise self._refused(column, value)
        try:
            ends = span(value.text, datetime.fromtimestamp(self.now / 1000, UTC).date())
        except (KeyError, ValueError):
            raise wrong(self.text, value.at, f"unexpected token: '{value.text}'") from None
        begin, end = (_day(one) if column.type == "datetime" else one.isoformat() for one in ends)
        return begin, end

    def _membership(self, one: tree.Membership) -> Piece:
        column = self._filtered(one.left)
        if one.operator in ("INCLUDES", "EXCLUDES"):
            return self._includes(column, one)
        inner = self.inner(one.values) if isinstance(one.values, tree.Query) else self._listed(column, one.values)
        if one.operator == "IN":
            return Piece(f"{column.sql} IN ({inner.sql})", inner.values)
        return Piece(f"({column.sql} IS NULL OR {column.sql} NOT IN ({inner.sql}))", inner.values)

    def _listed(self, column: Column, values: Sequence[tree.Literal]) -> Piece:
        known = [self._value(column, value) for value in values if value.kind != "null"]
        return Piece(", ".join("?" * len(known)), known)

    def _includes(self, column: Column, one: tree.Membership) -> Piece:
        """Of a multi-select picklist: any of the values, each of which may be several joined by semicolons."""
        if column.type != "multipicklist" or isinstance(one.values, tree.Query):
            raise wrong(self.text, one.left.at, "includes or excludes operator only valid on multipicklist field")
        together = [plain(value.text).split(";") for value in one.values]
        within = f"instr(';' || {column.sql} || ';', ';' || ? || ';') > 0"
        parts = " OR ".join(" AND ".join([within] * len(group)) for group in together)
        values = [value for group in together for value in group]
        return Piece(f"({parts})" if one.operator == "INCLUDES" else f"NOT coalesce(({parts}), 0)", values)

    def _value(self, column: Column, value: tree.Literal) -> Any:
        try:
            return _known(column.type, value)
        except (KeyError, ValueError):
            raise self._refused(column, value) from None

    def _refused(self, column: Column, value: tree.Literal) -> Failed:
        quoted = "should be" if column.type in TEXTS or column.type in IDS else "should not be"
        wanted = _WANTED.get(column.type, "string" if column.type in TEXTS else column.type)
        if column.type in IDS and value.kind == "text":
            return wrong(self.text, value.at, f"invalid ID field: {plain(value.text)}", "INVALID_QUERY_FILTER_OPERATOR")
        message = f"value of filter criterion for field '{column.name.rpartition('.')[2]}' must be of type {wanted}"
        return wrong(self.text, value.at, f"{message} and {quoted} enclosed in quotes", "INVALID_FIELD")


def _known(kind: str, value: tree.Literal) -> Any:
    """A literal as a column of a type keeps it. Raises KeyError or ValueError where it is of another type."""
    text = plain(value.text) if value.kind == "text" else value.text
    if kind in IDS:
        return {"text": long_id(text)}[value.kind] or _raise(text)
    if kind in TEXTS:
        return {"text": text}[value.kind]
    if kind == "boolean":
        return {"boolean": int(text.upper() == "TRUE")}[value.kind]
    if kind == "date":
        return date.fromisoformat({"date": text}[value.kind]).isoformat()
    if kind == "datetime":
        return milliseconds_of(_zoned({"datetime": text}[value.kind]))
    if kind in NUMBERS or kind == "int":
        return float({"number": text}[value.kind])
    raise KeyError(kind)


def _raise(text: str) -> Any:
    raise ValueError(text)


def _zoned(text: str) -> str:
    """ISO text with a colon in its offset. Raises ValueError for a time without a zone, which SOQL does not take."""
    clock = text.upper().partition("T")[2]
    if clock.endswith("Z"):
        return text
    if clock[-6:-5] in ("+", "-"):
        return text
    if clock[-5:-4] in ("+", "-"):
        return f"{text[:-2]}:{text[-2:]}"
    raise ValueError(text)


def _day(one: date) -> int:
    return (one - date(1970, 1, 1)).days * DAY


_SQL = {"=": "IS", "!=": "IS NOT", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
