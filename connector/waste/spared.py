"""Which ads after a purchase could have been spared, and what those cost that nobody can be tied to. Pure."""

from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir

from connector.relations import at, lasting, without

FAMILY = "family"
MONEY = "decimal(18,4)"
SUMS = ("impressions", "clicks", "cost")


def judged(late: ir.Table, uploaded: ir.Table, ours: timedelta, effect: timedelta, began: datetime | None) -> ir.Table:
    """Ads after a purchase, with `avoidable` and `after`.

    An ad could have been spared once the exclusion of its purchase was in effect and its person had been known as long
    as that takes; before, nobody could have stopped it.

    Args:
        late: [person_id, family, kind, cost, occurred_at, known_at, first_at, order_key].
        uploaded: [order_key, uploaded_at] of purchases whose exclusion was acknowledged; of all others `ours` is taken.
        ours: from a purchase to its acknowledged exclusion.
        effect: from there until the platform heeds it.
        began: when suppression began; `after` says whether an ad came later. None: it has not.
    """
    both = late.left_join(uploaded, "order_key").drop("order_key_right")
    told = both.uploaded_at.coalesce(both.first_at + lasting(ours))
    known = (both.occurred_at >= both.known_at + lasting(ours + effect)).fill_null(True)
    after = ibis.literal(False) if began is None else both.occurred_at >= at(began)
    return both.mutate(avoidable=(both.occurred_at >= told + lasting(effect)) & known, after=after)


def summed(ads: ir.Table, *by: str) -> ir.Table:
    """[*by, impressions, clicks, cost] of ads with `kind` and `cost`."""
    cost = ads.cost.sum().fill_null(0).cast(MONEY)
    return ads.group_by(*by).agg(
        impressions=ads.count(where=ads.kind == "impression"), clicks=ads.count(where=ads.kind == "click"), cost=cost
    )


def frequency(identified: ir.Table) -> ir.NumericValue:
    """Impressions that a known person gets of a family, on average over those who get any; null where nobody does."""
    shown = identified.filter(identified.kind == "impression")
    pair = shown.group_by("person_id", FAMILY).agg(times=ibis._.count())
    return pair.times.mean()


def estimated(unknown: ir.Table, identified: ir.Table, first: ir.Table, often: float) -> ir.Table:
    """[family, impressions, cost]: what ads to nobody known are likely to have spent on buyers.

    Buyers of a family whom no ad of it can be tied to, times how often people are shown one; never more than was shown,
    at what one impression of that family costs.

    Args:
        unknown: [kind, family, cost] of ads with an item, but without anybody known.
        first: [person_id, family, first_at]; see `evaluate.suppression.first_purchases`.
        often: impressions a buyer is assumed to get of what they bought.
    """
    shown = summed(unknown, FAMILY)
    buyers = without(first, identified, ["person_id", FAMILY]).group_by(FAMILY).agg(buyers=ibis._.count())
    both = shown.filter(shown.impressions > 0).inner_join(buyers, FAMILY)
    likely = ibis.least(both.impressions.cast("float64"), both.buyers * often)
    return both.select(FAMILY, impressions=likely, cost=both.cost.cast("float64") * likely / both.impressions)
