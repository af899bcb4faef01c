"""Once a day, what is older than it may be is deleted."""

from datetime import UTC, datetime
from pathlib import Path

import structlog

from connector.home import open_home
from connector.pipeline.guards.clock import believed
from connector.pipeline.retention import keep_no_longer
from connector.pipeline.run import LEASE
from connector.store import leases
from jobs.stop import Stop

log = structlog.get_logger()


def retention(home: Path, stop: Stop) -> None:
    """Delete what the settings under `retention` do not allow to be kept."""
    with open_home(home) as opened, leases.held(opened.store, LEASE):
        gone = keep_no_longer(opened, believed(opened.store, datetime.now(UTC)))
    log.info("retention", **{what.replace(" ", "_"): rows for what, rows in gone.items()})
