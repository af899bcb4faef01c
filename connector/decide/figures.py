"""Shop-wide figures: what must look at everybody at once, refreshed on a cadence of its own (`policy.refresh`)."""

from dataclasses import dataclass
from datetime import datetime

import ibis
import ibis.expr.types as ir

from connector.decide.cross_sell.next_families import next_families
from connector.decide.families import families
from connector.decide.loyalty import rfm
from connector.decide.loyalty import tiers as loyalty
from connector.decide.loyalty.buyer_models import learned
from connector.decide.loyalty.buying import buying, main_currency
from connector.decide.loyalty.proof import proof
from connector.decide.suppression.rhythm import rhythms
from connector.policies import Policy
from connector.relations import Keep, Merged, lazily


@dataclass(frozen=True)
class Figures:
    """Tables of `schema.FIGURES`, without `run`."""

    cutpoint: ir.Table
    model: ir.Table
    method: ir.Table
    affinity: ir.Table
    best_seller: ir.Table
    family: ir.Table
    rhythm: ir.Table
    left_out: ir.Table


LEFT_OUT = {"audience": "string", "members": "int64", "value": "float64", "why": "string"}


def figures(merged: Merged, policy: Policy, as_of: datetime, keep: Keep = lazily) -> Figures:
    """Boundaries, models of buyers, affinities, families and their rhythms, of the whole shop.

    Args:
        merged: of all persons; the figures of a part of them would be wrong for the rest.
    """
    currency = keep(main_currency(merged.lines))
    bought = keep(buying(merged.lines, currency, policy.loyalty, as_of))
    cutpoint = currency.union(rfm.boundaries(bought, policy.loyalty, as_of), loyalty.boundaries(bought, policy.loyalty))
    family = keep(families(merged, policy))
    return Figures(
        cutpoint=keep(cutpoint),
        model=keep(learned(bought, policy.loyalty, as_of, proof(merged.lines, policy.loyalty, as_of, keep))),
        **vars(next_families(merged, family, policy.cross_sell, as_of, keep)),
        family=family,
        rhythm=keep(rhythms(merged.lines, family, as_of, keep)),
        left_out=ibis.memtable([], schema=LEFT_OUT),  # see `lists.settled`
    )
