"""Suppression: ads shown to who had bought the item, how many of them would not have been, and what that would cost."""

from dataclasses import dataclass

import ibis.expr.types as ir

from connector.decide.families import families
from connector.decide.suppression.intervals import intervals
from connector.decide.suppression.rhythm import rhythms
from connector.decide.suppression.standing import RETURNED
from connector.evaluate.history import History
from connector.relations import lasting

PAIR = ["person_id", "family"]


@dataclass(frozen=True)
class Suppression:
    """Impressions, over all time up to the end.

    Attributes:
        identified: with an item, to somebody who is known today.
        after_purchase: of these, strictly later than the person's first purchase of the family.
        avoidable: of these, when both the purchase and who it was had been known for the lag.
        removed: what suppression with that lag would have stopped.
        wrongly_removed: of these, those of a family that the person neither held nor had just given back.
        before_repeat_purchase: of these, those after which the person bought the family again.
    """

    identified: int
    after_purchase: int
    avoidable: int
    removed: int
    wrongly_removed: int
    before_repeat_purchase: int


def suppression(past: History) -> Suppression:
    """Hold every impression against the pieces of time in which its family was out of the person's ads.

    Windows are learned from what came before the split; what came after it follows from `policy.suppression`.
    """
    home, line = past.home, past.after.lines
    family = home.warehouse.keep(families(past.before, home.audiences.policy))
    rhythm = home.warehouse.keep(rhythms(past.before.lines, family, past.split, home.warehouse.keep))
    piece = home.warehouse.keep(intervals(line, past.after.catalogue, rhythm, home.audiences.policy.suppression))
    bought = home.warehouse.keep(
        line.filter(line.counts > 0, line.family.notnull()).select(*PAIR, "ordered_at", "order_key")
    )
    after = home.warehouse.keep(after_purchase(past.impression, first_purchases(bought)))
    removed = home.warehouse.keep(_removed(past, piece))
    moved = line.filter(line.family.notnull()).select(*PAIR, "ordered_at", "counts")
    return Suppression(
        identified=_count(past.impression),
        after_purchase=_count(after),
        avoidable=_count(_early(after.mutate(since=after.first_at), past)),
        removed=_count(removed),
        wrongly_removed=_count(removed) - _count(_held(removed, moved)),
        before_repeat_purchase=_count(_bought_again(removed, bought)),
    )


def _count(table: ir.Table) -> int:
    return int(table.count().to_pyarrow().as_py())


def first_purchases(bought: ir.Table) -> ir.Table:
    """[person_id, family, first_at, order_key]: when each person first bought each family, and by which order."""
    first = bought.order_key.argmin(bought.ordered_at)
    return bought.group_by(*PAIR).agg(first_at=bought.ordered_at.min(), order_key=first)


def after_purchase(shown: ir.Table, first: ir.Table) -> ir.Table:
    """Ads that were shown strictly later than their person first bought their family."""
    both = shown.inner_join(first, PAIR)
    return both.filter(both.occurred_at > both.first_at)


def _early(shown: ir.Table, past: History) -> ir.Table:
    """Those whose purchase (`since`) and person were known for the lag."""
    lag = lasting(past.lag)
    told = shown.filter(shown.occurred_at >= shown.since + lag)
    return told.filter((told.occurred_at >= told.known_at + lag).fill_null(True))


def _removed(past: History, piece: ir.Table) -> ir.Table:
    """Impressions that a decision made the lag before them would have stopped: its window was still open then."""
    known = piece.select(*PAIR, "state", "suppressed_until", "until", since="suppressed_from")
    both = past.impression.inner_join(known, PAIR)
    standing = both.filter(both.occurred_at < both.suppressed_until + lasting(past.lag))
    return _early(standing.filter(standing.occurred_at < standing.until), past)


def _held(removed: ir.Table, moved: ir.Table) -> ir.Table:
    """Those of what the person held, counted anew from the lines, or was cooling off from."""
    both = removed.inner_join(moved, PAIR)
    past = both.filter(both.ordered_at <= both.occurred_at)
    summed = past.group_by("key", "state").agg(net=past.counts.sum())
    return summed.filter((summed.net > 0) | (summed.state == RETURNED))


def _bought_again(removed: ir.Table, bought: ir.Table) -> ir.Table:
    last = bought.group_by(*PAIR).agg(last_at=bought.ordered_at.max())
    both = removed.inner_join(last, PAIR)
    return both.filter(both.last_at > both.occurred_at)
