"""Of several that serve one store, one is at work at a time; the others say so once, and take over."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from connector.errors import LamplighterError
from connector.store import Store, leases, open_store
from connector.store.damage import no_room
from connector.store.tables import lease
from jobs import standby
from jobs.stop import Stop


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Of a store."""
    return f"sqlite:///{tmp_path / 'state.db'}"


@pytest.fixture
def store(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Opened; whoever stands by looks often."""
    monkeypatch.setattr(standby, "LOOK_AGAIN", 0.05)
    monkeypatch.setattr(standby, "LOOK", 0.02)
    opened = open_store(url)
    yield opened
    opened.close()


class Serving:
    """One that serves, in a thread; a context manager.

    Args:
        trouble: how the first shifts fail.

    Attributes:
        shifts: the Stop of each shift, as it began.
        ended: how many of them are over.
    """

    def __init__(self, url: str, *trouble: LamplighterError) -> None:
        self._trouble = list(trouble)
        self.shifts: list[Stop] = []
        self.ended = 0
        self._stop, self._store = Stop(), open_store(url)
        self._thread = threading.Thread(target=standby.in_turn, args=(self._store, self._stop, self._work))

    @contextmanager
    def _work(self, shift: Stop) -> Iterator[None]:
        if self._trouble:
            raise self._trouble.pop()
        self.shifts.append(shift)
        try:
            yield
        finally:
            self.ended += shift.asked

    def __enter__(self) -> "Serving":
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop.ask()
        self._thread.join(30)
        self._store.close()


def wait_for(what: Callable[[], object]) -> None:
    """Until a condition holds."""
    deadline = time.monotonic() + 30
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def test_who_comes_second_stands_by_and_takes_over(store: Store, url: str) -> None:
    """One line in the log, however often it looked; its shift begins when the other's is over, and ends with it."""
    with capture_logs() as logs, Serving(url) as first:
        wait_for(lambda: first.shifts)
        with Serving(url) as second:
            wait_for(lambda: logs)
            time.sleep(0.3)
            assert second.shifts == []
            first.__exit__()
            assert first.ended == 1
            wait_for(lambda: second.shifts)
    assert second.ended == 1
    assert [line["event"] for line in logs] == ["standing_by"]
    assert "is at work" in logs[0]["reason"]
    assert leases.holders(store) == []


def test_who_was_thought_dead_ends_its_shift(store: Store, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another has taken over: what is under way is told to end, and this one stands by."""
    monkeypatch.setattr(leases.Keeper, "check", leases.Keeper.renew)  # as when it slept past its term
    with Serving(url) as first:
        wait_for(lambda: first.shifts)
        with store.begin() as connection:
            later = datetime.now(UTC) + timedelta(minutes=5)
            connection.execute(lease.update().values(holder="elsewhere:1", token=99, expires_at=later))
        wait_for(lambda: first.ended)
        time.sleep(0.2)
        assert len(first.shifts) == 1
        with store.begin() as connection:
            connection.execute(lease.update().values(expires_at=leases.FREE))
        wait_for(lambda: len(first.shifts) == 2)


def test_a_clock_that_is_set_begins_a_new_shift(store: Store, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was due by the old clock may be years away."""
    apart = [0.0]
    monkeypatch.setattr(standby, "_apart", lambda: apart[0])
    with Serving(url) as first:
        wait_for(lambda: first.shifts)
        apart[0] = standby.SET - 1
        time.sleep(0.2)
        assert len(first.shifts) == 1
        apart[0] -= 365 * 86_400
        wait_for(lambda: len(first.shifts) == 2)
        assert first.ended == 1


def test_a_full_disk_is_no_end(store: Store, url: str, tmp_path: Path) -> None:
    """It is said, and when somebody has made room the work goes on."""
    with capture_logs() as logs, Serving(url, no_room(tmp_path)) as one:
        wait_for(lambda: one.shifts)
    assert [(line["event"], line["log_level"]) for line in logs] == [("standing_by", "error")]
    assert "is full" in logs[0]["reason"]
