"""What persons spent and when: the base of RFM, tiers and what is foreseen."""

import ibis
import ibis.expr.types as ir

from connector.decide.cutpoints import TYPES
from connector.policies.loyalty import LoyaltyPolicy
from connector.relations import Moment, ago, lasting

DAY = 86_400
MONEY = "decimal(18,4)"

CURRENCY = "currency"
"""The figure among the cutpoints whose `tie` is the shop's main currency and whose `value` counts its lines."""


def main_currency(line: ir.Table) -> ir.Table:
    """One cutpoint row: the currency of most purchases (ties by name); no row where no line names one."""
    named = line.filter(line.currency.notnull(), line.counts > 0)
    used = named.group_by("currency").agg(lines=named.count())
    first = used.order_by([used.lines.desc(), used.currency]).limit(1)
    row = {"figure": ibis.literal(CURRENCY), "rank": ibis.literal(0), "value": first.lines, "tie": first.currency}
    return first.select(**{name: row[name].cast(kind) for name, kind in TYPES.items()})


def currency_of(cutpoint: ir.Table) -> str | None:
    """The shop's main currency; None where no line named one."""
    found = cutpoint.filter(cutpoint.figure == CURRENCY).select("tie").to_pyarrow()["tie"].to_pylist()
    return found[0] if found else None


def buying(line: ir.Table, cutpoint: ir.Table, policy: LoyaltyPolicy, as_of: Moment) -> ir.Table:
    """What persons with lines bought up to `as_of`.

    Columns: person_id, orders, order_days, spend, first_order_at, last_order_at, tier_spend, tier_change_at. An order
    counts, in any currency, when it has a line that was not given back whole; `order_days` counts the days (UTC)
    with one. `tier_spend` is the spend of the tier's window, None without an order in it; `tier_change_at` is when the
    oldest line leaves the window.
    """
    order = _orders(priced(line, cutpoint))
    recent = order.ordered_at > ago(as_of, policy.window)
    found = order.group_by("person_id").agg(
        orders=order.named.nunique(where=order.sold),
        order_days=day(order.ordered_at).nunique(where=order.sold),
        spend=order.spent.sum().cast(MONEY),
        first_order_at=order.ordered_at.min(where=order.sold),
        last_order_at=order.ordered_at.max(where=order.sold),
        recent_spend=order.spent.sum(where=recent).cast(MONEY),
        in_window=(order.sold & recent).any(),
        oldest=order.ordered_at.min(where=recent),
    )
    tier_spend = ibis.ifelse(found.in_window, found.recent_spend, ibis.null(MONEY))
    return found.mutate(tier_spend=tier_spend, tier_change_at=found.oldest + lasting(policy.window)).drop(
        "recent_spend", "in_window", "oldest"
    )


def _orders(line: ir.Table) -> ir.Table:
    """[person_id, named, ordered_at, spent, sold]: lines of one order and moment in one row, as there are fewer."""
    told = line.mutate(named=line.order_id.coalesce(line.order_key))
    return told.group_by("person_id", "named", "ordered_at").agg(spent=told.spent.sum(), sold=(told.counts > 0).any())


def day(moment: ir.TimestampValue) -> ir.IntegerValue:
    """Days since 1970, in UTC."""
    return (moment.epoch_seconds() // DAY).cast("int64")


def priced(line: ir.Table, cutpoint: ir.Table) -> ir.Table:
    """Lines with `spent`: what each adds to the spend, negative for a return.

    Spend is in the shop's main currency (a line without currency is in it); others are never added.
    """
    told = line.cross_join(cutpoint.aggregate(main=cutpoint.tie.max(where=cutpoint.figure == CURRENCY)))
    value = (told.counts * told.unit_price).fill_null(ibis.literal(0, type=MONEY))
    return told.mutate(spent=ibis.ifelse((told.currency == told.main).fill_null(True), value, 0))
