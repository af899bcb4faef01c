"""`lamplighter catalogue`: what counts as the same item and why, and what in feed, orders and events does not fit."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from connector.cli import options
from connector.cli.terminal import heading, print_json, say, table
from connector.explain.catalogue import Review, review_home
from connector.explain.kin import Kin, kin_of
from connector.home import open_home

SHOWN = 10
COUNTED = ("product_id", "orders", "events", "ads")


def command(
    item: Annotated[
        str, typer.Option("--item", metavar="ID", help="What one id stands for, and what is the same.")
    ] = "",
    home: options.Home = options.HOME,
    json: options.Json = False,
) -> None:
    """Families and what ties them; ids that no product has; GTINs that cannot be right; products that look alike."""
    with open_home(home) as opened:
        found = kin_of(opened, item) if item else review_home(opened)
    if json:
        print_json(found.as_json())
    elif isinstance(found, Kin):
        show_kin(found)
    else:
        show(found)


def show_kin(found: Kin) -> None:
    """What the id stands for, and a sentence for each tie."""
    stands = "" if found.via == "id" else f", {found.known_id or 'no product'} by {found.via}"
    say(f"{found.item}{stands}: family {found.family}, {len(found.products):,} products")
    for row in found.reasons:
        say(f"{row['product_id']} is the same as {row['same_as']}: {row['because']}")


def show(found: Review) -> None:
    """The whole review; nothing that is in order takes a line."""
    say(f"{found.products:,} products in {found.families:,} families")
    rows = [(rung, each["families"], each["products"]) for rung, each in found.by_rung.items()]
    table(("tied by", "families", "products"), rows)
    _part("no product is called so: add them to the feed, or to aliases in mappings/same.yaml", found.unknown)
    _rows(COUNTED, found.unknown_ids)
    _part("no product's id, but understood: send the id of the feed", found.mix_ups)
    _rows((*COUNTED, "known_id", "family", "via"), found.mixed_up_ids)
    _part("sold items that the feed has not under this id: ad platforms match no sale of theirs", found.unfed)
    _rows(("product_id", "orders", "fed_id"), found.unfed_ids)
    _part("GTINs that tie nothing: correct them in the feed", found.bad_gtins)
    _rows(("product_id", "gtin", "fault"), found.gtins)
    _part("numbers of several item groups, or of a crowd: different: in mappings/same.yaml parts them", found.conflicts)
    _rows(("via", "key", "products", "groups", "one", "other", "ties"), found.conflicting)
    _part("titles of the same words in several families: the same? then same: in mappings/same.yaml", len(found.alike))
    _rows(("brand", "words", "products", "families", "one", "other"), found.alike)


def _part(text: str, count: int) -> None:
    if count:
        heading(f"{count:,} {text}")


def _rows(columns: Sequence[str], rows: Sequence[Any]) -> None:
    if rows:
        table([name.replace("_", " ") for name in columns], [[row[name] for name in columns] for row in rows[:SHOWN]])
