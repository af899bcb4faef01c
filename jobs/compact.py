"""Housekeeping: small files are merged, and finished batches of older runs forgotten."""

from datetime import UTC, datetime
from pathlib import Path

import structlog

from connector.home import open_home
from connector.pipeline import recovery
from connector.pipeline.run import LEASE
from connector.store import leases, outbox, runs
from jobs.stop import Stop

log = structlog.get_logger()


def compact(home: Path, stop: Stop) -> None:
    """Compact the warehouse while no pass is at work."""
    with open_home(home) as opened, leases.held(opened.store, LEASE):
        files = recovery.compact(opened, datetime.now(UTC))
        for last in runs.latest(opened.store):
            outbox.forget_settled(opened.store, last.number)
    log.info("compacted", files=sum(files.values()))
