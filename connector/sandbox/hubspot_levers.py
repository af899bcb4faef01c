"""What a test or a demo does to a portal at once: purchases, restoring, bulk edits, and an index that is late."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

from connector.sandbox.clock import iso, milliseconds_of
from connector.sandbox.exchange import Answer, Refusal
from connector.sandbox.hubspot_bin import restore
from connector.sandbox.hubspot_bulk import touch
from connector.sandbox.hubspot_portal import Portal
from connector.sandbox.hubspot_records import find
from connector.sandbox.hubspot_types import ASSOCIATIONS, PRODUCT, object_type

Lines = Sequence[Sequence[str]]
"""SKU, quantity and unit price of each line; a negative quantity is a return."""
Moment = datetime | str | None
"""Aware, or ISO 8601 text; None is now."""


class Levers:
    """Each raises ValueError, in HubSpot's words, for what HubSpot refuses.

    Args:
        act: what a person does in the portal: method, path, body.
    """

    def __init__(self, portal: Portal, act: Callable[..., Answer]) -> None:
        self.portal = portal
        self._act = act

    def create_order(
        self,
        contact: str | None,
        lines: Lines,
        *,
        status: str = "fulfilled",
        currency: str = "GBP",
        ordered_at: Moment = None,
    ) -> str:
        """A person places an order, or returns or cancels one. Returns its record id."""
        created = {"hs_external_created_date": self._at(ordered_at), "hs_external_order_status": status}
        order = self._made("orders", {**created, "hs_currency_code": currency}, {"contacts": contact})
        self._change("orders", order, {"hs_external_order_id": f"S{order}", "hs_order_name": f"Order S{order}"})
        self._lines(lines, currency, {"orders": order})
        return order

    def create_deal(
        self,
        contact: str | None,
        lines: Lines,
        *,
        stage: str = "closedwon",
        order: str | None = None,
        currency: str = "GBP",
        closed_at: Moment = None,
    ) -> str:
        """A sale as a deal with lines of its own, tied to the order it became where one is named. Returns its id."""
        amount = sum((Decimal(quantity) * Decimal(price) for _, quantity, price in lines), Decimal(0))
        properties = {"dealstage": stage, "amount": str(amount), "deal_currency_code": currency}
        at = {"closedate": self._at(closed_at)}
        deal = self._made("deals", {**properties, **at}, {"contacts": contact, "orders": order})
        self._change("deals", deal, {"dealname": f"Deal {deal}"})
        self._lines(lines, currency, {"deals": deal})
        return deal

    def restore(self, kind: str, id: str) -> str:
        """A person takes a record out of the bin, with its associations. Returns its id."""
        with self._doing():
            return str(restore(self.portal, self.portal.kind(kind), str(id)).id)

    def touch(self, kind: str, ids: Sequence[str] | None = None, properties: Mapping[str, str] | None = None) -> int:
        """Somebody edits many records at once (None: all): one and the same modified date. Returns how many."""
        with self._doing():
            return touch(self.portal, self.portal.kind(kind), ids, properties or {})

    def index_late(self, kind: str, id: str, seconds: float) -> None:
        """Let search see this record's latest change only so many seconds after it was made, by the sandbox clock."""
        with self._doing():
            record = find(self.portal, found := self.portal.kind(kind), str(id))
            until = record.updated + round(seconds * 1000)
            self.portal.state.run(
                "INSERT OR REPLACE INTO late VALUES (?, ?, ?, ?)", found.id, record.id, record.updated, until
            )

    def all(self) -> dict[str, Callable[..., Any]]:
        """Lever -> what it does, given its arguments by name."""
        names = ("create_order", "create_deal", "restore", "touch", "index_late")
        return {name: getattr(self, name) for name in names}

    def _at(self, moment: Moment) -> str:
        if isinstance(moment, datetime):
            return iso(round(moment.timestamp() * 1000))
        return iso(milliseconds_of(moment) if moment else self.portal.clock.milliseconds())

    def _lines(self, lines: Lines, currency: str, parent: Mapping[str, str]) -> None:
        for sku, quantity, price in lines:
            self._made("line_items", self._line(sku, quantity, price, currency), parent)

    def _line(self, sku: str, quantity: str, price: str, currency: str) -> dict[str, str]:
        row = self.portal.state.row(_PRODUCT, PRODUCT.id, sku)
        item = {"hs_product_id": str(row[0]), "name": row[1] or sku} if row else {"name": sku}
        return {"hs_sku": sku, "quantity": quantity, "price": price, "hs_line_item_currency_code": currency, **item}

    def _made(self, name: str, properties: Mapping[str, str], ends: Mapping[str, Any]) -> str:
        ties = [_tie(name, other, end) for other, end in ends.items() if end]
        return str(self._done("POST", f"/{name}", {"properties": properties, "associations": ties})["id"])

    def _change(self, name: str, number: str, properties: Mapping[str, str]) -> None:
        self._done("PATCH", f"/{name}/{number}", {"properties": properties})

    def _done(self, method: str, path: str, body: Any) -> Any:
        answer = self._act(method, f"/crm/objects/{self.portal.settings.versions[0]}{path}", body)
        if answer.status >= 300:
            raise ValueError(answer.content["message"])
        return answer.content

    @contextmanager
    def _doing(self) -> Iterator[None]:
        try:
            with self.portal.state.transaction(), self.portal.person():
                yield
        except Refusal as refusal:
            raise ValueError(refusal.answer.content["message"]) from None


def _tie(name: str, other: str, end: str) -> dict[str, Any]:
    here, there = object_type(name), object_type(other)
    number = ASSOCIATIONS[here.id, there.id] if here and there else 0
    return {"to": {"id": end}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": number}]}


_PRODUCT = """SELECT id, json_extract(properties, '$.name') FROM record
    WHERE type = ? AND archived IS NULL AND json_extract(properties, '$.hs_sku') = ?"""
