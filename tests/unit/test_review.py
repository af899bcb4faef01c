"""`lamplighter catalogue`: what it tells of a feed with every fault it knows."""

from functools import cache
from pathlib import Path

import ibis.expr.types as ir
from cli import Command
from small_seen import event, line, order, product, seen

from connector.explain.catalogue import Review, review
from connector.policies.overrides import Form, Overrides
from connector.policies.sameness import SamenessPolicy

GOODS = [
    product("P1", item_group_id="PEN", gtin="4006381333931", brand="Acme", title="Halo pendant lamp"),
    product("P2", item_group_id="PEN", gtin="4006381333932", brand="Acme"),
    product("P3", item_group_id="TAB", gtin="4006381333931", brand="Acme", title="Table"),
    product("P4", brand="ACME ", title="Lamp, Halo (pendant)"),
    product("P5", brand="Other", title="Halo pendant lamp"),
]
SHOP = seen(
    product=GOODS,
    order_header=[order("1", "hubspot:1", "2026-01-05")],
    order_line=[
        line("1", "PEN"),
        line("1", "NIX"),
        line("1", "NIX", key="hubspot:1-again"),
        line("1", "IGNORED", product_key="feed:P1"),
    ],
    interaction=[
        event("e1", "view", "email:a@x.test", "p4", "2026-01-05"),
        event("e2", "impression", "email:a@x.test", "PEN", "2026-01-05"),
        event("e3", "click", "email:a@x.test", "shop_P5", "2026-01-05"),
        event("e4", "cart", "email:a@x.test", "NADA", "2026-01-05"),
        event("e5", "view", "email:a@x.test", "P1", "2026-01-05"),
    ],
)


def cached(table: ir.Table) -> ir.Table:
    return table.cache()


@cache
def reviewed() -> Review:
    policy = SamenessPolicy(overrides=Overrides(forms=(Form(prefix="shop_", parts=("variant",)),)))
    return review(SHOP.product, SHOP.order_line, SHOP.interaction, policy, cached)


def test_families_are_counted_by_what_ties_them() -> None:
    """Three products by item group and GTIN are one family; two stand alone."""
    found = reviewed()
    assert (found.products, found.families) == (5, 3)
    assert found.by_rung == {
        "gtin": {"families": 1, "products": 2},
        "item_group_id": {"families": 1, "products": 2},
        "alone": {"families": 2, "products": 2},
    }


def test_ids_that_nothing_is_called_are_told_with_the_most_named_first() -> None:
    """By orders, events and ads; a line that names its product by key needs no id."""
    assert reviewed().unknown == 2
    assert [tuple(row.values()) for row in reviewed().unknown_ids] == [("NIX", 2, 0, 0), ("NADA", 0, 1, 0)]


def test_ids_that_are_mixed_up_are_told_with_what_they_stand_for() -> None:
    """A group for an item, another case, a prefix."""
    told = {row["product_id"]: (row["known_id"], row["via"]) for row in reviewed().mixed_up_ids}
    assert told == {"PEN": ("P1", "item_group_id"), "p4": ("P4", "sku"), "shop_P5": ("P5", "alias")}
    assert reviewed().mix_ups == 3
    (pen,) = (row for row in reviewed().mixed_up_ids if row["product_id"] == "PEN")
    assert (pen["orders"], pen["events"], pen["ads"], pen["family"]) == (1, 0, 1, "PEN")


def test_sold_ids_that_no_feed_has_are_told() -> None:
    """A sale of a group is told by a product of the feed; of what only the CRM knows, by its id there."""
    rows = [product("CRM-1", key="hubspot:9", source="hubspot", gtin="4006381333931")]
    sold = seen(
        product=[*GOODS, *rows],
        order_line=[line("2", "X", product_key="hubspot:9"), line("2", "PEN"), line("2", "NIX")],
    )
    found = review(sold.product, sold.order_line, sold.interaction, SamenessPolicy(), cached)
    assert [tuple(row.values()) for row in found.unfed_ids] == [("CRM-1", 1, "P1"), ("NIX", 1, None)]
    bare = seen(product=rows, order_line=[line("2", "NIX")])
    assert review(bare.product, bare.order_line, bare.interaction, SamenessPolicy(), cached).unfed == 0


def test_numbers_that_cannot_be_right_are_told() -> None:
    """A wrong check digit, and one GTIN in two item groups, with what became of it."""
    (bad,) = reviewed().gtins
    assert (bad["product_id"], bad["fault"]) == ("P2", "wrong check digit")
    (odd,) = reviewed().conflicting
    assert (odd["via"], odd["key"], odd["products"]) == ("gtin", "04006381333931", 2)
    assert ({odd["one"], odd["other"]}, odd["ties"]) == ({"PEN", "TAB"}, True)


def test_titles_of_the_same_words_are_only_suggested() -> None:
    """One brand, the words in another order: for a person to look at; another brand's are none."""
    (pair,) = reviewed().alike
    assert (pair["brand"], pair["words"], pair["families"]) == ("acme", "halo lamp pendant", 2)
    assert {pair["one"], pair["other"]} == {"P1", "P4"}


def test_the_command_tells_it_in_words_and_as_json(home: Path, lamplighter: Command) -> None:
    """Before any run too; what is in order takes no line."""
    assert lamplighter("catalogue", "--json", "--home", home).json["products"] == 0
    done = lamplighter("catalogue", "--home", home)
    assert (done.code, done.out.splitlines()[0]) == (0, "0 products in 0 families")


def test_one_item_is_told_with_its_reasons(told: Path, lamplighter: Command) -> None:
    """A group, or a product in another spelling: what it stands for, and each tie in a sentence."""
    done = lamplighter("catalogue", "--item", "PEN", "--home", told)
    assert done.out.splitlines() == [
        "PEN, PEN-BLACK by item_group_id: family PEN, 2 products",
        "PEN-BLACK is the same as PEN-BRASS: both are of the item group PEN",
        "PEN-BRASS is the same as PEN-BLACK: both are of the item group PEN",
    ]
    assert lamplighter("catalogue", "--item", "pen-black", "--json", "--home", told).json["via"] == "sku"
    assert lamplighter("catalogue", "--item", "NIX", "--home", told).code == 2
