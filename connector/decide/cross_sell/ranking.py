"""The next families of persons, in order: from what they have, by weight, less what they have or need not."""

import ibis
import ibis.expr.types as ir

from connector.decide.cross_sell.best_sellers import SHOP
from connector.policies.cross_sell import CrossSellPolicy
from connector.relations import without

EXACT = "decimal(18,9)"
"""Weights are added as decimals: sums of floats would depend on who else is decided in the same run."""
SUMMED = "decimal(38,9)"
PAIR = ["person_id", "family"]


def typed(pair: ir.Table, family: ir.Table) -> ir.Table:
    """Pairs with `product_type` and `collected` of their families."""
    known = family.select("family", "product_type", "collected")
    return pair.left_join(known, "family").drop("family_right")


def scored(has: ir.Table, affinity: ir.Table, policy: CrossSellPolicy) -> ir.Table:
    """[person_id, family, score] of families that something the person has speaks for, and that can be told so.

    Args:
        has: [person_id, family] of which the weights are added.
        affinity: as in the warehouse, of families that may be shown.
    """
    exact = affinity.mutate(weight=affinity.weight.cast(EXACT), tellable=tellable(affinity, policy))
    causes = has.select(*PAIR).inner_join(exact, "family")
    summed = causes.group_by("person_id", "next_family").agg(score=causes.weight.sum(), told=causes.tellable.any())
    likely = summed.filter(summed.told, summed.score > 0)
    return likely.select("person_id", family="next_family", score=likely.score.cast(SUMMED))


def tellable(affinity: ir.Table, policy: CrossSellPolicy) -> ir.BooleanValue:
    """Whether a cause may be named: it speaks for the family, and enough people bought both."""
    return (affinity.weight > 0) & (affinity.support >= policy.support)


def new_to(candidate: ir.Table, ever: ir.Table, needless: ir.Table) -> ir.Table:
    """Candidates that the person never had, and for which nothing that the person has stands in.

    Args:
        candidate: with person_id, family, product_type.
        ever: [person_id, family].
        needless: as `served` gives it.
    """
    return without(without(candidate, ever, PAIR), needless, ["person_id", "product_type"])


def served(has: ir.Table) -> ir.Table:
    """[person_id, product_type] of which the person needs no other family."""
    return has.filter(~has.collected.fill_null(False)).select("person_id", "product_type").distinct()


def first(candidate: ir.Table, most: int, same_type: int) -> ir.Table:
    """The first `most` a person by (tier, score, place), with `rank`, of which `same_type` of one product type.

    Args:
        candidate: with person_id, family, product_type, tier, score, place.
    """
    order = [candidate.tier, candidate.score.desc(), candidate.place, candidate.family]
    alike = ibis.window(group_by=[candidate.person_id, candidate.product_type], order_by=order)
    varied = candidate.mutate(alike=ibis.row_number().over(alike))
    varied = varied.filter((varied.alike < same_type) | varied.product_type.isnull())
    order = [varied.tier, varied.score.desc(), varied.place, varied.family]
    ranked = varied.mutate(rank=ibis.row_number().over(ibis.window(group_by=varied.person_id, order_by=order)))
    return ranked.filter(ranked["rank"] < most).drop("alike")


def candidates(has: ir.Table, affinity: ir.Table, family: ir.Table, policy: CrossSellPolicy) -> ir.Table:
    """What goes with what persons have, as `first` takes it: tier 0, by score."""
    rows = typed(scored(has, affinity, policy), family)
    return rows.mutate(tier=_whole(0), place=_whole(0))


def unscored(best: ir.Table, family: ir.Table) -> ir.Table:
    """Best-sellers for persons, see `best_sellers.offered`, as candidates."""
    rows = typed(best, family)
    return rows.mutate(score=ibis.literal(0, type=SUMMED), tier=rows.tier.cast("int64"))


def once(candidate: ir.Table) -> ir.Table:
    """Each family once a person, in the first of its tiers."""
    tiers = ibis.window(group_by=[candidate.person_id, candidate.family], order_by=[candidate.tier])
    placed = candidate.mutate(time=ibis.row_number().over(tiers))
    return placed.filter(placed.time == 0).drop("time")


def _whole(number: int) -> ir.IntegerScalar:
    return ibis.literal(number, type="int64")


def anything(person: ir.Table) -> ir.Table:
    """[person_id, product_type]: each person asks for the best-sellers of the shop."""
    return person.select("person_id", product_type=ibis.literal(SHOP)).distinct()
