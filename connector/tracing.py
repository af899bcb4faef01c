"""Spans: what a pass did when, for whoever collects traces. While nobody does, a span is nothing at all.

How they reach a collector is known to `connector.observe.traces` alone.
Names and values hold no ids of people, no addresses, names or tokens: routes stand for paths.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol, TypeVar

Told = str | int
Note = Callable[..., None]
"""Takes what is known only later, by name."""
T = TypeVar("T")


class Tracer(Protocol):
    """Where spans go."""

    def span(self, name: str, told: dict[str, Told]) -> AbstractContextManager[Note]:
        """A span as long as the block."""
        ...

    def bound(self, work: Callable[..., T]) -> Callable[..., T]:
        """`work`, whose spans belong to the one that is open now, whichever thread does it."""
        ...


def _unheard(**told: Any) -> None:
    """Nobody collects."""


_nothing = nullcontext(_unheard)
_tracer: Tracer | None = None


@contextmanager
def to(tracer: Tracer) -> Iterator[None]:
    """Let spans of this process go to `tracer` for the length of the block."""
    global _tracer
    before, _tracer = _tracer, tracer
    try:
        yield
    finally:
        _tracer = before


def span(name: str, **told: Told) -> AbstractContextManager[Note]:
    """A span as long as the block, which may note more: `with span("pull", source="crm") as note: ... note(read=7)`.

    Args:
        name: one of few, whatever it is about.
        told: by names that `connector.observe` knows.
    """
    return _tracer.span(name, told) if _tracer else _nothing


def call(system: str, method: str, route: str, **told: Told) -> AbstractContextManager[Note]:
    """The span of one request; its answer's `status` is to be noted.

    Args:
        route: the path without query, ids and names.
    """
    return span(f"{method} {route}".strip(), system=system, method=method, route=route, **told)


def bound(work: Callable[..., T]) -> Callable[..., T]:
    """`work` for another thread: its spans belong to the one that is open now."""
    return _tracer.bound(work) if _tracer else work
