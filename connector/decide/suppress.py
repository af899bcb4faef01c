"""Suppression: a family that somebody bought and still has is out of their ads until the purchase's window ends."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir

from connector.decide.items import under, with_item
from connector.decide.text import json_object, plain
from connector.policies.suppression import SuppressionPolicy
from connector.relations import Merged, at, lasting

BOUGHT = "bought"


def suppressed(merged: Merged, policy: SuppressionPolicy, as_of: datetime) -> ir.Table:
    """Holdings that are suppressed at `as_of`, with `until`, `title`, `product_type` and `sensitive`.

    The window runs from the newest purchase. A net quantity of nought or less lifts it; a return of a part does not.
    """
    kept = with_item(merged.holding.filter(merged.holding.net_quantity > 0), merged.catalogue)
    until = kept.mutate(until=_end(kept, policy.window, policy.windows))
    return until.filter(until.until > at(as_of))


def suppression(active: ir.Table) -> ir.Table:
    """[person_id, family, reason, since, until, evidence, title] of suppressed holdings; no title where sensitive."""
    return active.select(
        "person_id",
        "family",
        "until",
        reason=ibis.literal(BOUGHT),
        since="last_purchase_at",
        evidence=json_object(
            order_id=active.last_order_id,
            line=active.last_line_key,
            product_id=active.last_product_id,
            quantity=plain(active.net_quantity),
        ),
        title=ibis.ifelse(active.sensitive, ibis.null("string"), active.title),
    )


def _end(kept: ir.Table, window: timedelta, windows: Mapping[str, timedelta]) -> ir.TimestampValue:
    """End of the window of the product's type: the longest path that fits, else the default."""
    longest = sorted(windows, key=len, reverse=True)
    branches = [(under(kept.product_type, name), kept.last_purchase_at + lasting(windows[name])) for name in longest]
    plainly = kept.last_purchase_at + lasting(window)
    return ibis.cases(*branches, else_=plainly) if branches else plainly
