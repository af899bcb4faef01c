"""The collector beside the scheduler: takes events and webhooks in, and lets a webhook ask for a pass soon."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import structlog
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from connector import settings
from connector.collect.serve import Collector, tried
from connector.errors import SetupError

log = structlog.get_logger()

SOON = timedelta(seconds=0.3)
"""Webhooks come in swarms: one pass serves all that come within this time."""
SETTLED = timedelta(seconds=1)
"""After the time that HubSpot's search takes to show a change."""
COLLECT = "collect"
AGAIN = timedelta(minutes=1)
"""After that a port that was taken is tried again."""


class Soon:
    """Asks for passes outside the schedule. May be called from any thread, and as often as one likes.

    Args:
        sync: the pass.
        lag: how long a CRM's search does not see a change; a second pass comes after that. Zero: it sees it at once.
        pause: at least so long from one such pass to the next.
    """

    def __init__(self, scheduler: Any, sync: Callable[[], None], lag: timedelta, pause: timedelta) -> None:
        self._scheduler = scheduler
        self._sync = sync
        self._lag = lag
        self._pause = pause
        self._free = datetime.now(UTC)
        self._lock = Lock()

    def __call__(self) -> None:
        with self._lock:
            now = datetime.now(UTC)
            if self._scheduler.get_job("sync_soon") is None:
                at = max(now + SOON, self._free)
                self._free = at + self._pause
                self._add("sync_soon", at)
            if self._lag and self._scheduler.get_job("sync_settled") is None:
                self._add("sync_settled", now + self._lag + SETTLED)

    def _add(self, name: str, at: datetime) -> None:
        """Two instances: what comes during a pass may have come too late for it, and waits for one of its own."""
        trigger = DateTrigger(at, timezone=UTC)
        self._scheduler.add_job(self._sync, trigger, id=name, max_instances=2, misfire_grace_time=None)


@contextmanager
def collecting(home: Path, chosen: settings.Settings, scheduler: Any, sync: Callable[[], None]) -> Iterator[None]:
    """Run the collector where the settings have one. A port that is taken is logged, and tried again: no pass waits.

    Raises:
        SetupError: one of its secrets is missing.
    """
    if chosen.collect is None:
        yield
        return
    lag = timedelta(seconds=chosen.hubspot.lag_seconds if chosen.hubspot else 0)
    pause = timedelta(seconds=chosen.collect.pause_seconds)
    tried(chosen.collect)
    soon = Soon(scheduler, sync, lag, pause)
    make = partial(Collector, home, chosen.collect, soon, chosen.ads.tcf_vendors)
    with ExitStack() as running:
        if not _begin(running, make):
            log.error("not_collecting", reason=f"{chosen.collect.host}:{chosen.collect.port} is taken")
            again = IntervalTrigger(seconds=AGAIN.total_seconds(), timezone=UTC)
            scheduler.add_job(_begin_again, again, args=(scheduler, running, make), id=COLLECT)
        yield


def _begin(running: ExitStack, make: Callable[[], Collector]) -> bool:
    """Start the collector, to be stopped with `running`; False where its port is taken."""
    try:
        collector = running.enter_context(make())
    except SetupError:
        return False
    log.info("collecting", at=collector.url)
    return True


def _begin_again(scheduler: Any, running: ExitStack, make: Callable[[], Collector]) -> None:
    if _begin(running, make):
        scheduler.remove_job(COLLECT)
