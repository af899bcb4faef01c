"""Families against a plain union-find on random shops, and the stories a shop would tell."""

from collections.abc import Iterable
from functools import cache
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pytest
from random_catalogue import Shops, random_shops
from reference_sameness import Reference, valid_gtin
from small_seen import product, seen

from connector.merge.catalogue import Catalogue, catalogue
from connector.merge.gtin import gtin14, gtin_fault
from connector.policies.overrides import Form, Overrides
from connector.policies.sameness import SamenessPolicy

POLICIES, SHOPS = range(8), 75
"""600 shops in all."""


@cache
def shops(seed: int) -> Shops:
    return random_shops(seed, SHOPS)


def found(seed: int, order: int = 0) -> Catalogue:
    return catalogue(shops(seed).table(order), shops(seed).policy, lambda table: table.cache())


def asked(ids: Iterable[str]) -> ir.Table:
    return ibis.memtable(pa.table({"product_id": list(ids)}))


def references(seed: int) -> list[Reference]:
    return [_reference(seed, number) for number in range(SHOPS)]


@cache
def _reference(seed: int, number: int) -> Reference:
    shop = shops(seed).shops[number]
    known = {
        name: {**row, "fed": row["source"] == "feed", "sensitive": bool(row["sensitive"])}
        for name, row in shop.products.items()
    }
    return Reference(known, shop.policy)


@pytest.mark.parametrize("seed", POLICIES)
def test_families_reasons_and_names_are_those_of_a_union_find(seed: int) -> None:
    """On 600 shops: the family of each product, the reason of each edge, and what any id that is named stands for."""
    one = found(seed, order=seed + 1)
    families = {row["product_id"]: row["family"] for row in one.product.to_pyarrow().to_pylist()}
    assert families == {name: family for each in references(seed) for name, family in each.families.items()}
    reasons = one.same.to_pyarrow().to_pylist()
    told = {(row["product_id"], row["via"], row["key"], row["same_as"]) for row in reasons}
    assert len(told) == len(reasons)
    assert told == {reason for each in references(seed) for reason in each.reasons()}
    named = [
        (name, each) for shop, each in zip(shops(seed).shops, references(seed), strict=True) for name in shop.named
    ]
    meant = one.meaning(asked(name for name, _ in named)).to_pyarrow().to_pylist()
    expected = {name: each.meaning(name) for name, each in named}
    assert {row["product_id"]: (row["known_id"], row["family"]) for row in meant} == {
        name: meaning for name, meaning in expected.items() if meaning
    }


def test_every_rung_and_every_refusal_was_tried() -> None:
    """The random shops join by all rungs, and part what several of them would join."""
    rungs = {via for seed in POLICIES for each in references(seed) for _, via, _, _ in each.reasons()}
    assert rungs == {"same.yaml", "alias", "gtin", "mpn", "sku", "item_group_id", "product_type"}
    parted = [each for seed in POLICIES for each in references(seed) if each.policy.overrides.different]
    joined = [Reference(each.products, _undivided(each.policy)).families != each.families for each in parted]
    assert sum(joined) > 20


def _undivided(policy: SamenessPolicy) -> SamenessPolicy:
    said = policy.overrides
    rest = Overrides(same=said.same, aliases=said.aliases, forms=said.forms)
    return SamenessPolicy(level=policy.level, levels=policy.levels, overrides=rest)


GTINS = ("4006381333931", "4006381333932", "96385074", "036000291452", "0 36000-29145 2", "10614141000415", "00000000")
ODD = ("2012345678900", "9912345678908", "12", "36000291452", "400638133393x", "", None)


def test_gtins_are_taken_in_all_four_lengths_and_only_if_right() -> None:
    """Fourteen digits or nothing; whatever is nothing, and was written, says why."""
    table = ibis.memtable(pa.table({"gtin": pa.array([*GTINS, *ODD], pa.string())}))
    rows = table.select("gtin", full=gtin14(table.gtin), fault=gtin_fault(table.gtin)).to_pyarrow().to_pylist()
    assert {row["gtin"]: row["full"] for row in rows} == {one: valid_gtin(one) for one in (*GTINS, *ODD)}
    assert {row["gtin"] for row in rows if row["full"]} == {GTINS[0], *GTINS[2:6]}
    assert all(bool(row["fault"]) == bool(row["gtin"] and not row["full"]) for row in rows)


def families(*goods: dict[str, Any], **policy: Any) -> dict[str, str]:
    """product_id -> family."""
    one = catalogue(seen(product=list(goods)).product, SamenessPolicy(**policy))
    return {row["product_id"]: row["family"] for row in one.product.to_pyarrow().to_pylist()}


def test_a_family_keeps_its_name_when_another_variant_comes() -> None:
    """The item group names it, whichever of its products was first."""
    goods = [product("PEN-BLACK", item_group_id="PEN"), product("PEN-BRASS", item_group_id="PEN")]
    assert set(families(*goods).values()) == {"PEN"}
    assert set(families(product("A-NEW", item_group_id="PEN"), *goods).values()) == {"PEN"}


def test_a_crm_product_joins_the_feed_by_its_gtin_and_takes_its_name() -> None:
    """The feed's id names what is in no item group: ads and events use it."""
    code = {**product("0815", gtin="4006381333931"), "key": "hubspot:9", "source": "hubspot"}
    assert families(product("PEN", gtin="04006381333931"), code) == {"PEN": "PEN", "0815": "PEN"}


def test_a_number_of_a_crowd_ties_nobody() -> None:
    """An MPN or GTIN that stands on very many products is a placeholder."""
    goods = [product(f"P{number}", brand="Acme", mpn="TBD", gtin="4006381333931") for number in range(40)]
    assert len(set(families(*goods).values())) == 40
    assert len(set(families(*goods[:20]).values())) == 1


def test_ids_that_differ_by_case_do_not_join_two_item_groups() -> None:
    """The feed's own word is surer than a likeness of ids."""
    assert families(product("47591b", item_group_id="G1"), product("47591B", item_group_id="G2")) == {
        "47591b": "G1",
        "47591B": "G2",
    }


def test_levels_go_by_the_longest_path() -> None:
    """Another shirt is another item, another washing machine is not, and a lamp is the same in any colour."""
    goods = [
        product(
            f"{kind}-{number}", product_type=kind, item_group_id=f"{kind}-all" if kind != "Home > Washers" else None
        )
        for kind in ("Clothes > Shirts", "Home > Washers", "Home > Lamps")
        for number in (1, 2)
    ]
    found = families(*goods, levels={"Clothes": "variant", "Home": "family", "Home > Washers": "function"})
    assert len({found["Clothes > Shirts-1"], found["Clothes > Shirts-2"]}) == 2
    assert found["Home > Washers-1"] == found["Home > Washers-2"] == "type:Home > Washers"
    assert found["Home > Lamps-1"] == found["Home > Lamps-2"] == "Home > Lamps-all"


def test_what_the_shop_says_is_different_stays_apart_by_the_surest_edges() -> None:
    """Two lamps with one GTIN and one item group are two; each keeps what else belongs to it."""
    goods = [product(name, gtin="4006381333931", item_group_id="LAMP") for name in ("A", "B")]
    apart = Overrides(different=(("A", "B"),), same=(("B", "B-OLD"),))
    found = families(*goods, product("B-OLD"), overrides=apart)
    assert found["A"] != found["B"] == found["B-OLD"]


def test_an_id_of_the_shopify_channel_stands_for_its_variant_or_its_group() -> None:
    """Whichever side writes the long form; an unknown variant still finds its item group."""
    form = Form(prefix="shopify_US_", parts=("product", "variant"), between="_")
    one = catalogue(
        seen(product=[product("456", item_group_id="123"), product("shopify_US_7_8", item_group_id="7")]).product,
        SamenessPolicy(overrides=Overrides(forms=(form,))),
    )
    ids = {"shopify_US_123_456": "456", "shopify_US_123_999": "456", "123": "456", "8": "shopify_US_7_8", "nix": None}
    meant = one.meaning(asked(ids)).to_pyarrow().to_pylist()
    assert {row["product_id"]: row["known_id"] for row in meant} == {k: v for k, v in ids.items() if v}
