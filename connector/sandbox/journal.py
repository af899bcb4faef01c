"""Writes down every request, so that tests can count and check what a connector really asked for."""

import json
from collections import Counter, deque
from dataclasses import dataclass, replace
from typing import Any

from connector.sandbox.clock import iso
from connector.sandbox.exchange import Call

KEPT = 20_000
"""Requests kept in full; older ones are only counted."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One request as it was answered. `status` is 0 where the connection was dropped."""

    number: int
    at: int
    operation: str
    kind: str
    call: Call
    status: int

    def shown(self) -> dict[str, Any]:
        """As the control API tells it; the token is not part of it."""
        query = {name: self.call.query.getlist(name) for name in self.call.query}
        return {
            "number": self.number,
            "at": iso(self.at),
            "operation": self.operation,
            "kind": self.kind,
            "method": self.call.method,
            "path": self.call.path,
            "query": query,
            "body": _parsed(self.call.body),
            "status": self.status,
        }


class Journal:
    """Entries in the order of their answers, numbered from 1; the numbers go on after `clear`."""

    def __init__(self) -> None:
        self.record_bodies = True
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._last = 0
        self.clear()

    def write(self, call: Call, *, operation: str, write: bool, status: int, at: int, secret: bool) -> None:
        """Keep one request. `secret`: its body holds a secret and is left out."""
        self._last += 1
        kind = "write" if write else "read"
        kept = call if self.record_bodies and not secret else replace(call, body=b"")
        self._entries.append(Entry(self._last, at, operation, kind, kept, status))
        self._kinds[kind] += 1
        self._operations[operation] += 1
        self._statuses[str(status)] += 1

    def since(self, number: int) -> dict[str, Any]:
        """Entries with a number above `number`, and the last number given out."""
        return {"requests": [entry.shown() for entry in self._entries if entry.number > number], "last": self._last}

    def counts(self) -> dict[str, Any]:
        """How many since the last `clear`: in all, by kind, by operation, by status."""
        return {
            "total": self._kinds.total(),
            "reads": self._kinds["read"],
            "writes": self._kinds["write"],
            "operations": dict(sorted(self._operations.items())),
            "statuses": dict(sorted(self._statuses.items())),
            "last": self._last,
        }

    def clear(self) -> None:
        """Forget entries and counts."""
        self._entries.clear()
        self._kinds: Counter[str] = Counter()
        self._operations: Counter[str] = Counter()
        self._statuses: Counter[str] = Counter()


def _parsed(body: bytes) -> Any:
    if not body:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
