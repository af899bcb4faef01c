"""Page events in Segment's spec, as NDJSON: also what RudderStack, Jitsu and own collectors write.

Purchases are the CRM's business: Order Completed and its like are skipped, as are pages, lists and carts looked at.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from connector.events.consent_signals import said
from connector.events.event import Event, EventFile, refuse_mapping
from connector.events.files import Line
from connector.events.values import Unusable, digest, identifiers, moment, text, within
from connector.identifiers import email
from connector.ports import EventSource

KINDS: Mapping[str, str] = {
    "Product Viewed": "view",
    "Product Clicked": "click",
    "Product Added": "cart",
    "Product Added to Wishlist": "wish",
    "Checkout Started": "checkout",
    "Ad Impression": "impression",
    "Viewed Product": "view",
    "Clicked Product": "click",
    "Added Product": "cart",
}
"""Event name -> kind of interaction: Segment's "V2 Ecommerce Events" and their names in its first version. The spec has
no name for an ad that was shown: Ad Impression is what our own pixel sends."""

_TIMES = ("timestamp", "originalTimestamp", "receivedAt")


def source(name: str, path: Path, mapping: str, tcf_vendors: Set[int]) -> EventSource:
    """A Segment file; for `tcf_vendors` see `consent_signals.said`.

    Raises:
        SetupError: a mapping is named.
    """
    refuse_mapping(name, "segment", mapping)
    return SegmentFile(name, path, tcf_vendors)


class SegmentFile(EventFile):
    """NDJSON files, plain or gzip, that may grow.

    Each product of a Checkout Started counts as a record of its own. A messageId names an event everywhere and
    forever, so it is the key; an event without one is known by a digest of its line.
    """

    def __init__(self, name: str, path: Path, tcf_vendors: Set[int] = frozenset()) -> None:
        super().__init__(name, path, partial(read, tcf_vendors=tcf_vendors))


def read(line: Line, tcf_vendors: Set[int] = frozenset()) -> Event | None:
    """What an event of the spec tells; for `tcf_vendors` see `consent_signals.said`. Raises Unusable."""
    event = line.record
    kind = KINDS.get(text(event.get("event")) or "", "") if event.get("type") == "track" else ""
    who, words = _identifiers(event), said(event, tcf_vendors)
    tied = _tied(event, who)
    if not kind and not tied and not (words and who):
        return None
    told = Event(
        at=_time(event),
        received=moment(event.get("receivedAt")),
        who=who,
        tied=tied,
        key=text(event.get("messageId")) or f"line-{digest(line.text)}",
        said=words if who else None,
        consent=words.granted if words else None,
    )
    return _interaction(told, event, kind) if kind else told


def _interaction(told: Event, event: Mapping[str, Any], kind: str) -> Event:
    products, numbered = _products(event, kind), kind == "checkout"
    wrong = "" if products else "a checkout without products[]"
    return replace(
        told,
        kind=kind,
        items=[
            (f"{told.key}#{number}" if numbered else told.key, text(each.get("product_id")) or text(each.get("sku")))
            for number, each in enumerate(products)
        ],
        numbered=numbered,
        missing="product_id missing (and sku)",
        campaign=text(within(within(event, "context"), "campaign").get("name")),
        problem=wrong if told.who else "no anonymousId, userId or e-mail",
    )


def _identifiers(event: Mapping[str, Any]) -> dict[str, str]:
    """Type -> normalised value, the one that names an interaction first."""
    traits = {**within(within(event, "context"), "traits"), **within(event, "traits")}
    given = {
        "anonymous_id": event.get("anonymousId"),
        "user_id": event.get("userId"),
        "email": traits.get("email"),
        "phone": traits.get("phone"),
    }
    return identifiers(given)


def _tied(event: Mapping[str, Any], who: Mapping[str, str]) -> list[Mapping[str, str]]:
    """Groups of identifiers that this event shows to belong together."""
    groups = [who] if event.get("type") in ("track", "identify", "alias") else []
    if event.get("type") == "alias":
        groups.append(_renamed(event, who))
    return [each for each in groups if len(each) > 1]


def _renamed(event: Mapping[str, Any], who: Mapping[str, str]) -> Mapping[str, str]:
    """What an alias ties to its userId: `previousId` is an e-mail where it looks like one, else a browser's id."""
    previous = text(event.get("previousId"))
    return identifiers({"email" if email(previous) else "anonymous_id": previous, "user_id": who.get("user_id")})


def _products(event: Mapping[str, Any], kind: str) -> Sequence[Mapping[str, Any]]:
    properties = within(event, "properties")
    if kind != "checkout":
        return (properties,)
    products = properties.get("products")
    return [each if isinstance(each, dict) else {} for each in products] if isinstance(products, list) else ()


def _time(event: Mapping[str, Any]) -> datetime:
    """When it happened: `timestamp` is Segment's own, corrected for wrong clocks; the others where it is missing."""
    for field in _TIMES:
        if found := moment(event.get(field)):
            return found
    wrong = next((field for field in _TIMES if event.get(field)), None)
    raise Unusable(f"{wrong} is not ISO 8601 with a time zone" if wrong else "no timestamp")
