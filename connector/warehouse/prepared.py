"""Steps worked out once and carried out again: to say what is wanted costs more than to do it for a small shop.

What a pass does is the same every time; only the rows differ, and the moment. So the first pass of a process writes
down the statements that its expressions become, and the later ones run them. Whatever Python reads on the way is
written down too, with its answer: where the answer is another now, the steps are worked out anew.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import ibis
import ibis.expr.operations as ops
import ibis.expr.schema as sch
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends.duckdb import Backend

from connector.relations import Keep

Work = Callable[[Mapping[str, ir.Table], Keep], Mapping[str, ir.Table]]
"""Inputs and a keep -> results, by name. May depend on nothing else that changes."""
Function = Callable[..., pa.Table]

_PREFIX = "prepared_"
MOST = 200
"""So many programs are remembered, the last used ones."""
VARIANTS = 4
"""So many of one kind, where Python read different answers."""


@dataclass(frozen=True)
class _Statement:
    """What an expression became; `data` is what Python adds to it."""

    sql: str
    schema: sch.Schema
    data: Mapping[str, pa.Table]

    @classmethod
    def of(cls, engine: Backend, table: ir.Table) -> "_Statement":
        """An expression in the engine's words."""
        data = {one.name: one.data.to_pyarrow(one.schema) for one in table.op().find(ops.InMemoryTable)}
        return cls(_said(engine, table), table.schema(), data)

    def ready(self, engine: Backend) -> "_Statement":
        """The same, once its data can be read."""
        for name, rows in self.data.items():
            engine.con.register(name, rows)
        return self

    def rows(self, engine: Backend) -> pa.Table:
        """Its rows now."""
        self.ready(engine)
        return engine.con.sql(self.sql).to_arrow_table().cast(self.schema.to_pyarrow())


@dataclass(frozen=True)
class _Kept:
    """A table with the rows of a statement; `lazy`: a view of them."""

    name: str
    statement: _Statement
    lazy: bool = False

    def repeat(self, engine: Backend) -> bool:
        said = self.statement.ready(engine)
        fill(engine, self.name, said.schema, said.sql, lazy=self.lazy)
        return True


@dataclass(frozen=True)
class _Through:
    """A table of what Python makes of the rows of some statements."""

    name: str
    asked: Sequence[_Statement]
    function: Function

    def repeat(self, engine: Backend) -> bool:
        load(engine, self.name, self.function(*(one.rows(engine) for one in self.asked)))
        return True


@dataclass(frozen=True)
class _Asked:
    """What Python read, and what it was told: another answer makes other steps."""

    asked: _Statement
    answer: Sequence[str]

    def repeat(self, engine: Backend) -> bool:
        return _comparable(self.asked.rows(engine)) == self.answer


@dataclass
class _Program:
    steps: list[_Kept | _Through | _Asked] = field(default_factory=list)
    results: dict[str, tuple[str, sch.Schema]] = field(default_factory=dict)

    def repeat(self, engine: Backend) -> bool:
        """Carry it out; False where an answer is another than it was."""
        return all(step.repeat(engine) for step in self.steps)


_programs: OrderedDict[Hashable, list[_Program]] = OrderedDict()
"""Without a lock: the passes of a process come one after the other."""


def prepared(
    engine: Backend,
    name: str,
    about: Hashable,
    inputs: Mapping[str, ir.Table],
    work: Work,
    lazy: Sequence[str] = (),
) -> dict[str, ir.Table]:
    """The results of `work` on `inputs`, as tables of the engine that hold until the same `name` is prepared again.

    Args:
        name: of these steps; their tables are called after it.
        about: what `work` depends on besides the rows: the rules it was made for.
        lazy: results that are computed each time that somebody reads them, as they may never be.
    """
    bound = {one: _bound(engine, f"{_PREFIX}{name}_from_{one}", table) for one, table in inputs.items()}
    key = (name, about, tuple((one, table.schema()) for one, table in bound.items()))
    known = _programs.setdefault(key, [])
    _programs.move_to_end(key)
    program = next((one for one in known if one.repeat(engine)), None)
    if program is None:
        program = _recorded(engine, name, bound, work, lazy)
    known[:] = [program, *(one for one in known if one is not program)][:VARIANTS]
    while len(_programs) > MOST:
        _programs.popitem(last=False)
    return {one: table_of(engine, *held) for one, held in program.results.items()}


def _bound(engine: Backend, name: str, table: ir.Table) -> ir.Table:
    """An input under a name that is the same every time."""
    fill(engine, name, table.schema(), _said(engine, table), lazy=True)
    return table_of(engine, name, table.schema())


def _said(engine: Backend, table: ir.Table) -> str:
    op = table.op()
    if isinstance(op, ops.DatabaseTable):
        return f'SELECT * FROM "{op.name}"'  # noqa: S608  (a name of ours)
    engine._run_pre_execute_hooks(table)  # data that stands in the expression becomes readable
    return str(engine.compile(table))


def kept(engine: Backend, name: str, expression: ir.Table) -> ir.Table:
    """The rows of an expression, computed into a temporary table."""
    fill(engine, name, expression.schema(), _said(engine, expression))
    return table_of(engine, name, expression.schema())


def parquet(engine: Backend, name: str, files: Sequence[str], wanted: pa.Schema) -> ir.Table:
    """Files as a view in the columns of `wanted`, with null in those that none of the files has."""
    schema = ibis.Schema.from_pyarrow(wanted)
    types = {one.name: one.args["kind"].sql("duckdb") for one in schema.to_sqlglot_column_defs("duckdb")}
    empty = ", ".join(f'NULL::{types[one]} AS "{one}"' for one in wanted.names)
    columns = ", ".join(f'"{one}"' for one in wanted.names)
    named = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
    there = f"SELECT * FROM read_parquet([{named}], union_by_name = true)"  # noqa: S608  (our own files)
    sql = f"SELECT {columns} FROM (SELECT {empty} WHERE false UNION ALL BY NAME {there})"  # noqa: S608
    fill(engine, name, schema, sql, lazy=True)
    return table_of(engine, name, schema)


def forget(engine: Backend, name: str) -> None:
    """Let go of everything that was made under a name."""
    found = engine.con.execute(
        "SELECT table_name, table_type FROM information_schema.tables WHERE starts_with(table_name, ?)",
        [f"{_PREFIX}{name}_"],
    ).fetchall()
    for table, kind in sorted(found, key=lambda row: row[1] != "VIEW"):
        engine.con.execute(f'DROP {"VIEW" if kind == "VIEW" else "TABLE"} IF EXISTS "{table}"')


def fill(engine: Backend, name: str, schema: sch.Schema, sql: str, *, lazy: bool = False) -> None:
    """A temporary table with the rows of a statement, or, `lazy`, a view of them."""
    if lazy:
        engine.con.execute(f'CREATE OR REPLACE TEMP VIEW "{name}" AS {sql}')
        return
    engine.con.execute(f'CREATE OR REPLACE TEMP TABLE "{name}" ({_columns(schema)})')
    engine.con.execute(f'INSERT INTO "{name}" {sql}')


@lru_cache(maxsize=1_000)
def _columns(schema: sch.Schema) -> str:
    return ", ".join(each.sql("duckdb") for each in schema.to_sqlglot_column_defs("duckdb"))


def load(engine: Backend, name: str, rows: pa.Table) -> None:
    """A temporary table with rows of Python's."""
    engine.con.register(f"{name}_rows", rows)
    engine.con.execute(f'CREATE OR REPLACE TEMP TABLE "{name}" AS SELECT * FROM "{name}_rows"')  # noqa: S608
    engine.con.unregister(f"{name}_rows")


def table_of(engine: Backend, name: str, schema: sch.Schema) -> ir.Table:
    """A table or view of the engine whose columns are known: nobody need ask for them."""
    return ops.DatabaseTable(name, schema=schema, source=engine, namespace=ops.Namespace()).to_expr()


def _comparable(rows: pa.Table) -> list[str]:
    return sorted(map(repr, rows.to_pylist()))


def _recorded(engine: Backend, name: str, inputs: Mapping[str, ir.Table], work: Work, lazy: Sequence[str]) -> _Program:
    recorder = _Recorder(engine, name)
    with recorder:
        made = work(inputs, recorder)
        for one, table in made.items():
            recorder.result(one, table, lazy=one in lazy)
    return recorder.program


class _Recorder:
    """A keep that writes down what it does; while it is entered, whatever Python reads of the engine as well."""

    def __init__(self, engine: Backend, name: str) -> None:
        self.engine, self.name = engine, name
        self.program = _Program()

    def __enter__(self) -> None:
        if "to_pyarrow" in vars(self.engine):
            raise RuntimeError("steps within steps: prepare the inner ones first and hand their results in")
        self.engine.to_pyarrow = self._asked

    def __exit__(self, *error: object) -> None:
        del self.engine.to_pyarrow

    def __call__(self, expression: ir.Table) -> ir.Table:
        return self._kept(expression, lazy=False)

    def _kept(self, expression: ir.Table, *, lazy: bool) -> ir.Table:
        name, said = self._next() + ("_view" if lazy else ""), _Statement.of(self.engine, expression)
        self._do(_Kept(name, said, lazy))
        return table_of(self.engine, name, said.schema)

    def through(self, function: Function, *tables: ir.Table) -> ir.Table:
        """See `relations.through`."""
        name = self._next()
        self._do(_Through(name, [_Statement.of(self.engine, table) for table in tables], function))
        return table_of(self.engine, name, self.engine.get_schema(name))

    def result(self, name: str, table: ir.Table, *, lazy: bool) -> None:
        """A table that the steps are there for."""
        ours = isinstance(table.op(), ops.DatabaseTable)
        held = table if ours else self._kept(table, lazy=lazy)
        self.program.results[name] = (held.op().name, held.schema())

    def _next(self) -> str:
        return f"{_PREFIX}{self.name}_{len(self.program.steps)}"

    def _do(self, step: _Kept | _Through) -> None:
        self.program.steps.append(step)
        step.repeat(self.engine)

    def _asked(self, expression: ir.Expr, /, **_: Any) -> Any:
        asked = _Statement.of(self.engine, expression.as_table())
        found = asked.rows(self.engine)
        self.program.steps.append(_Asked(asked, _comparable(found)))
        return expression.__pyarrow_result__(found)


def _variable(kind: str) -> Callable[[str], Any]:
    """What reads a variable of the engine, as a value of some type."""

    def getvariable(called: Any) -> Any: ...

    read: Callable[[str], Any] = ibis.udf.scalar.builtin(getvariable, signature=(("string",), kind))
    return read


_moment, _number = _variable("timestamp('UTC')"), _variable("int64")


def moment(engine: Backend, name: str, value: Any) -> ir.TimestampScalar:
    """An aware time that statements call by its name, so that they are the same at another time. Raises ValueError
    for a naive one."""
    if value.tzinfo is None:
        raise ValueError(f"naive time {value.isoformat()}: every time here carries its zone")
    engine.con.execute(f"SET VARIABLE {name} = TIMESTAMPTZ '{value.isoformat()}'")
    return _moment(name)


def number(engine: Backend, name: str, value: int) -> ir.IntegerScalar:
    """The same of a whole number."""
    engine.con.execute(f"SET VARIABLE {name} = {int(value)}::BIGINT")
    return _number(name)
