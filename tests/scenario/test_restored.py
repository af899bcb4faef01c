"""Restored from yesterday's backup: the next run ends where it would have ended, and writes nothing twice."""

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from small_shop import AUDIENCES, END, FILES, write
from two_crms import CRMS, Pair, pair

from connector.backup import restore, take
from connector.home import open_home
from connector.pipeline import Options, Report, run
from connector.sandbox.serve import Sandbox
from connector.settings import load
from connector.store import open_store, stale

pytestmark = pytest.mark.slow

DANA, ROSA, CARL, OLGA = "1", "2", "3", "4"
NOW = datetime.fromisoformat(END)
NOBODY = """\
audiences:
  - name: cart_abandoners
    label: Left in the cart
    purpose: email
    rule: {carted: {within: 1h, not_bought: true}}
    reason: "left {title} in the cart on {date}"
"""
"""A list in which nobody is."""
HEAD, *EVENTS = FILES["events.ndjson"].splitlines(keepends=True)


@pytest.fixture(params=["store", "everything"])
def way(request: pytest.FixtureRequest) -> str:
    """What is lost and comes back: the store alone, while the warehouse lived on; or the whole home."""
    return str(request.param)


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Pair]:
    """The small shop in both CRMs, and an install."""
    worlds = {crm: write(tmp_path / crm) for crm in CRMS}
    with pair(tmp_path / "home", worlds, NOW, AUDIENCES) as made:
        yield made


def backed_up(home: Path, target: Path, **options: Any) -> Path:
    """A backup of a home."""
    store = open_store(load(home).store_url(home))
    path, _ = take(home, load(home), store, target, **options)
    store.close()
    return path


def passing(both: Pair, days: int, **options: Any) -> Report:
    """A pass of another day."""
    for sandbox in (both.hubspot, both.salesforce):
        sandbox.clock.advance(61)
    with open_home(both.home) as opened:
        return run(opened, Options(as_of=both.end + timedelta(days=days), **options))


def day_two(both: Pair) -> None:
    """Carl says that he wants no mail, Dana moves, Rosa has a lamp in the cart."""
    both.edit(both.id("hubspot", CARL), hs_email_optout="true")
    both.edit(both.id("hubspot", DANA), country="IE")
    told = (
        EVENTS[-1]
        .replace("t3", "t9")
        .replace('"a3"', '"a9"')
        .replace("2026-09-29", "2026-09-30")
        .replace("FLO-", "PEN-")
    )
    named = EVENTS[0].replace("i3", "i9").replace('"a3"', '"a9"').replace('"3"', '"2"').replace("carl@", "rosa@")
    (events,) = (part.path for part in load(both.home).sources if part.path.name == "events.ndjson")
    with events.open("a") as file:
        file.write(named.replace("2026-09-29", "2026-09-30") + told)


def day_three(both: Pair) -> None:
    """Rosa says that she wants no mail, either."""
    both.edit(both.id("hubspot", ROSA), hs_email_optout="true")


def seen(both: Pair) -> dict[str, Any]:
    """What marketers see in both CRMs."""
    return {crm: (both.lists(crm), both.properties(crm)) for crm in CRMS}


def lose(home: Path, file: Path, way: str) -> None:
    """What happened on the night after the second day, and what an admin types."""
    if way == "store":
        (home / "state.db").write_bytes(b"gone" * 5_000)
        restore(file, home, replace=True, store_only=True)
    else:
        shutil.rmtree(home)
        restore(file, home)


def test_the_next_run_ends_as_if_nothing_had_been_lost(both: Pair, tmp_path: Path, way: str) -> None:
    """Both CRMs: what was told since the backup is read, not doubled and not taken for hand-work; what came since is
    told; then all is quiet."""
    assert passing(both, 0).status == "done"
    file = backed_up(both.home, tmp_path / "b.zip")
    day_two(both)
    assert passing(both, 1).status == "done"
    told = seen(both)
    lose(both.home, file, way)
    writes = both.hubspot.journal.counts()["last"]
    again = passing(both, 1)
    assert again.status == "done", again.notes
    assert any("backup" in note for note in again.notes)
    assert seen(both) == told
    changing = [each for each in both.hubspot.journal.since(writes)["requests"] if each["kind"] == "write"]
    assert changing == []
    assert again.calls["salesforce"].writes == 0
    day_three(both)
    assert passing(both, 2).status == "done"
    assert ROSA not in both.lists("hubspot")["Left in the cart"]
    quiet = passing(both, 2)
    assert (quiet.status, [quiet.calls[crm].writes for crm in CRMS]) == ("done", [0, 0])
    with open_home(both.home) as opened:
        assert [stale.since(opened.store, crm) for crm in CRMS] == [None, None]


def test_what_was_to_be_undone_is_undone(both: Pair, tmp_path: Path, way: str) -> None:
    """The crash came before the third day's news were told: they are told by the first run after the restore, for
    people too whom the backup knows nothing of."""
    passing(both, 0)
    file = backed_up(both.home, tmp_path / "b.zip")
    day_two(both)
    passing(both, 1)
    assert ROSA in both.lists("hubspot")["Left in the cart"]
    day_three(both)
    lose(both.home, file, way)
    assert passing(both, 2).status == "done"
    assert ROSA not in both.lists("hubspot")["Left in the cart"]
    assert ROSA not in both.lists("salesforce")["Left in the cart"]


def test_the_warehouse_may_come_along(both: Pair, tmp_path: Path) -> None:
    """With it sources are read on from where they stood, and only the lists are looked at again."""
    passing(both, 0)
    file = backed_up(both.home, tmp_path / "b.zip", with_warehouse=True)
    day_two(both)
    passing(both, 1)
    told = seen(both)
    shutil.rmtree(both.home)
    assert restore(file, both.home).with_warehouse
    again = passing(both, 1)
    assert (again.status, seen(both) == told) == ("done", True)
    assert not any("older than the store" in note for note in again.notes)
    assert again.books["events"].read == 2


def test_properties_are_right_again_where_every_list_is_empty(home: Path, portal: Sandbox, tmp_path: Path) -> None:
    """What somebody had cleared by hand is read and put right, although nothing new is decided of anybody."""
    (home / "mappings" / "audiences.yaml").write_text(NOBODY)

    def at_once() -> Report:
        portal.clock.advance(61)
        with open_home(home) as opened:
            return run(opened, Options(as_of=NOW))

    assert at_once().status == "done"
    told = portal.portal.state()["contacts"]
    ((contact, written), *_) = sorted(told.items())
    path = f"/crm/objects/2026-09/contacts/{contact}"
    assert portal.portal.act("PATCH", path, {"properties": dict.fromkeys(written, "")}).status < 300
    at_once()
    assert portal.portal.state()["contacts"] != told
    restore(backed_up(home, tmp_path / "b.zip", with_warehouse=True), tmp_path / "home", replace=True)
    again = at_once()
    assert (again.status, again.full) == ("done", False)
    assert portal.portal.state()["contacts"] == told


def test_a_restored_home_needs_a_whole_pass(both: Pair, tmp_path: Path, lamplighter: Callable[..., Any]) -> None:
    """Nobody is pushed to by a store that has no rows to its cursors."""
    passing(both, 0)
    file = backed_up(both.home, tmp_path / "b.zip")
    lose(both.home, file, "everything")
    refused = lamplighter("run", "--only", "push", "--home", both.home)
    assert (refused.code, "lamplighter run" in refused.err) == (2, True)
