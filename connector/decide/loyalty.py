"""Loyalty tiers: the top of the buyers by net spend over a rolling window."""

import ibis
import ibis.expr.types as ir

from connector.decide.cutpoints import placed, tops
from connector.policies.loyalty import LoyaltyPolicy

FIGURE = "spend"


def boundaries(bought: ir.Table, policy: LoyaltyPolicy) -> ir.Table:
    """Cutpoints of `spend`: rank 1 below silver and better, rank 2 below gold; among buyers in the window."""
    buyer = bought.filter(bought.tier_spend.notnull())
    spent = buyer.select("person_id", value=buyer.tier_spend.cast("float64"))
    return tops(spent, FIGURE, (policy.gold_percent + policy.silver_percent, policy.gold_percent))


def tiers(bought: ir.Table, cutpoint: ir.Table) -> ir.Table:
    """[person_id, loyalty_tier] of buyers in the window: gold, silver or bronze."""
    buyer = bought.filter(bought.tier_spend.notnull())
    found = placed(buyer, cutpoint, {FIGURE: buyer.tier_spend}, {FIGURE: 2})
    tier = ibis.cases((found[FIGURE] == 2, "gold"), (found[FIGURE] == 1, "silver"), else_="bronze")
    return found.select("person_id", loyalty_tier=tier)
