"""When each job runs. The schedule is rebuilt from the settings at every start, so nothing old is ever pickled."""

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from connector import settings
from connector.errors import LamplighterError, RetryLater
from connector.home import open_home
from connector.pipeline.pulling.sweeping import first_times
from connector.store import open_store
from jobs.backup import backup, due
from jobs.collecting import collecting
from jobs.compact import compact
from jobs.inbox import inbox
from jobs.measuring import measuring
from jobs.retention import retention
from jobs.standby import in_turn
from jobs.stop import Stop
from jobs.sweeps import sweep_job
from jobs.sync import sync
from jobs.watch import watch

log = structlog.get_logger()

Job = Callable[[Path, Stop], None]

DAILY, SETTLING_IN = timedelta(days=1), timedelta(minutes=10)
"""How often what is old goes, and how long after a start the inbox is cleared for the first time."""
BESIDE = ("watch", "backup")
"""Executors of jobs that wait for no other: one looks on while a pass hangs, one copies while it goes on."""
WATCHING = timedelta(minutes=1)
"""From one look for troubles to the next: a few reads of the store."""


def serve(home: Path) -> None:
    """Run the jobs until SIGTERM or SIGINT; what is at work then ends between two batches. A second signal kills.

    Where another process serves the same store, this one stands by.

    Raises:
        SetupError: the settings are wrong.
    """
    stop = Stop()
    chosen = settings.load(home)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: _end(stop))
    with open_home(home):
        pass  # whoever stands by must be able to take over
    with closing(open_store(chosen.store_url(home))) as store, measuring(home, chosen):
        in_turn(store, stop, lambda shift: at_work(home, chosen, shift))


@contextmanager
def at_work(home: Path, chosen: settings.Settings, stop: Stop) -> Iterator[None]:
    """Run the jobs, and the collector, for the length of the block; a job under way is waited for.

    Args:
        stop: asked before the block ends.
    """
    with open_home(home) as opened:
        sweeps = first_times(opened, datetime.now(UTC))
    scheduler = schedule(home, chosen.schedule, sweeps, stop)
    if chosen.collect is not None:
        _add(scheduler, inbox, home, stop, DAILY, datetime.now(UTC) + SETTLING_IN, chosen.schedule.jitter_seconds)
    if chosen.backup.keep:
        first = due(home, datetime.now(UTC))
        _add(scheduler, backup, home, stop, DAILY, first, chosen.schedule.jitter_seconds, executor="backup")
    with collecting(home, chosen, scheduler, lambda: attempt(sync, home, stop)):
        scheduler.start()
        log.info("serving", jobs=[job.id for job in scheduler.get_jobs()])
        try:
            yield
        finally:
            log.info("stopping")
            scheduler.shutdown(wait=True)


def _end(stop: Stop) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    stop.ask()


def schedule(
    home: Path, part: settings.SchedulePart, sweeps: Mapping[str, tuple[timedelta, datetime]], stop: Stop
) -> BackgroundScheduler:
    """The jobs of a home, not started yet. One at a time: they write the same places. Two only read these.

    Args:
        sweeps: name -> how often, and when for the first time: a restart puts no sweep off.
    """
    scheduler = BackgroundScheduler(
        timezone=UTC,
        executors={name: ThreadPoolExecutor(1) for name in ("default", *BESIDE)},
        job_defaults={"coalesce": True, "max_instances": 1},
    )
    now, compacting = datetime.now(UTC), timedelta(minutes=part.compact_minutes)
    jobs: list[tuple[Job, timedelta, datetime]] = [
        (sync, timedelta(minutes=part.sync_minutes), now),
        (compact, compacting, now + compacting),
        (retention, DAILY, now + DAILY),
    ]
    jobs += [(sweep_job(name), every, first) for name, (every, first) in sweeps.items()]
    for job, every, first in jobs:
        _add(scheduler, job, home, stop, every, first, part.jitter_seconds)
    _add(scheduler, watch, home, stop, WATCHING, now + WATCHING, part.jitter_seconds, executor="watch")
    return scheduler


def _add(
    scheduler: Any,
    job: Job,
    home: Path,
    stop: Stop,
    every: timedelta,
    first: datetime,
    jitter_seconds: float,
    executor: str = "default",
) -> None:
    scheduler.add_job(
        attempt,
        IntervalTrigger(seconds=every.total_seconds(), jitter=jitter_seconds or None, timezone=UTC),
        args=(job, home, stop),
        id=job.__name__,
        misfire_grace_time=max(60, int(every.total_seconds())),  # later than that, the next one is due anyway
        next_run_time=first,
        executor=executor,
    )


def attempt(job: Job, home: Path, stop: Stop) -> None:
    """Do a job; whatever happens, the schedule goes on. Log lines name the error's kind and our own words alone."""
    try:
        job(home, stop)
    except RetryLater as error:
        log.warning("job_skipped", job=job.__name__, reason=error.message)
    except LamplighterError as error:
        log.error("job_failed", job=job.__name__, reason=error.message, hint=error.hint)
    except Exception as error:
        log.error("job_failed", job=job.__name__, reason=type(error).__name__)
