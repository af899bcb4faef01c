"""A SOQL query as SQL over the org's tables, as one user may see them: fields, parents, conditions, order, groups."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from connector.sandbox import salesforce_soql_tree as tree
from connector.sandbox.salesforce_fields import Field, SObject
from connector.sandbox.salesforce_org import Session
from connector.sandbox.salesforce_soql_conditions import Column, Conditions, Piece
from connector.sandbox.salesforce_soql_tokens import wrong

MOST_PARENTS = 5
MOST_FIELDS_OF = 200
LONG_TEXT = 255
PARTS = {"Street": "street", "City": "city", "State": "state", "PostalCode": "postalCode", "Country": "country"}
PLACES = {"Latitude": "latitude", "Longitude": "longitude", "GeocodeAccuracy": "geocodeAccuracy"}
ADVICE = "Please reference your WSDL or the describe call for the appropriate names."
FIELD_ADVICE = "If you are attempting to use a custom field, be sure to append the '__c' after the custom field name."
DATES = {
    "CALENDAR_YEAR": ("int", "CAST(strftime('%Y', {0}) AS INTEGER)"),
    "CALENDAR_MONTH": ("int", "CAST(strftime('%m', {0}) AS INTEGER)"),
    "CALENDAR_QUARTER": ("int", "(CAST(strftime('%m', {0}) AS INTEGER) + 2) / 3"),
    "DAY_IN_MONTH": ("int", "CAST(strftime('%d', {0}) AS INTEGER)"),
    "DAY_ONLY": ("date", "date({0})"),
    "HOUR_IN_DAY": ("int", "CAST(strftime('%H', {0}) AS INTEGER)"),
}
AGGREGATES = {"COUNT": "count({0})", "COUNT_DISTINCT": "count(DISTINCT {0})"}
AGGREGATES |= {name: f"{name.lower()}({{0}})" for name in ("SUM", "AVG", "MIN", "MAX")}


@dataclass(frozen=True, slots=True)
class Table:
    """An object as a query reads it, under a name of its own."""

    kind: SObject
    name: str
    path: tuple[str, ...] = ()


@dataclass(slots=True)
class Compiler:
    """Turns one query into SQL.

    Args:
        session: who asks; fields and rows that they may not see are not there.
        query: the tree.
        kind: the object it is about.
        all_rows: deleted records too.
        depth: keeps the names of tables of queries within queries apart.
    """

    session: Session
    query: tree.Query
    kind: SObject
    all_rows: bool = False
    depth: int = 0
    joins: list[str] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    _tables: dict[tuple[str, ...], Table] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._tables[()] = Table(self.kind, f"t{self.depth}")
        self.columns = list(self._selected())

    @property
    def table(self) -> str:
        """What the object's table is called in the SQL."""
        return self._tables[()].name

    def parents(self) -> list[Table]:
        """The parents of which something is selected, the nearest first."""
        paths = (tuple(column.name.split(".")[:-1]) for column in self.columns)
        wanted = {path[:size] for path in paths for size in range(1, len(path) + 1)}
        return [self._tables[path] for path in sorted(wanted, key=lambda path: (len(path), path))]

    @property
    def grouped(self) -> bool:
        """Whether the rows are groups of records rather than records."""
        return bool(self.query.group_by) or any(_aggregate(one.what) for one in self.query.select)

    @property
    def counts(self) -> bool:
        """Whether it is `SELECT COUNT()`, whose answer is the size alone."""
        return any(isinstance(one.what, tree.Function) and one.what.path is None for one in self.query.select)

    def wrong(self, at: int, message: str, code: str = "INVALID_FIELD") -> Exception:
        """An error at a place of the query."""
        return wrong(self.query.text, at, message, code)

    def _selected(self) -> Iterator[Column]:
        number = 0
        for one in self.query.select:
            if isinstance(one.what, tree.FieldsOf):
                yield from self._fields_of(one.what)
            elif isinstance(one.what, tree.Function):
                if one.what.path is not None:
                    yield replace(self.column(one.what), name=one.alias or f"expr{number}")
                    number += not one.alias
            elif isinstance(one.what, tree.Path):
                column = self.column(one.what)
                yield replace(column, name=one.alias) if one.alias else column

    def _fields_of(self, what: tree.FieldsOf) -> Iterator[Column]:
        if what.which != "STANDARD" and (self.query.limit is None or self.query.limit > MOST_FIELDS_OF):
            message = f"The SOQL FIELDS function must have a LIMIT of at most {MOST_FIELDS_OF}"
            raise self.wrong(what.at, message, "MALFORMED_QUERY")
        for one in self.session.fields(self.kind):
            if what.which == "ALL" or one.custom == (what.which == "CUSTOM"):
                yield self._column(self._tables[()], one)

    def column(self, what: tree.Expression) -> Column:
        """What a path or a function stands for."""
        if isinstance(what, tree.Path):
            return self._of_path(what)
        if what.path is None:
            return Column("", "int", "count(*)")
        inner = self._of_path(what.path)
        if what.name in DATES:
            kind, sql = DATES[what.name]
            timed = f"{inner.sql} / 1000, 'unixepoch'" if inner.type == "datetime" else inner.sql
            return Column(inner.name, kind, sql.format(timed))
        kind = {"COUNT": "int", "COUNT_DISTINCT": "int", "AVG": "double"}.get(what.name, inner.type)
        return Column(inner.name, kind, AGGREGATES[what.name].format(inner.sql))

    def _of_path(self, path: tree.Path) -> Column:
        names = path.names
        if len(names) > 1 and names[0].lower() in (self.query.alias.lower(), self.kind.name.lower()):
            names = names[1:]
        if len(names) - 1 > MOST_PARENTS:
            raise self.wrong(path.at, "SOQL statements cannot query parent relationships deeper than 5 levels")
        table = self._tables[()]
        for name in names[:-1]:
            table = self._parent(table, name, path)
        one = self.session.field(table.kind, names[-1])
        if one is None:
            message = f"No such column '{names[-1]}' on entity '{table.kind.name}'. {FIELD_ADVICE} {ADVICE}"
            raise self.wrong(path.at, message)
        return self._column(table, one)

    def _parent(self, table: Table, name: str, path: tree.Path) -> Table:
        """The parent's table, joined once however often it is named."""
        tie = table.kind.relation(name)
        if tie is None or not self.session.sees(table.kind, tie) or not self._readable(tie.parents[0]):
            advice = "be sure to append the '__r' after the custom relationship name."
            message = f"Didn't understand relationship '{name}' in field path. If you are attempting to use a custom"
            raise self.wrong(path.at, f"{message} relationship, {advice} {ADVICE}")
        key = (*table.path, tie.relationship or "")
        if key not in self._tables:
            parent = Table(self.session.org.schema[tie.parents[0]], f"{self.table}_{len(self._tables)}", key)
            self._join(parent, f"{parent.name}.Id = {self._column(table, tie).sql}")
        return self._tables[key]

    def _join(self, parent: Table, condition: str) -> None:
        self._tables[parent.path] = parent
        self.joins.append(f'LEFT JOIN "{parent.kind.name}" {parent.name} ON {condition}')

    def _readable(self, name: str) -> bool:
        kind = self.session.org.find(name)
        return kind is not None and self.session.may(kind, "r")

    def _column(self, table: Table, one: Field) -> Column:
        name = ".".join((*table.path, one.name))
        long = one.type == "textarea" and one.length > LONG_TEXT and not one.can("f")
        sortable = one.can("s") and not long
        return Column(name, one.type, self._sql(table, one), one.can("f"), sortable, one.can("g"))

    def _sql(self, table: Table, one: Field) -> str:
        if one.type == "address":
            return _address(table, one.name.removesuffix("Address"))
        if one.mirror is None:
            return f'{table.name}."{one.name}"'
        person = self._person(table)
        return f'{person.name}."{one.mirror}"'

    def _person(self, table: Table) -> Table:
        """The contact of a person account, which keeps the person's fields."""
        key = (*table.path, "PersonContact")
        if key not in self._tables:
            person = Table(self.session.org.schema["Contact"], f"{self.table}_{len(self._tables)}", key)
            self._join(person, f"{person.name}.Id = {table.name}.PersonContactId")
        return self._tables[key]

    def where(self) -> Piece:
        """All that holds for a row: the query's condition, that it is not deleted, that the user may see it."""
        parts = [self.conditions().sql(self.query.where)] if self.query.where else []
        if not self.all_rows and "IsDeleted" in self.kind.fields:
            parts.append(Piece(f"{self.table}.IsDeleted = 0"))
        if self.session.org.hides_rows and not self.session.user.admin:
            parts.append(Piece(f"{self.table}.Id NOT IN (SELECT id FROM hidden_row)"))  # noqa: S608
        sql = " AND ".join(part.sql for part in parts)
        return Piece(f" WHERE {sql}" if sql else "", [value for part in parts for value in part.values])

    def conditions(self) -> Conditions:
        """What reads this query's conditions."""
        return Conditions(self.query.text, self.session.org.clock.milliseconds(), self.column, self._inner)

    def _inner(self, query: tree.Query) -> Piece:
        """A query that gives the values of a membership: one column, without nulls."""
        inner = compiler(self.session, query, all_rows=self.all_rows, depth=self.depth + 10)
        if len(inner.columns) != 1 or inner.counts:
            raise self.wrong(query.at, "a semi-join selects exactly one field", "MALFORMED_QUERY")
        rows = inner.statement()
        column = inner.columns[0].sql
        glue = "AND" if " WHERE " in rows.sql else "WHERE"
        return Piece(f"{rows.sql} {glue} {column} IS NOT NULL", rows.values)

    def from_(self) -> str:
        """The tables; asked for last, when every parent that is named is known."""
        return " ".join([f'FROM "{self.kind.name}" {self.table}', *self.joins])

    def statement(self, columns: str = "") -> Piece:
        """The rows in no order: `columns`, or what is selected."""
        where = self.where()
        listed = columns or ", ".join(column.sql for column in self.columns) or "1"
        return Piece(f"SELECT {listed} {self.from_()}{where.sql}", where.values)

    def groups(self) -> Piece:
        """The rows of a query that groups."""
        keys = [self.column(one) for one in self.query.group_by]
        self._check_groups(keys)
        having = self.conditions().sql(self.query.having) if self.query.having else Piece("")
        order = self.order()
        rows = self.statement()
        by = f" GROUP BY {', '.join(key.sql for key in keys)}" if keys else ""
        held = f" HAVING {having.sql}" if having.sql else ""
        limit = f" LIMIT {-1 if self.query.limit is None else self.query.limit} OFFSET {self.query.offset}"
        return Piece(f"{rows.sql}{by}{held}{order}{limit}", [*rows.values, *having.values])

    def _check_groups(self, keys: list[Column]) -> None:
        known = {key.sql for key in keys}
        for one, key in zip(self.query.group_by, keys, strict=True):
            if not key.groupable:
                raise self.wrong(one.at, f"field '{key.name}' can not be grouped in a query call", "MALFORMED_QUERY")
        for selected in self.query.select:
            if isinstance(selected.what, tree.Path) and self.column(selected.what).sql not in known:
                name = selected.what.names[-1]
                raise self.wrong(selected.what.at, f"Field must be grouped or aggregated: {name}", "MALFORMED_QUERY")

    def order(self) -> str:
        """ORDER BY; ties, and rows of a query without one, stand in the order of their ids."""
        keys = [self._key(one) for one in self.query.order_by]
        keys += [] if self.grouped else [f"{self.table}.Id"]
        return f" ORDER BY {', '.join(keys)}" if keys else ""

    def _key(self, one: tree.Ordering) -> str:
        column = self._aliased(one.what) or self.column(one.what)
        if not column.sortable:
            raise self.wrong(one.what.at, f"field '{column.name}' can not be sorted in a query call")
        direction = "DESC" if one.descending else "ASC"
        return f"{column.sql} {direction} NULLS {'LAST' if one.nulls_last else 'FIRST'}"

    def _aliased(self, what: tree.Expression) -> Column | None:
        if not isinstance(what, tree.Path) or len(what.names) > 1 or not self.grouped:
            return None
        return next((one for one in self.columns if one.name.lower() == what.names[0].lower()), None)


def compiler(session: Session, query: tree.Query, *, all_rows: bool = False, depth: int = 0) -> Compiler:
    """What turns a query of an object into SQL. Fails with INVALID_TYPE for an object that the user may not see."""
    kind = session.org.find(query.object)
    if kind is None or not session.may(kind, "r"):
        advice = "If you are attempting to use a custom object, be sure to append the '__c' after the entity name."
        message = f"sObject type '{query.object}' is not supported. {advice} {ADVICE}"
        raise wrong(query.text, query.at, message, "INVALID_TYPE")
    return Compiler(session, query, kind, all_rows, depth)


def _aggregate(what: object) -> bool:
    return isinstance(what, tree.Function) and what.name in AGGREGATES


def _address(table: Table, prefix: str) -> str:
    """A compound field as JSON; null where every part is."""
    parts = {**PARTS, **PLACES}
    pairs = ", ".join(f"'{key}', {table.name}.\"{prefix}{name}\"" for name, key in sorted(parts.items()))
    given = ", ".join(f'{table.name}."{prefix}{name}"' for name in parts)
    return f"CASE WHEN coalesce({given}) IS NULL THEN NULL ELSE json_object({pairs}) END"
