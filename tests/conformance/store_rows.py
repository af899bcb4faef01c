"""What the tests of the store share: batches, and receipts written down."""

from connector.model import Delivery, Receipt
from connector.store import Store, acknowledged


def membership(add: tuple[str, ...] = (), remove: tuple[str, ...] = (), name: str = "loyal") -> Delivery:
    """A batch for one list."""
    identifier = f"{name}-{'.'.join(add)}-{'.'.join(remove)}"[:36]
    return Delivery(id=identifier, destination="hubspot", kind="membership", audience=name, add=add, remove=remove)


def properties(values: dict[str, dict[str, str | None]], identifier: str = "p1") -> Delivery:
    """A batch of property changes."""
    return Delivery(id=identifier, destination="hubspot", kind="properties", values=values)


def record(store: Store, delivery: Delivery, receipt: Receipt, run: int = 1) -> None:
    """Write a receipt down in a transaction of its own."""
    with store.begin() as connection:
        acknowledged.record(connection, delivery, receipt, run)
