"""Whether somebody must be told of a trouble. Reads the store alone, so it sees, too, that a pass hangs."""

from datetime import UTC, datetime
from pathlib import Path

from connector import settings
from connector.alerts import tell
from connector.store import open_store
from jobs.stop import Stop


def watch(home: Path, stop: Stop) -> None:
    """Tell whom the settings name under `alerts`."""
    chosen = settings.load(home)
    store = open_store(chosen.store_url(home))
    try:
        tell(store, chosen.alerts, home.resolve().name, datetime.now(UTC))
    finally:
        store.close()
