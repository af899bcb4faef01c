"""Suppression: how a person stands to a family, and what is kept out of their ads for it.

What was bought and is still there is `bought` until the window of the purchase ends; then `replenish_due` where the
family is used up and bought again, else `readmitted`. What was given back is `returned` until it has cooled off, then
`readmitted`. What was looked at and neither bought nor given back is `touched`.
"""

import ibis
import ibis.expr.types as ir

from connector.decide.items import with_item
from connector.decide.suppression.rhythm import REPLENISHABLE
from connector.decide.suppression.windows import with_window
from connector.decide.text import json_object, plain
from connector.policies.suppression import SuppressionPolicy
from connector.relations import KINDS, Moment, at, lasting, without

TOUCHED, BOUGHT, RETURNED, REPLENISH_DUE, READMITTED = "touched", "bought", "returned", "replenish_due", "readmitted"
COOL_OFF = "cool_off"
"""`length` of a return's window."""


def standings(holding: ir.Table, catalogue: ir.Table, rhythm: ir.Table, policy: SuppressionPolicy) -> ir.Table:
    """What keeps each pair out of ads, and until when, whenever that is or was: the one definition of suppression.

    Rows of `holding` that were bought or given back, with `state` (bought | returned), `reason`, `since`, `until`,
    `length` (what the window's length follows), `then` (replenish_due | readmitted: what follows when it ends), and
    `title`, `product_type` and `sensitive` of the product. The `last_...` columns tell of the newest return where the
    state is returned, else of the newest purchase. A net quantity of nought or less is a return, unless an exchange
    made it good; a return of a part is none.

    Args:
        holding: as in the warehouse, or rows of that shape at other moments.
        rhythm: the shop-wide figure, without `run`.
    """
    known = holding.filter((holding.net_quantity > 0) | holding.last_return_at.notnull())
    held = (known.net_quantity > 0) | (known.exchanged & known.last_purchase_at.notnull())
    told = known.mutate(
        state=ibis.ifelse(held, BOUGHT, RETURNED),
        reason=ibis.cases((~held, RETURNED), (known.exchanged, "exchanged"), (known.gift, "gift"), else_=BOUGHT),
        since=ibis.ifelse(held, known.last_purchase_at, known.last_return_at),
        last_order_id=ibis.ifelse(held, known.last_order_id, known.return_order_id),
        last_line_key=ibis.ifelse(held, known.last_line_key, known.return_line_key),
        last_product_id=ibis.ifelse(held, known.last_product_id, known.return_product_id),
    )
    timed = with_window(with_item(told, catalogue), rhythm, policy)
    back = timed.state == RETURNED
    used_up = ~back & (timed.kind == REPLENISHABLE) & ~timed.gift
    return timed.mutate(
        until=ibis.ifelse(back, timed.since + lasting(policy.cool_off), timed.ends_at),
        length=ibis.ifelse(back, COOL_OFF, timed.length),
        then=ibis.ifelse(used_up, REPLENISH_DUE, READMITTED),
    ).drop("ends_at", "kind")


def suppressed(standing: ir.Table, as_of: Moment) -> ir.Table:
    """The standings that keep something out of ads at `as_of`."""
    return standing.filter(standing.until > at(as_of))


def due(standing: ir.Table, as_of: Moment) -> ir.Table:
    """The standings of what is used up by `as_of`: bought, of a replenishable family, window over, and no gift."""
    return standing.filter(standing.then == REPLENISH_DUE, standing.until <= at(as_of))


def suppression(active: ir.Table) -> ir.Table:
    """The warehouse's `suppression`, of what `suppressed` gives; no title where sensitive."""
    told = ("person_id", "family", "state", "reason", "since", "until", "length")
    return active.select(*told, evidence=evidence(active), title=_shown(active))


def replenish(used_up: ir.Table, family: ir.Table) -> ir.Table:
    """The warehouse's `replenish`, of what `due` gives: [person_id, family, due_at, evidence, title].

    Args:
        family: the shop-wide figure: what is sold out is due, but nobody is told to buy it.
    """
    told = without(used_up, family.filter(~family.available), ["family"])
    return told.select("person_id", "family", due_at="until", evidence=evidence(told), title=_shown(told))


def evidence(standing: ir.Table) -> ir.StringValue:
    """The order line behind a standing, as JSON; `quantity` is what the person still has."""
    return json_object(
        order_id=standing.last_order_id,
        line=standing.last_line_key,
        product_id=standing.last_product_id,
        quantity=plain(standing.net_quantity),
    )


def _shown(standing: ir.Table) -> ir.StringValue:
    return ibis.ifelse(standing.sensitive, ibis.null("string"), standing.title)


def states(standing: ir.Table, touch: ir.Table, as_of: Moment) -> ir.Table:
    """[person_id, family, state, reason, since, until, length, evidence]: every pair with a holding or touch.

    `since` is when the pair came into its state; `until`, when it leaves it by itself, None where it does not.
    """
    ended = standing.until <= at(as_of)
    moved = standing.select(
        "person_id",
        "family",
        "reason",
        "length",
        state=ibis.ifelse(ended, standing.then, standing.state),
        since=ibis.ifelse(ended, standing.until, standing.since),
        until=ibis.ifelse(ended, ibis.null(standing.until.type()), standing.until),
        evidence=evidence(standing),
    )
    touched = _touched(without(touch, standing, ["person_id", "family"]))
    return moved.union(touched.select(*moved.columns).cast(moved.schema()))


def _touched(touch: ir.Table) -> ir.Table:
    counted = {column: touch[column].cast("string") for column in KINDS.values()}
    return touch.select(
        "person_id",
        "family",
        reason=ibis.literal(TOUCHED),
        length=ibis.null("string"),
        state=ibis.literal(TOUCHED),
        since=ibis.greatest(*[touch[f"last_{kind}_at"] for kind in KINDS]),
        until=ibis.null(touch.last_view_at.type()),
        evidence=json_object(product_id=touch.last_product_id, **counted),
    )
