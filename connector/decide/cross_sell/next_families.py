"""The shop-wide figures behind cross-sell: by which method, what goes with what, and what sells best."""

from dataclasses import dataclass
from datetime import datetime

import ibis.expr.types as ir

from connector.decide.cross_sell.affinity import affinities, co_purchases, purchases
from connector.decide.cross_sell.best_sellers import best_sellers
from connector.decide.cross_sell.holdout import proven
from connector.decide.families import sensitive_families
from connector.policies.cross_sell import CrossSellPolicy
from connector.relations import Keep, Merged, lazily


@dataclass(frozen=True)
class NextFamilies:
    """Tables of `schema.FIGURES`, without `run`."""

    method: ir.Table
    affinity: ir.Table
    best_seller: ir.Table


def next_families(
    merged: Merged, family: ir.Table, policy: CrossSellPolicy, as_of: datetime, keep: Keep = lazily
) -> NextFamilies:
    """Choose the method by the end of the shop's own history, then learn from all of it.

    Args:
        merged: of all persons, up to `as_of`.
        family: the figure of that name.
    """
    banned = sensitive_families(merged.catalogue)
    chosen = proven(merged.lines, family, banned, policy, keep)
    found = co_purchases(purchases(merged.lines, banned), policy, as_of, keep)
    return NextFamilies(
        method=chosen.figure,
        affinity=keep(affinities(found, chosen.name, policy, keep)),
        best_seller=keep(best_sellers(family, found, chosen.name)),
    )
