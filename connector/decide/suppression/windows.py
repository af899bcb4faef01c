"""How long a purchase keeps its family out of ads: as the shop wrote, else as its buyers' rhythm says."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta

import ibis
import ibis.expr.types as ir

from connector.decide.suppression.rhythm import PIECES, PLAIN, REPLENISHABLE
from connector.policies.suppression import SuppressionPolicy
from connector.relations import under

WRITTEN = "written"
"""`length` of a window that the policy names."""
MOST_STRETCHED = 3.0
"""Whoever buys three times the usual quantity or more waits three times as long: a pallet is no lifetime's supply."""
DAY = 86_400


def with_window(pair: ir.Table, rhythm: ir.Table, policy: SuppressionPolicy) -> ir.Table:
    """Rows of pairs with `ends_at`, `length` (what the window follows) and `kind` (of the family; plain if unknown).

    A written window wins, and is taken as it is: that of the family, else of the longest product_type that fits, else
    `policy.window`. Otherwise a replenishable family is kept out for its learned days, longer in proportion to how much
    more than usual was bought and is left, but never longer than what is durable.

    Args:
        pair: with family, product_type, net_quantity, last_quantity and last_purchase_at.
        rhythm: as in the warehouse, without `run`.
    """
    learned = rhythm.select("family", "days", "usual", learned_kind="kind")
    known = pair.left_join(learned, "family").drop("family_right")
    known = known.mutate(kind=known.learned_kind.fill_null(PLAIN))
    written = list(_written(known, policy))
    seconds, length = _learned(known, policy), known.kind
    if written:
        seconds = ibis.cases(*written, else_=seconds)
        length = ibis.cases(*[(fits, WRITTEN) for fits, _ in written], else_=length)
    ends_at = known.last_purchase_at + seconds.cast("int64").as_interval("s")
    return known.mutate(ends_at=ends_at, length=length).drop("learned_kind", "days", "usual")


def _written(known: ir.Table, policy: SuppressionPolicy) -> Iterator[tuple[ir.BooleanValue, int]]:
    """For which rows the policy names a window, and its seconds; the first that fits wins."""
    named = defaultdict(list)
    for family, window in policy.families.items():
        named[window].append(family)
    for window in sorted(named):
        yield known.family.isin(named[window]), _seconds(window)
    for name in sorted(policy.windows, key=len, reverse=True):
        yield under(known.product_type, name), _seconds(policy.windows[name])
    if policy.window is not None:
        yield ibis.literal(True), _seconds(policy.window)


def _seconds(window: timedelta) -> int:
    return int(window.total_seconds())


def _learned(known: ir.Table, policy: SuppressionPolicy) -> ir.IntegerValue:
    """Seconds of the window that the family's rhythm asks for."""
    plainly = known.days * DAY
    stretched = (plainly * _stretch(known) + 0.5).floor().cast("int64")
    durable = ibis.literal(_seconds(policy.durable), type="int64")
    replenished = (known.kind == REPLENISHABLE, ibis.least(stretched, durable))
    return ibis.cases(replenished, (known.kind == PIECES, plainly), else_=durable)


def _stretch(known: ir.Table) -> ir.FloatingValue:
    """How many times the usual quantity the person bought and still has, from 1 to MOST_STRETCHED."""
    left = ibis.least(known.last_quantity, known.net_quantity).cast("float64")
    return ibis.least(ibis.greatest((left / known.usual).fill_null(1.0), 1.0), MOST_STRETCHED)
