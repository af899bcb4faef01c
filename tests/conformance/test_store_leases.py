"""A lease has one holder, on SQLite and on PostgreSQL, and whoever lost it writes nothing more."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from connector import turn
from connector.errors import EndPass, RetryLater
from connector.store import Store, cursors, database, leases, open_store
from connector.store.tables import lease

SHORT = timedelta(seconds=0.6)
NOBODY = 1 << 22 | 1
"""No process has this number: Linux counts up to 1 << 22."""
HOLDER = """
import sys, time
from datetime import timedelta
from connector.errors import EndPass
from connector.store import cursors, leases, open_store
url, seconds, term, steps = sys.argv[1:]
store = open_store(url)
try:
    with leases.held(store, "pass", timedelta(seconds=float(term))) as mine:
        print(f"held {mine.token}", flush=True)
        for step in range(int(steps)):
            cursors.save(store, "late", "contact", {"step": step})
            time.sleep(0.1)  # SQLite is nobody else's while a transaction is open
        with store.begin() if not int(steps) else store.reading():
            time.sleep(float(seconds))
except Exception as error:
    print(type(error).__name__, error, flush=True)
"""


def hold(url: str, seconds: float, term: float = 90, steps: int = 1) -> "subprocess.Popen[str]":
    """Another process that takes the lease and keeps it.

    Args:
        steps: so many times it writes something down; 0: it waits in the middle of a transaction.
    """
    command = [sys.executable, "-c", HOLDER, url, str(seconds), str(term), str(steps)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def line(process: "subprocess.Popen[str]") -> str:
    """What it says next."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def end(process: "subprocess.Popen[str]") -> None:
    """Kill it."""
    process.kill()
    process.communicate()


@pytest.fixture
def other(store: Store, url: str) -> Iterator[Store]:
    """The same store as another process opens it."""
    opened = open_store(url)
    yield opened
    opened.close()


def lost(store: Store) -> None:
    """The holder of the lease was not heard of for too long."""
    with store.unfenced() as connection:
        away = {"holder": "elsewhere:1", "expires_at": datetime.now(UTC) - timedelta(seconds=1)}
        connection.execute(lease.update().values(**away))


def test_two_processes_never_hold_the_lease_together(store: Store, url: str) -> None:
    """Who comes second is told who is at work; after a kill the next one need not wait."""
    other = hold(url, 60)
    try:
        assert line(other) == "held 1"
        with pytest.raises(RetryLater, match=str(other.pid)), leases.held(store, "pass"):
            pass
    finally:
        end(other)
    with leases.held(store, "pass") as mine:
        assert mine.token == 2


def test_of_many_that_start_at_once_one_gets_the_lease(url: str) -> None:
    """A race for the very first lease has one winner."""
    open_store(url).close()
    racers = [hold(url, 3) for _ in range(3)]
    said = sorted(line(each).split(" a")[0] for each in racers)
    for each in racers:
        end(each)
    assert said == ["RetryLater", "RetryLater", "held 1"]


def test_a_late_sleeper_learns_that_its_turn_is_over(store: Store, other: Store) -> None:
    """A lease that ran out belongs to who took it then; its old holder neither writes nor gives it away."""
    with leases.held(store, "pass") as asleep:
        lost(store)
        with leases.held(other, "pass") as awake:
            with other.begin() as connection:
                assert leases.still_held(connection, awake)
                assert not leases.still_held(connection, asleep)
            with pytest.raises(EndPass, match="has taken over"):
                cursors.save(store, "late", "contact", {"after": "1"})
    with other.begin() as connection:
        assert not leases.still_held(connection, asleep)
        assert leases.still_held(connection, awake)
    assert cursors.load(other, "late", "contact") is None
    cursors.save(store, "late", "contact", {"after": "1"})  # it holds no lease any more, and is nobody's late sleeper


def test_whoever_slept_past_its_term_asks_before_it_calls_anybody(store: Store, other: Store) -> None:
    """Within the term nobody is asked; after it the store is; without a lease everybody may."""
    turn.check()
    with leases.kept(store, "pass", SHORT) as keeper:
        keeper.check()
        lost(store)
        with leases.held(other, "pass"):
            keeper.check()  # by its own clock the term lasts: a look at the store each time would cost too much
            time.sleep(SHORT.total_seconds())
            with pytest.raises(EndPass, match="has taken over"):
                keeper.check()
    turn.check()


def test_whoever_heard_that_its_turn_is_over_goes_on_no_more(store: Store, other: Store) -> None:
    """A sign of life that came too late is the last, although by the holder's own clock the term lasts."""
    with leases.kept(store, "pass") as keeper:
        lost(store)
        with leases.held(other, "pass"):
            for once_more in (keeper.renew, keeper.check, keeper.check):
                with pytest.raises(EndPass, match="has taken over"):
                    once_more()


@pytest.mark.slow
def test_a_holder_that_can_show_no_sign_of_life_ends_before_its_term(store: Store, url: str) -> None:
    """A third of a term before another may begin, a database that is away ends the pass."""
    with leases.held(store, "pass", SHORT) as mine:
        began = leases.elapsed()
        keeper = leases.Keeper(Gone(store.engine), mine, SHORT, began)
        keeper.check()
        time.sleep(SHORT.total_seconds() * 2 / 3)
        with pytest.raises(EndPass, match="does not answer"):
            keeper.check()
        with store.begin() as connection:
            assert leases.still_held(connection, mine)


class Gone(Store):
    """A store whose database went away."""

    def unfenced(self) -> "Gone":  # type: ignore[override]
        """As `Store.unfenced` says of such a database."""
        raise EndPass("the store does not answer")


def test_a_term_is_renewed_while_its_holder_lives(store: Store, other: Store) -> None:
    """After several terms nobody else may have it; holders tells who has, and since when."""
    before = datetime.now(UTC) - timedelta(seconds=1)
    with leases.held(store, "pass", SHORT):
        time.sleep(2 * SHORT.total_seconds())
        with pytest.raises(RetryLater, match="is at work"), leases.held(other, "pass"):
            pass
        (holder,) = leases.holders(other)
        assert (holder.name, holder.holder) == ("pass", leases.holder_name())
        assert holder.since is not None
        assert before < holder.since < datetime.now(UTC) + timedelta(seconds=1)
    assert leases.holders(other) == []


def test_a_lease_given_back_is_free_at_once(store: Store) -> None:
    """One pass after the other needs no waiting, and each has a token of its own."""
    tokens = []
    for _ in range(3):
        with leases.held(store, "pass") as mine:
            tokens.append(mine.token)
    assert tokens == [1, 2, 3]


def test_what_could_not_be_given_back_is_free_for_the_same_process(store: Store) -> None:
    """The database was away when the pass ended; or a process of the same number held it before this one began."""
    with store.begin() as connection:
        later = datetime.now(UTC) + timedelta(seconds=50)
        row = {"name": "pass", "holder": leases.holder_name(), "token": 5, "expires_at": later}
        connection.execute(lease.insert().values(**row))
    assert leases.holders(store) == []
    with leases.held(store, "pass") as mine:
        assert mine.token == 6
        with pytest.raises(RetryLater, match="is at work"), leases.held(store, "pass"):
            pass


def test_a_holder_elsewhere_is_waited_for(store: Store) -> None:
    """A lease of another machine counts until it runs out, whatever its process number is here."""
    with leases.held(store, "pass"):
        pass
    with store.begin() as connection:
        there = {"holder": f"elsewhere:{os.getpid()}", "expires_at": datetime.now(UTC) + timedelta(seconds=50)}
        connection.execute(lease.update().values(**there))
    with pytest.raises(RetryLater, match="elsewhere") as caught, leases.held(store, "pass"):
        pass
    assert caught.value.resume_at is not None


def test_machines_may_share_a_name(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process is not to be looked for on another machine, which may count its first process space alike."""
    with leases.held(store, "pass"):
        pass
    name, _, _ = leases.holder_name().rpartition(":")
    with store.begin() as connection:
        there = {"holder": f"{name}:{NOBODY}", "expires_at": datetime.now(UTC) + timedelta(seconds=50)}
        connection.execute(lease.update().values(**there))
    assert leases.holders(store) == []
    (tmp_path / "boot_id").write_text("0b00700d-0000-4000-8000-000000000000\n")
    monkeypatch.setattr(leases, "_BOOT", tmp_path / "boot_id")
    with pytest.raises(RetryLater, match=f"{NOBODY}.* is at work"), leases.held(store, "pass"):
        pass


def test_a_clock_that_was_ahead_keeps_nobody_out_for_long(store: Store) -> None:
    """Years until a lease ends are no sign of life: its holder has one term to give another, by the clock of today."""
    with store.begin() as connection:
        row = {"name": "pass", "token": 5, "expires_at": datetime.now(UTC) + timedelta(days=400)}
        connection.execute(lease.insert().values(holder="elsewhere:1", **row))
    assert leases.holders(store) == []
    with pytest.raises(RetryLater, match="elsewhere:1") as caught, leases.held(store, "pass"):
        pass
    assert caught.value.resume_at is not None
    assert caught.value.resume_at < datetime.now(UTC) + leases.TERM + timedelta(seconds=5)
    lost(store)
    with leases.held(store, "pass") as mine:
        assert mine.token == 6


@pytest.mark.slow
def test_a_process_stopped_and_woken_too_late_writes_nothing_more(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGSTOP, another takes over, SIGCONT: what it had written is kept, the rest never comes."""
    monkeypatch.setattr(database, "PATIENCE", 0.3)
    store = open_store(url)
    late = hold(url, 0, term=1, steps=1_000_000)
    try:
        assert line(late) == "held 1"
        taken = taken_over(store, late)
        held = cursors.load(store, "late", "contact")
        late.send_signal(signal.SIGCONT)
        assert line(late).startswith("EndPass")
        assert taken == 2
        assert cursors.load(store, "late", "contact") == held
    finally:
        end(late)
        store.close()


def taken_over(store: Store, late: "subprocess.Popen[str]") -> int:
    """Stop a process, somewhere between two transactions, and hold the lease after it; returns the token."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        late.send_signal(signal.SIGSTOP)
        time.sleep(1.2)
        try:
            with leases.held(store, "pass") as mine:
                return mine.token
        except RetryLater:  # in the middle of a transaction
            late.send_signal(signal.SIGCONT)
            time.sleep(0.01)
    raise AssertionError("nobody could take over")


@pytest.mark.slow
@pytest.mark.postgres
def test_postgres_ends_the_transaction_of_a_sleeper(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped in the middle of a transaction it keeps others out only until the database ends that."""
    store = open_store(postgres_url)
    with store.engine.connect() as connection:
        assert connection.execute(sa.text("SHOW idle_in_transaction_session_timeout")).scalar() == "1min"
    late = hold(postgres_url, 60, term=0.5, steps=0)
    try:
        assert line(late) == "held 1"
        time.sleep(0.3)
        late.send_signal(signal.SIGSTOP)
        time.sleep(0.7)
        with pytest.raises(RetryLater, match="just ending"), leases.held(store, "pass"):
            pass
        with store.engine.connect() as connection:
            query = "SELECT pg_terminate_backend(pid, 9000) FROM pg_stat_activity WHERE state = 'idle in transaction'"
            assert connection.execute(sa.text(query)).scalar() is True
        with leases.held(store, "pass") as mine:
            assert mine.token == 2
    finally:
        end(late)
        store.close()
