"""Orders foreseen by the model and by plain rules, so that the two can be held against what came.

An order is a day (UTC) on which a person ordered, as everywhere in what is foreseen.
"""

from dataclasses import replace
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir

from connector.decide.loyalty import rfm
from connector.decide.loyalty.buyer_models import learned
from connector.decide.loyalty.buying import buying, day, main_currency
from connector.decide.loyalty.outlook import outlook
from connector.decide.loyalty.proof import proof
from connector.policies.loyalty import LoyaltyPolicy
from connector.relations import Keep, at, lazily

MODEL, SAME_AGAIN, LAST_YEAR, CELL = "model", "same_as_before", "same_as_last_year", "rfm_cell"
METHODS = (MODEL, SAME_AGAIN, LAST_YEAR, CELL)
YEAR = timedelta(days=365)


def expected_orders_at(
    line: ir.Table, policy: LoyaltyPolicy, split: datetime, until: datetime, keep: Keep = lazily
) -> ir.Table:
    """[person_id, method, orders] in the time after `split` up to `until`, of everybody who had ordered by `split`.

    Methods: `model` is what the policy names or chooses; `same_as_before` what they ordered in as long a time before;
    `same_as_last_year` what they ordered in it a year ago (no rows where the shop's history is too short); `rfm_cell`
    what persons of the same cell ordered, on average, in the time up to `split`.

    Args:
        line: merged as of `split` (what was known then), of all persons.
    """
    line = line.filter(line.ordered_at <= at(split))
    span = until - split
    buyer = keep(_bought(line, policy, split))
    found = {
        MODEL: _by_model(line, buyer, replace(policy, horizon=span), split, keep),
        SAME_AGAIN: order_days(line, split - span, split),
        CELL: _by_cell(line, buyer, policy, split, span),
    }
    if _reaches(line, split - YEAR):
        found[LAST_YEAR] = order_days(line, split - YEAR, until - YEAR)
    people = buyer.filter(buyer.order_days > 0).select("person_id")
    return ibis.union(*[_of_everybody(people, part, method) for method, part in found.items()])


def order_days(line: ir.Table, after: datetime, until: datetime) -> ir.Table:
    """[person_id, orders] of persons who ordered in this time."""
    sold = line.filter(line.counts > 0, line.ordered_at > at(after), line.ordered_at <= at(until))
    return sold.group_by("person_id").agg(orders=day(sold.ordered_at).nunique())


def _bought(line: ir.Table, policy: LoyaltyPolicy, as_of: datetime) -> ir.Table:
    return buying(line, main_currency(line), policy, as_of)


def _reaches(line: ir.Table, moment: datetime) -> bool:
    """Whether the shop's history goes back so far."""
    first = line.aggregate(first=line.ordered_at.min()).to_pyarrow()["first"][0].as_py()
    return first is not None and bool(first <= moment)


def _of_everybody(people: ir.Table, part: ir.Table, method: str) -> ir.Table:
    both = people.left_join(part.select("person_id", "orders"), "person_id")
    orders = both.orders.cast("float64").fill_null(0.0)
    return both.select("person_id", method=ibis.literal(method), orders=orders)


def _by_model(line: ir.Table, buyer: ir.Table, policy: LoyaltyPolicy, split: datetime, keep: Keep) -> ir.Table:
    foreseen = outlook(buyer, learned(buyer, policy, split, proof(line, policy, split, keep)), policy)
    return foreseen.select("person_id", orders="expected_orders")


def _by_cell(line: ir.Table, buyer: ir.Table, policy: LoyaltyPolicy, split: datetime, span: timedelta) -> ir.Table:
    """What each cell ordered after `split - span`, told to those who are in it at `split`."""
    before = line.filter(line.ordered_at <= at(split - span))
    then = _cells(_bought(before, policy, split - span), policy, split - span)
    came = then.left_join(order_days(line, split - span, split), "person_id")
    mean = came.group_by("rfm_cell").agg(orders=came.orders.fill_null(0).mean())
    return _cells(buyer, policy, split).inner_join(mean, "rfm_cell").select("person_id", "orders")


def _cells(bought: ir.Table, policy: LoyaltyPolicy, as_of: datetime) -> ir.Table:
    return rfm.scored(bought, rfm.boundaries(bought, policy, as_of)).select("person_id", "rfm_cell")
