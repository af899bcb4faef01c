"""Shop-wide figures: what must look at everybody at once, refreshed on a cadence of its own (`policy.refresh`)."""

from dataclasses import dataclass
from datetime import datetime

import ibis.expr.types as ir

from connector.decide import loyalty, rfm
from connector.decide.affinity import affinities
from connector.decide.buying import buying, main_currency
from connector.decide.families import families, sensitive_families
from connector.policies import Policy
from connector.relations import Keep, Merged, lazily


@dataclass(frozen=True)
class Figures:
    """Tables of `schema.FIGURES`, without `run`."""

    cutpoint: ir.Table
    affinity: ir.Table
    family: ir.Table


def figures(merged: Merged, policy: Policy, as_of: datetime, keep: Keep = lazily) -> Figures:
    """Boundaries, affinities and families of the whole shop.

    Args:
        merged: of all persons; the figures of a part of them would be wrong for the rest.
    """
    currency = keep(main_currency(merged.lines))
    bought = keep(buying(merged.lines, currency, policy.loyalty, as_of))
    cutpoint = currency.union(rfm.boundaries(bought), loyalty.boundaries(bought, policy.loyalty))
    return Figures(
        cutpoint=keep(cutpoint),
        affinity=keep(affinities(merged.holding, sensitive_families(merged.catalogue), policy.cross_sell, keep)),
        family=keep(families(merged, policy)),
    )
