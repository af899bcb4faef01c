"""What a run adds to the totals: from the report as it is kept."""

from collections.abc import Iterator, Mapping
from typing import Any

from connector.store.totals import Counter


def counted(status: str, report: Mapping[str, Any]) -> dict[Counter, float]:
    """Counter and labels -> by how much, of a run that ends with `status`."""
    return {
        ("runs", (("status", status),)): 1,
        **dict(_stages(report["run"]["seconds"])),
        **dict(_books(report["books"])),
        **dict(_calls(report["calls"])),
    }


def _stages(seconds: Mapping[str, float]) -> Iterator[tuple[Counter, float]]:
    for stage, spent in seconds.items():
        yield ("stage_seconds", (("stage", stage),)), spent
        yield ("stages", (("stage", stage),)), 1


def _books(books: Mapping[str, Mapping[str, int]]) -> Iterator[tuple[Counter, float]]:
    """A source's are of rows read, a destination's of changes planned."""
    for name, book in books.items():
        what, whose, whole = ("rows", "source", "read") if "read" in book else ("changes", "destination", "planned")
        yield (f"{what}_{whole}", ((whose, name),)), book[whole]
        for end, count in book.items():
            if end != whole:
                yield (what, (("end", end), (whose, name))), count


def _calls(calls: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[Counter, float]]:
    for system, told in calls.items():
        yield ("calls", (("kind", "read"), ("system", system))), told["reads"]
        yield ("calls", (("kind", "write"), ("system", system))), told["writes"]
        yield ("calls_retried", (("system", system),)), told["retried"]
        for answer, count in {**told["answers"], "none": told["made"] - sum(told["answers"].values())}.items():
            yield ("calls_answered", (("answer", answer), ("system", system))), max(count, 0)
