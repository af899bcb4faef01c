"""Trouble on demand: answers that fail, lie, come late or never come."""

from dataclasses import dataclass
from typing import Any

SPOILT = "X-Sandbox-Fault"
"""Header of every answer that was spoilt on purpose."""


@dataclass(kw_only=True)
class Fault:
    """What goes wrong with the next requests that match.

    Attributes:
        method: only this method; empty: any.
        path_contains: only paths that contain this text; empty: any.
        skip: how many matching requests pass untouched first.
        times: how many requests it then hits.
        status: answer with this status instead.
        body: the error's JSON; None: the stand-in's usual error of that status.
        retry_after: seconds, sent as `Retry-After`.
        drop: close the connection without an answer.
        after_effect: carry the request out first, then fail.
        delay_seconds: wait first (real time).
        empty: answer 2xx with empty results, and do nothing.
        cut: carry the request out, and send the first half of the answer.
    """

    method: str = ""
    path_contains: str = ""
    skip: int = 0
    times: int = 1
    status: int = 0
    body: Any = None
    retry_after: float | None = None
    drop: bool = False
    after_effect: bool = False
    delay_seconds: float = 0.0
    empty: bool = False
    cut: bool = False

    @property
    def replaces(self) -> bool:
        """False for a fault that only delays."""
        return bool(self.drop or self.status or self.empty or self.cut)

    def meets(self, method: str, path: str) -> bool:
        """Whether it is about this request."""
        return self.times > 0 and self.method.upper() in ("", method) and self.path_contains in path


class Faults:
    """Faults in the order they were asked for; the first that matches is used."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Wait for requests that match."""
        self._waiting.append(fault)

    def clear(self) -> None:
        """Everything works again."""
        self._waiting.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The fault for this request, used up once."""
        fault = next((one for one in self._waiting if one.meets(method, path)), None)
        if fault is None:
            return None
        if fault.skip:
            fault.skip -= 1
            return None
        fault.times -= 1
        return fault
