"""The sweeps of a run: which are chosen or due, a CRM's own after its pull, and the reading back of its lists."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from connector.errors import EndPass, GuardStop, RetryLater, SetupError
from connector.home import Home
from connector.pipeline.pushing.drift import read_back_lists
from connector.pipeline.pushing.outgoing import bury_gone
from connector.pipeline.report import Report
from connector.ports import CRM
from connector.pull import Book, pull_sweep
from connector.pull.sweep import STOPPED, SWEPT, UNDER_WAY, load, mark_swept

ALL, DUE, BEGUN = "all", "due", "begun"
"""Instead of names: every sweep, those whose time has come, those that were broken off."""
MEMBERSHIPS = "memberships"
"""The sweep that reads our own lists back, which a run does before it pushes."""
MEMBERSHIPS_EVERY = timedelta(days=1)
AT_LEAST_EVERY = timedelta(days=1)
"""Of a sweep that cannot wait, whose own cadence the CRM does not tell meanwhile."""

Progress = Callable[[str, str, int], None]


def cadences(home: Home, crm: CRM) -> dict[str, timedelta]:
    """Sweep -> how often: as the settings have it, else as the CRM holds it to be worth its calls."""
    part = home.settings.schedule
    often = {**crm.sweeps(), MEMBERSHIPS: MEMBERSHIPS_EVERY}
    hours: dict[str, Any] = {name: getattr(part, f"{name}_hours", None) for name in often}
    told = {name: every or AT_LEAST_EVERY for name, every in often.items()}
    return {name: every if hours[name] is None else timedelta(hours=hours[name]) for name, every in told.items()}


def first_times(home: Home, now: datetime) -> dict[str, tuple[timedelta, datetime]]:
    """Sweep -> how often, and when it is due; of several CRMs the earliest."""
    found: dict[str, tuple[timedelta, datetime]] = {}
    for crm in home.crms:
        for name, every in cadences(home, crm).items():
            last = _last(home, crm, name)
            when = max(now, last + every) if last else now + every
            found[name] = min(found.get(name, (every, when)), (every, when))
    return found


def check(home: Home, words: Sequence[str]) -> None:
    """Raises SetupError where a word is none of ALL, DUE, BEGUN, and no sweep of any CRM."""
    known = [name for crm in home.crms for name in cadences(home, crm)]
    if unknown := sorted(set(words) - {*known, ALL, DUE, BEGUN}):
        raise SetupError(f"there is no sweep {unknown[0]!r}", hint=f"there are {', '.join([*known, DUE, ALL])}")


def chosen(home: Home, crm: CRM, words: Sequence[str], now: datetime) -> list[str]:
    """The sweeps of a CRM that `words` mean, and those that cannot wait, in the order in which they are best done."""
    often, urgent = cadences(home, crm), [name for name, every in crm.sweeps().items() if not every]
    return [
        name
        for name, every in often.items()
        if _meant(home, crm, name, every, words, now) or (name in urgent and not _stopped(home, crm, name, every, now))
    ]


def _stopped(home: Home, crm: CRM, name: str, every: timedelta, now: datetime) -> bool:
    """A guard stopped it lately: whoever must approve has not looked yet."""
    stopped = load(home.store, crm.name, name).get(STOPPED)
    return stopped is not None and now - datetime.fromisoformat(stopped) < every


def _meant(home: Home, crm: CRM, name: str, every: timedelta, words: Sequence[str], now: datetime) -> bool:
    if name in words or ALL in words:
        return True
    begun = UNDER_WAY in load(home.store, crm.name, name)
    if begun and (BEGUN in words or DUE in words):
        return True
    last = _last(home, crm, name)
    return DUE in words and (last is None or now - last >= every)


def _last(home: Home, crm: CRM, name: str) -> datetime | None:
    """When a sweep last came to its end, or was stopped by a guard."""
    stand = load(home.store, crm.name, name)
    told = [datetime.fromisoformat(stand[word]) for word in (SWEPT, STOPPED) if stand.get(word)]
    return max(told, default=None)


def sweep_crm(
    home: Home, crm: CRM, names: Sequence[str], report: Report, progress: Progress, *, approved: bool
) -> Book:
    """Carry out a CRM's sweeps; their books. What stops one is noted, and the run goes on with what it has."""
    book, names = Book(), [name for name in names if name != MEMBERSHIPS]
    for name in names:
        try:
            book.add(_swept(home, crm, name, report, progress, approved=approved))
        except GuardStop as error:
            report.stopped = True
            report.notes.append(f"{crm.name}: the sweep {name} was stopped: {error}")
        except EndPass:
            raise
        except (RetryLater, SetupError) as error:  # what the pull brought must still be decided and pushed
            report.status = "deferred"
            _note(crm.name, name, error, report)
            break
    if names:
        home.warehouse.tidy()
    return book


def _note(crm: str, sweep: str, error: RetryLater | SetupError, report: Report) -> None:
    if isinstance(error, RetryLater):
        report.cut_short(crm, error)
    else:
        report.notes.append(f"{crm}: the sweep {sweep} was refused: {error}")


def _swept(home: Home, crm: CRM, name: str, report: Report, progress: Progress, *, approved: bool) -> Book:
    warehouse, store, at = home.warehouse, home.store, report.as_of
    return pull_sweep(crm, name, warehouse, store, report.number, progress, at=at, approved=approved)


def read_back(home: Home, crm: CRM, report: Report) -> None:
    """Hold our lists against the books. Raises RetryLater where it cannot be done now."""
    bury_gone(home, crm.name, report.number, None)  # a survivor standing for two is nobody's hand-work
    read_back_lists(home, crm, report.number, report)
    mark_swept(home.store, crm.name, MEMBERSHIPS, report.as_of)
