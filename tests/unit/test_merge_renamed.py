"""A product that comes or changes may change what others are: whoever has to do with those is decided again."""

import random
from dataclasses import fields, replace
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pytest
from random_catalogue import Shops, random_shops
from small_seen import contact, event, line, on, order, product, seen

from connector.merge import identify
from connector.merge.catalogue import catalogue
from connector.merge.changes import News, changed_persons
from connector.merge.renamed import renamed
from connector.merge.seen import Seen, remembered
from connector.schema import DERIVED, SEEN

AS_OF = on("2026-03-01")


def versions(shops: Shops, seed: int) -> tuple[ir.Table, ir.Table]:
    """The products as they were before (some not yet there, some with another group and number) and with what came."""
    chance, old, new = random.Random(seed), [], []
    for row in (row for shop in shops.shops for row in shop.products.values()):
        other = chance.choice([one for shop in shops.shops[:1] for one in shop.products.values()])
        fate = chance.random()
        if fate < 0.9:
            before = row if fate > 0.1 else {**row, "gtin": other["gtin"], "item_group_id": other["item_group_id"]}
            old.append({**before, "version": on("2026-01-01"), "run": 1})
        if fate <= 0.1 or fate >= 0.9:
            new.append({**row, "version": on("2026-02-01"), "run": 2})
    schema = SEEN["product"].append(pa.field("run", pa.int64()))
    tables = (pa.Table.from_pylist(rows, schema) for rows in (old, [*old, *new]))
    before, now = (ibis.memtable(table) for table in tables)
    return before, now


@pytest.mark.parametrize("seed", (52,))
def test_every_id_that_means_something_else_is_named(seed: int) -> None:
    """On random catalogues with news: product and family of all other ids are what they were."""
    shops = random_shops(seed, 60)
    before, now = versions(shops, seed)
    ids = ibis.memtable(pa.table({"product_id": [name for shop in shops.shops for name in shop.named]}))
    nothing = ibis.memtable(pa.table({"product_id": pa.array([], pa.string())}))
    found = renamed(before, now, nothing, ids, shops.policy).to_pyarrow()["product_id"].to_pylist()
    meanings = []
    for table in (before, now):
        rows = (
            catalogue(remembered(table), shops.policy, lambda each: each.cache()).meaning(ids).to_pyarrow().to_pylist()
        )
        meanings.append({row["product_id"]: (row["known_id"], row["family"]) for row in rows})
    differing = {name for name in meanings[0] | meanings[1] if meanings[0].get(name) != meanings[1].get(name)}
    assert len(differing) > 20
    assert differing <= set(found)
    assert len(found) < ids.distinct().count().to_pyarrow().as_py() / 2


def news(shop: Seen, *, late: list[dict[str, Any]]) -> News:
    """Everything seen by run 1, and products that came with run 2."""
    schema = SEEN["product"].append(pa.field("run", pa.int64()))
    rows = [{"version": on("2026-02-01"), "run": 2, **row} for row in late]
    tables = {each.name: getattr(shop, each.name).mutate(run=ibis.literal(1, type="int64")) for each in fields(Seen)}
    product = tables["product"].union(ibis.memtable(pa.Table.from_pylist(rows, schema)))
    return News(**{**tables, "product": product}, since=1, before=AS_OF, as_of=AS_OF)


def decided_again(shop: Seen, *late: dict[str, Any]) -> set[str]:
    person = identify(shop).person.cache()
    trait = ibis.memtable(DERIVED["trait"].empty_table())
    found = changed_persons(news(shop, late=list(late)), person, person, trait)
    return set(found.to_pyarrow()["person_id"].to_pylist())


ANN, BOB, CY = "hubspot:1", "hubspot:2", "hubspot:3"
SHOP = seen(
    contact=[contact(ANN, email="ann@x.test"), contact(BOB, email="bob@x.test"), contact(CY, email="cy@x.test")],
    product=[product("PEN", gtin="4006381333931"), product("RUG"), product("old", item_group_id="G")],
    order_header=[order("1", ANN, "2026-01-05"), order("2", CY, "2026-01-06")],
    order_line=[line("1", "PEN"), line("2", "RUG")],
    interaction=[event("e1", "view", "email:bob@x.test", "00lamp", "2026-01-07")],
)
CONSEQUENCES = {
    "a product with the GTIN of another, in an item group": product("X", gtin="4006381333931", item_group_id="A"),
    "a product that an unknown id spells otherwise": product("LAMP"),
    "a product whose title changed": product("RUG", title="Rug"),
}
HARMLESS = (product("PEN", gtin="4006381333931"), product("Y", gtin="96385074"))


def test_whoever_bought_or_saw_what_is_another_item_now_is_decided_again() -> None:
    """Also where their own product did not change: Ann's has a new twin, Bob's event a product, Cy's another title."""
    assert decided_again(SHOP, *CONSEQUENCES.values()) == {ANN, BOB, CY}


def test_a_feed_read_again_and_a_product_nobody_knows_concern_nobody() -> None:
    """No decision costs anything then."""
    assert decided_again(SHOP, *HARMLESS) == set()


def test_a_word_that_turns_out_to_be_another_s_concerns_both() -> None:
    """A consent read again with another speaker: who was taken for the speaker is decided again, too."""
    shop = news(SHOP, late=[])
    said = {"key": "c", "identifier_type": "email", "granted": True, "purpose": "ads", "said_at": on("2026-01-05")}
    words = [
        {**said, "identifier": "ann@x.test", "version": on("2026-01-05"), "run": 1},
        {**said, "identifier": "bob@x.test", "version": on("2026-02-05"), "run": 2},
    ]
    schema = SEEN["consent"].append(pa.field("run", pa.int64()))
    told = replace(shop, consent=ibis.memtable(pa.Table.from_pylist(words, schema)))
    person = identify(SHOP).person.cache()
    found = changed_persons(told, person, person, ibis.memtable(DERIVED["trait"].empty_table()))
    assert set(found.to_pyarrow()["person_id"].to_pylist()) == {ANN, BOB}
