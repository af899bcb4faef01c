"""Events as a shop sends them to Meta's Conversions API or its pixel sees them: an event, or a request, a line, NDJSON.

Purchases are the CRM's business, and other events name no product: they are skipped.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from io import BufferedReader
from pathlib import Path
from typing import Any

from connector.events.contents import Contents, ndjson
from connector.events.event import Event, EventFile, refuse_mapping
from connector.events.files import Line
from connector.events.values import Unusable, digest, identifiers, several, since_1970, text, within
from connector.ports import EventSource

KINDS: Mapping[str, str] = {
    "ViewContent": "view",
    "AddToCart": "cart",
    "AddToWishlist": "wish",
    "InitiateCheckout": "checkout",
}
"""Meta's standard event -> kind of interaction."""


def source(name: str, path: Path, mapping: str, home: Path | None) -> EventSource:
    """A dump of such events.

    Raises:
        SetupError: a mapping is named.
    """
    refuse_mapping(name, "meta_events", mapping)
    return EventFile(name, path, read, _look)


def _look(name: str, file: BufferedReader) -> Contents:
    found = ndjson(name, file)
    return replace(found, rows=lambda place: (each for line in found.rows(place) for each in _events(line)))


def _events(line: Line) -> Iterator[Line]:
    """The events of a line: of a whole request (`{"data": [...]}`) each by itself. Reading goes on behind the last."""
    batch = line.record.get("data")
    if not isinstance(batch, list) or not batch:
        yield line
        return
    for number, event in enumerate(batch):
        told = {"record": event} if isinstance(event, dict) else {"problem": "an event of data[] is no object"}
        last = line.whole and number == len(batch) - 1
        name = f"{line.name or line.first}#{number}"
        yield line._replace(name=name, whole=last, text=json.dumps(event, sort_keys=True), **told)


def read(line: Line) -> Event | None:
    """What an event tells. Its name and event_id are what Meta itself knows a repeated event by.

    Raises:
        Unusable: it should have been of use.
    """
    event = line.record
    name = text(event.get("event_name")) or ""
    kind, who = KINDS.get(name, ""), _identifiers(within(event, "user_data"))
    tied = [who] if len(who) > 1 else []
    if not (kind or tied):
        return None
    at = since_1970(event.get("event_time"), timedelta(seconds=1))
    if at is None:
        raise Unusable("event_time is not in seconds since 1970")
    key = f"meta-{name}-{text(event.get('event_id')) or digest(line.text)}"
    ids = _product_ids(within(event, "custom_data"))
    return Event(
        at=at,
        who=who,
        tied=tied,
        kind=kind,
        items=[(f"{key}#{each}", each) for each in ids],
        numbered=True,
        missing="an id of contents[] is missing",
        consent=_consent(event),
        problem=_problem(who, ids) if kind else "",
    )


def _problem(who: Mapping[str, str], ids: Sequence[str | None]) -> str:
    if not who:
        return "no fbp, external_id or em in user_data"
    return "" if ids else "neither contents[] nor content_ids[] in custom_data"


def _identifiers(user: Mapping[str, Any]) -> dict[str, str]:
    """Hashed e-mails are e-mails here too; a hashed phone number is nobody's, as no CRM holds it so."""
    given = {"anonymous_id": "fbp", "user_id": "external_id", "email": "em", "phone": "ph"}
    return identifiers({kind: _first(user.get(field)) for kind, field in given.items()})


def _first(value: Any) -> Any:
    return next(iter(value), None) if isinstance(value, list) else value


def _product_ids(custom: Mapping[str, Any]) -> Sequence[str | None]:
    """Ids of products, or of item groups where content_type says so: those count for their family."""
    if contents := several(custom, "contents"):
        return [text(each.get("id")) if isinstance(each, dict) else None for each in contents]
    ids = custom.get("content_ids")
    return [text(each) for each in (ids if isinstance(ids, list) else [ids])] if ids else []


def _consent(event: Mapping[str, Any]) -> bool | None:
    """False where the shop told Meta not to use the event, or to use it within limits only."""
    return False if event.get("opt_out") is True or "LDU" in several(event, "data_processing_options") else None
