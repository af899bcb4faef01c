"""Everything promised and done: cursors, runs, leases, the outbox, acknowledged lists. It may not be rebuilt."""

from connector.store.database import Store, open_store
from connector.store.looking import open_to_look

__all__ = ["Store", "open_store", "open_to_look"]
