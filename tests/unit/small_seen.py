"""A few rows written by hand, as the tables merge/ is given."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import ibis
import pyarrow as pa

from connector.merge import Seen
from connector.schema import SEEN


def on(day: str, hour: int = 12) -> datetime:
    """Noon of a day in UTC."""
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC)


def seen(**tables: list[dict[str, Any]]) -> Seen:
    """Rows by table; what is not given is null, and times of modification do not matter."""
    rows = {name: [{"version": on("2026-01-01"), **row} for row in tables.get(name, [])] for name in SEEN}
    return Seen(**{name: ibis.memtable(pa.Table.from_pylist(found, SEEN[name])) for name, found in rows.items()})


def contact(key: str, **columns: Any) -> dict[str, Any]:
    crm, _, crm_id = key.partition(":")
    return {"key": key, "crm": crm, "crm_id": crm_id, "created_at": on("2026-01-01"), **columns}


def product(product_id: str, **columns: Any) -> dict[str, Any]:
    return {"key": f"feed:{product_id}", "source": "feed", "product_id": product_id, **columns}


def order(number: str, contact_key: str | None, day: str, crm: str = "hubspot", **columns: Any) -> dict[str, Any]:
    return {
        "key": f"{crm}:{number}",
        "order_id": number,
        "contact_key": contact_key,
        "ordered_at": on(day),
        "status": "fulfilled",
        "currency": "GBP",
        **columns,
    }


def line(
    number: str, product_id: str | None, quantity: int = 1, crm: str = "hubspot", **columns: Any
) -> dict[str, Any]:
    """A line of the order of that number; price 10."""
    return {
        "key": f"{crm}:{number}-{product_id}",
        "order_key": f"{crm}:{number}",
        "product_id": product_id,
        "quantity": Decimal(quantity),
        "unit_price": Decimal(10),
        **columns,
    }


def event(key: str, kind: str, who: str, product_id: str, day: str, **columns: Any) -> dict[str, Any]:
    """`who` is `type:value`."""
    identifier_type, _, identifier = who.partition(":")
    return {
        "key": key,
        "kind": kind,
        "identifier_type": identifier_type,
        "identifier": identifier,
        "product_id": product_id,
        "occurred_at": on(day),
        **columns,
    }


def link(one: str, other: str) -> dict[str, Any]:
    """Two identifiers seen together, each `type:value`."""
    (a_type, _, a_value), (b_type, _, b_value) = one.partition(":"), other.partition(":")
    return {"key": f"{one} {other}", "a_type": a_type, "a_value": a_value, "b_type": b_type, "b_value": b_value}
