"""What to show beside an item that somebody looked at: the best-seller of its category, else what suits the person."""

import ibis
import ibis.expr.types as ir

from connector.relations import without

BEST = 5
"""Best-sellers of a category that are tried, until one is found that the person never had."""


def with_related(rows: ir.Table, family: ir.Table, recommended: ir.Table, holding: ir.Table) -> ir.Table:
    """`rows` [person_id, family, product_type] with `related`: a title, null where there is nothing to show.

    It is the most bought family of the same category but the item's own that the person never bought and that may be
    shown, of the first BEST; else the person's first recommendation.
    """
    best = _fitting(rows, _best_sellers(family), holding)
    offer = recommended.filter(recommended["rank"] == 0).select("person_id", offered="title")
    both = rows.left_join(best, "person_id").drop("person_id_right")
    both = both.left_join(offer, "person_id").drop("person_id_right")
    return both.mutate(related=both.best_title.coalesce(both.offered)).drop("best_title", "offered")


def _best_sellers(family: ir.Table) -> ir.Table:
    """[product_type, best_family, best_title, best_place], the most bought first (ties by name)."""
    shown = family.filter(family.available, ~family.sensitive, family.product_type.notnull(), family.buyers > 0)
    order = ibis.window(group_by=shown.product_type, order_by=[shown.buyers.desc(), shown.family])
    placed = shown.mutate(best_place=ibis.row_number().over(order))
    first = placed.filter(placed.best_place < BEST)
    return first.select("product_type", "best_place", best_family="family", best_title="title")


def _fitting(rows: ir.Table, best: ir.Table, holding: ir.Table) -> ir.Table:
    """[person_id, best_title]: the first best-seller that is new to the person."""
    both = rows.select("person_id", "family", "product_type").inner_join(best, "product_type")
    other = both.filter(both.best_family != both.family)
    new = without(other, holding.select("person_id", best_family="family"), ["person_id", "best_family"])
    return new.group_by("person_id").agg(best_title=new.best_title.argmin(new.best_place))
