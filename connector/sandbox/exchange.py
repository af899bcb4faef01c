"""One request in, one answer out: what the handlers of every stand-in take and return, whichever CRM it imitates."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import QueryParams
from starlette.routing import compile_path


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request, read to its end.

    Attributes:
        path: decoded, without the query.
        params: what the path's template named.
        bearer: the token, kept apart so that nothing that prints a header prints it.
    """

    method: str
    path: str
    query: QueryParams = field(default_factory=QueryParams)
    body: bytes = b""
    bearer: str = field(default="", repr=False)
    url: str = ""
    params: Mapping[str, str] = field(default_factory=dict)

    def values(self, name: str) -> list[str]:
        """A query parameter that may be repeated, separated by commas, or both."""
        return [part for text in self.query.getlist(name) for part in text.split(",") if part]

    def flag(self, name: str) -> bool:
        """A true-or-false query parameter; absent is false."""
        return self.query.get(name, "").lower() == "true"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response. `content` is sent as JSON, bytes as they are; None sends no body."""

    status: int = 200
    content: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        """The body's bytes."""
        if self.content is None or isinstance(self.content, bytes):
            return self.content or b""
        return json.dumps(self.content, separators=(",", ":"), ensure_ascii=False).encode()


class Refusal(Exception):
    """A handler's way to answer with an error from any depth. Never leaves the sandbox."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


Handler = Callable[[Any, Call], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing an API can do.

    Attributes:
        path: Starlette's template, `/crm/objects/{version}/{type}`.
        handle: given the portal and the call, does it.
        write: False for reads, also where they travel as POST.
        scopes: given the call, groups of scopes; one of each group is needed.
        open: needs no token.
        bucket: which rate limit it draws on: `general`, `search`, `associations`, or `exempt` from all.
    """

    method: str
    path: str
    handle: Handler
    write: bool = False
    scopes: Callable[[Call], Sequence[Sequence[str]]] = lambda call: ()
    open: bool = False
    bucket: str = "general"

    @property
    def name(self) -> str:
        """As counts show it."""
        return f"{self.method} {self.path}"


class Operations:
    """Finds the operation for a path; the first that matches wins."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        self._by_method: dict[str, list[tuple[re.Pattern[str], Operation]]] = {}
        for operation in operations:
            pattern = compile_path(operation.path)[0]
            self._by_method.setdefault(operation.method, []).append((pattern, operation))

    def find(self, method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
        """The operation and what its template named, or None."""
        for pattern, operation in self._by_method.get(method, ()):
            if match := pattern.match(path):
                return operation, match.groupdict()
        return None
