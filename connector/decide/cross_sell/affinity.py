"""Which family is bought with or after which: co-purchase among families of the same person, and what follows from it.

A pair of families costs one row a person who has both, so persons count with their newest families only
(`policy.families_a_person`), and families with fewer buyers than the support floor are dropped before pairing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir

from connector.decide.cross_sell.linear_model import linear_weights
from connector.decide.items import newest_families
from connector.policies.cross_sell import CO_OCCURRENCE, COSINE, LIFT, LINEAR, CrossSellPolicy
from connector.relations import Keep, ago, lazily, without

RECENT = timedelta(days=28)
"""A family's buyers of so long are what tells whether it is still, or again, in demand."""
STEADY = 10.0
"""Buyers that the shop as a whole counts for beside a family's own, where it is asked how many are recent."""
NORMAL = 1.645
"""Normal quantile of a one-sided 95 % bound."""


@dataclass(frozen=True)
class CoPurchases:
    """What was counted.

    Attributes:
        family: [family, number, base, trend], numbered from the most bought; `base`: persons with it; `trend`: how much
            of its demand is recent beside the shop's as a whole, 1 where it is alike.
        together: [a, b, both, forth, back], a < b by number: how many have both, bought a not after b, b not after a.
        buyers: one row [buyers].
    """

    family: ir.Table
    together: ir.Table
    buyers: ir.Table


def purchases(line: ir.Table, banned: ir.Table) -> ir.Table:
    """[person_id, family, first_purchase_at, last_purchase_at] of lines that count and are no gift.

    Args:
        banned: [family] that must neither be shown nor be named as a cause.
    """
    sold = line.filter(line.counts > 0, line.person_id.notnull(), line.family.notnull(), ~line.gift)
    pair = sold.group_by("person_id", "family").agg(
        first_purchase_at=sold.ordered_at.min(), last_purchase_at=sold.ordered_at.max()
    )
    return without(pair, banned, ["family"])


def co_purchases(bought: ir.Table, policy: CrossSellPolicy, as_of: datetime, keep: Keep = lazily) -> CoPurchases:
    """Count persons with two families.

    Args:
        bought: as `purchases` gives it, of all persons, up to `as_of`.
    """
    known = keep(newest_families(bought, policy.families_a_person))
    family = keep(_numbered(known, policy, as_of))
    return CoPurchases(
        family=family,
        together=keep(_together(known, family)),
        buyers=known.aggregate(buyers=known.person_id.nunique()),
    )


def _numbered(known: ir.Table, policy: CrossSellPolicy, as_of: datetime) -> ir.Table:
    """Families that can reach the floor. Numbers pair faster than names."""
    fresh = known.last_purchase_at > ago(as_of, RECENT)
    every = known.group_by("family").agg(base=known.count(), recent=known.count(where=fresh))
    shop = ibis.window()
    share = every.recent.sum().over(shop).cast("float64") / every.base.sum().over(shop)
    told = every.mutate(share=share)
    trend = (told.recent + STEADY * told.share) / (told.base + STEADY) / told.share
    strong = told.mutate(trend=ibis.ifelse(told.share > 0, trend, 1.0)).filter(told.base >= policy.support)
    order = ibis.window(order_by=[strong.base.desc(), strong.family])
    return strong.select("family", "base", "trend", number=ibis.row_number().over(order).cast("int32"))


def _together(known: ir.Table, family: ir.Table) -> ir.Table:
    numbered = known.inner_join(family, "family").select("person_id", "number", "first_purchase_at")
    a = numbered.select("person_id", a="number", a_at="first_purchase_at")
    b = numbered.select("person_id", b="number", b_at="first_purchase_at")
    both = a.inner_join(b, ["person_id", a.a < b.b])
    return both.group_by("a", "b").agg(
        both=both.count(), forth=both.count(where=both.a_at <= both.b_at), back=both.count(where=both.b_at <= both.a_at)
    )


def affinities(found: CoPurchases, method: str, policy: CrossSellPolicy, keep: Keep = lazily) -> ir.Table:
    """[family, next_family, support, base, confidence, lift, weight, rank]; none for methods that need no pairs.

    support: persons whose first purchase of `family` was not after that of `next_family`; base: buyers of `family`;
    confidence: support / base; lift: confidence over the share of all buyers who have `next_family`; weight: what
    having `family` adds to the score of `next_family`, by method:

    - cosine: sqrt(support x lift), which is item cosine but for the shop's size;
    - lift: the lift at the lower end of the confidence (Wilson's 95 % bound), so that few buyers promise little;
    - co_occurrence: the support;
    - linear: `linear_model`, times the trend of `next_family`; may be negative, where other families tell the same.

    Of each next family the `policy.kept_a_family` weightiest stay; rank 0 is the first of them.
    """
    if method == LINEAR:
        return _weightiest(keep(_linear(found, policy, keep)), policy)
    weighed = _fit(found, policy)
    weight = {COSINE: _cosine, LIFT: _lower_lift, CO_OCCURRENCE: _support}.get(method)
    if weight is None:
        return _weightiest(weighed.mutate(weight=0.0).filter(ibis.literal(False)), policy)
    return _weightiest(weighed.mutate(weight=weight(weighed)), policy)


def _directed(found: CoPurchases) -> ir.Table:
    """[number, next_number, support] in each direction."""
    forth = found.together.select(number="a", next_number="b", support="forth")
    return forth.union(found.together.select(number="b", next_number="a", support="back"))


def _measured(pairs: ir.Table, found: CoPurchases) -> ir.Table:
    """Pairs by number, with names, confidence, lift, `next_base`, `buyers` and the `trend` of the next family."""
    first = found.family.select("family", "base", "number")
    second = found.family.select(next_family="family", next_base="base", trend="trend", next_number=found.family.number)
    named = pairs.inner_join(first, "number").inner_join(second, "next_number").cross_join(found.buyers)
    confidence = named.support.cast("float64") / named.base
    return named.mutate(confidence=confidence, lift=confidence * named.buyers / named.next_base)


def _fit(found: CoPurchases, policy: CrossSellPolicy) -> ir.Table:
    """Pairs above the floors, measured."""
    pairs = _directed(found)
    known = _measured(pairs.filter(pairs.support >= policy.support), found)
    return known.filter(known.confidence >= policy.confidence, known.lift >= policy.lift)


def _cosine(pair: ir.Table) -> ir.FloatingValue:
    return (pair.support * pair.lift).sqrt()


def _support(pair: ir.Table) -> ir.FloatingValue:
    return pair.support.cast("float64")


def _lower_lift(pair: ir.Table) -> ir.FloatingValue:
    share, many, square = pair.confidence, pair.base.cast("float64"), NORMAL * NORMAL
    spread = (share * (1 - share) / many + square / (4 * many * many)).sqrt()
    lower = (share + square / (2 * many) - NORMAL * spread) / (1 + square / many)
    return lower * pair.buyers / pair.next_base


def _linear(found: CoPurchases, policy: CrossSellPolicy, keep: Keep) -> ir.Table:
    """Weights of the linear model; of families too rare for it the cosine, on the model's scale."""
    core = keep(linear_weights(found.family, found.together, policy.linear_families, policy.kept_a_family))
    pairs = _directed(found)
    known = core.left_join(pairs, ["number", "next_number"]).select(
        "number", "next_number", "weight", support=pairs.support.fill_null(0)
    )
    fitted = keep(_measured(known, found))
    fit = _fit(found, policy)
    rest = fit.filter((fit.number >= policy.linear_families) | (fit.next_number >= policy.linear_families))
    above = fitted.filter(fitted.weight > 0)
    scaled = rest.cross_join(above.aggregate(scale=above.weight.sum() / _cosine(above).sum()))
    every = fitted.union(scaled.mutate(weight=_cosine(scaled) * scaled.scale.fill_null(0.0)).select(*fitted.columns))
    return every.mutate(weight=every.weight * every.trend)


def _weightiest(weighed: ir.Table, policy: CrossSellPolicy) -> ir.Table:
    order = [weighed.weight.abs().desc(), weighed.support.desc(), weighed.family]
    place = ibis.row_number().over(ibis.window(group_by=weighed.next_family, order_by=order))
    ranked = weighed.mutate(rank=place)
    kept = ranked.filter(ranked["rank"] < policy.kept_a_family)
    return kept.select("family", "next_family", "support", "base", "confidence", "lift", "weight", "rank")
