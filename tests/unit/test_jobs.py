"""The scheduler: what it starts and when, what it survives, and that it ends between two batches when it is told to."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from apscheduler.jobstores.memory import MemoryJobStore
from small_shop import END
from structlog.testing import capture_logs

from connector.cli.init import create
from connector.cli.settings_file import append
from connector.errors import Failed, LamplighterError, RetryLater, SetupError
from connector.home import open_home
from connector.pipeline import Options, run
from connector.pipeline.pulling.sweeping import first_times
from connector.pull.sweep import load, mark_swept
from connector.sandbox.faults import Fault
from connector.sandbox.serve import Sandbox
from connector.settings import SchedulePart
from connector.settings import load as settings_of
from connector.store import Store, leases, outbox, runs
from jobs import scheduler
from jobs.compact import compact
from jobs.scheduler import attempt, schedule
from jobs.stop import Stop
from jobs.sweeps import sweep_job
from jobs.sync import sync


def last_status(store: Store) -> str:
    """How the last run ended."""
    return str(runs.latest(store)[0].status)


# The schedule


def test_the_schedule_is_made_from_the_settings(tmp_path: Path) -> None:
    """Cadence, jitter, one at a time, late runs made up for once, and nothing of it kept on disk."""
    part = SchedulePart(sync_minutes=15, compact_minutes=60, jitter_seconds=30)
    often, due = timedelta(hours=6), datetime.now(UTC) + timedelta(hours=2)
    made = schedule(tmp_path, part, {"archived": (often, due)}, Stop())
    made.start(paused=True)
    try:
        jobs = {job.id: job for job in made.get_jobs()}
        assert {name: job.trigger.interval for name, job in jobs.items()} == {
            "sync": timedelta(minutes=15),
            "compact": timedelta(minutes=60),
            "retention": timedelta(days=1),
            "sweep_archived": often,
            "watch": timedelta(minutes=1),
        }
        assert jobs["sweep_archived"].next_run_time == due
        assert {(job.coalesce, job.max_instances, job.trigger.jitter) for job in jobs.values()} == {(True, 1, 30)}
        assert jobs["sync"].misfire_grace_time == 15 * 60
        assert jobs["sync"].next_run_time < jobs["compact"].next_run_time
        assert isinstance(made._jobstores["default"], MemoryJobStore)
    finally:
        made.shutdown()


def test_sweeps_come_as_often_as_they_are_worth_and_a_restart_puts_none_off(home: Path, store: Store) -> None:
    """A cadence of the settings wins; a sweep done a while ago is due that much earlier, a missed one at once."""
    append(home, "schedule:\n  moved_hours: 50")
    now = datetime.now(UTC)
    mark_swept(store, "hubspot", "gone", now - timedelta(hours=20))
    mark_swept(store, "hubspot", "archived", now - timedelta(days=3))
    with open_home(home) as opened:
        times = first_times(opened, now)
    assert times == {
        "archived": (timedelta(hours=6), now),
        "gone": (timedelta(hours=24), now + timedelta(hours=4)),
        "moved": (timedelta(hours=50), now + timedelta(hours=50)),
        "memberships": (timedelta(hours=24), now + timedelta(hours=24)),
    }


@pytest.mark.slow
def test_a_sweep_job_is_a_pass_that_also_sweeps(home: Path, store: Store, portal: Sandbox) -> None:
    """Whom somebody deleted in the CRM is gone afterwards, and the time of the sweep is kept."""
    sync(home, Stop())
    assert portal.portal.act("DELETE", "/crm/objects/2026-09/contacts/101").status < 300
    job = sweep_job("archived")
    assert job.__name__ == "sweep_archived"
    job(home, Stop())
    assert last_status(store) == "done"
    assert set(load(store, "hubspot", "archived")) == {"swept_at"}
    with open_home(home) as opened:
        contact = opened.warehouse.current("contact")
        gone = contact.filter(contact.deleted_at.notnull()).select("key").to_pyarrow()["key"].to_pylist()
    assert gone == ["hubspot:101"]


def test_a_backup_waits_for_no_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is due while a pass hangs is taken."""
    create(tmp_path)
    taken, ended = threading.Event(), threading.Event()

    def hanging(home: Path, stop: Stop) -> None:
        while not (taken.is_set() or stop.asked):
            time.sleep(0.01)
        ended.set()

    monkeypatch.setattr(scheduler, "sync", hanging)
    monkeypatch.setattr(scheduler, "backup", lambda home, stop: taken.set())
    monkeypatch.setattr(scheduler, "due", lambda home, now: now)
    stop = Stop()
    with scheduler.at_work(tmp_path, settings_of(tmp_path), stop):
        waited = taken.wait(10)
        stop.ask()
    assert (waited, ended.is_set()) == (True, True)


# What a job survives


@pytest.mark.parametrize(
    ("error", "level", "said"),
    [
        (RetryLater("the other side is down"), "warning", "the other side is down"),
        (SetupError("no token"), "error", "no token"),
        (Failed("odd"), "error", "odd"),
        (ValueError("dana@example.com"), "error", "ValueError"),
    ],
)
def test_a_job_that_fails_is_logged_and_the_schedule_goes_on(
    tmp_path: Path, error: LamplighterError | ValueError, level: str, said: str
) -> None:
    """Known errors in our words, unknown ones by their kind alone."""

    def trouble(home: Path, stop: Stop) -> None:
        raise error

    with capture_logs() as logs:
        attempt(trouble, tmp_path, Stop())
    assert [(line["log_level"], line["job"], line["reason"]) for line in logs] == [(level, "trouble", said)]


def test_a_pass_under_way_elsewhere_is_left_alone(home: Path, store: Store) -> None:
    """A lease that somebody holds: the job is skipped, and nothing is written."""
    with leases.held(store, "pass"), capture_logs() as logs:
        attempt(sync, home, Stop())
        attempt(compact, home, Stop())
    assert [line["event"] for line in logs] == ["job_skipped", "job_skipped"]
    assert runs.latest(store) == []


def test_compacting_keeps_what_matters(home: Path, store: Store) -> None:
    """Finished batches of older runs are forgotten; a run afterwards still has nothing to write."""
    moment = datetime.fromisoformat(END)
    for _ in range(2):
        with open_home(home) as opened:
            run(opened, Options(as_of=moment))
    before = outbox.depth(store)
    compact(home, Stop())
    assert before.keys() == {"acknowledged"}
    assert outbox.depth(store) == {}
    with open_home(home) as opened:
        report = run(opened, Options(as_of=moment))
    assert (report.status, report.calls["hubspot"].writes) == ("done", 0)


# Ending early


def test_a_pull_ends_between_two_batches(home: Path, store: Store) -> None:
    """What was kept stays kept, the run is deferred and not failed, and the next one completes it."""
    stop = Stop()
    stop.ask()
    sync(home, stop)
    assert last_status(store) == "deferred"
    sync(home, Stop())
    assert last_status(store) == "done"


class StopsInPush(Stop):
    """Is asked to stop when the first batch of the push has left."""

    def pushed(self, destination: str, done: int, total: int) -> None:
        self.ask()
        super().pushed(destination, done, total)


def test_a_push_ends_between_two_batches(home: Path, store: Store, portal: Sandbox) -> None:
    """The rest is deferred, the books balance, and the next run sends exactly the rest."""
    with open_home(home) as opened:
        report = run(opened, Options(as_of=datetime.fromisoformat(END)), StopsInPush())
    ledger = report.books["hubspot:push"].as_json()
    assert (report.status, report.balanced) == ("deferred", True)
    assert ledger["acknowledged"] > 0 < ledger["deferred"]
    halfway = portal.portal.state()
    with open_home(home) as opened:
        assert run(opened, Options(as_of=datetime.fromisoformat(END))).status == "done"
    assert portal.portal.state() != halfway


# As a process


def serving(home: Path, *words: str) -> "subprocess.Popen[str]":
    """The scheduler in a process of its own; its log is on stderr."""
    append(home, "schedule:\n  sync_minutes: 0.05\n  jitter_seconds: 0")
    command = [sys.executable, "-m", *words, "--home", str(home)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def wait_for(what: object, seconds: float = 60) -> None:
    """Until a condition holds."""
    deadline = time.monotonic() + seconds
    while not what():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def ended(process: "subprocess.Popen[str]", with_signal: int) -> list[dict[str, object]]:
    """Send a signal, wait, and give the log; the process must end by itself with 0."""
    os.kill(process.pid, with_signal)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return [json.loads(line) for line in errors.splitlines()]


def test_serve_runs_passes_until_it_is_told_to_stop(home: Path, store: Store) -> None:
    """`lamplighter serve` becomes the scheduler; Ctrl-C ends it with 0; every log line is JSON."""
    process = serving(home, "connector.cli", "serve")
    wait_for(lambda: len([row for row in runs.latest(store, limit=9) if row.status == "done"]) >= 2)
    events = [line["event"] for line in ended(process, signal.SIGINT)]
    assert events[0] == "serving"
    assert "run_finished" in events
    assert "stopping" in events


def test_sigterm_in_a_pull_ends_it_between_two_batches(home: Path, store: Store, portal: Sandbox) -> None:
    """The pass is deferred, what was pulled is kept, and a later pass ends where an undisturbed one would."""
    portal.faults.add(Fault(path_contains="/contacts", delay_seconds=1.5))
    process = serving(home, "jobs")
    wait_for(lambda: portal.journal.counts()["total"] >= 1)
    ended(process, signal.SIGTERM)
    assert last_status(store) == "deferred"
    sync(home, Stop())
    assert last_status(store) == "done"


def test_wrong_settings_keep_the_scheduler_from_starting(tmp_path: Path) -> None:
    """Exit 2 with a sentence, not a loop of failures."""
    command = [sys.executable, "-m", "jobs", "--home", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "lamplighter init" in done.stderr) == (2, True)
