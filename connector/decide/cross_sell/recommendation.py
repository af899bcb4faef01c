"""Cross-sell: what buyers of the same things bought next, and never what a person has, had or may not be shown."""

from typing import Protocol

import ibis
import ibis.expr.types as ir

from connector.decide.cross_sell.best_sellers import SHOP
from connector.decide.cross_sell.ranking import PAIR, anything, best_for, candidates, first, new_to, tellable, typed
from connector.decide.items import newest_families
from connector.policies.cross_sell import CrossSellPolicy
from connector.relations import KINDS, Keep, Merged, Moment, ago, among, lazily, without


class Shop(Protocol):
    """Of the shop-wide figures those that recommendations follow from."""

    @property
    def family(self) -> ir.Table:
        """As in the warehouse."""

    @property
    def affinity(self) -> ir.Table:
        """As in the warehouse."""

    @property
    def best_seller(self) -> ir.Table:
        """As in the warehouse."""


def cooling(contact: ir.Table, policy: CrossSellPolicy, as_of: Moment) -> ir.Table:
    """[person_id] who got a mail less than `policy.cool_down` ago, as far as a CRM tells."""
    return contact.filter(contact.mailed_at > ago(as_of, policy.cool_down)).select("person_id").distinct()


def recommendations(
    merged: Merged, figures: Shop, spared: ir.Table, policy: CrossSellPolicy, keep: Keep = lazily
) -> ir.Table:
    """[person_id, rank, family, product_id, title, score, why], the best `policy.shown` a person, rank 0 first.

    The score of a family is the sum of `affinity.weight` over the families the person has and did not give away. The
    heaviest of them is told as the cause; it must have been bought with it by `policy.support` people. Whoever is left
    with too few gets best-sellers (score 0): of the product types the person touched or has, then of the shop. A family
    that was ever held or returned is left out, as is what is sensitive or out of stock, and what another of its
    product type stands in for. Nobody who has nothing is recommended anything.

    Args:
        spared: [person_id] who are not to be recommended anything.
    """
    willing = without(merged.holding.filter(merged.holding.net_quantity > 0), spared, ["person_id"])
    has = keep(typed(willing.select(*PAIR, "last_purchase_at", "gift"), figures.family))
    taste = newest_families(has.filter(~has.gift), policy.families_a_person)
    shown = figures.family.filter(figures.family.available, ~figures.family.sensitive)
    apt = keep(among(figures.affinity, shown.select(next_family="family"), ["next_family"]))
    ever = merged.holding.select(*PAIR)
    personal = new_to(candidates(taste, apt, figures.family, policy), ever, has)
    best = keep(first(personal, policy.shown, policy.same_type))
    filled = keep(_filled(best, has, ever, merged, figures, policy))
    return _told(filled, apt.filter(tellable(apt, policy)), taste, figures.family)


def _filled(
    best: ir.Table, has: ir.Table, ever: ir.Table, merged: Merged, figures: Shop, policy: CrossSellPolicy
) -> ir.Table:
    """What goes with what persons have, and best-sellers for those who have less than `policy.shown` of it."""
    full = best.filter(best["rank"] == policy.shown - 1)
    short = without(has.select("person_id").distinct(), full, ["person_id"])
    touch = merged.touch.filter(sum(merged.touch[name] for name in KINDS.values()) > 0)
    theirs = among(touch.select(*PAIR), short, ["person_id"])
    types = typed(theirs, figures.family).union(
        among(has, short, ["person_id"]).select(*PAIR, "product_type", "collected")
    )
    wanting = types.filter(types.product_type.notnull()).select("person_id", "product_type").union(anything(short))
    rest = without(new_to(best_for(wanting, figures.best_seller, figures.family), ever, has), best, PAIR)
    columns = (*PAIR, "product_type", "tier", "score", "place", "buyers", "named")
    known = best.mutate(buyers=ibis.null("int64"), named=ibis.null("string"))
    return first(known.select(*columns).union(rest.select(*columns)), policy.shown, policy.same_type)


def _told(chosen: ir.Table, causing: ir.Table, taste: ir.Table, family: ir.Table) -> ir.Table:
    """The chosen with what is shown of them, and why in words."""
    cause = _causes(chosen, causing, taste).inner_join(family.select("family", cause="title"), "family")
    named = cause.select("person_id", "support", "base", "cause", family="next_family")
    target = family.select("title", "product_id", "family")
    known = chosen.left_join(named, PAIR).drop("person_id_right", "family_right").inner_join(target, "family")
    together = "bought with " + known.cause + " by " + _count(known.support) + " of " + _count(known.base)
    best = ibis.ifelse(known.named == SHOP, "best-seller", "best-seller in " + known.named)
    why = together.coalesce(best + ", bought by " + _count(known.buyers))
    return known.select(
        "person_id", "rank", "family", "product_id", "title", score=known.score.cast("float64"), why=why
    )


def _causes(chosen: ir.Table, causing: ir.Table, taste: ir.Table) -> ir.Table:
    """The heaviest cause of each of the chosen few: looked up again, for keeping every cause costs more."""
    few = chosen.filter(chosen.tier == 0).select("person_id", next_family="family")
    both = few.inner_join(causing, "next_family").inner_join(taste.select(*PAIR), PAIR)
    order = [both.weight.desc(), both.support.desc(), both.family]
    pair = ibis.window(group_by=[both.person_id, both.next_family], order_by=order)
    ranked = both.mutate(heavier=ibis.row_number().over(pair))
    return ranked.filter(ranked.heavier == 0)


def _count(number: ir.IntegerValue) -> ir.StringValue:
    return number.cast("string")
