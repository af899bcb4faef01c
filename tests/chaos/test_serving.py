"""Several `serve` over one store: one is at work, and whatever becomes of it or of the database, the passes go on."""

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from form import SHORT
from postgres_server import PostgresServer, new_database, server_programs
from small_shop import END

from connector.cli.settings_file import append
from connector.errors import RetryLater
from connector.home import open_home
from connector.pipeline import Options, Report, run
from connector.pipeline.options import Nobody
from connector.sandbox.serve import Sandbox
from connector.settings import load
from connector.store import Store, leases, open_store, runs

KILLS = 1 if SHORT else 6
MOMENTS = range(2 if SHORT else 8)


class Serving:
    """A `serve` in a process of its own; its log is in a file."""

    def __init__(self, home: Path, log: Path) -> None:
        self.home, self.log = home, log
        with log.open("wb") as said:
            command = [sys.executable, "-P", "-m", "jobs", "--home", str(home)]
            self._process = subprocess.Popen(command, stdout=said, stderr=said)
        self.pid = self._process.pid

    def events(self) -> list[str]:
        """What it has logged so far."""
        lines = self.log.read_text().splitlines()
        return [json.loads(line)["event"] for line in lines if line.endswith("}")]

    def reasons(self, event: str) -> list[str]:
        """Of one kind of line."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.endswith("}")]
        return [line["reason"] for line in lines if line["event"] == event]

    def ended(self, with_signal: int) -> int:
        """Send it a signal and wait; how it ended."""
        self._process.send_signal(with_signal)
        return self._process.wait(120)


@pytest.fixture
def serve(home: Path, tmp_path: Path) -> Iterator[Callable[[], Serving]]:
    """Starts one more."""
    append(home, "schedule:\n  sync_minutes: 0.05\n  jitter_seconds: 0")
    begun: list[Serving] = []

    def start() -> Serving:
        begun.append(Serving(home, tmp_path / f"serve-{len(begun)}.log"))
        return begun[-1]

    yield start
    for each in begun:
        each.ended(signal.SIGKILL)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The store of the home."""
    if request.param == "postgres":
        monkeypatch.setenv("LAMPLIGHTER_STORE__URL", request.getfixturevalue("postgres_url"))
    opened = open_store(load(home).store_url(home))
    yield opened
    opened.close()


def wait_for(what: Callable[[], object], seconds: float = 300) -> None:
    """Until a condition holds."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def serving(store: Store) -> int:
    """The process that is at work; 0: none."""
    return next((int(each.holder.rpartition(":")[2]) for each in leases.holders(store) if each.name == "serve"), 0)


def done(store: Store) -> int:
    """The last run that was done."""
    return next((row.number for row in runs.latest(store, limit=1, status="done")), 0)


def one_more(store: Store) -> None:
    """Until a run that begins now is done."""
    last = runs.latest(store)[0].number if runs.latest(store) else 0
    wait_for(lambda: done(store) > last)


def shown(portal: Sandbox) -> object:
    """What a marketer sees."""
    state = portal.portal.state()
    return {name: each["members"] for name, each in state["lists"].items()}, state["contacts"]


def test_the_one_at_work_is_killed_again_and_again(store: Store, serve: Callable[[], Serving], portal: Sandbox) -> None:
    """Each time another takes over and makes passes; those that stand by make none, and say once for whom."""
    there, chance = [serve(), serve(), serve()], random.Random(7)
    for _ in range(KILLS):
        one_more(store)
        (active,) = [each for each in there if each.pid == serving(store)]
        there.remove(active)
        assert all("serving" not in each.events() for each in there)
        time.sleep(chance.random() * 3)
        active.ended(signal.SIGKILL)
        there.append(serve())
        wait_for(lambda: serving(store) in [each.pid for each in there])
    one_more(store)
    wait_for(lambda: all(each.events() for each in there))
    for each in there:
        reasons = each.reasons("standing_by")
        assert len(reasons) == len({*reasons})
        assert not {"job_failed", "fault"} & {*each.events()}
    for each in sorted(there, key=lambda each: each.pid == serving(store)):  # the one at work comes last
        assert each.ended(signal.SIGTERM) == 0
    assert leases.holders(store) == []
    shows = shown(portal)
    with open_home(there[0].home) as opened:
        assert run(opened, Options(everybody=True)).status == "done"
    assert shown(portal) == shows


@pytest.fixture
def server(postgres_server: str) -> Iterator[PostgresServer]:
    """A PostgreSQL that may be stopped: where that of all tests is, its programs are."""
    programs = server_programs()
    assert programs is not None
    with PostgresServer(programs) as one:
        yield one


class Interferes(Nobody):
    """At one moment of a pass it does something to the database.

    Attributes:
        left: so many moments come before.
    """

    def __init__(self, left: int, what: Callable[[], object]) -> None:
        self.left, self._what = left, what

    def entered(self, stage: str) -> None:
        """A moment."""
        self._count()

    def pulled(self, source: str, stream: str, read: int) -> None:
        """A moment."""
        self._count()

    def pushed(self, destination: str, done: int, total: int) -> None:
        """A moment."""
        self._count()

    def _count(self) -> None:
        self.left -= 1
        if self.left == 0:
            self._what()


def passed(home: Path, watcher: Nobody) -> Report:
    """One pass at the shop's time."""
    with open_home(home) as opened:
        return run(opened, Options(as_of=datetime.fromisoformat(END)), watcher)


@pytest.mark.postgres
def test_postgres_goes_away_in_mid_run(
    home: Path, portal: Sandbox, server: PostgresServer, small_shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gone at any moment: the run ends in words. Restarted at once: it need not notice. All ends as undisturbed."""
    store_url, gone = "LAMPLIGHTER_STORE__URL", 0
    monkeypatch.setenv(store_url, new_database(server.url))
    moments = Interferes(0, lambda: None)
    assert passed(home, moments).status == "done"
    undisturbed = shown(portal)
    for each in random.Random(1).sample(range(1, -moments.left + 1), len(MOMENTS)):
        with Sandbox(small_shop, port=0) as other:
            text = (home / "lamplighter.yaml").read_text()
            monkeypatch.setenv(store_url, new_database(server.url))
            fresh = home.parent / f"home-{each}"
            (fresh / "mappings").mkdir(parents=True)
            for path in [*home.glob("*.yaml"), *home.glob("mappings/*")]:
                (fresh / path.relative_to(home)).write_text(path.read_text())
            (fresh / "lamplighter.yaml").write_text(text.replace(portal.url, other.url))
            with pytest.raises(RetryLater, match="the store does not answer"):
                passed(fresh, Interferes(each, server.stop))
            server.start()
            assert passed(fresh, Interferes(each, lambda: (server.stop(), server.start()))).status == "done"
            assert shown(other) == undisturbed
            gone += 1
    print(f"the database went away at {gone} moments")
