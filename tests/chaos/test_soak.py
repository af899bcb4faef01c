"""A soak: hundreds of scheduled cycles on a portal where something always happens, at an accelerated clock.

A cycle is six hours. The jobs come as the scheduler has them: a pass each time, with the sweeps that are due;
compaction and retention once a day. Between two cycles the warehouse's log grows as old as it would have.
"""

import gc
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median

import pytest
from form import SHORT
from life_town import TOKEN
from test_portal_life import PortalTown

from connector.home import open_home
from connector.limits import never_wait
from connector.pipeline.retention import keep_no_longer
from connector.sandbox.serve import Sandbox
from connector.warehouse import tables
from jobs.compact import compact
from jobs.stop import Stop

CYCLES = 40 if SHORT else 500
HOURS = 6
EVENTS = {"edit_contact": 5, "opt_out_or_in": 5, "change_state": 3, "edit_order": 3, "edit_line": 4, "change_email": 2}
"""What happens, and how often: nothing that makes a shop larger, or no size could be told from the shop's growth."""
ALLOWED = {
    "memory": 1.15,
    "files": 1.0,
    "threads": 1.0,
    "store": 1.1,
    "warehouse": 1.25,
    "data files": 1.25,
    "log": 1.15,
}
"""Of each figure, how many times its median in the second quarter the median in the last may be."""
if SHORT:
    ALLOWED |= {"warehouse": 1.5, "log": 1.5}  # one weekly pass over everybody falls into the last quarter alone
KEPT = {"store": 3_500}
"""What each cycle may leave for good, in bytes: a run and its report."""


@dataclass(frozen=True)
class Footprint:
    """What a home and its process take after a cycle: bytes, but for counts of files and threads."""

    figures: dict[str, float]

    @classmethod
    def of(cls, home: Path) -> "Footprint":
        """Now, without what nobody refers to any more."""
        gc.collect()
        held = [path for path in (home / "warehouse").rglob("*") if path.is_file()]
        logs = [path for path in held if "_delta_log" in path.parts]
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return cls(
            {
                "memory": pages * os.sysconf("SC_PAGE_SIZE"),
                "files": len([*Path("/proc/self/fd").iterdir()]),
                "threads": threading.active_count(),
                "store": sum(path.stat().st_size for path in home.glob("state.db*")),
                "warehouse": sum(path.stat().st_size for path in held),
                "data files": len(held) - len(logs),
                "log": len(logs),
            }
        )


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Retries do not wait; nobody reads for as long as six hours; and what is remembered of a removed file, which Delta
    dates by the machine's clock, lasts about as many cycles as a week has."""
    monkeypatch.setenv(TOKEN, "sandbox-token")
    monkeypatch.setattr(tables, "READING_HOURS", 0)
    monkeypatch.setattr(tables, "LOG", {**tables.LOG, "delta.deletedFileRetentionDuration": "interval 60 seconds"})
    never_wait()
    yield
    never_wait(False)


def cycle(town: PortalTown, number: int) -> None:
    """What happens in six hours, and what the scheduler starts after them."""
    life, (home, stop) = town.lives[0], (town.home, Stop())
    for _ in range(number % 3):
        life.step()
    town.sandbox.clock.advance(HOURS * 3_600)
    age(home, timedelta(hours=HOURS))
    town.run("due")
    if number % 4 == 0:
        compact(home, stop)
        with open_home(home) as opened:
            keep_no_longer(opened, town.now)
    town.sandbox.journal.clear()


def age(home: Path, by: timedelta) -> None:
    """Let the files of the warehouse's logs be older by so much."""
    for path in (home / "warehouse").rglob("_delta_log/*"):
        seen = path.stat()
        os.utime(path, (seen.st_atime, seen.st_mtime - by.total_seconds()))


def grown(seen: Sequence[Footprint]) -> Iterator[str]:
    """Figures that are not flat."""
    quarter = len(seen) // 4
    for name, most in ALLOWED.items():
        second, last = (
            median(one.figures[name] for one in part) for part in (seen[quarter : -2 * quarter], seen[-quarter:])
        )
        if last > second * most + KEPT.get(name, 0) * len(seen) / 2:
            yield f"{name}: {second:,.0f} in the second quarter, {last:,.0f} in the last"


def test_hundreds_of_cycles_leave_everything_as_large_as_it_was(tmp_path: Path) -> None:
    """Memory, open files, threads, store, warehouse and its log stay flat; in the end every list and every property is
    as the portal's own records would have it, and a further pass writes nothing."""
    with Sandbox(index_lag_seconds=20) as sandbox:
        town = PortalTown(tmp_path / "home", sandbox, [7])
        policy = tmp_path / "home" / "mappings" / "audiences.yaml"
        policy.write_text(policy.read_text().replace("refresh: 1d", "refresh: 7d"))
        town.begin()
        town.lives[0].weights = EVENTS
        seen = []
        for number in range(CYCLES):
            cycle(town, number)
            seen.append(Footprint.of(town.home))
        for one in seen[:: max(1, CYCLES // 20)]:
            print(one.figures)
        moment, unseen = town.settle()
        assert not [*unseen, *town.differences(moment)]
        sandbox.journal.clear()
        town.run()
        assert sandbox.journal.counts()["writes"] == 0
        assert not [*grown(seen)]
