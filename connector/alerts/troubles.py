"""What is wrong now, as the store alone knows it: so it is found, too, while a pass hangs or no CRM answers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connector.settings import AlertsPart
from connector.store import Store, approvals, runs

FAILED, DEFERRED, GUARDED, STALE, BOOKS, REJECTED = "failed", "deferred", "guarded", "stale", "books", "rejected"
LOOKED_AT = 50
"""Runs that are looked at for what a source last told."""
ENOUGH = 20
"""Rows of which a share says something."""


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Attributes:
    kind: one of the words above.
    subject: the system or source; "" for the whole install. Together with `kind` its name.
    command: the next thing to do.
    """

    kind: str
    subject: str = ""
    words: str
    command: str


def troubles(store: Store, part: AlertsPart, at: datetime) -> list[Trouble]:
    """All there are, at a moment."""
    last = runs.latest(store, limit=LOOKED_AT)
    found = [*_waiting(store), *_stale(store, last, part, at)]
    if (ended := runs.last_ended(store)) is not None:
        found += [*_how_it_ended(store, ended, part, at), *_unbalanced(ended)]
    return [*found, *_rejected([row for row in last if row.finished_at is not None], part)]


def _waiting(store: Store) -> Iterator[Trouble]:
    for row in approvals.waiting(store):
        words = row.words or f"{row.destination}: {', '.join(sorted(row.summary))} would change more than guards allow"
        look = f"lamplighter status, then lamplighter run --approve {row.plan}"
        yield Trouble(kind=GUARDED, subject=f"{row.guard} {row.destination}".strip(), words=words, command=look)


def _how_it_ended(store: Store, last: Any, part: AlertsPart, at: datetime) -> Iterator[Trouble]:
    if last.status == "failed":
        yield Trouble(kind=FAILED, words=f"the last run failed: {last.message}", command="lamplighter status")
    if last.status == "guarded" and not approvals.waiting(store):
        words = f"the last run was stopped: {'; '.join(last.report.get('only_protect', ())) or 'see its notes'}"
        yield Trouble(kind=GUARDED, words=words, command="lamplighter status")
    if last.status == "deferred":
        since = _since(store, last)
        if at - since >= timedelta(hours=part.deferred_hours):
            words = f"runs do not come to their end since {since:%Y-%m-%d %H:%M} UTC"
            yield Trouble(kind=DEFERRED, words=words, command="lamplighter status")


def _since(store: Store, last: Any) -> datetime:
    """When the oldest of the newest runs began that did not go through one after another."""
    done = _last_done(store)
    return runs.first_since(store, done.number if done is not None else 0) or last.started_at


def _last_done(store: Store) -> Any:
    return next(iter(runs.latest(store, status="done")), None)


def _stale(store: Store, last: list[Any], part: AlertsPart, at: datetime) -> Iterator[Trouble]:
    """No green run for long: passes fail, hang or are not started at all."""
    if not last:
        return
    done = _last_done(store)
    since = done.finished_at if done is not None else runs.first_since(store) or last[-1].started_at
    if at - since >= timedelta(hours=part.stale_hours):
        what = "no run went through" if done is not None else "no run ever went through"
        now = "; one is at work" if last[0].finished_at is None else ""
        words = f"{what} since {since:%Y-%m-%d %H:%M} UTC{now}"
        yield Trouble(kind=STALE, words=words, command="lamplighter status; is `lamplighter serve` running?")


def _unbalanced(last: Any) -> Iterator[Trouble]:
    for name, book in last.report.get("books", {}).items():
        if not _balances(book):
            words = f"run {last.number}: the books of {name} do not balance"
            yield Trouble(kind=BOOKS, subject=name, words=words, command="lamplighter status --json")


def _balances(book: Mapping[str, int]) -> bool:
    came, *ended = ("read", "kept", "skipped", "rejected")
    if "planned" in book:
        came, *ended = ("planned", "acknowledged", "deferred", "rejected")
    return book[came] == sum(book[word] for word in ended)


def _rejected(ended: list[Any], part: AlertsPart) -> Iterator[Trouble]:
    """Sources of which too large a part could not be used when they last told anything."""
    seen: set[str] = set()
    for row in ended:
        for name, book in row.report.get("books", {}).items():
            total = book.get("read", book.get("planned", 0))
            if name in seen or total < ENOUGH:
                continue
            seen.add(name)
            if book["rejected"] > total * part.rejected_percent / 100:
                words = f"{name}: {book['rejected']:,} of {total:,} could not be used in run {row.number}"
                yield Trouble(kind=REJECTED, subject=name, words=words, command="lamplighter status")
