"""Suppression over time: from when until when each family was, or would have been, out of each person's ads."""

import ibis
import ibis.expr.types as ir

from connector.decide.suppression.standing import standings
from connector.policies.suppression import SuppressionPolicy

MONEY = "decimal(18,4)"
PAIR = ("person_id", "family")


def intervals(line: ir.Table, catalogue: ir.Table, rhythm: ir.Table, policy: SuppressionPolicy) -> ir.Table:
    """Pieces of time in which a family is out of a person's ads, as deciding at each moment would have said.

    [person_id, family, state, reason, length, then, suppressed_from, suppressed_until, until, order_id, line,
    product_id, quantity]: a piece begins with a purchase or return and holds from then (inclusive) to
    `suppressed_until` (exclusive), which is the next purchase or return, or the end of the window (`until`), whichever
    comes first. Pieces of a pair do not overlap. `state` says why it is out: bought (the person holds it), or returned
    and cooling off (they do not). `order_id`, `line` and `product_id` tell of the purchase or return, `quantity` of
    what was left after it.

    Who knows of purchases and returns only a while after them decides at `t` as at `t - lag`: an impression is removed
    if `t - lag` lies in a piece and `t` is before that piece's `until`.

    An order that came back as a whole by its state counts as never bought, as nobody can tell when it came back.

    Args:
        line: `Merged.lines`: all lines of the persons up to some moment, with `counts`.
        rhythm: the shop-wide figure, without `run`. To judge the past fairly, learn it from lines before the past
            that is judged.
    """
    moment = _moments(line.filter(line.person_id.notnull(), line.family.notnull()))
    standing = standings(_held_after(moment), catalogue, rhythm, policy)
    ends = ibis.least(standing.until, standing.next_at.fill_null(standing.until))
    piece = standing.mutate(suppressed_until=ends)
    return piece.filter(piece.suppressed_until > piece.moment).select(
        *PAIR,
        "state",
        "reason",
        "length",
        "then",
        "suppressed_until",
        "until",
        suppressed_from="moment",
        order_id="last_order_id",
        line="last_line_key",
        product_id="last_product_id",
        quantity="net_quantity",
    )


def _moments(line: ir.Table) -> ir.Table:
    """One row for each moment at which a person bought or gave back something of a family."""
    bought, taken = line.counts > 0, line.counts < 0
    back = (line.quantity < 0) | (line.counts < line.quantity)
    told = {
        f"{prefix}_{name}": line[column].argmax(line.key, where=which)
        for prefix, which in (("last", bought), ("return", back))
        for name, column in (("order_id", "order_id"), ("line_key", "key"), ("product_id", "product_id"))
    }
    return line.group_by(*PAIR, "ordered_at").agg(
        **told,
        balance=line.counts.sum(),
        sold=line.counts.sum(where=bought).cast(MONEY),
        bought=bought.any(),
        back=back.any(),
        own=(bought & ~line.gift).any(),
        came=line.product_id.min(where=bought),
        last_came=line.product_id.max(where=bought),
        went=line.product_id.min(where=taken),
        last_went=line.product_id.max(where=taken),
    )


def _held_after(moment: ir.Table) -> ir.Table:
    """Rows shaped as `holding`: what the pair came to with each moment; with `moment` and `next_at`."""
    so_far = ibis.cumulative_window(group_by=[moment[name] for name in PAIR], order_by=moment.ordered_at)
    ahead = ibis.window(group_by=[moment[name] for name in PAIR], order_by=moment.ordered_at)
    ran = moment.mutate(
        moment=moment.ordered_at,
        next_at=moment.ordered_at.lead().over(ahead),
        net_quantity=moment.balance.sum().over(so_far).cast(MONEY),
        last_purchase_at=_when(moment, moment.bought).max().over(so_far),
        last_return_at=_when(moment, moment.back).max().over(so_far),
        owned=moment.own.cast("int64").max().over(so_far),
        exchanged=_exchanged(moment),
    )
    ran = ran.mutate(gift=ran.last_purchase_at.notnull() & (ran.owned == 0))
    bought = ibis.window(group_by=[ran.person_id, ran.family, ran.last_purchase_at])
    back = ibis.window(group_by=[ran.person_id, ran.family, ran.last_return_at])
    names = ("order_id", "line_key", "product_id")
    return ran.mutate(
        last_quantity=ran.sold.max().over(bought),
        **{f"last_{name}": ran[f"last_{name}"].max().over(bought) for name in names},
        **{f"return_{name}": ran[f"return_{name}"].max().over(back) for name in names},
    )


def _when(moment: ir.Table, happened: ir.BooleanValue) -> ir.TimestampColumn:
    return ibis.ifelse(happened, moment.ordered_at, ibis.null("timestamp('UTC')"))


def _exchanged(moment: ir.Table) -> ir.BooleanValue:
    """Whether, so far on this day, at least as many were bought as given back, in another variant."""
    day = [moment.person_id, moment.family, moment.ordered_at.truncate("D")]
    today = ibis.cumulative_window(group_by=day, order_by=moment.ordered_at)
    other = (moment.came.min().over(today) != moment.went.min().over(today)) | (
        moment.last_came.max().over(today) != moment.last_went.max().over(today)
    )
    return other.fill_null(False) & (moment.balance.sum().over(today) >= 0)
