"""What persons hold: person x family, with signed quantities, so that a return gives the item back."""

import ibis
import ibis.expr.types as ir

from connector.relations import Keep, among, lazily

MONEY = "decimal(18,4)"
PAIR = ("person_id", "family")
NEWEST = ("last_quantity", "last_order_id", "last_line_key", "last_product_id")
"""What is told of the newest purchase."""


def holdings(line: ir.Table, keep: Keep = lazily) -> ir.Table:
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
    summed = keep(_summed(known))
    repeated = keep(summed.filter(summed.purchases > 1).select(*PAIR))
    newest = _newest_purchase(among(known.filter(known.counts > 0), repeated, PAIR))
    held = _of_newest(summed, newest)
    for part in (_last_return(back), _exchanged(among(known, back, PAIR))):
        held = held.left_join(part, PAIR).drop("person_id_right", "family_right")
    return held.mutate(exchanged=held.exchanged.fill_null(False))


def returns(line: ir.Table) -> ir.BooleanColumn:
    """Which lines gave something back: negative ones, and those of orders that came back whole."""
    return (line.quantity < 0) | (line.counts < line.quantity)


def _summed(line: ir.Table) -> ir.Table:
    """One row a pair, with how many `purchases` it has; NEWEST is right where that is one, or none."""
    bought = line.counts > 0
    return line.group_by(*PAIR).agg(
        net_quantity=line.counts.sum().cast(MONEY),
        bought_quantity=line.quantity.sum(where=line.quantity > 0).fill_null(0).cast(MONEY),
        last_quantity=line.counts.sum(where=bought).cast(MONEY),
        first_purchase_at=line.ordered_at.min(where=bought),
        last_purchase_at=line.ordered_at.max(where=bought),
        last_return_at=line.ordered_at.max(where=returns(line)),
        last_order_id=line.order_id.max(where=bought),
        last_line_key=line.key.max(where=bought),
        last_product_id=line.product_id.max(where=bought),
        gift=bought.any() & ~(bought & ~line.gift).any(),
        purchases=bought.sum(),
    )


def _newest_purchase(bought: ir.Table) -> ir.Table:
    """[person_id, family, ...] with NEWEST of what was bought last of each pair.

    Args:
        bought: the purchases of some pairs.
    """
    newest = ibis.window(group_by=[bought.person_id, bought.family], order_by=_newest_first(bought))
    ranked = bought.mutate(age=ibis.row_number().over(newest), last_at=bought.ordered_at.first().over(newest))
    first = ranked.age == 0
    return ranked.group_by(*PAIR).agg(
        last_quantity=ranked.counts.sum(where=ranked.ordered_at == ranked.last_at).cast(MONEY),
        last_order_id=ranked.order_id.max(where=first),
        last_line_key=ranked.key.max(where=first),
        last_product_id=ranked.product_id.max(where=first),
    )


def _newest_first(line: ir.Table) -> list[ir.Value]:
    return [line.ordered_at.desc(), line.key.desc()]


def _of_newest(summed: ir.Table, newest: ir.Table) -> ir.Table:
    """`summed` with NEWEST from `newest` where that has the pair."""
    both = summed.left_join(newest.mutate(several=True), PAIR)
    several = both.several.fill_null(False)
    told = {name: ibis.ifelse(several, both[f"{name}_right"], both[name]) for name in NEWEST}
    return both.select(*[name for name in summed.columns if name not in (*NEWEST, "purchases")], **told)


def _last_return(back: ir.Table) -> ir.Table:
    """What came back last of each pair (of equally new lines, that with the greatest key)."""
    newest = ibis.window(group_by=[back.person_id, back.family], order_by=_newest_first(back))
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
