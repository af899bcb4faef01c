"""How long and how often persons have been buying, in whole days (UTC); several orders on one day count as one."""

from datetime import datetime

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from connector.decide.loyalty.buy_till_you_die.gamma_gamma import Spendings
from connector.decide.loyalty.buy_till_you_die.histories import Histories
from connector.decide.loyalty.buying import day
from connector.relations import at

COLUMNS = ("repeats", "last", "age")
MOST_HISTORIES = 20_000
"""Different histories that a model is fitted to; where there are more, days are rounded until there are not."""
LONGEST = 2**20 - 1
"""Days, and orders, that are told apart: 2,870 years."""


def lifetimes(bought: ir.Table, until: datetime | ir.TimestampValue) -> ir.Table:
    """[person_id, repeats, last, age] of persons with an order; see `Histories`.

    `age` is the time until `until`, or until the person's own last order if that is later.
    """
    buyer = bought.filter(bought.order_days > 0)
    first, last = day(buyer.first_order_at), day(buyer.last_order_at)
    today = day(at(until)) if isinstance(until, datetime) else day(until)
    return buyer.select(
        "person_id", repeats=buyer.order_days - 1, last=last - first, age=ibis.greatest(today, last) - first
    )


def histories(lived: ir.Table) -> Histories:
    """How many persons of `lifetimes` have which history."""
    counted = lived.group_by(*COLUMNS).agg(persons=lived.count()).order_by(*COLUMNS).to_pyarrow()
    found, step = _of(counted), 1
    while len(found.age) > MOST_HISTORIES:
        step *= 2
        found = _rounded(_of(counted), step)
    return found


def _of(counted: pa.Table) -> Histories:
    repeats, last, age, persons = (counted[name].to_numpy() for name in (*COLUMNS, "persons"))
    return Histories.of(repeats, last, age, persons)


def _rounded(seen: Histories, step: int) -> Histories:
    """The same with times in whole steps of days; the last order stays after the first and before the end."""
    last = np.ceil(seen.last / step) * step
    age = np.maximum(np.round(seen.age / step) * step, last)
    packed = sum(each.astype(np.int64) << bits for each, bits in ((seen.repeats, 40), (last, 20), (age, 0)))
    kinds, place = np.unique(packed, return_inverse=True)
    repeats, last, age = ((kinds >> bits) & LONGEST for bits in (40, 20, 0))
    return Histories.of(repeats, last, age, np.bincount(place, weights=seen.persons))


def spendings(bought: ir.Table) -> Spendings:
    """What an order was worth to how many: of persons who came again and spent, means rounded to one part in a hundred.

    Spend is net of returns, in the shop's main currency.
    """
    buyer = bought.filter(bought.order_days > 1, bought.spend > 0)
    mean = buyer.spend.cast("float64") / buyer.order_days
    known = buyer.select("order_days", mean=mean, step=(mean.ln() * 100).round().cast("int64"))
    found = known.group_by("order_days", "step").agg(mean=known["mean"].mean(), persons=known.count())
    rows = found.order_by("order_days", "step").to_pyarrow()
    return Spendings(*(rows[name].to_numpy().astype(np.float64) for name in ("order_days", "mean", "persons")))
