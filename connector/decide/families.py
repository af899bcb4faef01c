"""One row a family: what to call it, which variant to show, and whether it gets an exclusion list of its own."""

import ibis
import ibis.expr.types as ir

from connector.decide.items import available
from connector.policies import Policy
from connector.relations import KINDS, Merged


def families(merged: Merged, policy: Policy) -> ir.Table:
    """One row a family in the columns of the warehouse's `family`.

    `product_id` is the variant to show: one in stock before one that is not, then the most bought, then by id.
    `collected`: at least `cross_sell.collected` of the buyers of its product type bought several families of it.
    """
    goods = _goods(merged)
    shown = goods.age == 0
    described = goods.group_by("family").agg(
        title=goods.title.coalesce(goods.product_id).max(where=shown),
        product_type=goods.product_type.max(where=shown),
        product_id=goods.product_id.max(where=shown),
        available=goods.available.any(),
        sensitive=goods.sensitive.any(),
    )
    collected = _collected(merged.holding, described, policy)
    known = described.left_join(collected, "product_type").drop("product_type_right")
    known = known.mutate(collected=known.collected.fill_null(False))
    return _with_own_list(known.left_join(_demand(merged), "family").drop("family_right"), policy)


def sensitive_families(catalogue: ir.Table) -> ir.Table:
    """[family] with a sensitive product."""
    return catalogue.filter(catalogue.sensitive).select("family").distinct()


def _goods(merged: Merged) -> ir.Table:
    """Every product known or bought, best variant of its family first (`age` 0)."""
    sold = merged.lines.filter(merged.lines.counts > 0, merged.lines.product_id.notnull())
    sales = sold.group_by("product_id").agg(sold=sold.count(), named_family=sold.family.min())
    both = merged.catalogue.outer_join(sales, "product_id")
    goods = both.select(
        "title",
        "product_type",
        product_id=both.product_id.coalesce(both.product_id_right),
        family=both.family.coalesce(both.named_family),
        sensitive=both.sensitive.fill_null(False),
        available=available(both.availability),
        sold=both.sold.fill_null(0),
    )
    best = [~goods.available, goods.sold.desc(), goods.product_id]
    return goods.mutate(age=ibis.row_number().over(ibis.window(group_by=goods.family, order_by=best)))


def _demand(merged: Merged) -> ir.Table:
    """[family, buyers, wasted, met]: buyers, impressions shown to persons who have it, and how many of them met it."""
    pair = merged.holding.left_join(merged.touch, ["person_id", "family"])
    has = pair.net_quantity > 0
    touched = sum((pair[column].fill_null(0) for column in KINDS.values()), ibis.literal(0))
    return pair.group_by("family").agg(
        buyers=pair.count(where=pair.bought_quantity > 0),
        wasted=pair.impressions.sum(where=has).fill_null(0),
        met=pair.count(where=has & (touched > 0)),
    )


def _collected(holding: ir.Table, family: ir.Table, policy: Policy) -> ir.Table:
    """[product_type, collected]. With fewer buyers than the support floor nobody can say."""
    bought = holding.filter(holding.bought_quantity > 0).inner_join(family.select("family", "product_type"), "family")
    person = bought.group_by("person_id", "product_type").agg(families=bought.count())
    kind = person.group_by("product_type").agg(buyers=person.count(), several=person.count(where=person.families > 1))
    enough = (kind.several >= kind.buyers * policy.cross_sell.collected) & (kind.buyers >= policy.cross_sell.support)
    return kind.select("product_type", collected=enough)


def _with_own_list(family: ir.Table, policy: Policy) -> ir.Table:
    """The first `policy.own_lists` by wasted impressions, by buyers who met them, by buyers.

    Never a sensitive one, nor one with fewer buyers than the support floor: a list of two people tells who they are.
    """
    known = family.mutate(buyers=family.buyers.fill_null(0))
    ranked = known.mutate(fit=(known.buyers >= policy.cross_sell.support) & ~known.sensitive)
    order = [~ranked.fit, ranked.wasted.desc(), ranked.met.desc(), ranked.buyers.desc(), ranked.family]
    ranked = ranked.mutate(place=ibis.row_number().over(ibis.window(order_by=order)))
    return ranked.mutate(own_list=ranked.fit & (ranked.place < policy.own_lists)).drop("place", "fit", "wasted", "met")
