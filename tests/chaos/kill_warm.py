"""What a process works out in seconds before its first pass gets going, taken over by the forks of one that has not.

A pass is the same with it, only sooner: modules, the steps that `prepared` wrote down, and the SQL that expressions
become. Nothing of it knows a row of the shop.
"""

import importlib
import marshal
import pickle
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import CellType, FunctionType
from typing import Any

from ibis.backends.duckdb import Backend
from ibis.common.graph import Node
from ibis.expr.operations import DatabaseTable, InMemoryTable

from connector.warehouse import prepared

_said: dict[int, tuple[list[str], str]] = {}
"""Shape of an expression -> the names of its tables, and its SQL. Forks of one process agree on hashes."""


def begin() -> None:
    """Look SQL up before it is worked out."""
    compiled = Backend.compile
    sys.setrecursionlimit(20_000)

    def remembered(self: Backend, expression: Any, /, **named: Any) -> str:
        shape = _Shape()
        key = hash((shape.of(expression.op()), *(f"{name} {value}" for name, value in named.items())))
        names = list(shape.names)
        if key not in _said:
            _said[key] = names, compiled(self, expression, **named)
        return _renamed(*_said[key], names)

    Backend.compile = remembered  # type: ignore[method-assign]


def _renamed(old: list[str], sql: str, new: list[str]) -> str:
    if old == new:
        return sql
    meant = {f'"{one}"': f'"{other}"' for one, other in zip(old, new, strict=True)}
    return re.sub("|".join(map(re.escape, meant)), lambda found: meant[found[0]], sql)


class _Shape:
    """What an expression is, whatever its tables are called. `names`: table -> its place."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self._known: dict[int, int] = {}

    def of(self, value: Any) -> int:
        if isinstance(value, Node):
            key = id(value)
            if key not in self._known:
                self._known[key] = self._node(value)
            return self._known[key]
        if isinstance(value, tuple):
            return hash(tuple(map(self.of, value)))
        if isinstance(value, Mapping):
            return hash(tuple((name, self.of(each)) for name, each in value.items()))
        return hash(value) if isinstance(value, type | str) else hash(f"{type(value)} {value!r}")

    def _node(self, node: Node) -> int:
        if isinstance(node, DatabaseTable | InMemoryTable):
            return hash((type(node), self.names.setdefault(node.name, len(self.names)), str(node.schema)))
        return hash((type(node), type(node).__qualname__, *map(self.of, node.__args__)))


def write(path: Path) -> None:
    """Write down what this process has worked out."""
    with path.open("wb") as file:
        _Pickler(file).dump((sorted(sys.modules), dict(prepared._programs), _said))


def read(path: Path) -> None:
    """Take over what another wrote down."""
    modules, programs, said = pickle.loads(path.read_bytes())  # noqa: S301 - our own
    for name in modules:
        with suppress(ImportError):
            importlib.import_module(name)
    prepared._programs.update(programs)
    _said.update(said)


class _Pickler(pickle.Pickler):
    """Pickles functions within functions too."""

    def reducer_override(self, what: Any) -> Any:
        if isinstance(what, FunctionType) and "<locals>" in what.__qualname__:
            values = tuple(cell.cell_contents for cell in what.__closure__ or ())
            return _function, (marshal.dumps(what.__code__), what.__module__, what.__qualname__, values)
        return NotImplemented


def _function(code: bytes, module: str, name: str, values: tuple[Any, ...]) -> FunctionType:
    found = vars(importlib.import_module(module))
    return FunctionType(marshal.loads(code), found, name, None, tuple(map(CellType, values)))  # noqa: S302
