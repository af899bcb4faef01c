"""What is still to come from a person: whether they buy at all, how many orders, and what they are worth."""

from functools import partial

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from connector.decide.loyalty.buy_till_you_die.histories import Histories, Numbers
from connector.decide.loyalty.buyer_models import read
from connector.decide.loyalty.buying import MONEY
from connector.decide.loyalty.lifetimes import COLUMNS, lifetimes
from connector.policies.loyalty import LoyaltyPolicy
from connector.relations import Keep, lazily, through

NAMES = ("p_alive", "expected_orders", "expected_value")
VALUE = ("p", "q", "v")
"""Parameters of what an order is worth; see `GammaGamma`."""
DIGITS = 4


def outlook(bought: ir.Table, model: ir.Table, policy: LoyaltyPolicy, keep: Keep = lazily) -> ir.Table:
    """[person_id, p_alive, expected_orders, expected_value] of persons with an order, with four decimals.

    p_alive: the chance that they buy again at all. expected_orders: days with an order within `policy.horizon`;
    expected_value: what these are worth, in the shop's main currency. All three say so for the moment at which the
    figures were refreshed, or for the person's last order if that is later, so that nothing of a person changes between
    refreshes without news. The models are evaluated by NumPy on each history there is, once, a few microseconds each.

    Args:
        bought: see `buying`; read twice.
        model: the figure; where it has no rows all is unknown.
    """
    learned = model.agg(learned_at=model.learned_at.max(), **{name: _parameter(model, name) for name in VALUE})
    lived = keep(lifetimes(bought.cross_join(learned), learned.learned_at))
    foretold = partial(_foretold, days=policy.horizon.total_seconds() / 86_400)
    foreseen = through(keep, foretold, lived.select(*COLUMNS).distinct(), model)
    known = lived.inner_join(foreseen, COLUMNS).drop("repeats", "last", "age")
    both = known.inner_join(bought.select("person_id", "order_days", "spend"), "person_id").cross_join(learned)
    worth = both.expected_orders * _order_value(both)
    return both.select(
        "person_id",
        p_alive=both.p_alive.cast(MONEY),
        expected_orders=both.expected_orders.cast(MONEY),
        expected_value=worth.cast(MONEY),
    )


def _parameter(model: ir.Table, name: str) -> ir.FloatingScalar:
    return model.value.max(where=model.parameter == name)


def _foretold(kinds: pa.Table, model: pa.Table, days: float) -> pa.Table:
    """[repeats, last, age, p_alive, expected_orders] of each history there is; no row where nothing was learned."""
    models = read(model.to_pylist())
    if models is None:
        return pa.schema([*kinds.schema, *((name, pa.float64()) for name in NAMES[:2])]).empty_table()
    seen = Histories.of(*(kinds[name].to_numpy() for name in COLUMNS))
    found = {"p_alive": models.orders.p_alive(seen), "expected_orders": models.orders.expected_orders(seen, days)}
    for name, values in found.items():
        kinds = kinds.append_column(name, pa.array(_rounded(values)))
    return kinds


def _rounded(values: Numbers) -> Numbers:
    """Few enough digits that every engine and every processor agrees on them."""
    found: Numbers = np.round(values, DIGITS)
    return found


def _order_value(person: ir.Table) -> ir.FloatingValue:
    """`GammaGamma.expected_value` as an expression; what was given back beyond what was bought counts as nothing."""
    spent = ibis.greatest(person.spend.cast("float64"), 0.0)
    return person.p * (person.v + spent) / (person.p * person.order_days + person.q - 1)
