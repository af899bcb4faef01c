"""Best-sellers of the shop and of each product type: what is offered where nothing is known to go together."""

import ibis
import ibis.expr.types as ir

from connector.decide.cross_sell.affinity import CoPurchases
from connector.policies.cross_sell import BEST_SELLERS

SHOP = ""
"""The `product_type` that stands for the whole shop."""
KEPT = 30
"""Of the shop and of each product type; whoever has them all is offered none."""
COLUMNS = ("product_type", "family", "place", "buyers")


def best_sellers(family: ir.Table, found: CoPurchases, method: str) -> ir.Table:
    """[product_type, family, place, buyers]: the first KEPT by buyers, of each product type and of the shop.

    Where the best-sellers of the shop are the chosen method, those of product types are left out.

    Args:
        family: [family, product_type, available, sensitive].
    """
    fit = family.filter(family.available, ~family.sensitive)
    sold = fit.inner_join(found.family, "family").select("family", "product_type", buyers="base")
    shop = sold.mutate(product_type=ibis.literal(SHOP))
    typed = sold.filter(sold.product_type.notnull(), ibis.literal(method != BEST_SELLERS))
    every = typed.union(shop)
    order = [every.buyers.desc(), every.family]
    ranked = every.mutate(place=ibis.row_number().over(ibis.window(group_by=every.product_type, order_by=order)))
    return ranked.filter(ranked.place < KEPT).select(*COLUMNS)


def offered(wanting: ir.Table, best: ir.Table) -> ir.Table:
    """[person_id, family, tier, place, buyers, named]: best-sellers for each person; of type and shop it may be twice.

    Tier 1 are those of the person's product types (`named`), tier 2 those of the shop (`named` is SHOP).

    Args:
        wanting: [person_id, product_type]; a row with SHOP asks for the shop's.
    """
    return _in_tiers(wanting.distinct().inner_join(best, "product_type"))


def offered_first(wanting: ir.Table, best: ir.Table) -> ir.Table:
    """The same, but for each row of `wanting` only the first `reach` of its type."""
    both = wanting.inner_join(best, "product_type")
    return _in_tiers(both.filter(both.place < both.reach))


def _in_tiers(both: ir.Table) -> ir.Table:
    tier = ibis.ifelse(both.product_type == SHOP, 2, 1)
    return both.select("person_id", "family", "place", "buyers", tier=tier, named="product_type")
