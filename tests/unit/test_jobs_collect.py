"""The collector beside the scheduler: webhooks bring a pass soon, its events reach the warehouse, old files go."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from collect_rig import SECRETS, collecting
from event_files import event

from connector.cli.init import create
from connector.cli.settings_file import append
from connector.collect import signatures
from connector.events.inbox import FOLDER
from connector.home import open_home
from connector.pipeline import Options, run
from connector.store import Store, runs
from jobs.collecting import SETTLED, SOON, Soon
from jobs.inbox import inbox
from jobs.stop import Stop

PAUSE, LAG = timedelta(seconds=30), timedelta(seconds=60)


def wait_for(what: Callable[[], object], seconds: float = 60) -> None:
    """Until a condition holds."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def scheduler() -> Iterator[BackgroundScheduler]:
    """One job at a time, as `serve` has it."""
    made = BackgroundScheduler(timezone=UTC, executors={"default": ThreadPoolExecutor(1)})
    yield made
    made.shutdown()


def times(scheduler: BackgroundScheduler) -> dict[str, datetime]:
    return {job.id: job.next_run_time for job in scheduler.get_jobs()}


def test_a_swarm_of_webhooks_is_one_pass(scheduler: BackgroundScheduler) -> None:
    """At once, and once more when the CRM's search shows what changed; the next such pass comes after a pause."""
    scheduler.start(paused=True)
    soon = Soon(scheduler, lambda: None, LAG, PAUSE)
    before = datetime.now(UTC)
    for _ in range(100):
        soon()
    first = times(scheduler)
    assert first.keys() == {"sync_soon", "sync_settled"}
    assert before + SOON <= first["sync_soon"] <= datetime.now(UTC) + SOON
    assert before + LAG + SETTLED <= first["sync_settled"]
    scheduler.remove_job("sync_soon")  # as when it has begun
    soon()
    assert times(scheduler)["sync_soon"] == first["sync_soon"] + PAUSE


def test_a_search_that_shows_changes_at_once_needs_no_second_pass(scheduler: BackgroundScheduler) -> None:
    """A lag of zero is none."""
    scheduler.start(paused=True)
    Soon(scheduler, lambda: None, timedelta(0), PAUSE)()
    assert times(scheduler).keys() == {"sync_soon"}


def test_what_comes_during_a_pass_has_a_pass_of_its_own(scheduler: BackgroundScheduler) -> None:
    """It may have come too late for the one under way; what comes while that waits is served by it."""
    begun: list[int] = []
    finish = threading.Event()

    def sync() -> None:
        begun.append(1)
        finish.wait(60)

    soon = Soon(scheduler, sync, timedelta(0), timedelta(0))
    scheduler.start()
    soon()
    wait_for(lambda: len(begun) == 1)
    for _ in range(5):
        soon()
    wait_for(lambda: scheduler.get_job("sync_soon") is None)
    finish.set()
    wait_for(lambda: len(begun) == 2)


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    """A home with a collector and nothing else."""
    home = tmp_path / "home"
    create(home)
    append(home, "collect:\n  port: 0\n  keep_days: 1")
    return home


def books(home: Path) -> dict[str, int]:
    """Of the inbox, in one pull."""
    with open_home(home) as opened:
        return run(opened, Options(only="pull")).books["collect:inbox"].as_json()


def test_collected_events_reach_the_warehouse(alone: Path) -> None:
    """An install with a collector reads its inbox at every pass, and a second pass has nothing to read."""
    assert books(alone)["read"] == 0
    with collecting(alone) as rig:
        rig.track("batch", {"batch": [event(1), event(2, context={"consent": {"gpc": True}})]})
    assert books(alone) == {"read": 2, "kept": 2, "skipped": 0, "rejected": 0}
    assert books(alone)["read"] == 0
    with open_home(alone) as opened:
        seen = {
            table: opened.warehouse.current(table).count().to_pyarrow().as_py() for table in ("interaction", "consent")
        }
    assert seen == {"interaction": 2, "consent": 1}


def test_files_that_were_read_leave_after_a_while(alone: Path) -> None:
    """Not before they were read, and not before `keep_days`."""
    with collecting(alone) as rig:
        rig.track("track", event(1))
    (path,) = (alone / FOLDER).iterdir()
    long_ago = time.time() - 2 * 86_400
    os.utime(path, (long_ago, long_ago))
    inbox(alone, Stop())
    assert path.exists()
    books(alone)
    inbox(alone, Stop())
    assert not path.exists()
    assert books(alone)["read"] == 0


# As a process


def webhook(url: str) -> int:
    """A call as HubSpot makes it; its status."""
    body, timestamp = b"[]", str(int(time.time() * 1000))
    address = "https://collect.shop.example/webhooks/hubspot"
    signature = signatures.of_hubspot(SECRETS["COLLECT_HUBSPOT"], "POST", address, body, timestamp)
    headers = {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": timestamp}
    connection = HTTPConnection(url.removeprefix("http://"), timeout=30)
    connection.request("POST", "/webhooks/hubspot", body, headers)
    status = connection.getresponse().status
    connection.close()
    return status


def logged(log: Path, name: str) -> dict[str, Any] | None:
    """The first line of a log that tells of an event."""
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines() if line.endswith("}")]
    return next((line for line in lines if line["event"] == name), None)


@pytest.mark.slow
def test_serve_runs_a_pass_when_hubspot_calls(home: Path, store: Store, tmp_path: Path) -> None:
    """Without waiting for the schedule; SIGTERM ends both with 0, and no secret is in the log."""
    append(home, "schedule:\n  sync_minutes: 600\n  jitter_seconds: 0")
    address = "public_url: https://collect.shop.example"
    append(home, f"collect:\n  port: 0\n  hubspot_secret: env:COLLECT_HUBSPOT\n  {address}")
    log = tmp_path / "log"
    with log.open("wb") as stderr:
        command = [sys.executable, "-m", "connector.cli", "serve", "--home", str(home)]
        process = subprocess.Popen(command, stderr=stderr, env={**os.environ, **SECRETS})
    try:
        wait_for(lambda: runs.latest(store) and runs.latest(store)[0].status == "done")
        collector = logged(log, "collecting")
        assert collector
        called = datetime.now(UTC)
        assert webhook(collector["at"]) == 204
        wait_for(lambda: len([row for row in runs.latest(store, limit=9) if row.status == "done"]) == 2)
        print(f"from the call to the pass: {(runs.latest(store)[0].started_at - called).total_seconds():.2f} s")
    finally:
        process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert SECRETS["COLLECT_HUBSPOT"] not in log.read_text("utf-8")


@pytest.mark.slow
def test_serve_does_not_start_without_a_secret(alone: Path) -> None:
    """Exit 2 with a sentence that names the variable, instead of an endpoint that lets everybody in."""
    text = (alone / "lamplighter.yaml").read_text("utf-8")
    (alone / "lamplighter.yaml").write_text(text.replace("port: 0", "port: 0\n  write_key: env:NOT_SET"), "utf-8")
    command = [sys.executable, "-m", "jobs", "--home", str(alone)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, "NOT_SET is empty" in done.stderr) == (2, True)
