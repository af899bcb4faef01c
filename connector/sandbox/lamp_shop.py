"""The built-in world: a lamp shop and its year, drawn from a seed, in the format of shared/worlds/README.md.

Shares of repeat purchases, returns and guests follow worlds/online-retail, delays of looking again after buying follow
worlds/taobao; both figures stand in shared/published/README.md. The ad log is a plain retargeting rule at work. All of
it is synthetic. The people the demo tells of are in lamp_stories.py: dana@example.com first.
"""

import csv
import gzip
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from connector.sandbox.lamp_ads import AD_KINDS
from connector.sandbox.lamp_catalogue import CURRENCY, Ints
from connector.sandbox.lamp_purchases import Lines
from connector.sandbox.lamp_world import World, world

COLUMNS = {
    "contacts": "contact_id,email,phone,first_name,last_name,country,created_at,updated_at,email_opt_out,ads_consent",
    "products": "id,item_group_id,title,product_type,price,availability",
    "orders": "order_id,contact_id,ordered_at,status,currency",
    "order_lines": "line_id,order_id,product_id,quantity,unit_price",
    "ad_log": "event_id,occurred_at,kind,key_type,key,product_id,campaign,cost",
}
EVENTS = ("Product Viewed", "Product Clicked", "Product Added", "Product Added to Wishlist")
"""The Segment spec's names for `lamp_browsing.KINDS`."""


def write_world(folder: Path, seed: int = 7) -> None:
    """Write the lamp shop into `folder` (created where missing): six gzip files, the same bytes for the same seed."""
    shop = world(np.random.default_rng(seed))
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (
        ("contacts", _contact_rows),
        ("products", _product_rows),
        ("orders", _order_rows),
        ("order_lines", _line_rows),
        ("ad_log", _ad_rows),
    ):
        _write(folder / f"{name}.csv.gz", _csv(COLUMNS[name], rows(shop)))
    _write(folder / "events.ndjson.gz", "".join(_events(shop)))


def _contact_rows(shop: World) -> Iterator[Sequence[Any]]:
    for each, created, updated in zip(shop.people, _iso(shop.created), _iso(shop.updated), strict=True):
        name = (each.first_name, each.last_name, each.country)
        consent = (str(each.email_opt_out).lower(), each.ads_consent)
        yield (each.contact_id, each.email, each.phone, *name, created, updated, *consent)


def _product_rows(shop: World) -> Iterator[Sequence[Any]]:
    for each in shop.sold.products:
        price = f"{each.price:.2f} {CURRENCY}"
        yield (each.id, each.item_group_id, each.title, each.product_type, price, each.availability)


def _order_numbers(lines: Lines) -> Ints:
    """Line -> number of its order, from 1, in order of time."""
    heads = np.stack([lines.at, lines.buyer, lines.quantity < 0])
    return np.unique(heads, axis=1, return_inverse=True)[1].ravel() + 1


def _order_rows(shop: World) -> Iterator[Sequence[Any]]:
    number, first = np.unique(_order_numbers(shop.lines), return_index=True)
    head = shop.lines[first]
    for at, buyer, when, quantity in zip(number, head.buyer, _iso(head.at), head.quantity, strict=True):
        contact = shop.people[buyer].contact_id if buyer >= 0 else ""
        yield (f"L{at:05}", contact, when, "returned" if quantity < 0 else "fulfilled", CURRENCY)


def _line_rows(shop: World) -> Iterator[Sequence[Any]]:
    numbers = _order_numbers(shop.lines)
    for at in np.argsort(numbers, kind="stable"):
        product, order = shop.sold.products[shop.lines.product[at]], f"L{numbers[at]:05}"
        yield (f"{order}-{at}", order, product.id, shop.lines.quantity[at], f"{product.price:.2f}")


def _events(shop: World) -> Iterator[str]:
    """NDJSON lines, ordered by time; a sign-in stands before what was seen in its millisecond."""
    lines = [*_identify(shop), *_track(shop)]
    moments = np.concatenate([shop.known.at, shop.seen.at])
    for at in np.argsort(moments, kind="stable"):
        yield json.dumps(lines[at], separators=(",", ":")) + "\n"


def _identify(shop: World) -> Iterator[dict[str, Any]]:
    for at, (device, contact, when) in enumerate(
        zip(shop.known.device, shop.known.contact, _iso(shop.known.at), strict=True)
    ):
        yield {
            "type": "identify",
            "messageId": f"lamp-i{at}",
            "anonymousId": _cookie(device),
            "userId": shop.people[contact].contact_id,
            "timestamp": when,
            "traits": {"email": shop.people[contact].email},
        }


def _track(shop: World) -> Iterator[dict[str, Any]]:
    seen = shop.seen
    for at, (device, when, product, kind) in enumerate(
        zip(seen.device, _iso(seen.at), seen.product, seen.kind, strict=True)
    ):
        item = shop.sold.products[product]
        yield {
            "type": "track",
            "event": EVENTS[kind],
            "messageId": f"lamp-t{at}",
            "anonymousId": _cookie(device),
            "timestamp": when,
            "properties": {"product_id": item.id, "category": item.product_type},
        }


def _ad_rows(shop: World) -> Iterator[Sequence[Any]]:
    rows = zip(shop.shown.device, _iso(shop.shown.at), shop.shown.product, shop.shown.kind, shop.cost, strict=True)
    for at, (device, when, product, kind, cost) in enumerate(rows):
        key = ("anonymous_id", _cookie(device))
        item = shop.sold.products[product].id
        yield (f"lamp-a{at}", when, AD_KINDS[kind], *key, item, "dynamic-retargeting", f"{cost / 10_000:.4f}")


def _cookie(device: int) -> str:
    return f"anon-{device:05}"


def _iso(moments: Ints) -> list[str]:
    """Milliseconds since 1970 as ISO 8601 in UTC."""
    return [f"{each}Z" for each in np.datetime_as_string(moments.astype("datetime64[ms]"), unit="ms")]


def _csv(header: str, rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO(f"{header}\n")
    text.seek(0, io.SEEK_END)
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _write(path: Path, text: str) -> None:
    """gzip without name and time, so that the same text makes the same bytes."""
    path.write_bytes(gzip.compress(text.encode(), compresslevel=6, mtime=0))
