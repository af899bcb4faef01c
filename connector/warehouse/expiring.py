"""What is older than it may be leaves the warehouse, by time, in one statement a kind."""

from collections.abc import Collection
from datetime import datetime

from deltalake import DeltaTable

from connector import turn
from connector.warehouse.tables import Warehouse

TABLE = "interaction"


def expire(warehouse: Warehouse, kinds: Collection[str], before: datetime, *, but: bool = False) -> int:
    """Delete interactions of some kinds that happened before a moment; returns how many rows these were.

    What was counted of them stays until a person is decided again. Files go with `tidy`.

    Args:
        but: of all kinds but these.
    """
    path = str(warehouse.root / TABLE)
    if not DeltaTable.is_deltatable(path):
        return 0
    named = ", ".join(f"'{kind}'" for kind in sorted(kinds))
    which = f"kind {'NOT ' if but else ''}IN ({named}) AND occurred_at < '{before.isoformat()}'"
    turn.check()
    return int(DeltaTable(path).delete(which)["num_deleted_rows"] or 0)
