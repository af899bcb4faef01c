"""Purchases and refunds as events of a conversion action. The order's number is the transaction id: Google counts it
once, whoever told of it, and takes a later event with the same number for a correction of the order's value.

Source: google/ads/datamanager/v1/event.proto, cart_data.proto; Data Manager API, "Conversion adjustments".
"""

from collections.abc import Sequence
from datetime import UTC
from decimal import Decimal
from typing import Any

from connector.ads._google import payload, spelling
from connector.ads._google.answers import Refused
from connector.ads._google.requests import Requests
from connector.ads._google.settings import GoogleSettings
from connector.ads._google.transport import Transport
from connector.errors import SetupError
from connector.model import Receipt, Sale, SoldItem

MOST_EVENTS = 2_000
MOST_IDENTIFIERS = 10
INGEST = "/v1/events:ingest"
NOBODY = "Google can use none of the buyer's identifiers"
UNKNOWN_REST = "Google corrects what an order is worth, and what is left of this one is not known"


def report(transport: Transport, requests: Requests, sales: Sequence[Sale]) -> Receipt:
    """See `connector.ports.AdDestination.report`: one call, unless Google names events that it does not take."""
    action = transport.settings.conversion_action
    if not action:
        raise SetupError(
            "Google is told of no sales: it has no conversion action to count them in",
            hint="set ads.google.conversion_action in lamplighter.yaml to the id of one",
        )
    rejected = {sale.key: why for sale in sales if (why := _objection(sale))}
    left = [sale for sale in sorted(sales, key=lambda one: one.at) if sale.key not in rejected]
    while left:
        try:
            requests.accepted(transport.accepted("tell of sales", INGEST, _body(transport.settings, left)), "sales")
            break
        except Refused as refused:
            if not refused.rows:
                raise
            rejected |= {left[at].key: why for at, why in refused.rows.items()}
            left = [sale for sale in left if sale.key not in rejected]
    return Receipt(written={sale.key: None for sale in left}, rejected=rejected)


def _objection(sale: Sale) -> str:
    if not _keys(sale):
        return NOBODY
    return UNKNOWN_REST if sale.kind == "refund" and sale.left is None else ""


def _keys(sale: Sale) -> list[str]:
    found = [spelling.match(kind, value) for kind, value in sale.identifiers]
    return [one for one in dict.fromkeys(found) if one][:MOST_IDENTIFIERS]


def _body(settings: GoogleSettings, sales: Sequence[Sale]) -> dict[str, Any]:
    places = payload.destinations(settings, [settings.conversion_action])
    events = [_event(sale, settings.merchant_id) for sale in sales]
    return {"destinations": places, "encoding": payload.ENCODING, "events": events}


def _event(sale: Sale, merchant: str) -> dict[str, Any]:
    at = sale.at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    value = sale.value if sale.kind == "purchase" else sale.left
    event: dict[str, Any] = {
        "transactionId": sale.order_id,
        "eventTimestamp": at,
        "lastUpdatedTimestamp": at,
        "eventSource": "OTHER",
        "consent": payload.GRANTED,
        "userData": {"userIdentifiers": [payload.identifier(one) for one in _keys(sale)]},
        "currency": sale.currency.upper(),
        "conversionValue": _number(value or Decimal(0)),
    }
    if sale.kind == "purchase" and sale.items:
        cart: dict[str, Any] = {"items": [_item(one) for one in sale.items]}
        event["cartData"] = {**cart, "merchantId": merchant} if merchant else cart
    return event


def _item(item: SoldItem) -> dict[str, Any]:
    """Google counts whole pieces: of 2.5 m of cable it hears as one piece, at the price of all of it."""
    whole = item.quantity == item.quantity.to_integral_value() and item.quantity > 0
    told = {"merchantProductId": item.product_id, "quantity": str(int(item.quantity)) if whole else "1"}
    if item.unit_price is None:
        return told
    return {**told, "unitPrice": _number(item.unit_price if whole else item.unit_price * item.quantity)}


def _number(value: Decimal) -> float:
    """JSON knows no decimals: the nearest number that prints as this one."""
    return float(value)
