"""Which products are the same item: families as components of the ladder's edges, and the reason of each edge.

A family is called after its product_type where that alone made it, else after the least of its item groups, else after
the least of its products (those of the feed first): the same products give the same name, in whatever order they come.
"""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
from ibis import _ as each

from connector.merge.apart import holding
from connector.merge.components import labels
from connector.merge.ladder import EDGES, GROUP, ID, OF_SKU, RUNGS, TYPE, edges, folded
from connector.policies.sameness import SamenessPolicy
from connector.relations import Keep, lazily, through

WITH = ("rung", "key", "product_id")


@dataclass(frozen=True)
class Sameness:
    """Attributes:
    family: [product_id, family], one row a product.
    names: [key, product_id, family, via] of all that products and families are called: the node of an id, or of an
        id without case and zeros; `product_id` is the product that stands for it, if there is one.
    same: [product_id, family, via, key, same_as]: the edges, each from both of its ends; see `reasons`.
    """

    family: ir.Table
    names: ir.Table
    same: ir.Table


def accepted(known: ir.Table, policy: SamenessPolicy, keep: Keep = lazily) -> ir.Table:
    """The edges [rung, a, b] of the ladder that hold; see `ladder.edges`."""
    apart = [(ID + one, ID + other) for one, other in policy.overrides.apart]
    return through(keep, lambda every: holding(every.cast(EDGES), apart), edges(known, policy))


def sameness(known: ir.Table, edge: ir.Table, keep: Keep = lazily) -> Sameness:
    """Families by their edges.

    Args:
        known: [product_id, sensitive, fed], one row a product_id.
        edge: as `accepted` gives them for the same products.
    """
    node = through(keep, labels, edge.select("a", "b"))
    goods = known.select("product_id", "sensitive", "fed", node=ID + known.product_id)
    called = _called(edge, node, goods)
    placed = node.inner_join(called, "root").select("node", "root", "family")
    product = goods.left_join(placed, "node").drop("node_right")
    product = keep(product.mutate(family=product.family.coalesce(product.product_id)))
    return Sameness(
        family=product.select("product_id", "family"),
        names=keep(_names(edge, placed, product)),
        same=_reasons(edge, product),
    )


def _called(edge: ir.Table, node: ir.Table, goods: ir.Table) -> ir.Table:
    """[root, family]: what each component is called."""
    groups = edge.filter(edge.rung == GROUP).select(node="b", place=1)
    types = edge.filter(edge.rung == TYPE).select(node="b", place=0)
    products = goods.select("node", place=ibis.ifelse(goods.fed, 2, 3).cast("int8"))
    others = node.filter(node.node.startswith(ID)).select("node", place=4)
    places = ibis.union(groups, types, products, others)
    best = (
        places.group_by("node").agg(place=places.place.min()).inner_join(node, "node").select("node", "place", "root")
    )
    first = _first(best, "root", [each.place, each.node])
    return first.select("root", family=first.node.substr(1))


def _names(edge: ir.Table, placed: ir.Table, product: ir.Table) -> ir.Table:
    """Products by their own id; groups and other names by their nearest product; ids without case and zeros."""
    own = product.select("product_id", "family", key=ID + product.product_id, via=ibis.literal("id"))
    plain = product.mutate(key=OF_SKU + folded(product.product_id))
    plain = _first(plain.filter(plain.key.notnull()), "key", [~each.fed, each.product_id])
    skus = plain.select("product_id", "family", "key", via=ibis.literal("sku"))
    spoken = placed.filter(placed.node.startswith(ID)).left_join(product.select("node", "fed"), "node")
    spoken = spoken.filter(spoken.fed.isnull()).select(key="node", root="root", family="family")
    near = _nearest(edge, spoken, product)
    other = spoken.left_join(near, "key").drop("key_right")
    stands = _standing(product)
    found = other.left_join(stands, "family")
    via = found.via.coalesce(RUNGS[0])
    others = found.select("family", "key", product_id=found.product_id.coalesce(found.stands), via=via)
    return ibis.union(*(table.select("key", "product_id", "family", "via") for table in (own, skus, others)))


def _nearest(edge: ir.Table, spoken: ir.Table, product: ir.Table) -> ir.Table:
    """[key, product_id, via]: the product that the surest edge of a name leads to; a sensitive one before others."""
    there = edge.select("rung", key="b", node="a")
    ends = there.union(edge.select("rung", key="a", node="b")).inner_join(spoken.select("key"), "key")
    led = ends.inner_join(product.select("node", "product_id", "sensitive", "fed"), "node").drop("node")
    first = _first(led, "key", [each.rung, ~each.sensitive, ~each.fed, each.product_id])
    return first.select("key", "product_id", via=_word(first.rung))


def _standing(product: ir.Table) -> ir.Table:
    """[family, stands]: the product that stands for a family where a name leads to none of its own."""
    first = _first(product, "family", [~each.sensitive, ~each.fed, each.product_id])
    return first.select("family", stands="product_id")


def _reasons(edge: ir.Table, product: ir.Table) -> ir.Table:
    """[product_id, family, via, key, same_as]: by which rung and shared number or id a product is another's same.

    Each product names the least other one that shares it (no product where only a name does); of several rungs
    between two products the first.
    """
    ends = edge.select("rung", key="b", node="a").union(edge.select("rung", key="b", node="b")).distinct()
    shares = ends.inner_join(product.select("node", "product_id", "family"), "node").drop("node")
    order = ibis.window(group_by=[shares.rung, shares.key], order_by=shares.product_id)
    whole = ibis.window(group_by=[shares.rung, shares.key])
    least = shares.product_id.min().over(whole)
    other = ibis.ifelse(shares.product_id == least, shares.product_id.lead().over(order), least)
    pairs = shares.mutate(same_as=other)
    pairs = pairs.filter(pairs.same_as.notnull())
    first = ibis.window(group_by=[pairs.product_id, pairs.same_as], order_by=[pairs.rung, pairs.key])
    ranked = pairs.mutate(at=ibis.row_number().over(first))
    shown = ranked.filter(ranked.at == 0)
    return shown.select("product_id", "family", via=_word(shown.rung), key=shown.key.substr(1), same_as="same_as")


def _first(rows: ir.Table, key: str, order: list[ibis.Deferred]) -> ir.Table:
    """The first row of each key."""
    ranked = rows.mutate(at=ibis.row_number().over(ibis.window(group_by=key, order_by=order)))
    return ranked.filter(ranked.at == 0).drop("at")


def _word(rung: ir.IntegerValue) -> ir.StringValue:
    return ibis.cases(*((rung == at, word) for at, word in enumerate(RUNGS)), else_=ibis.null("string"))
