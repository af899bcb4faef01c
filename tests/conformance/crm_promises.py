"""What the conformance tests of CRM adapters share: pulls with balanced books, rows by key, deliveries."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import small_world

from connector.model import Batch, Cursor, Delivery, ListSpec, Purpose, Receipt
from connector.ports import CRM
from connector.schema import SEEN

STREAMS = frozenset({"product", "contact", "order_header", "order_line"})
LOYAL = ListSpec(name="loyal", label="Loyal buyers", purpose=Purpose.EMAIL)
WORLD = small_world
BENCHES = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
"""The CRMs that have a bench here; one joins by adding its own."""


def nothing(keys: Sequence[str]) -> dict[str, datetime]:
    """A warehouse that knows no record."""
    return {}


def pulled(crm: CRM, stream: str, cursor: Cursor | None = None, known: Any = nothing) -> list[Batch]:
    """A whole pull, each batch with balanced books and the warehouse's columns."""
    batches = list(crm.pull(stream, cursor, known))
    for batch in batches:
        assert batch.read == batch.kept + batch.skipped + len(batch.rejected)
        assert all(table.schema.equals(SEEN[name]) for name, table in batch.tables.items())
    return batches


def rows(batches: Sequence[Batch]) -> dict[str, dict[str, Any]]:
    """Key -> row, of all tables; the last of several rows with one key."""
    found = [row for batch in batches for table in batch.tables.values() for row in table.to_pylist()]
    return {row["key"]: row for row in found}


def after_first_pull(crm: CRM, stream: str) -> Cursor:
    """The cursor after everything was pulled once."""
    return pulled(crm, stream)[-1].cursor


def ids(bench: Any, count: int) -> list[str]:
    """Ids of the first contacts."""
    found: list[str] = bench.people(count)
    return found


def change(add: Sequence[str] = (), remove: Sequence[str] = (), audience: str = "loyal") -> Delivery:
    """A change of a list."""
    return Delivery(id="d", destination="crm", kind="membership", audience=audience, add=add, remove=remove)


def writing(values: Mapping[str, Mapping[str, str | None]]) -> Delivery:
    """A write of properties."""
    return Delivery(id="d", destination="crm", kind="properties", values=values)


def accounted(receipt: Receipt, delivery: Delivery) -> bool:
    """Every id of the delivery is in exactly one part of the receipt."""
    told = [*receipt.added, *receipt.removed, *receipt.written, *receipt.rejected]
    return sorted(told) == sorted([*delivery.add, *delivery.remove, *delivery.values])
