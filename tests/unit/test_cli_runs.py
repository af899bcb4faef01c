"""`runs`, and what `status` and `retry` say of systems that are away: reasons, and the next command."""

from datetime import timedelta
from pathlib import Path

import pytest
from cli import Command
from small_shop import END

from connector.sandbox.faults import Fault
from connector.sandbox.serve import Sandbox
from connector.store import Store, breakers, erasures
from connector.store.clock import now
from connector.store.tables import run

pytestmark = pytest.mark.usefixtures("impatient")


def test_one_run_is_told_in_full(told: Path, lamplighter: Command) -> None:
    """Stages, books, calls, plans, what became of each batch, and the next step, for people and programs."""
    found = lamplighter("runs", "--last", "--json", "--home", told).json
    assert (found["run"]["number"], found["run"]["status"], found["next"]) == (1, "done", "nothing is to be done")
    assert set(found["run"]["seconds"]) == {"pull", "decide", "push"}
    assert found["books"]["hubspot:push"]["acknowledged"] == sum(one["changes"] for one in found["batches"])
    assert {one["state"] for one in found["batches"]} == {"acknowledged"}
    assert found["plans"]["hubspot"]["recent_buyers"] == {"add": 2, "remove": 0}
    shown = lamplighter("runs", "1", "--home", told)
    assert shown.code == 0
    for words in ("Run 1: done", "hubspot:push: planned", "Planned for hubspot", "recent_buyers", "acknowledged"):
        assert words in shown.out


def test_the_last_runs_are_listed(told: Path, lamplighter: Command) -> None:
    """Without a number; one that is not there is a set-up error."""
    assert [one["number"] for one in lamplighter("runs", "--json", "--home", told).json["runs"]] == [1]
    assert "done" in lamplighter("runs", "--home", told).out
    missing = lamplighter("runs", "7", "--home", told)
    assert (missing.code, "there is no such run" in missing.err) == (2, True)


def test_before_the_first_run_there_is_none(home: Path, lamplighter: Command) -> None:
    """It says how to make one."""
    assert "lamplighter run" in lamplighter("runs", "--home", home).out


def test_a_run_that_was_killed_is_told_by_what_is_known(home: Path, lamplighter: Command, store: Store) -> None:
    """It has no report; what it wrote down is shown all the same."""
    with store.begin() as connection:
        connection.execute(run.insert().values(status="running", as_of=now(), started_at=now()))
    shown = lamplighter("runs", "--last", "--home", home)
    assert (shown.code, "Run 1: running" in shown.out) == (0, True)


def test_status_says_first_that_no_run_went_through_for_long(home: Path, lamplighter: Command, store: Store) -> None:
    """Days ago is the first line."""
    with store.begin() as connection:
        long_ago = now() - timedelta(days=3)
        row = {"status": "done", "as_of": long_ago, "started_at": long_ago, "finished_at": long_ago}
        connection.execute(run.insert().values(**row))
    first = lamplighter("status", "--home", home).out.splitlines()[0]
    assert f"no run went through since {long_ago:%Y-%m-%d}" in first


def test_status_tells_who_is_left_alone_and_who_waits_to_be_forgotten(
    home: Path, lamplighter: Command, store: Store
) -> None:
    """With reasons and commands; cursors are told without what is in them."""
    with store.begin() as connection:
        connection.execute(run.insert().values(status="deferred", as_of=now(), started_at=now(), finished_at=now()))
    for _ in range(breakers.AFTER):
        breakers.failed(store, "hubspot", "HubSpot, search: 503 (attempt 8)")
    waits = {"meta": erasures.Recipient(state=erasures.DEFERRED, words="down", members=["email:x"])}
    request = erasures.Erasure(reference="E1", requested_at=now(), digest="d", recipients=waits)
    erasures.begin(store, request, ["d"])
    found = lamplighter("status", "--json", "--home", home).json
    assert (found["breakers"][0]["system"], found["breakers"][0]["failures"]) == ("hubspot", 3)
    assert found["breakers"][0]["left_alone_until"]
    assert found["erasures"][0]["waits_for"] == ["meta"]
    assert all(set(one) == {"source", "stream", "moved_at"} for one in found["cursors"])
    shown = lamplighter("status", "--home", home).out
    for words in ("lamplighter retry", "search: 503", "lamplighter erase --resume", "E1"):
        assert words in shown
    assert "email:x" not in shown


@pytest.mark.slow
def test_retry_tries_who_is_left_alone(home: Path, lamplighter: Command, portal: Sandbox, store: Store) -> None:
    """Three runs fail, the fourth asks nothing and says until when; retry brings everything up to date."""
    portal.faults.add(Fault(status=503, times=100_000))
    assert [lamplighter("run", "--as-of", END, "--home", home).code for _ in range(3)] == [3, 3, 3]
    portal.faults.clear()
    portal.journal.clear()
    left = lamplighter("run", "--as-of", END, "--home", home)
    assert (left.code, portal.journal.counts()["total"]) == (3, 0)
    assert "hubspot is left alone until" in left.out and "lamplighter retry tries it now" in left.out
    done = lamplighter("retry", "--home", home)
    assert (done.code, "hubspot: tried now" in done.out) == (0, True)
    assert breakers.standing(store) == {}
