"""Google Analytics 4, as exported from BigQuery: NDJSON (plain or gzip) or Parquet, one file or a folder of days.

A daily table is written anew for three days, as late events come in; older days are not looked at again. Purchases are
the CRM's business, and lists and promotions on the shop's own pages are no ads: such events are skipped.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from connector.events.consent_signals import AD_STORAGE, Said
from connector.events.contents import ndjson_or_parquet
from connector.events.event import Event, EventFile, refuse_mapping
from connector.events.files import Line
from connector.events.values import Unusable, digest, identifiers, several, since_1970, text, within
from connector.ports import EventSource

KINDS: Mapping[str, str] = {
    "view_item": "view",
    "select_item": "click",
    "add_to_cart": "cart",
    "add_to_wishlist": "wish",
    "begin_checkout": "checkout",
}
"""Recommended e-commerce event -> kind of interaction."""

REWRITTEN = timedelta(days=3)
"""So long after its day a table may change (Google's "BigQuery Export schema", answer 7029846)."""

NAMING = (
    "event_timestamp",
    "event_name",
    "event_bundle_sequence_id",
    "batch_page_id",
    "batch_ordering_id",
    "batch_event_index",
)
"""What the device itself said when it sent an event, besides who it was: the same in the table of the running day and
in every rewriting of a daily one. user_id, attribution, geography and lifetime values are filled in or corrected later.
"""

_COLUMNS = (*NAMING, "user_id", "user_pseudo_id", "privacy_info", "items", "collected_traffic_source")
_DAY = re.compile(r"events_(?:intraday_)?(\d{4})(\d\d)(\d\d)")
_STORAGE = {"yes": True, "no": False}


def source(name: str, path: Path, mapping: str, home: Path | None) -> EventSource:
    """An export of Google Analytics 4.

    Raises:
        SetupError: a mapping is named.
    """
    refuse_mapping(name, "ga4", mapping)
    return EventFile(name, path, read, partial(ndjson_or_parquet, wanted=_COLUMNS), settled)


def read(line: Line) -> Event | None:
    """What an exported event tells. One without any id is that of somebody who refused storage, and of no use.

    Raises:
        Unusable: it should have been of use.
    """
    event = line.record
    kind = KINDS.get(text(event.get("event_name")) or "", "")
    who = identifiers({"anonymous_id": event.get("user_pseudo_id"), "user_id": event.get("user_id")})
    tied = [who] if len(who) > 1 else []
    if not who or not (kind or tied):
        return None
    at = since_1970(event.get("event_timestamp"), timedelta(microseconds=1))
    if at is None:
        raise Unusable("event_timestamp is not in microseconds since 1970")
    items = _items(event, who) if kind else ()
    return Event(
        at=at,
        who=who,
        tied=tied,
        kind=kind,
        items=items,
        numbered=True,
        missing="item_id missing",
        campaign=text(within(event, "collected_traffic_source").get("manual_campaign_name")),
        consent=_storage(event, "ads_storage"),
        key=_name(event, who),
        said=_said(event),
        problem=f"a {event['event_name']} without items[]" if kind and not items else "",
    )


def _items(event: Mapping[str, Any], who: Mapping[str, str]) -> Sequence[tuple[str, str | None]]:
    """Each item by its id, not its number: nobody promises their order."""
    named = _name(event, who)
    ids = [_item_id(each) for each in several(event, "items")]
    return [(f"{named}#{item_id}", item_id) for item_id in ids]


def _name(event: Mapping[str, Any], who: Mapping[str, str]) -> str:
    return f"ga4-{digest(next(iter(who.values())), *(text(event.get(field)) for field in NAMING))}"


def _item_id(item: Any) -> str | None:
    found = text(item.get("item_id")) if isinstance(item, dict) else None
    return None if found == "(not set)" else found


def _storage(event: Mapping[str, Any], name: str) -> bool | None:
    return _STORAGE.get((text(within(event, "privacy_info").get(name)) or "").lower())


def _said(event: Mapping[str, Any]) -> Said | None:
    """A no to cookies for ads counts where those for analytics were allowed: without either nobody may have been asked
    yet. A yes takes such a no back, and grants nothing: Google's export does not tell of `ad_user_data`."""
    ads = _storage(event, "ads_storage")
    if ads is None or not (ads or _storage(event, "analytics_storage")):
        return None
    return Said(ads, AD_STORAGE)


def settled(paths: Sequence[Path]) -> frozenset[Path]:
    """Files of days that are written anew no more, as the newest day among them shows."""
    days = {path: day for path in paths if (day := _day(path))}
    newest = max(days.values(), default=date.min)
    return frozenset(path for path, day in days.items() if newest - day > REWRITTEN)


def _day(path: Path) -> date | None:
    found = _DAY.findall(str(path))
    try:
        return date(*map(int, found[-1])) if found else None
    except ValueError:
        return None
