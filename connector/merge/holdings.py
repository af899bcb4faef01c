"""What persons hold: person x family, with signed quantities, so that a return gives the item back."""

import ibis
import ibis.expr.types as ir

from connector.relations import among

MONEY = "decimal(18,4)"
PAIR = ("person_id", "family")


def holdings(line: ir.Table) -> ir.Table:
    """[person_id, family, ...] as in the warehouse's `holding`, for every pair that has a line.

    First and last purchase are of lines that count for more than nought (of equally new ones, that with the greatest
    key); they are None where the person only gave back. `last_quantity` is what was bought at that last moment.
    `bought_quantity` counts what was given back whole, too. `net_quantity` may be negative: the purchase may be older
    than our data. `gift`: all that was bought was given away. `exchanged`: on the newest day of the pair (in UTC) at
    least as many were bought as given back, in another variant.

    Args:
        line: with `counts`; see `sales.counted`.
    """
    known = line.filter(line.person_id.notnull(), line.family.notnull())
    back = known.filter(returns(known))
    held = _summed(_newest_first(known))
    for part in (_last_return(back), _exchanged(among(known, back, PAIR))):
        held = held.left_join(part, PAIR).drop("person_id_right", "family_right")
    return held.mutate(exchanged=held.exchanged.fill_null(False))


def returns(line: ir.Table) -> ir.BooleanColumn:
    """Which lines gave something back: negative ones, and those of orders that came back whole."""
    return (line.quantity < 0) | (line.counts < line.quantity)


def _summed(ranked: ir.Table) -> ir.Table:
    bought = ranked.counts > 0
    newest = bought & (ranked.age == 0)
    return ranked.group_by(*PAIR).agg(
        net_quantity=ranked.counts.sum().cast(MONEY),
        bought_quantity=ranked.quantity.sum(where=ranked.quantity > 0).fill_null(0).cast(MONEY),
        last_quantity=ranked.counts.sum(where=bought & (ranked.ordered_at == ranked.last_at)).cast(MONEY),
        first_purchase_at=ranked.ordered_at.min(where=bought),
        last_purchase_at=ranked.ordered_at.max(where=bought),
        last_return_at=ranked.ordered_at.max(where=returns(ranked)),
        last_order_id=ranked.order_id.max(where=newest),
        last_line_key=ranked.key.max(where=newest),
        last_product_id=ranked.product_id.max(where=newest),
        gift=bought.any() & ~(bought & ~ranked.gift).any(),
    )


def _newest_first(line: ir.Table) -> ir.Table:
    """`age` 0 is the newest purchase of the pair, `last_at` its moment."""
    sold_first = [line.counts <= 0, line.ordered_at.desc(), line.key.desc()]
    pair = ibis.window(group_by=[line.person_id, line.family], order_by=sold_first)
    return line.mutate(age=ibis.row_number().over(pair), last_at=line.ordered_at.first().over(pair))


def _last_return(back: ir.Table) -> ir.Table:
    """What came back last of each pair (of equally new lines, that with the greatest key)."""
    newest = ibis.window(group_by=[back.person_id, back.family], order_by=[back.ordered_at.desc(), back.key.desc()])
    ranked = back.mutate(age=ibis.row_number().over(newest))
    last = ranked.filter(ranked.age == 0)
    return last.select(*PAIR, return_order_id="order_id", return_line_key="key", return_product_id="product_id")


def _exchanged(line: ir.Table) -> ir.Table:
    """[person_id, family, exchanged] of pairs of which something came back.

    Args:
        line: all lines of such pairs.
    """
    sold, taken = line.counts > 0, line.counts < 0
    days = (
        line.mutate(day=line.ordered_at.truncate("D"))
        .group_by(*PAIR, "day")
        .agg(
            balance=line.counts.sum(),
            came=line.product_id.min(where=sold),
            went=line.product_id.min(where=taken),
            last_came=line.product_id.max(where=sold),
            last_went=line.product_id.max(where=taken),
        )
    )
    newest = ibis.window(group_by=[days.person_id, days.family], order_by=days.day.desc())
    ranked = days.mutate(age=ibis.row_number().over(newest))
    other = (ranked.came != ranked.went) | (ranked.last_came != ranked.last_went)
    swapped = other.fill_null(False) & (ranked.balance >= 0)
    return ranked.mutate(exchanged=swapped).filter(ranked.age == 0).select(*PAIR, "exchanged")
