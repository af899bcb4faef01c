"""Whether a model of buyers foresees orders better than a plain rule: both are held against what was ordered last."""

from dataclasses import dataclass
from datetime import datetime

import ibis.expr.types as ir
import numpy as np

from connector.decide.loyalty.buy_till_you_die import beta_geometric, plain
from connector.decide.loyalty.buy_till_you_die.beta_geometric import BetaGeometric
from connector.decide.loyalty.buy_till_you_die.histories import Histories, Numbers
from connector.decide.loyalty.buy_till_you_die.plain import PlainRule
from connector.decide.loyalty.buying import day
from connector.decide.loyalty.lifetimes import COLUMNS, histories
from connector.policies.loyalty import LEARNED, MBG_NBD, PLAIN, LoyaltyPolicy
from connector.relations import Keep, at, lazily

ENOUGH = 100
"""Buyers who came again, below which parameters, and differences, say more of chance than of buyers."""
TRIED_ON = 50_000
"""Buyers whom the two are tried on, if there are more: errors differ by a hundredth then."""


@dataclass(frozen=True)
class Proof:
    """Which of the two stands, and why in words."""

    model: str
    why: str


def proof(line: ir.Table, policy: LoyaltyPolicy, as_of: datetime, keep: Keep = lazily) -> Proof | None:
    """What would have erred less over the last `policy.horizon`, by the mean of |orders foreseen - orders that came|.

    None where the policy names a model, or where too few had come again by then.

    Args:
        line: of all persons, up to `as_of`; see `merge.lines`.
    """
    if policy.model != LEARNED:
        return None
    buyer = keep(_buyers(line, as_of - policy.horizon))
    seen = histories(buyer)
    if np.sum(seen.persons[seen.repeats > 0]) < ENOUGH:
        return None
    model, found = beta_geometric.fitted(seen)
    if not found:
        return None
    days = policy.horizon.total_seconds() / 86_400
    rule = plain.learned(seen, days)
    return _better(_missed(buyer, model, days), _missed(buyer, rule, days), round(days))


def _better(model: float, rule: float, days: int) -> Proof:
    tried = f"over the last {days} days"
    if rule < model:
        return Proof(PLAIN, f"{tried} it missed {rule:.3f} orders a person, the model {model:.3f}")
    return Proof(MBG_NBD, f"{tried} it missed {model:.3f} orders a person, the plain rule {rule:.3f}")


def _buyers(line: ir.Table, split: datetime) -> ir.Table:
    """[*COLUMNS, came] of buyers up to `split`, as `lifetimes` has them, with the days of orders that came after it."""
    sold = line.filter(line.counts > 0)
    before, on = sold.ordered_at <= at(split), day(sold.ordered_at)
    each = sold.group_by("person_id").agg(
        days=on.nunique(where=before),
        came=on.nunique(where=~before),
        first=on.min(where=before),
        to=on.max(where=before),
    )
    some = each.filter(each.days > 0).order_by(each.person_id.reverse()).limit(TRIED_ON)
    age = day(at(split)) - some["first"]
    return some.select(repeats=some.days - 1, last=some.to - some["first"], age=age, came=some.came)


def _missed(buyer: ir.Table, model: BetaGeometric | PlainRule, days: float) -> float:
    counted = buyer.group_by(*COLUMNS, "came").agg(persons=buyer.count())
    kinds = counted.order_by(*COLUMNS, "came").to_pyarrow()  # or the last digit would be another each time
    repeats, last, age, came, persons = (kinds[name].to_numpy() for name in (*COLUMNS, "came", "persons"))
    seen = Histories.of(repeats, last, age, persons)
    missed: Numbers = np.abs(model.expected_orders(seen, days) - came)
    return float(np.average(missed, weights=seen.persons))
