"""The store keeps the same promises on SQLite and on PostgreSQL."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from store_rows import membership, properties

from connector.errors import SetupError
from connector.model import Receipt, Rejection
from connector.store import Store, acknowledged, approvals, cursors, open_store, outbox, rejections, runs, totals
from connector.store.remotes import Remembered
from connector.store.tables import metadata

NOON = datetime(2026, 9, 30, 12, tzinfo=UTC)


def states(store: Store) -> dict[str, str]:
    """Batch id -> state."""
    return {row.id: row.state for row in store.rows(sa.select(outbox.outbox.c.id, outbox.outbox.c.state))}


# Schema


def test_migrations_make_exactly_the_tables(store: Store) -> None:
    """What Alembic makes and what the code believes in are the same."""
    with store.engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)
    assert found == []


def test_opening_again_keeps_what_is_there(store: Store, url: str) -> None:
    """A second start changes nothing."""
    cursors.save(store, "hubspot", "contact", {"after": "7"})
    again = open_store(url)
    assert cursors.load(again, "hubspot", "contact") == {"after": "7"}
    again.close()


def test_a_newer_store_is_refused(store: Store, url: str) -> None:
    """Yesterday's code does not write into tomorrow's tables, and says what to do."""
    with store.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SetupError, match="newer Lamplighter"):
        open_store(url)


def test_two_processes_may_open_an_empty_store_at_once(url: str) -> None:
    """The first start of two machines makes one schema and no error."""
    code = "import sys; from connector.store import open_store; open_store(sys.argv[1]).close()"
    both = [subprocess.Popen([sys.executable, "-c", code, url], stderr=subprocess.PIPE) for _ in range(2)]
    assert [(each.communicate(timeout=60)[1][-600:], each.returncode) for each in both] == [(b"", 0), (b"", 0)]


def test_a_database_that_is_not_there_is_the_admins_to_mend(tmp_path: Path) -> None:
    """Neither a dead server nor a damaged file is a traceback."""
    damaged = tmp_path / "state.db"
    damaged.write_bytes(b"this is no database, " * 100)
    for wrong in (f"sqlite:///{damaged}", f"postgresql+psycopg://postgres@/none?host={tmp_path}"):
        with pytest.raises(SetupError, match="cannot be opened"):
            open_store(wrong)


@pytest.mark.parametrize("wrong", ["nonsense", "oracle:///x", "mysql+nodriver://x/y"])
def test_an_url_that_names_no_database_is_the_admins_to_mend(wrong: str) -> None:
    """A mistyped `store.url` is a set-up error, too."""
    with pytest.raises(SetupError):
        open_store(wrong)


def test_the_file_is_private(tmp_path: Path) -> None:
    """The store holds addresses: only its owner reads it."""
    path = tmp_path / "deep" / "state.db"
    open_store(f"sqlite:///{path}").close()
    assert path.stat().st_mode & 0o777 == 0o600


# Cursors


def test_a_cursor_moves_and_is_its_streams_own(store: Store) -> None:
    """Each stream of each source has one cursor, as it was saved last."""
    assert cursors.load(store, "hubspot", "contact") is None
    cursors.save(store, "hubspot", "contact", {"after": "1", "window": [1, 2]})
    cursors.save(store, "hubspot", "product", {"after": "9"})
    cursors.save(store, "hubspot", "contact", {"after": "2", "window": None})
    assert cursors.load(store, "hubspot", "contact") == {"after": "2", "window": None}
    assert cursors.load(store, "hubspot", "product") == {"after": "9"}


# Runs


def test_a_run_goes_from_start_to_its_report(store: Store) -> None:
    """Numbers grow; the report and the aware times come back as they were."""
    first = runs.start(store, NOON)
    runs.mark_decided(store, first, full=True, rules="abc")
    runs.finish(store, first, "done", {"facts": {"contacts": 3}})
    second = runs.start(store, NOON.astimezone(timezone(timedelta(hours=5))))
    assert second == first + 1
    rows = runs.latest(store, limit=5)
    assert [row.number for row in rows] == [second, first]
    assert rows[1].report == {"facts": {"contacts": 3}}
    assert rows[1].as_of == rows[0].as_of == NOON
    assert rows[1].as_of.tzinfo is UTC
    assert [row.number for row in runs.latest(store, decided=True, full=True)] == [first]


def test_a_run_left_open_is_closed_as_failed(store: Store) -> None:
    """Who was killed does not stay `running` for ever."""
    dead = runs.start(store, NOON)
    runs.start(store, NOON)
    row = runs.latest(store, limit=2)[1]
    assert (row.number, row.status, row.message) == (dead, "failed", "the process was killed")


def test_only_a_done_run_lets_the_next_plan_news_alone(store: Store) -> None:
    """After anything but `done` the next run looks at everybody."""
    assert not runs.previous_push_complete(store, 1)
    for status, complete in (("done", True), ("deferred", False), ("planned", False), ("guarded", False)):
        number = runs.start(store, NOON)
        runs.finish(store, number, status, {})
        assert runs.previous_push_complete(store, number + 1) is complete


def test_unknown_statuses_and_naive_times_are_refused(store: Store) -> None:
    """Neither a typing error nor a time without zone gets into the books."""
    number = runs.start(store, NOON)
    with pytest.raises(ValueError, match="no such run status"):
        runs.finish(store, number, "fine", {})
    with pytest.raises(sa.exc.StatementError, match="naive time"):
        runs.start(store, NOON.replace(tzinfo=None))


# Outbox


def test_batches_walk_through_the_table_of_states(store: Store) -> None:
    """Only the ways of the table are open, and each state says what may follow."""
    moves = {(before, after) for before, following in outbox.STATES.items() for after in following}
    tried = [(before, after) for before in outbox.STATES for after in outbox.STATES]
    for number, (before, after) in enumerate(tried):
        delivery = membership(add=(str(number),))
        outbox.enqueue(store, number, [delivery])
        bring_to(store, delivery.id, before)
        if (before, after) in moves:
            move(store, delivery.id, after)
            assert states(store)[delivery.id] == after
        else:
            with pytest.raises(ValueError, match="may not become"):
                move(store, delivery.id, after)
            assert states(store)[delivery.id] == before


def bring_to(store: Store, identifier: str, state: str) -> None:
    """Walk a pending batch to a state on a way that is open."""
    way = {"pending": (), "sent": ("sent",), "deferred": ("deferred",)}
    for step in way.get(state, ("sent", state)):
        move(store, identifier, step)


def move(store: Store, identifier: str, to: str) -> None:
    """One step in a transaction of its own."""
    with store.begin() as connection:
        outbox.move(connection, identifier, to)


def test_what_was_sent_comes_back_as_it_was(store: Store) -> None:
    """A batch whose answer nobody saw is read back whole and in order."""
    sent = [membership(add=("1", "2"), remove=("3",)), properties({"1": {"tier": "gold", "cell": None}})]
    outbox.enqueue(store, 1, [*sent, membership(add=("4",))])
    for delivery in sent:
        move(store, delivery.id, "sent")
    found = outbox.unsettled(store, "hubspot")
    assert [(each.id, each.kind, each.audience) for each in found] == [(e.id, e.kind, e.audience) for e in sent]
    assert (list(found[0].add), list(found[0].remove), found[0].values) == (["1", "2"], ["3"], {})
    assert found[1].values == sent[1].values
    assert outbox.unsettled(store, "salesforce") == []


def test_a_dead_runs_batches_are_deferred_and_later_forgotten(store: Store) -> None:
    """What was never sent is planned again; finished batches of older runs are dropped, open ones kept."""
    outbox.enqueue(store, 1, [membership(add=("1",)), membership(add=("2",))])
    move(store, membership(add=("1",)).id, "sent")
    assert outbox.give_up_pending(store, "the run ended") == 1
    assert outbox.depth(store) == {"sent": 1, "deferred": 1}
    outbox.forget_settled(store, before_run=2)
    assert outbox.depth(store) == {"sent": 1}


# Approvals, rejections, remembered objects


def test_a_plan_waits_until_somebody_approves_it(store: Store) -> None:
    """Only what was asked can be approved; a push that went through leaves nothing waiting."""
    approvals.ask(store, "abc", 1, {"loyal": {"add": 500, "remove": 2}})
    approvals.ask(store, "abc", 2, {"loyal": {"add": 500, "remove": 2}})
    assert [(row.plan, row.run) for row in approvals.waiting(store)] == [("abc", 2)]
    assert (approvals.approve(store, "other"), approvals.approve(store, "abc")) == (False, True)
    assert approvals.waiting(store) == []
    approvals.close(store)
    assert not approvals.approve(store, "abc")


def rejection(reference: str, reason: str = "no id", stream: str = "interaction") -> Rejection:
    """One row that could not be used."""
    return Rejection(stream=stream, reference=reference, reason=reason, row={"line": reference})


def test_rejected_rows_are_kept_once_and_counted_by_reason(store: Store) -> None:
    """A row rejected again is one row; sources do not mix."""
    rejections.keep(store, "events", 1, [rejection("a:1"), rejection("a:2"), rejection("a:3", "torn line")])
    rejections.keep(store, "events", 2, [rejection("a:1")])
    rejections.keep(store, "ads", 2, [rejection("a:1")])
    found = rejections.counts(store)
    assert found[0] == ("events", "interaction", "no id", 2)
    assert sorted(found[1:]) == [("ads", "interaction", "no id", 1), ("events", "interaction", "torn line", 1)]


def test_a_rejected_row_remembers_when_it_was_first_seen(store: Store) -> None:
    """First seen stays, last seen moves."""
    rejections.keep(store, "events", 1, [rejection("a:1")])
    before = store.rows(rejections.rejected.select())[0]
    rejections.keep(store, "events", 2, [rejection("a:1"), rejection("a:2")])
    after = next(row for row in store.rows(rejections.rejected.select()) if row.reference == "a:1")
    assert (after.first_seen, after.run) == (before.first_seen, 2)
    assert after.last_seen >= before.last_seen


def test_odd_text_is_kept_as_it_came(store: Store) -> None:
    """Rows from the wild hold whatever they hold; keeping them aside does not fail."""
    odd = Rejection(stream="contact", reference="r" * 900, reason="ü" * 2000, row={"name": "a\u0000b", "n": 1.5})
    rejections.keep(store, "events", 1, [odd])
    assert rejections.counts(store)[0][3] == 1


def test_our_own_objects_are_remembered_by_kind(store: Store) -> None:
    """What stands here is ours, per destination and kind, until it is forgotten."""
    hubspot, other = Remembered(store, "hubspot"), Remembered(store, "salesforce")
    hubspot.put("list", "loyal", "12")
    hubspot.put("list", "loyal", "13")
    hubspot.put("folder", "loyal", "1")
    other.put("list", "loyal", "99")
    assert (hubspot.get("list", "loyal"), hubspot.get("list", "none")) == ("13", None)
    assert hubspot.all("list") == {"loyal": "13"}
    hubspot.put("list", "loyal", "")
    assert (hubspot.all("list"), other.all("list")) == ({}, {"loyal": "99"})


def test_what_is_known_of_one_object_changes_at_once(store: Store) -> None:
    """All of it or, where the process dies, none: it takes one commit."""
    commits: list[sa.Connection] = []
    sa.event.listen(store.engine, "commit", commits.append)
    hubspot = Remembered(store, "hubspot")
    hubspot.change("loyal", {"list_wanted": "Loyal", "list_lost": "11"})
    hubspot.change("loyal", {"list": "12", "list_wanted": "", "list_lost": ""})
    assert [hubspot.all(kind) for kind in ("list", "list_wanted", "list_lost")] == [{"loyal": "12"}, {}, {}]
    assert len(commits) == 2


# Several at once


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    """A receipt and its batch's state move together or not at all."""
    delivery = membership(add=("1",))
    outbox.enqueue(store, 1, [delivery])
    with pytest.raises(ValueError, match="may not become"), store.begin() as connection:
        acknowledged.record(connection, delivery, Receipt(added=("1",)), 1)
        outbox.move(connection, delivery.id, "acknowledged")
    assert acknowledged.members(store, "hubspot") == []
    assert states(store) == {delivery.id: "pending"}


def test_threads_write_side_by_side(store: Store) -> None:
    """The lease's keeper writes while the run does; neither loses nor fails."""
    start = threading.Barrier(4)

    def write(worker: int) -> None:
        start.wait()
        for step in range(20):
            cursors.save(store, f"source{worker}", "stream", {"step": step})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert [cursors.load(store, f"source{worker}", "stream") for worker in range(4)] == [{"step": 19}] * 4


def test_a_killed_process_leaves_a_store_that_opens(url: str) -> None:
    """Whatever was committed is there after kill -9, and the next start needs no repair."""
    code = (
        "import os, signal, sys; from connector.store import cursors, open_store\n"
        "store = open_store(sys.argv[1]); cursors.save(store, 's', 't', {'kept': True})\n"
        "with store.begin() as c:\n"
        "    from connector.store.tables import cursor\n"
        "    c.execute(cursor.update().values(value={'kept': False})); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, url], check=False).returncode == -9
    opened = open_store(url)
    assert cursors.load(opened, "s", "t") == {"kept": True}
    opened.close()


# Totals


def test_totals_only_grow(store: Store) -> None:
    """What is added twice counts twice; labels tell counters apart; an unfinished transaction adds nothing."""
    calls, other = ("calls", (("system", "hubspot"),)), ("calls", (("system", "google"),))
    for _ in range(2):
        with store.begin() as connection:
            totals.add(connection, {calls: 3, other: 0.5})
    with pytest.raises(RuntimeError), store.begin() as connection:
        totals.add(connection, {calls: 100})
        raise RuntimeError
    assert totals.read(store) == [("calls", {"system": "google"}, 1.0), ("calls", {"system": "hubspot"}, 6.0)]
