"""Loyalty tiers: the top of the buyers by net spend over a rolling window, not lost again by a little."""

import ibis
import ibis.expr.types as ir

from connector.decide.cutpoints import lowered, placed, tops
from connector.decide.loyalty.buying import MONEY, priced
from connector.policies.loyalty import LoyaltyPolicy
from connector.relations import Moment, among, at, lasting

FIGURE = "spend"
KEPT = "kept"
"""The same boundaries lowered: below them a tier is lost."""
TIERS = (1, 2)
RANKS = {FIGURE: len(TIERS), KEPT: len(TIERS)}
NAMES = {2: "gold", 1: "silver", 0: "bronze"}


def boundaries(bought: ir.Table, policy: LoyaltyPolicy) -> ir.Table:
    """Cutpoints of `spend`: rank 1 below silver and better, rank 2 below gold; among buyers in the window."""
    buyer = bought.filter(bought.tier_spend.notnull())
    spent = buyer.select("person_id", value=buyer.tier_spend.cast("float64"))
    return tops(spent, FIGURE, (policy.gold_percent + policy.silver_percent, policy.gold_percent))


def tiers(bought: ir.Table, line: ir.Table, cutpoint: ir.Table, policy: LoyaltyPolicy, as_of: Moment) -> ir.Table:
    """[person_id, loyalty_tier] of buyers in the window: gold, silver or bronze.

    Whoever stands above a boundary has its tier. Whoever does not, but has `keep_percent` of it, keeps the tier if they
    ever stood above the boundary (as it is now) and their spend, as the window moved on, was never below `keep_percent`
    of it since. That depends on the person's own lines and the boundaries alone: it is replayed, not remembered.

    Args:
        line: lines of these persons up to `as_of`, with `counts`.
    """
    cutpoint = cutpoint.union(lowered(cutpoint, FIGURE, KEPT, policy.keep_percent))
    buyer = bought.filter(bought.tier_spend.notnull())
    now = placed(buyer, cutpoint, {FIGURE: buyer.tier_spend, KEPT: buyer.tier_spend}, RANKS)
    doubtful = now.filter(now[KEPT] > now[FIGURE])
    spent = priced(among(line, doubtful, ["person_id"]), cutpoint)
    both = now.left_join(_held(_steps(spent, policy, as_of), cutpoint), "person_id")
    rank = ibis.greatest(both[FIGURE], both.held.fill_null(0))
    return both.select("person_id", loyalty_tier=ibis.cases(*[(rank == n, name) for n, name in NAMES.items()]))


def _steps(spent: ir.Table, policy: LoyaltyPolicy, as_of: Moment) -> ir.Table:
    """[person_id, moment, balance]: the spend of the window after each moment at which a line came or left."""
    came = spent.select("person_id", "spent", moment="ordered_at")
    left = spent.select("person_id", spent=-spent.spent, moment=spent.ordered_at + lasting(policy.window))
    both = came.union(left)
    known = both.filter(both.moment <= at(as_of))
    step = known.group_by("person_id", "moment").agg(change=known.spent.sum())
    so_far = ibis.cumulative_window(group_by=step.person_id, order_by=step.moment)
    return step.select("person_id", "moment", balance=step.change.sum().over(so_far).cast(MONEY))


def _held(steps: ir.Table, cutpoint: ir.Table) -> ir.Table:
    """[person_id, held]: the highest rank that was reached and never lost since."""
    ranked = placed(steps, cutpoint, {FIGURE: steps.balance, KEPT: steps.balance}, RANKS, "moment")
    below = [(rank, ibis.ifelse(ranked[KEPT] < rank, ranked.moment, ibis.null(ranked.moment.type()))) for rank in TIERS]
    whole = ibis.window(group_by=ranked.person_id)
    known = ranked.mutate(**{f"lost_{rank}": moment.max().over(whole) for rank, moment in below})
    since = {rank: (known.moment > known[f"lost_{rank}"]).fill_null(True) for rank in TIERS}
    stands = [ibis.ifelse((known[FIGURE] >= rank) & since[rank], rank, 0) for rank in TIERS]
    return known.group_by("person_id").agg(held=ibis.greatest(*stands).max())
