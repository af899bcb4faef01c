"""Sales told to Meta as server events (Conversions API), with the catalogue's ids, so that its product ads know them.

A purchase carries the order's number as its event id, which the shop's own tag sends too: within 48 hours Meta counts
the two once. Meta has no event that takes a purchase back; a refund is an event of our own, `Refund`, on which
product audiences can be built, and which lowers no figure in Meta's reports.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from connector.ads._identifiers import raw
from connector.ads._meta.answers import Refused
from connector.ads._meta.api import Api
from connector.ads._meta.audiences import not_told
from connector.ads._meta.settings import OLDEST
from connector.ads._meta.spelling import match
from connector.errors import SetupError
from connector.model import Receipt, Sale, SoldItem

MOST = 1_000
"""Events of one request (Meta, "Using the API")."""
NAMES = {"purchase": "Purchase", "refund": "Refund"}
COLUMNS = {"em": "email", "ph": "phone"}
INVALID = 100
"""Code of a request in which at least one event is not valid: then none is taken."""
AHEAD = timedelta(minutes=1)


class Sales:
    """Tells Meta of sales."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def report(self, sales: Sequence[Sale]) -> Receipt:
        """See `connector.ports.AdDestination.report`. Raises SetupError where no dataset is named."""
        if not self._api.settings.dataset:
            raise SetupError("Meta is told of no sales: ads.meta.dataset is empty", hint="set it in lamplighter.yaml")
        now = self._api.clock.now()
        refused = {sale.key: why for sale in sales if (why := self._why_not(sale, now))}
        events = {sale.key: self._event(sale) for sale in sales if sale.key not in refused}
        keys = list(events)
        for start in range(0, len(keys), MOST):
            refused |= self._told({key: events[key] for key in keys[start : start + MOST]})
        return Receipt(written={key: None for key in keys if key not in refused}, rejected=refused)

    def _why_not(self, sale: Sale, now: datetime) -> str:
        """Why Meta would refuse it, and all that are sent with it; empty where it would not."""
        oldest = OLDEST[self._api.settings.action_source]
        if sale.at < now - oldest:
            return f"Meta takes no sale that is older than {oldest.days} days"
        if sale.at > now + AHEAD:
            return "Meta takes no sale of the future"
        if not any(match(*identifier) for identifier in sale.identifiers):
            return "there is no e-mail address or phone number of the buyer that Meta can use"
        return ""

    def _event(self, sale: Sale) -> dict[str, Any]:
        settings = self._api.settings
        limited = {"data_processing_options": ["LDU"]} if settings.limited_data_use else {}
        country = {f"data_processing_options_{name}": 0 for name in ("country", "state")} if limited else {}
        return {
            "event_name": NAMES[sale.kind],
            "event_time": int(sale.at.timestamp()),
            "event_id": sale.order_id if sale.kind == "purchase" else sale.key,
            "action_source": settings.action_source,
            "user_data": {name: found for name, kind in COLUMNS.items() if (found := _hashes(sale, kind))},
            "custom_data": _custom(sale),
            **limited,
            **country,
        }

    def _told(self, events: dict[str, dict[str, Any]]) -> dict[str, str]:
        """Send events, in halves where one among them is refused. Returns those that are, with Meta's words."""
        try:
            self._send(list(events.values()))
        except Refused as refused:
            if refused.code != INVALID or refused.subcode < 1_000:
                raise
            if len(events) == 1:
                return dict.fromkeys(events, refused.words)
            keys = list(events)
            halves = keys[: len(keys) // 2], keys[len(keys) // 2 :]
            return {key: why for half in halves for key, why in self._told({one: events[one] for one in half}).items()}
        return {}

    def _send(self, events: list[dict[str, Any]]) -> None:
        body = self._api.call("POST", f"{self._api.settings.dataset}/events", "tell of sales", {"data": events})
        if body.get("events_received") != len(events):
            raise not_told("tell of sales")


def _hashes(sale: Sale, kind: str) -> list[str]:
    found = (match(each, value) for each, value in sale.identifiers if each == kind)
    return sorted({raw(member).hex() for member in found if member})


def _custom(sale: Sale) -> dict[str, Any]:
    return {
        "order_id": sale.order_id,
        "value": _number(sale.value),
        "currency": sale.currency,
        "content_type": "product",
        "content_ids": list(dict.fromkeys(item.product_id for item in sale.items)),
        "contents": [_content(item) for item in sale.items],
    }


def _content(item: SoldItem) -> dict[str, Any]:
    price = {} if item.unit_price is None else {"item_price": _number(item.unit_price)}
    return {"id": item.product_id, "quantity": _number(item.quantity), **price}


def _number(value: Decimal) -> int | float:
    """For JSON, which knows no decimals; money has fewer digits than a double keeps."""
    return int(value) if value == value.to_integral_value() else float(value)
