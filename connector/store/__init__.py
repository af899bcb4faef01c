"""Everything promised and done: cursors, runs, leases, the outbox, acknowledged lists. It may not be rebuilt."""

from connector.store.database import Store, open_store

__all__ = ["Store", "open_store"]
