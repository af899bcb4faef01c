"""Page events in Segment's spec, as NDJSON: also what RudderStack, Jitsu and own collectors write.

Purchases are the CRM's business: Order Completed and its like are skipped, as are pages, lists and carts looked at.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from io import BufferedReader
from pathlib import Path
from typing import Any

import pyarrow as pa

from connector.errors import SetupError
from connector.events.files import Line, Place
from connector.events.links import Links
from connector.events.reading import Drawn, Layout, pull_file, rejection
from connector.identifiers import NORMALISERS, email
from connector.model import Batch, Cursor, Rejection, aware
from connector.ports import EventSource, Known
from connector.schema import SEEN

KINDS: Mapping[str, str] = {
    "Product Viewed": "view",
    "Product Clicked": "click",
    "Product Added": "cart",
    "Product Added to Wishlist": "wish",
    "Checkout Started": "checkout",
    "Viewed Product": "view",
    "Clicked Product": "click",
    "Added Product": "cart",
}
"""Event name -> kind of interaction: Segment's "V2 Ecommerce Events" and their names in its first version."""

_ADVERTISING = re.compile(r"advert|marketing|targeting|\bads?\b|^ad_|^c0004$", re.IGNORECASE)
"""Names of consent categories that cover ads; C0004 is OneTrust's number for targeting."""
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_TIMES = ("timestamp", "originalTimestamp", "receivedAt")
_INTERACTION = SEEN["interaction"]


class Unusable(ValueError):
    """Why an event that should have been of use is not."""


def source(name: str, path: Path, mapping: str, home: Path | None) -> EventSource:
    """A Segment file.

    Raises:
        SetupError: a mapping is named. The spec fixes all names, so it would do nothing.
    """
    if mapping:
        raise SetupError(
            f"source {name!r}: segment files take no mapping", hint="remove `mapping` from it, in lamplighter.yaml"
        )
    return SegmentFile(name, path)


class SegmentFile:
    """One NDJSON file, plain or gzip, that may grow."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.path = path

    def streams(self) -> Sequence[str]:
        return ("interaction",)

    def pull(self, stream: str, cursor: Cursor | None, known: Known) -> Iterator[Batch]:
        """Interactions and identity links of everything behind `cursor`; see EventSource and `reading`.

        Each product of a Checkout Started counts as a record of its own. A messageId names an event everywhere and
        forever, so it is the key; an event without one is known by a digest of its line.
        """
        return pull_file(self.name, self.path, cursor, self._begin)

    def _begin(self, file: BufferedReader, now: Place) -> Layout:
        return Layout(draw=self._draw, stream="interaction")

    def _draw(self, lines: Sequence[Line]) -> Drawn:
        draft = _Draft(self.name, self.path)
        for line in lines:
            draft.take(line)
        return draft.drawn()


class _Draft:
    """Rows of one batch as they come."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.path = path
        self.read = self.skipped = 0
        self.rows: list[tuple[Any, ...]] = []
        self.links = Links(name)
        self.rejected: list[Rejection] = []

    def drawn(self) -> Drawn:
        columns = zip(*self.rows, strict=True) if self.rows else [()] * len(_INTERACTION)
        arrays = [pa.array(column, each.type) for column, each in zip(columns, _INTERACTION, strict=True)]
        tables = {"interaction": pa.table(arrays, schema=_INTERACTION), "identity_link": self.links.table()}
        return Drawn(tables=tables, read=self.read, skipped=self.skipped, rejected=self.rejected)

    def take(self, line: Line) -> None:
        """One line, whatever it is."""
        try:
            self._take_event(_parsed(line.text), line)
        except Unusable as problem:
            self.read += 1
            self.rejected.append(rejection(self.path, "interaction", line, str(problem)))

    def _take_event(self, event: dict[str, Any], line: Line) -> None:
        kind = KINDS.get(_text(event.get("event")) or "") if event.get("type") == "track" else None
        who = _identifiers(event)
        tied = _tied(event, who)
        if not kind and not tied:
            self.read += 1
            self.skipped += 1
            return
        at = _time(event)
        for each in tied:
            self.links.add(each, at)
        if kind:
            self._interactions(event, kind, who, at, line)
        else:
            self.read += 1

    def _interactions(self, event: dict[str, Any], kind: str, who: Mapping[str, str], at: datetime, line: Line) -> None:
        if not who:
            raise Unusable("no anonymousId, userId or e-mail")
        received = _moment(event.get("receivedAt"))
        key = _text(event.get("messageId")) or f"line-{hashlib.sha256(line.text.encode()).hexdigest()[:32]}"
        row = (received or at, self.name, kind, *next(iter(who.items())))
        rest = (at, received, _text(_object(_object(event, "context"), "campaign").get("name")), None, _consent(event))
        for number, product in enumerate(_products(event, kind)):
            self.read += 1
            product_id = _text(product.get("product_id")) or _text(product.get("sku"))
            if product_id:
                self.rows.append((f"{key}#{number}" if kind == "checkout" else key, *row, product_id, *rest))
            else:
                bad = rejection(self.path, "interaction", line, "product_id missing (and sku)")
                where = f"{bad.reference}#{number}" if kind == "checkout" else bad.reference
                self.rejected.append(replace(bad, reference=where))


def _parsed(text: str) -> dict[str, Any]:
    """The event of a line. What JSON allows and no database keeps (NUL, half a surrogate pair) is refused."""
    try:
        event = json.loads(text)
        if "\\u" in text:
            json.dumps(event, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise Unusable(f"not JSON: {error.msg} at column {error.colno}") from None
    except (ValueError, RecursionError) as error:
        raise Unusable(f"not JSON that can be kept: {type(error).__name__}") from None
    if "\\u0000" in text and _NUL.search(text):
        raise Unusable("holds NUL characters")
    if not isinstance(event, dict):
        raise Unusable("not a JSON object")
    return event


def _identifiers(event: Mapping[str, Any]) -> dict[str, str]:
    """Type -> normalised value, the one that names an interaction first."""
    traits = {**_object(_object(event, "context"), "traits"), **_object(event, "traits")}
    given = {
        "anonymous_id": event.get("anonymousId"),
        "user_id": event.get("userId"),
        "email": traits.get("email"),
        "phone": traits.get("phone"),
    }
    return _normal(given)


def _tied(event: Mapping[str, Any], who: Mapping[str, str]) -> list[Mapping[str, str]]:
    """Groups of identifiers that this event shows to belong together."""
    groups = [who] if event.get("type") in ("track", "identify", "alias") else []
    if event.get("type") == "alias":
        groups.append(_renamed(event, who))
    return [each for each in groups if len(each) > 1]


def _renamed(event: Mapping[str, Any], who: Mapping[str, str]) -> Mapping[str, str]:
    """What an alias ties to its userId: `previousId` is an e-mail where it looks like one, else a browser's id."""
    previous = _text(event.get("previousId"))
    return _normal({"email" if email(previous) else "anonymous_id": previous, "user_id": who.get("user_id")})


def _normal(given: Mapping[str, Any]) -> dict[str, str]:
    """Identifiers in one spelling, in the order of NORMALISERS; what names nobody is left out."""
    found = {kind: normal(_text(given[kind])) for kind, normal in NORMALISERS.items() if given.get(kind) is not None}
    return {kind: value for kind, value in found.items() if value}


def _products(event: Mapping[str, Any], kind: str) -> Sequence[Mapping[str, Any]]:
    properties = _object(event, "properties")
    if kind != "checkout":
        return (properties,)
    products = properties.get("products")
    if not isinstance(products, list) or not products:
        raise Unusable("a checkout without products[]")
    return [each if isinstance(each, dict) else {} for each in products]


def _time(event: Mapping[str, Any]) -> datetime:
    """When it happened: `timestamp` is Segment's own, corrected for wrong clocks; the others where it is missing."""
    for field in _TIMES:
        if moment := _moment(event.get(field)):
            return moment
    wrong = next((field for field in _TIMES if event.get(field)), None)
    raise Unusable(f"{wrong} is not ISO 8601 with a time zone" if wrong else "no timestamp")


def _moment(value: Any) -> datetime | None:
    try:
        return aware(datetime.fromisoformat(value)) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def _consent(event: Mapping[str, Any]) -> bool | None:
    """False where any category of advertising is not granted, True where all are, None where none is named."""
    preferences = _object(_object(_object(event, "context"), "consent"), "categoryPreferences")
    answers = [answer is True for category, answer in preferences.items() if _ADVERTISING.search(category)]
    return all(answers) if answers else None


def _object(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = parent.get(name)
    return found if isinstance(found, dict) else {}


def _text(value: Any) -> str | None:
    """A text or whole number as trimmed text; None for anything else, and for nothing."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() or None if isinstance(value, str) else None
