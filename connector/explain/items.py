"""What a person bought or touched: suppressed until when, by which order, and which ads came all the same."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime

import ibis
import pyarrow as pa

from connector.decide.items import UNNAMED
from connector.errors import SetupError
from connector.explain.person import Person, Row, fetched
from connector.explain.stories import said
from connector.explain.values import Ads, Item, Listed, Story, Suppressed
from connector.merge.catalogue import Catalogue
from connector.merge.touches import known_interactions, with_family
from connector.relations import KINDS, at


def suppressions_of(
    person: Person, products: Catalogue, lists: Iterable[Listed], as_of: datetime
) -> Iterator[Suppressed]:
    """What is kept out of this person's ads, the newest purchase first.

    Args:
        products: the merged catalogue.
        lists: the person's lists, to name those behind each suppression.
    """
    ads = _ads_after_purchase(person, products, as_of)
    for row in sorted(person.rows("suppression"), key=lambda row: (row["since"], row["family"]), reverse=True):
        yield Suppressed(
            family=row["family"],
            title=row["title"] or UNNAMED,
            reason=row["reason"],
            since=row["since"],
            until=row["until"],
            evidence=json.loads(row["evidence"] or "{}"),
            lists=tuple(one.audience for one in lists if _excludes(one, row["family"])),
            ads=ads.get(row["family"], Ads()),
        )


def _excludes(one: Listed, family: str) -> bool:
    return one.purpose == "exclude" and one.evidence.get("family") == family


def _ads_after_purchase(person: Person, products: Catalogue, as_of: datetime) -> dict[str, Ads]:
    """Family -> ads strictly later than this person's first purchase of it."""
    interaction = person.home.warehouse.current("interaction")
    shown = with_family(known_interactions(interaction, person.identifiers), products)
    late = shown.inner_join(person.table("holding").select("family", "first_purchase_at"), "family")
    late = late.filter(late.occurred_at > late.first_purchase_at, late.occurred_at <= at(as_of))
    counted = late.group_by("family").agg(
        impressions=late.count(where=late.kind == "impression"),
        clicks=late.count(where=late.kind == "click"),
        cost=late.cost.sum().fill_null(0),
        last_at=late.occurred_at.max(where=late.kind == "impression"),
    )
    return {row["family"]: _ads(row) for row in fetched(counted)}


def _ads(row: Row) -> Ads:
    cost = f"{row['cost']:.4f}"
    return Ads(impressions=row["impressions"], clicks=row["clicks"], cost=cost, last_at=row["last_at"])


def item_of(person: Person, products: Catalogue, stories: Iterable[Story], item: str) -> Item:
    """How a person stands to a product id or family. Raises SetupError for an id that no catalogue row has."""
    families = products.product.filter(products.product.family == item).select("family").limit(1)
    found = fetched(products.meaning(ibis.memtable(pa.table({"product_id": [item]})))) or fetched(families)
    if not found:
        raise SetupError("no product or family has this id", hint="use the id that the shop's product feed has")
    family = found[0]["family"]
    told = next((story for story in stories if story.family == family), None)
    suppression = _of_family(person, "suppression", family)
    if suppression:
        return Item(family=family, suppressed=True, story=_held(suppression), told=told)
    return Item(family=family, suppressed=False, story=told.now if told else _looked_at(person, family), told=told)


def _of_family(person: Person, name: str, family: str) -> Row | None:
    table = person.table(name)
    return next(iter(fetched(table.filter(table.family == family))), None)


def _held(suppression: Row) -> str:
    evidence = json.loads(suppression["evidence"] or "{}")
    since, until = f"{suppression['since']:%Y-%m-%d}", f"{suppression['until']:%Y-%m-%d}"
    behind = f"{evidence.get('product_id')} in order {evidence.get('order_id')}"
    return f"suppressed until {until}: {said(suppression['reason'])} on {since} ({behind})"


def _looked_at(person: Person, family: str) -> str:
    touch = _of_family(person, "touch", family)
    if touch is None:
        return "not suppressed: neither bought nor looked at"
    counts = ", ".join(f"{touch[column]} {column}" for column in KINDS.values() if touch[column])
    return f"not suppressed: never bought ({counts})"
