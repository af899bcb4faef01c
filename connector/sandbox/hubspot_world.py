"""Fills a portal with a world: which column becomes which property of HubSpot."""

import json
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from connector.sandbox.clock import milliseconds_of
from connector.sandbox.hubspot_portal import Portal
from connector.sandbox.hubspot_types import ASSOCIATIONS, CONTACT, LINE_ITEM, ORDER, PRODUCT, ObjectType
from connector.sandbox.state import FIRST_ID, State
from connector.sandbox.world import CONTACTS, LINES, ORDERS, PRODUCTS, Row, World

Stored = tuple[str, int, int, int, None, str]
"""type, id, created, updated, archived, properties: a row of the table `record`."""


def load(portal: Portal, folder: Path) -> None:
    """Put the world in `folder` into an empty portal. Raises SetupError for a file that is missing or malformed."""
    world = World(folder)
    with portal.state.transaction(), world.reading():
        _Filling(portal.state, world).fill()


class _Filling:
    """What must be remembered while the files go by: ids, and what a line needs of its order and product."""

    def __init__(self, state: State, world: World) -> None:
        self.state = state
        self.world = world
        self.contacts: dict[str, int] = {}
        self.products: dict[str, tuple[int, str]] = {}
        self.orders: dict[str, tuple[int, int, str]] = {}
        self.ties = array("q")
        """The two ends of each association in turn, flat: half a million pairs in eight megabytes."""
        self.start = 0

    def fill(self) -> None:
        self._store(CONTACT, self._contacts())
        self._hold_emails()
        self._store(PRODUCT, self._products())
        self._store(ORDER, self._orders())
        self._tie(ORDER, CONTACT)
        self._store(LINE_ITEM, self._lines())
        self._tie(LINE_ITEM, ORDER)
        self.state.run(_CUSTOMERS, CONTACT.id, ORDER.id, CONTACT.id)

    def _store(self, kind: ObjectType, rows: Iterable[Stored]) -> None:
        self.state.run_many("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?)", rows)
        last = self.state.value("SELECT max(id) FROM record WHERE type = ?", kind.id)
        self.state.reserve(kind.id, last or FIRST_ID - 1)

    def _contacts(self) -> Iterator[Stored]:
        for number, row in enumerate(self.world.rows(CONTACTS), FIRST_ID):
            self.contacts[row["contact_id"]] = number
            created, updated = milliseconds_of(row["created_at"]), milliseconds_of(row["updated_at"])
            self.start = min(self.start or created, created)
            yield CONTACT.id, number, created, updated, None, _text(_contact(row))

    def _hold_emails(self) -> None:
        sql = """INSERT OR IGNORE INTO unique_value
            SELECT type, 'email', lower(json_extract(properties, '$.email')), id FROM record
            WHERE type = ? AND json_extract(properties, '$.email') IS NOT NULL ORDER BY id"""
        self.state.run(sql, CONTACT.id)

    def _products(self) -> Iterator[Stored]:
        for number, row in enumerate(self.world.rows(PRODUCTS), FIRST_ID):
            self.products[row["id"]] = number, row["title"]
            price = row["price"].partition(" ")[0]
            properties = {"name": row["title"], "hs_sku": row["id"], "price": price}
            yield PRODUCT.id, number, self.start, self.start, None, _text(properties)

    def _orders(self) -> Iterator[Stored]:
        for number, row in enumerate(self.world.rows(ORDERS), FIRST_ID):
            at = milliseconds_of(row["ordered_at"])
            self.orders[row["order_id"]] = number, at, row["currency"]
            if contact := self.contacts.get(row["contact_id"]):
                self.ties.extend((number, contact))
            yield ORDER.id, number, at, at, None, _text(_order(row))

    def _lines(self) -> Iterator[Stored]:
        for number, row in enumerate(self.world.rows(LINES), FIRST_ID):
            order, at, currency = self.orders.get(row["order_id"], (0, self.start, ""))
            if order:
                self.ties.extend((number, order))
            yield LINE_ITEM.id, number, at, at, None, _text(self._line(row, currency))

    def _line(self, row: Row, currency: str) -> dict[str, str]:
        product, title = self.products.get(row["product_id"], ("", ""))
        return {
            "name": title or row["product_id"],
            "hs_sku": row["product_id"],
            "hs_product_id": str(product),
            "quantity": row["quantity"],
            "price": row["unit_price"],
            "hs_line_item_currency_code": currency,
        }

    def _tie(self, kind: ObjectType, other: ObjectType) -> None:
        pairs = zip(self.ties[::2], self.ties[1::2], strict=True)
        there, back = ASSOCIATIONS[kind.id, other.id], ASSOCIATIONS[other.id, kind.id]
        rows = ((kind.id, other.id, start, end, there) for start, end in pairs)
        self.state.run_many("INSERT INTO association VALUES (?, ?, ?, ?, ?)", rows)
        self.state.run(_BACK, back, kind.id, other.id)
        self.ties = array("q")


def _text(properties: dict[str, Any]) -> str:
    kept = {name: value for name, value in properties.items() if value}
    return json.dumps(kept, separators=(",", ":"), ensure_ascii=False)


def _contact(row: Row) -> dict[str, str]:
    return {
        "email": row["email"],
        "phone": row["phone"],
        "firstname": row["first_name"],
        "lastname": row["last_name"],
        "country": row["country"],
        "hs_email_optout": row["email_opt_out"],
        "hs_marketable_status": "true",
        "lifecyclestage": "lead",
        "customer_id": row["contact_id"],
        "ads_consent": row["ads_consent"],
    }


def _order(row: Row) -> dict[str, str]:
    return {
        "hs_order_name": f"Order {row['order_id']}",
        "hs_external_order_id": row["order_id"],
        "hs_currency_code": row["currency"],
        "hs_external_created_date": row["ordered_at"],
        "hs_external_order_status": row["status"],
    }


_CUSTOMERS = """UPDATE record SET properties = json_set(properties, '$.lifecyclestage', 'customer')
    WHERE type = ? AND id IN (SELECT to_id FROM association WHERE from_type = ? AND to_type = ?)"""

_BACK = """INSERT INTO association SELECT to_type, from_type, to_id, from_id, ? FROM association
    WHERE from_type = ? AND to_type = ? ORDER BY to_id, from_id"""
