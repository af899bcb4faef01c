"""Collected events that were read long ago leave the disk: what counts of them is in the warehouse."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from connector.events import inbox as collected
from connector.home import open_home
from connector.pipeline.guards.clock import believed
from connector.pipeline.run import LEASE
from connector.store import cursors, leases
from jobs.stop import Stop

log = structlog.get_logger()


def inbox(home: Path, stop: Stop) -> None:
    """Delete the collector's files that were read to their end and not written for `collect.keep_days`."""
    with open_home(home) as opened, leases.held(opened.store, LEASE):
        part = opened.settings.collect
        if part is None:
            return
        cursor = cursors.load(opened.store, collected.NAME, "interaction")
        moment = believed(opened.store, datetime.now(UTC))
        old = collected.used_up(home, cursor, moment - timedelta(days=part.keep_days))
        for path in old:
            path.unlink()
    log.info("inbox_cleared", files=len(old))
