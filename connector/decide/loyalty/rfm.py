"""RFM: how lately, how often and for how much somebody bought, in fifths of all buyers, and the usual ten cells."""

from datetime import datetime

import ibis
import ibis.expr.types as ir

from connector.decide.cutpoints import QUINTILES, at_least, placed, quintiles
from connector.policies.loyalty import LoyaltyPolicy

FIGURES = ("recency", "frequency", "monetary")

CELLS = {
    "hibernating": ((1, 2), (1, 2)),
    "at_risk": ((1, 2), (3, 4)),
    "cant_lose": ((1, 2), (5, 5)),
    "about_to_sleep": ((3, 3), (1, 2)),
    "need_attention": ((3, 3), (3, 3)),
    "loyal": ((3, 4), (4, 5)),
    "promising": ((4, 4), (1, 1)),
    "new": ((5, 5), (1, 1)),
    "potential_loyalist": ((4, 5), (2, 3)),
    "champions": ((5, 5), (4, 5)),
}
"""Cell -> fifths of recency and of frequency, first and last. Every pair of fifths is in exactly one."""


def values(bought: ir.Table) -> dict[str, ir.Value]:
    """Figure -> value; greater is better. Recency is the moment of the last order, so it does not age by itself."""
    return {"recency": bought.last_order_at.epoch_seconds(), "frequency": bought.orders, "monetary": bought.spend}


def boundaries(bought: ir.Table, policy: LoyaltyPolicy, as_of: datetime) -> ir.Table:
    """The cutpoints of all three figures: those the policy gives, else fifths of the persons with an order.

    Given lengths of time count back from `as_of`: like fifths they hold until the figures are refreshed.
    """
    buyer = bought.filter(bought.orders > 0)
    given = {
        "recency": [(as_of - longest).timestamp() for longest in policy.recency],
        "frequency": policy.frequency,
        "monetary": policy.monetary,
    }
    parts = [
        at_least(name, given[name])
        if given[name]
        else quintiles(buyer.select("person_id", value=value.cast("float64")), name)
        for name, value in values(buyer).items()
    ]
    return ibis.union(*parts)


def scored(bought: ir.Table, cutpoint: ir.Table) -> ir.Table:
    """[person_id, recency, frequency, monetary, rfm_cell] of persons with an order; 5 is best."""
    buyer = bought.filter(bought.orders > 0)
    fifths = placed(buyer, cutpoint, values(buyer), dict.fromkeys(FIGURES, QUINTILES - 1))
    found = fifths.select("person_id", **{name: fifths[name] + 1 for name in FIGURES})
    return found.mutate(rfm_cell=cell(found.recency, found.frequency))


def cell(recency: ir.IntegerValue, frequency: ir.IntegerValue) -> ir.StringValue:
    """The cell of two fifths."""
    return ibis.cases(*[(recency.between(*r) & frequency.between(*f), name) for name, (r, f) in CELLS.items()])
