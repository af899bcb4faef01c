"""Cross-sell: what buyers of the same things bought next, and never what a person has, had or may not be shown."""

import ibis
import ibis.expr.types as ir

from connector.decide.figures import Figures
from connector.decide.items import newest_families
from connector.policies.cross_sell import CrossSellPolicy
from connector.relations import Keep, Merged, among, lazily, without

EXACT = "decimal(18,6)"
"""Weights are added as decimals: sums of floats would depend on who else is decided in the same run."""


def recommendations(
    merged: Merged, figures: Figures, refusing: ir.Table, policy: CrossSellPolicy, keep: Keep = lazily
) -> ir.Table:
    """[person_id, rank, family, product_id, title, score, why], the best `policy.shown` a person, rank 0 first.

    The score of a family is the sum, over the families the person has, of sqrt(support x lift): item cosine, but for
    the shop's size. The heaviest of them is told as the cause. A family that was ever held or returned is left out, as
    is what is sensitive or out of stock.

    Args:
        refusing: [person_id] who objected to profiling.
    """
    willing = without(merged.holding.filter(merged.holding.net_quantity > 0), refusing, ["person_id"])
    has = newest_families(willing, policy.families_a_person).select("person_id", "family")
    apt = keep(_apt(figures))
    causes = has.inner_join(apt, "family")
    total = causes.group_by("person_id", "next_family").agg(score=causes.weight.sum())
    ever = merged.holding.select("person_id", next_family="family")
    first = keep(_first(without(total, ever, ["person_id", "next_family"]), policy))
    return _told(_with_cause(first, apt, has), figures.family)


def _apt(figures: Figures) -> ir.Table:
    """[family, next_family, support, base, weight] of what may be shown."""
    shown = figures.family.filter(figures.family.available, ~figures.family.sensitive)
    apt = among(figures.affinity, shown.select(next_family="family"), ["next_family"])
    weight = (apt.support * apt.lift).sqrt().cast(EXACT)
    return apt.select("family", "next_family", "support", "base", weight=weight)


def _first(total: ir.Table, policy: CrossSellPolicy) -> ir.Table:
    order = [total.score.desc(), total.next_family]
    ranked = total.mutate(rank=ibis.row_number().over(ibis.window(group_by=total.person_id, order_by=order)))
    return ranked.filter(ranked["rank"] < policy.shown)


def _with_cause(first: ir.Table, apt: ir.Table, has: ir.Table) -> ir.Table:
    """The chosen few with the heaviest of what the person has: looked up again, for keeping every cause costs more."""
    both = first.inner_join(apt, "next_family").inner_join(has, ["person_id", "family"])
    order = [both.weight.desc(), both.support.desc(), both.family]
    pair = ibis.window(group_by=[both.person_id, both.next_family], order_by=order)
    ranked = both.mutate(place=ibis.row_number().over(pair))
    return ranked.filter(ranked.place == 0)


def _told(first: ir.Table, family: ir.Table) -> ir.Table:
    cause = family.select("family", cause="title")
    target = family.select("title", "product_id", next_family="family")
    both = first.inner_join(cause, "family").inner_join(target, "next_family")
    counted = both.support.cast("string") + " of " + both.base.cast("string")
    why = "bought with " + both.cause + " by " + counted
    return both.select(
        "person_id", "rank", "product_id", "title", family="next_family", score=both.score.cast("float64"), why=why
    )
