"""What the catalogue makes of the shop: families and why, ids that nothing is called, numbers that cannot be right."""

from dataclasses import asdict, dataclass
from typing import Any

import ibis
import ibis.expr.types as ir

from connector.explain.person import Row, fetched
from connector.home import Home
from connector.merge.catalogue import Catalogue, catalogue, known_products
from connector.merge.gtin import gtin_fault
from connector.merge.ladder import CROWD, RUNGS, numbered
from connector.merge.seen import remembered
from connector.policies.sameness import SamenessPolicy
from connector.relations import Keep, lazily, without

LISTED = 50
"""Rows of each list that are told; the counts are of all."""
ADS = ("impression", "click")
BETWEEN_WORDS = r"[\s.,;:/()_+-]+"


@dataclass(frozen=True, kw_only=True)
class Review:
    """Attributes:
    products, families: how many there are.
    by_rung: rung -> {families, products} that it ties; `alone`: of one product.
    unknown, mix_ups, bad_gtins, conflicts, unfed: how many rows each list below would have in full.
    unknown_ids: ids that nothing in the catalogue is called, with how often orders, events and ads name them.
    mixed_up_ids: ids that are no product's id, but stand for one: `via` says how (`item_group_id`: a group was named
        where an item is meant), `known_id` for which.
    gtins: product_id, gtin and what is wrong with it; it ties nothing.
    conflicting: numbers of several item groups (`via`, `key`, products, groups and two of them); `ties` says whether
        these became one family for it.
    unfed_ids: sold items, under the id by which ad platforms would be told of the sale, that the feed has not: their
        catalogues match nothing by it. `fed_id` is a product of the feed that is the same item, where there is one.
        Empty where there is no feed.
    alike: products of one brand whose titles have the same words, and which are of several families: for a person to
        look at, never joined.
    """

    products: int
    families: int
    by_rung: dict[str, Any]
    unknown: int
    mix_ups: int
    bad_gtins: int
    conflicts: int
    unfed: int
    unknown_ids: list[Row]
    mixed_up_ids: list[Row]
    gtins: list[Row]
    conflicting: list[Row]
    unfed_ids: list[Row]
    alike: list[Row]

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def review_home(home: Home) -> Review:
    """The review of everything that was pulled so far, by the policy as it is written now."""
    stored = home.warehouse
    product, keep = remembered(stored.versions("product")), stored.keep
    line, interaction = stored.current("order_line"), stored.current("interaction")
    try:
        return review(product, line, interaction, home.audiences.policy.sameness, keep)
    finally:
        stored.release()


def review(
    product: ir.Table, line: ir.Table, interaction: ir.Table, policy: SamenessPolicy, keep: Keep = lazily
) -> Review:
    """The same of seen tables."""
    goods, known = catalogue(product, policy, keep), keep(known_products(product))
    same, named = keep(goods.same), keep(_named(product, line, interaction))
    meant = keep(named.left_join(goods.meaning(named), "product_id").drop("product_id_right"))
    unknown = meant.filter(meant.family.isnull()).select(*named.columns)
    mixed = meant.filter(meant.via.fill_null("id") != "id")
    faults = _faults(known)
    conflicts = keep(_conflicts(known, goods))
    unfed = keep(_unfed(product, line, known, goods, keep))
    return Review(
        products=_count(goods.product),
        families=_count(goods.product.select("family").distinct()),
        by_rung=_by_rung(goods, same),
        unknown=_count(unknown),
        mix_ups=_count(mixed),
        bad_gtins=_count(faults),
        conflicts=_count(conflicts),
        unfed=_count(unfed),
        unknown_ids=_most(unknown),
        mixed_up_ids=_most(mixed),
        gtins=fetched(faults.order_by("product_id").limit(LISTED)),
        conflicting=fetched(conflicts.order_by(ibis.desc("products"), "via", "key").limit(LISTED)),
        unfed_ids=fetched(unfed.order_by(ibis.desc("orders"), "product_id").limit(LISTED)),
        alike=fetched(_alike(known, goods).order_by(ibis.desc("products"), "brand", "words").limit(LISTED)),
    )


def _count(table: ir.Table) -> int:
    return int(table.count().to_pyarrow().as_py())


def _most(named: ir.Table) -> list[Row]:
    ranked = named.order_by((named.orders + named.events + named.ads).desc(), "product_id")
    return fetched(ranked.limit(LISTED))


def _named(product: ir.Table, line: ir.Table, interaction: ir.Table) -> ir.Table:
    """[product_id, orders, events, ads]: ids by which order lines (those that no product's key names) and events go."""
    rows = product.filter(product.product_id.notnull()).select(product_key="key")
    bare = without(line.filter(line.deleted_at.isnull(), line.product_id.notnull()), rows, ["product_key"])
    shown = interaction.filter(interaction.product_id.notnull())
    is_ad = shown.kind.isin(ADS)
    of_orders = bare.group_by("product_id").agg(orders=bare.count())
    of_events = shown.group_by("product_id").agg(events=shown.count(where=~is_ad), ads=shown.count(where=is_ad))
    both = of_orders.outer_join(of_events, "product_id")
    counts = {name: both[name].fill_null(0) for name in ("orders", "events", "ads")}
    return both.select(product_id=both.product_id.coalesce(both.product_id_right), **counts)


def _unfed(product: ir.Table, line: ir.Table, known: ir.Table, goods: Catalogue, keep: Keep) -> ir.Table:
    """[product_id, orders, fed_id]: what was sold and is not in the feed, under the id that a sale is told by."""
    feed = known.filter(known.fed).select("product_id")
    of_key = product.filter(product.product_id.notnull()).select(product_key="key", named="product_id")
    both = line.filter(line.deleted_at.isnull()).left_join(of_key, "product_key")
    sold = goods.with_family(keep(both.select(product_id=both.named.coalesce(both.product_id))))
    lacking = without(sold.filter(sold.product_id.notnull()), feed, ["product_id"])
    fed = goods.product.semi_join(feed, "product_id")
    same = fed.group_by("family").agg(fed_id=fed.product_id.min())
    counted = lacking.group_by("product_id", "family").agg(orders=lacking.count())
    told = counted.left_join(same, "family").select("product_id", "orders", "fed_id")
    return told.cross_join(feed.select(there=ibis.literal(True)).distinct()).drop("there")


def _by_rung(goods: Catalogue, same: ir.Table) -> dict[str, Any]:
    rungs = same.group_by("via").agg(families=same.family.nunique(), products=same.product_id.nunique())
    found = {row["via"]: row for row in fetched(rungs)}
    alone = _count(without(goods.product, same, ["product_id"]))
    told = {via: {name: found[via][name] for name in ("families", "products")} for via in RUNGS if via in found}
    return {**told, "alone": {"families": alone, "products": alone}}


def _faults(known: ir.Table) -> ir.Table:
    """[product_id, gtin, fault]"""
    judged = known.select("product_id", "gtin", fault=gtin_fault(known.gtin))
    return judged.filter(judged.fault.notnull())


def _conflicts(known: ir.Table, goods: Catalogue) -> ir.Table:
    """[via, key, products, groups, one, other, families, ties]: numbers of several groups, or of a crowd."""
    of = known.select("item_group_id", "product_id").inner_join(
        goods.product.select("product_id", "family"), "product_id"
    )
    edge = numbered(known)
    edge = edge.mutate(product_id=edge.a.substr(1)).filter(edge.b.notnull())
    each = edge.inner_join(of, "product_id")
    found = each.group_by("rung", "b").agg(
        products=each.count(),
        groups=each.item_group_id.nunique(),
        one=each.item_group_id.min(),
        other=each.item_group_id.max(),
        families=each.family.nunique(),
    )
    odd = found.filter((found.groups > 1) | (found.products > CROWD))
    via = ibis.cases(*((odd.rung == at, word) for at, word in enumerate(RUNGS)), else_=ibis.null("string"))
    return odd.mutate(via=via, key=odd.b.substr(1), ties=odd.families == 1).drop("rung", "b")


def _alike(known: ir.Table, goods: Catalogue) -> ir.Table:
    """[brand, words, products, families, one, other]: one brand and the same words, but several families.

    Words are compared whole and in any order, so the work is that of one grouping, whatever the catalogue's size.
    """
    titled = known.filter(known.brand.notnull(), known.title.notnull())
    words = titled.title.lower().re_replace(BETWEEN_WORDS, " ").strip().split(" ").unique().sort().join(" ")
    told = titled.select("product_id", brand=titled.brand.lower().strip(), words=words)
    each = told.inner_join(goods.product.select("product_id", "family"), "product_id")
    family = each.group_by("brand", "words", "family").agg(products=each.count(), first=each.product_id.min())
    found = family.group_by("brand", "words").agg(
        products=family.products.sum(),
        families=family.count(),
        one=family["first"].argmin(family.family),
        other=family["first"].argmax(family.family),
    )
    return found.filter(found.families > 1, found.families <= CROWD)
