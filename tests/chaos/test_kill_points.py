"""Killed anywhere, wrong nowhere: both CRMs, both ad platforms, the first pass and one with news of every kind."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from form import SHORT

HERE = Path(__file__).parent
KINDS = ("call", "store commit", "warehouse commit")
SEED = 7
JOBS = (
    [{"day": 1, "kinds": KINDS, "of_each": 1, "instants": 3}, {"day": 2, "kinds": KINDS, "of_each": 2, "instants": 5}]
    if SHORT
    else [{"day": day, "kinds": [kind], "of_each": None, "instants": 0} for day in (1, 2) for kind in KINDS]
    + [{"day": day, "kinds": [], "of_each": None, "instants": 150} for day in (1, 2)]
)
LEAST = {"call": 90, "store commit": 120, "warehouse commit": 40}
"""Kill points of a kind on one day, where all are meant."""

MOST_MISSED = 2
"""Points of a job that their pass may end before: a commit more or less, by how fast others answer."""
FILLED = {"HubSpot, member", "Salesforce, CampaignMember", "Google, member", "Meta, member", "membership", "wanted"}
"""Where something must stand at the end, so that it can be lost; sales are told of on the second day."""


def _named(job: dict[str, Any]) -> str:
    return "-".join(("day", str(job["day"]), *job["kinds"])).replace(" ", "-") + (
        "-instants" if job["instants"] else ""
    )


@pytest.mark.parametrize("job", JOBS, ids=_named)
def test_killed_anywhere(job: dict[str, Any], tmp_path: Path, record_property: Any) -> None:
    """SIGKILL before, within and after every call and commit, and at random: the next pass ends as an undisturbed one.

    Each time all that stands in the four systems, in the warehouse's current views and in the store is counted and
    held against that end. Some are killed again on their way back; of some a further pass must change nothing.
    """
    done = _rounds({**job, "folder": str(tmp_path), "seed": SEED})
    for name in ("killed", "lost", "doubled"):
        record_property(name, done[name])
    print("points on the way:", done["passed"])
    assert done["wrong"] == []
    assert FILLED | ({"Google, sale", "Meta, sale", "told_sale"} if job["day"] == 2 else set()) <= {*done["places"]}
    assert done["missed"] <= MOST_MISSED
    assert done["killed"] >= (0 if SHORT else sum(LEAST[kind] for kind in job["kinds"]))
    assert done["instants"] >= job["instants"]


def _rounds(job: dict[str, Any]) -> dict[str, Any]:
    """In a process of its own, which has not opened anything yet: what it forks is killed, not it."""
    path = os.pathsep.join(map(str, (HERE.parents[1], HERE, HERE.parent, HERE.parent / "scenario")))
    command = [sys.executable, str(HERE / "kill_rounds.py"), json.dumps(job)]
    ran = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]
    done: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return done
