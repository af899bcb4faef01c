"""Once a day, what cannot be had again is written to a file, and the oldest such files go; so do torn ones."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from connector import settings
from connector.backup import take
from connector.backup.archive import PART
from connector.store import open_store
from connector.store.damage import BACKUPS, NAMED, backups
from jobs.stop import Stop

log = structlog.get_logger()

SETTLING_IN = timedelta(minutes=30)
"""How long after a first start the first one is taken."""
EVERY = timedelta(days=1)


def due(home: Path, now: datetime) -> datetime:
    """When the next backup is to be taken: a day after the last, so that a restart puts none off."""
    taken = [datetime.fromtimestamp(path.stat().st_mtime, UTC) for path in backups(home)]
    return max(now, max(taken) + EVERY) if taken else now + SETTLING_IN


def backup(home: Path, stop: Stop) -> None:
    """Take a backup into the home and keep as many as the settings want. Waits for no pass and keeps none waiting."""
    chosen = settings.load(home)
    store = open_store(chosen.store_url(home))
    try:
        take(home, chosen, store, home / BACKUPS)
    finally:
        store.close()
    old = backups(home)[: -chosen.backup.keep]
    torn = (home / BACKUPS).glob(NAMED + PART)
    for path in (*old, *_untouched(torn, EVERY)):
        path.unlink()
    log.info("backup_taken", kept=min(chosen.backup.keep, len(backups(home))))


def _untouched(paths: Iterable[Path], since: timedelta) -> list[Path]:
    """Those that nobody has written to for so long: another process may be at work on a newer one."""
    before = (datetime.now(UTC) - since).timestamp()
    return [path for path in paths if path.stat().st_mtime < before]
