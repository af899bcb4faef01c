"""Which family is bought with or after which: directed co-purchase among families of the same person.

A pair of families costs one row a person who has both, so persons count with their newest families only
(`policy.families_a_person`), and families with fewer buyers than the support floor are dropped before pairing.
"""

import ibis
import ibis.expr.types as ir

from connector.decide.items import newest_families
from connector.policies.cross_sell import CrossSellPolicy
from connector.relations import Keep, lazily, without


def affinities(holding: ir.Table, banned: ir.Table, policy: CrossSellPolicy, keep: Keep = lazily) -> ir.Table:
    """[family, next_family, support, base, confidence, lift, rank] of pairs above the floors.

    support: persons whose first purchase of `family` was not after that of `next_family`; base: buyers of `family`;
    confidence: support / base; lift: confidence over the share of all buyers who have `next_family`. Of each family
    the best `policy.kept_a_family` stay, by support x lift, which is the square of item cosine but for the shop's size.

    Args:
        banned: [family] that must neither be shown nor be named as a cause.
    """
    bought = without(holding.filter(holding.first_purchase_at.notnull()), banned, ["family"])
    known = keep(newest_families(bought, policy.families_a_person).select("person_id", "family", "first_purchase_at"))
    base = keep(_numbered(known, policy))
    pairs = keep(_directed(_together(known, base), policy.support))
    return _best(_measured(pairs, base, known), policy)


def _numbered(known: ir.Table, policy: CrossSellPolicy) -> ir.Table:
    """[family, base, number]: families that can reach the floor. Numbers pair faster than names."""
    base = known.group_by("family").agg(base=known.count())
    strong = base.filter(base.base >= policy.support)
    return strong.mutate(number=ibis.row_number().over(ibis.window(order_by=strong.family)).cast("int32"))


def _together(known: ir.Table, base: ir.Table) -> ir.Table:
    """[a, b, forth, back], a < b: how many have both, bought a not after b, and b not after a."""
    numbered = known.inner_join(base, "family").select("person_id", "number", "first_purchase_at")
    a = numbered.select("person_id", a="number", a_at="first_purchase_at")
    b = numbered.select("person_id", b="number", b_at="first_purchase_at")
    both = a.inner_join(b, ["person_id", a.a < b.b])
    return both.group_by("a", "b").agg(
        forth=both.count(where=both.a_at <= both.b_at), back=both.count(where=both.b_at <= both.a_at)
    )


def _directed(together: ir.Table, floor: int) -> ir.Table:
    """[number, next_number, support] in each direction that reaches the floor."""
    forth = together.filter(together.forth >= floor).select(number="a", next_number="b", support="forth")
    back = together.filter(together.back >= floor).select(number="b", next_number="a", support="back")
    return forth.union(back)


def _measured(pairs: ir.Table, base: ir.Table, known: ir.Table) -> ir.Table:
    buyers = known.aggregate(buyers=known.person_id.nunique())
    first = base.select("family", "base", number="number")
    second = base.select(next_family="family", next_base="base", next_number="number")
    named = pairs.inner_join(first, "number").inner_join(second, "next_number").cross_join(buyers)
    confidence = named.support.cast("float64") / named.base
    return named.select(
        "family",
        "next_family",
        "support",
        "base",
        confidence=confidence,
        lift=confidence * named.buyers / named.next_base,
    )


def _best(measured: ir.Table, policy: CrossSellPolicy) -> ir.Table:
    fit = measured.filter(measured.confidence >= policy.confidence, measured.lift >= policy.lift)
    order = [(fit.support * fit.lift).desc(), fit.support.desc(), fit.next_family]
    ranked = fit.mutate(rank=ibis.row_number().over(ibis.window(group_by=fit.family, order_by=order)))
    return ranked.filter(ranked["rank"] < policy.kept_a_family)
