"""Cross-sell: what buyers of the same things bought next, and never what a person has, had or may not be shown."""

from dataclasses import dataclass
from typing import Protocol

import ibis
import ibis.expr.types as ir

from connector.decide.cross_sell.best_sellers import SHOP, offered_first
from connector.decide.cross_sell.ranking import (
    PAIR,
    anything,
    candidates,
    first,
    new_to,
    served,
    tellable,
    typed,
    unscored,
)
from connector.decide.items import newest_families
from connector.policies.cross_sell import CrossSellPolicy
from connector.relations import Keep, Merged, Moment, ago, among, lazily, without


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


@dataclass(frozen=True)
class _Owned:
    """What persons have and had.

    Attributes:
        has: [person_id, family, last_purchase_at, gift, product_type, collected].
        ever: [person_id, family], what they gave back as well.
        needless: [person_id, product_type] of which they need no other family.
    """

    has: ir.Table
    ever: ir.Table
    needless: ir.Table


def cooling(contact: ir.Table, policy: CrossSellPolicy, as_of: Moment) -> ir.Table:
    """[person_id] who got a mail less than `policy.cool_down` ago, as far as a CRM tells."""
    return contact.filter(contact.mailed_at > ago(as_of, policy.cool_down)).select("person_id").distinct()


def recommendations(
    merged: Merged, figures: Shop, spared: ir.Table, policy: CrossSellPolicy, keep: Keep = lazily
) -> ir.Table:
    """[person_id, rank, family, product_id, title, score, why], the best `policy.shown` a person, rank 0 first.

    The score of a family is the sum of `affinity.weight` over the families the person has and did not give away. The
    heaviest of them is told as the cause; it must have been bought with it by `policy.support` people. Whoever is left
    with too few gets best-sellers (score 0): of the product types of what the person has or last took an interest in,
    then of the shop. A family that was ever held or returned is left out, as is what is sensitive or out of stock, and
    what another of its product type stands in for. Nobody who has nothing is recommended anything.

    Args:
        spared: [person_id] who are not to be recommended anything.
    """
    willing = without(merged.holding.filter(merged.holding.net_quantity > 0), spared, ["person_id"])
    has = keep(typed(willing.select(*PAIR, "last_purchase_at", "gift"), figures.family))
    taste = newest_families(has.filter(~has.gift), policy.families_a_person)
    shown = figures.family.filter(figures.family.available, ~figures.family.sensitive)
    apt = keep(among(figures.affinity, shown.select(next_family="family"), ["next_family"]))
    owned = _Owned(has, merged.holding.select(*PAIR), keep(served(has)))
    personal = new_to(candidates(taste, apt, figures.family, policy), owned.ever, owned.needless)
    best = keep(first(personal, policy.shown, policy.same_type))
    filled = keep(_filled(best, owned, merged.awareness, figures, policy, keep))
    return _told(filled, apt.filter(tellable(apt, policy)), taste, figures.family)


def _filled(
    best: ir.Table, owned: _Owned, awareness: ir.Table, figures: Shop, policy: CrossSellPolicy, keep: Keep
) -> ir.Table:
    """What goes with what persons have, and best-sellers for those who have less than `policy.shown` of it.

    Of a product type only as many are looked at as it takes to show `policy.same_type`, and only for those whom it
    leaves with too few are the shop's.
    """
    person, family = keep(owned.has.select("person_id").distinct()), figures.family
    known = best.mutate(buyers=ibis.null("int64"), named=ibis.null("string"))
    types = among(_types(owned.has, awareness, family), _short(person, best, policy), ["person_id"])
    wanting = without(types.distinct(), owned.needless, ["person_id", "product_type"])
    near = _reach(wanting, owned.ever.union(best.select(*PAIR)), figures.best_seller, policy)
    chosen = keep(_topped_up(known, unscored(offered_first(near, figures.best_seller), family), owned, policy))
    left = anything(_short(person, chosen, policy))
    near = _reach_in_shop(left, chosen, owned, _of_shop(figures.best_seller, family), policy)
    return _topped_up(chosen, unscored(offered_first(near, figures.best_seller), family), owned, policy)


def _short(person: ir.Table, chosen: ir.Table, policy: CrossSellPolicy) -> ir.Table:
    """Persons who were chosen less than `policy.shown` for."""
    return without(person, chosen.filter(chosen["rank"] == policy.shown - 1), ["person_id"])


def _types(has: ir.Table, awareness: ir.Table, family: ir.Table) -> ir.Table:
    """[person_id, product_type] of what persons have, and of what they last took an interest in."""
    every = has.select("person_id", "product_type").union(
        typed(awareness.select(*PAIR), family).select("person_id", "product_type")
    )
    return every.filter(every.product_type.notnull())


def _reach(wanting: ir.Table, taken: ir.Table, best: ir.Table, policy: CrossSellPolicy) -> ir.Table:
    """`wanting` with `reach`: how many best-sellers of the type must be looked at, as some of them are taken."""
    theirs = taken.inner_join(best, "family").filter(best.product_type != SHOP)
    gone = theirs.group_by("person_id", "product_type").agg(gone=theirs.count())
    both = wanting.left_join(gone, ["person_id", "product_type"])
    return both.select(
        wanting.person_id, wanting.product_type, reach=both.gone.fill_null(0) + ibis.literal(policy.same_type)
    )


def _reach_in_shop(
    wanting: ir.Table, chosen: ir.Table, owned: _Owned, shop: ir.Table, policy: CrossSellPolicy
) -> ir.Table:
    """The same of the best-sellers of the shop: at most so many of them are left out for a person.

    These are the families that the person ever had or was chosen already, those of product types that need no other or
    that something was chosen of, and those that stand behind others of their type.

    Args:
        shop: [family, product_type, alike], the best-sellers of the shop; `alike` is the place within the type.
    """
    taken = owned.ever.union(chosen.select(*PAIR)).inner_join(shop.select("family"), "family").select("person_id")
    full = owned.needless.union(chosen.select("person_id", "product_type")).distinct()
    behind = taken.union(full.inner_join(shop, "product_type").select("person_id"))
    gone = behind.group_by("person_id").agg(gone=behind.count())
    alike = shop.aggregate(alike=shop.count(where=shop.alike >= policy.same_type))
    both = wanting.left_join(gone, "person_id").cross_join(alike)
    reach = both.gone.fill_null(0) + both.alike + ibis.literal(policy.shown)
    return both.select("person_id", "product_type", reach=reach)


def _of_shop(best: ir.Table, family: ir.Table) -> ir.Table:
    """[family, product_type, alike] of the shop's best-sellers; those without a type are not alike."""
    listed = best.filter(best.product_type == SHOP).select("family", "place").inner_join(family, "family")
    order = ibis.window(group_by=listed.product_type, order_by=listed.place)
    alike = ibis.ifelse(listed.product_type.isnull(), 0, ibis.row_number().over(order))
    return listed.select("family", "product_type", alike=alike)


def _topped_up(chosen: ir.Table, more: ir.Table, owned: _Owned, policy: CrossSellPolicy) -> ir.Table:
    """What was chosen, and after it what is new to the person."""
    columns = (*PAIR, "product_type", "tier", "score", "place", "buyers", "named")
    rest = without(new_to(more, owned.ever, owned.needless), chosen, PAIR)
    return first(chosen.select(*columns).union(rest.select(*columns)), policy.shown, policy.same_type)


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
