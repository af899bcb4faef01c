"""Where a pass is killed: around every HTTP call, every commit of the store and every commit of the warehouse."""

import functools
import os
import select
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import deltalake
import urllib3
from sqlalchemy.engine.default import DefaultDialect

CALL, STORE, WAREHOUSE = "call", "store commit", "warehouse commit"
BEFORE, APPLIED, AFTER = "before", "applied", "after"
INSTANTS = {CALL: (BEFORE, APPLIED, AFTER), STORE: (BEFORE, AFTER), WAREHOUSE: (BEFORE, AFTER)}
"""What a pass does that outlives it -> the instants about it. APPLIED: the server has carried out what nobody here has
read the answer of."""
DELETING = ("delete", "vacuum", "create_checkpoint")
"""What else of a Delta table changes its files."""


class Point(NamedTuple):
    """The `number`-th of its kind in a pass, from 1."""

    kind: str
    instant: str
    number: int


class Points:
    """Counts the points that this process passes, and ends it at `target`."""

    def __init__(self, target: Point | None = None) -> None:
        self.target = target
        self.passed: Counter[tuple[str, str]] = Counter()

    def at(self, kind: str, instant: str) -> None:
        """Here is one; SIGKILL leaves no time for anything."""
        self.passed[kind, instant] += 1
        if self.target == (kind, instant, self.passed[kind, instant]):
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function with a point before it and one after it."""

        @functools.wraps(function)
        def watched(*args: Any, **named: Any) -> Any:
            self.at(kind, BEFORE)
            result = function(*args, **named)
            self.at(kind, AFTER)
            return result

        return watched

    def watch(self) -> None:
        """From here on, in this process."""
        pool, connection = urllib3.connectionpool.HTTPConnectionPool, urllib3.connection.HTTPConnection
        _replace(pool, "urlopen", self.around(CALL, pool.urlopen))
        _replace(connection, "getresponse", self._answered(connection.getresponse))
        _replace(DefaultDialect, "do_commit", self._of_the_pass(DefaultDialect.do_commit))
        self._watch_tables()

    def _of_the_pass(self, commit: Callable[..., Any]) -> Callable[..., Any]:
        """Not those of the thread that renews the lease: they come as time goes by."""
        counted = self.around(STORE, commit)

        def watched(*args: Any, **named: Any) -> Any:
            return (counted if threading.current_thread() is threading.main_thread() else commit)(*args, **named)

        return watched

    def _answered(self, read: Callable[..., Any]) -> Callable[..., Any]:
        def watched(connection: Any) -> Any:
            select.select([connection.sock], [], [])
            self.at(CALL, APPLIED)
            return read(connection)

        return watched

    def _watch_tables(self) -> None:
        write = self.around(WAREHOUSE, deltalake.write_deltalake)
        for module in [one for name, one in sys.modules.items() if name.startswith("connector.")]:
            if vars(module).get("write_deltalake") is deltalake.write_deltalake:
                _replace(module, "write_deltalake", write)
        for name in DELETING:
            _replace(deltalake.DeltaTable, name, self.around(WAREHOUSE, getattr(deltalake.DeltaTable, name)))


def _replace(where: Any, name: str, by: Any) -> None:
    setattr(where, name, by)
