"""What persons hold: person x family, with signed quantities, so that a return gives the item back."""

import ibis
import ibis.expr.types as ir

MONEY = "decimal(18,4)"


def holdings(line: ir.Table) -> ir.Table:
    """[person_id, family, ...] as in the warehouse's `holding`, for every pair that has a line.

    First and last purchase are of lines that count for more than nought (of equally new ones, that with the greatest
    key); they are None where the person only gave back. `bought_quantity` counts what was given back whole, too.
    `net_quantity` may be negative: the purchase may be older than our data.

    Args:
        line: with `counts`; see `sales.counted`.
    """
    ranked = _newest_first(line.filter(line.person_id.notnull(), line.family.notnull()))
    bought, returned = ranked.counts > 0, (ranked.quantity < 0) | (ranked.counts < ranked.quantity)
    newest = bought & (ranked.age == 0)
    return ranked.group_by("person_id", "family").agg(
        net_quantity=ranked.counts.sum().cast(MONEY),
        bought_quantity=ranked.quantity.sum(where=ranked.quantity > 0).fill_null(0).cast(MONEY),
        first_purchase_at=ranked.ordered_at.min(where=bought),
        last_purchase_at=ranked.ordered_at.max(where=bought),
        last_return_at=ranked.ordered_at.max(where=returned),
        last_order_id=ranked.order_id.max(where=newest),
        last_line_key=ranked.key.max(where=newest),
        last_product_id=ranked.product_id.max(where=newest),
    )


def _newest_first(line: ir.Table) -> ir.Table:
    """`age` 0 is the newest purchase of the pair."""
    sold_first = [line.counts <= 0, line.ordered_at.desc(), line.key.desc()]
    pair = ibis.window(group_by=[line.person_id, line.family], order_by=sold_first)
    return line.mutate(age=ibis.row_number().over(pair))
