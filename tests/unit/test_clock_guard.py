"""A clock that jumps stops a run before anything is decided, unless a CRM tells that it is right."""

import importlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cli import Command

from connector.cli.init import create
from connector.home import open_home
from connector.pipeline.guards import clock as clock_guard
from connector.sandbox.serve import Sandbox
from connector.store import Store, open_store, runs
from connector.store.tables import cursor
from connector.store.tables import run as run_table

NOON = datetime(2026, 9, 30, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty one."""
    opened = open_store(f"sqlite:///{tmp_path / 'state.db'}")
    yield opened
    opened.close()


def began(store: Store, *moments: datetime, status: str = "done") -> None:
    """Runs began at these moments, by the clock of then."""
    for moment in moments:
        number = runs.start(store, moment)
        runs.finish(store, number, status, {})
        with store.begin() as connection:
            connection.execute(run_table.update().where(run_table.c.number == number).values(started_at=moment))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ([], timedelta(days=4000), ""),
        ([0 * HOUR], 29 * DAY, ""),
        ([0 * HOUR], -0.9 * HOUR, ""),
        ([0 * HOUR], 31 * DAY, "went 31 days on"),
        ([0 * HOUR], -2 * HOUR, "went 2.0 hours back"),
        ([0 * HOUR], -400 * DAY, "went 400 days back"),
        ([0 * DAY, 20 * DAY], 79 * DAY, ""),
        ([0 * DAY, 20 * DAY], 81 * DAY, "went 61 days on"),
    ],
)
def test_a_jump_is_told_by_the_runs_before(store: Store, before: list[timedelta], after: timedelta, said: str) -> None:
    """Back by more than an hour; on by more than 30 days and than three times the longest pause."""
    began(store, *(NOON + each for each in before))
    words = clock_guard._jump(store, NOON + after)
    assert said in words
    assert bool(words) == bool(said)


def test_what_deletes_by_age_goes_by_the_last_clock_that_was_believed(store: Store) -> None:
    """A run that was stopped for its clock tells no time; before the first run this machine's clock is all there is."""
    assert clock_guard.believed(store, NOON) == NOON
    began(store, NOON)
    began(store, NOON + 400 * DAY, status="guarded")
    assert clock_guard.believed(store, NOON + 400 * DAY) == NOON
    assert clock_guard.believed(store, NOON - DAY) == NOON - DAY


def test_a_jump_is_not_believed_one_run_later(store: Store) -> None:
    """A run that was killed, or failed, before it went by the clock tells no time; one that failed after that does."""
    began(store, NOON)
    began(store, NOON + 400 * DAY, status="failed")
    assert "went 400 days on" in clock_guard._jump(store, NOON + 400 * DAY)
    assert clock_guard.believed(store, NOON + 400 * DAY) == NOON
    number = runs.latest(store)[0].number
    runs.mark_decided(store, number, full=True, rules="")
    assert clock_guard._jump(store, NOON + 400 * DAY) == ""


class Elsewhen(datetime):
    """A machine's clock that is wrong by `apart`."""

    apart = timedelta()

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        """The time and some more."""
        return datetime.now(UTC) + cls.apart


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Elsewhen]]:
    """This machine's, wherever a run reads it."""
    for module in ("connector.pipeline.run", "connector.limits", "connector.store.clock"):
        monkeypatch.setattr(importlib.import_module(module), "datetime", Elsewhen)
    yield Elsewhen
    Elsewhen.apart = timedelta()


def test_a_crm_tells_that_the_clock_is_wrong(
    home: Path, portal: Sandbox, clock: type[Elsewhen], lamplighter: Command
) -> None:
    """Exit 4 with what to do; nothing is decided, nothing leaves, no sweep is made; named, the time is believed."""
    clock.apart = 3 * HOUR
    first = lamplighter("run", "--home", home, "--sweep", "all")
    assert first.code == 4
    assert "clock is 3.0 hours ahead of hubspot's" in first.out
    with open_home(home) as opened:
        (row,) = runs.latest(opened.store)
        assert (row.status, row.decided) == ("guarded", False)
        assert opened.warehouse.current("contact").count().to_pyarrow().as_py() == 4
        assert opened.store.rows(cursor.select().where(cursor.c.stream.startswith("sweep"))) == []
    assert portal.journal.counts()["writes"] == 0
    assert lamplighter("run", "--home", home, "--as-of", datetime.now(UTC).isoformat()).code == 0
    clock.apart = timedelta()
    assert lamplighter("run", "--home", home).code == 0


@pytest.mark.slow
def test_a_pause_that_a_crm_confirms_is_none_of_the_clocks_faults(
    home: Path, clock: type[Elsewhen], portal: Sandbox, lamplighter: Command
) -> None:
    """Months without a run: the CRM's clock has moved as far as this machine's."""
    assert lamplighter("run", "--home", home).code == 0
    clock.apart = 100 * DAY
    portal.clock.advance(clock.apart.total_seconds())
    assert lamplighter("run", "--home", home).code == 0


def test_without_a_crm_the_runs_before_are_all_that_tell(
    tmp_path: Path, clock: type[Elsewhen], lamplighter: Command
) -> None:
    """On by 40 days: a person names the time, and later runs go by that."""
    create(tmp_path / "home")
    assert lamplighter("run", "--home", tmp_path / "home").code == 0
    clock.apart = 40 * DAY
    stopped = lamplighter("run", "--home", tmp_path / "home")
    assert (stopped.code, "went 40 days on" in stopped.out) == (4, True)
    named = f"{Elsewhen.now():%Y-%m-%dT%H:%M}"
    assert f"lamplighter run --as-of {named[:-1]}" in " ".join(stopped.out.split())
    assert lamplighter("run", "--home", tmp_path / "home", "--as-of", named).code == 0
    assert lamplighter("run", "--home", tmp_path / "home").code == 0
