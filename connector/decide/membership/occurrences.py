"""Single purchases, returns and interactions, for what sums a person and family cannot tell: how often, which product.

Nothing here is computed unless a rule asks for it.
"""

from collections.abc import Mapping
from typing import Any

import ibis
import ibis.expr.types as ir

from connector.relations import SHOWN, Merged
from connector.rule_words import TOUCHES

COUNTED = ("at_least", "product")
"""Options that need single events."""
ALWAYS = ("returned", "responded")
"""Words that no sum tells."""

_GROUPS: Mapping[str, tuple[str, ...]] = {"category": ("product_type",), "family": ("family",)}


def single(word: str, options: Mapping[str, Any]) -> bool:
    """Whether the word with these options is about single events."""
    return word in ALWAYS or any(name in options for name in COUNTED)


def occurrences(merged: Merged, word: str) -> ir.Table:
    """[person_id, family, last_product_id, moment, occasion, tie] and what reasons need, one row an event of the word.

    An `occasion` is what `at_least` counts: an order, or a single interaction. Responses are interactions but
    impressions that name a campaign; their family may be null.
    """
    if word in ("bought", "returned"):
        return _lines(merged.lines, word)
    seen = merged.interaction
    if word == "responded":
        return _interactions(seen.filter(seen.kind != SHOWN, seen.campaign.notnull()))
    return _interactions(seen.filter(seen.kind == TOUCHES[word], seen.family.notnull()))


def _lines(line: ir.Table, word: str) -> ir.Table:
    known = line.filter(line.family.notnull())
    given_back = (known.quantity < 0) | (known.counts < known.quantity)
    chosen = known.filter(known.counts > 0 if word == "bought" else given_back)
    return chosen.select(
        "person_id",
        "family",
        last_product_id="product_id",
        last_order_id="order_id",
        last_line_key="key",
        moment="ordered_at",
        occasion=chosen.order_id.coalesce(chosen.order_key, chosen.key),
        tie="key",
    )


def _interactions(rows: ir.Table) -> ir.Table:
    return rows.select(
        "person_id",
        "family",
        "campaign",
        last_product_id="product_id",
        moment="occurred_at",
        occasion="key",
        tie="key",
    )


def often(rows: ir.Table, options: Mapping[str, Any]) -> ir.Table:
    """The rows of persons (or of a person's categories or families) with enough occasions, and how many: `times`."""
    keys = ["person_id", *_GROUPS.get(options.get("in_one", ""), ())]
    counted = rows.group_by(keys).agg(times=rows.occasion.nunique())
    enough = counted.filter(counted.times >= options.get("at_least", 1))
    return rows.inner_join(enough, keys).select(*[rows[name] for name in rows.columns], enough.times)


def newest_of_family(rows: ir.Table) -> ir.Table:
    """The newest event of each person and family; of equally new ones that with the greatest key."""
    order = [rows.moment.desc(), rows.tie.desc()]
    pair = ibis.window(group_by=[rows.person_id, rows.family], order_by=order)
    placed = rows.mutate(age=ibis.row_number().over(pair))
    return placed.filter(placed.age == 0).drop("age")
