"""What is still to come from a person: whether they buy at all, how many orders, and what they are worth."""

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from connector.decide.buy_till_you_die.gamma_gamma import GammaGamma
from connector.decide.buy_till_you_die.histories import Histories, Numbers
from connector.decide.buyer_models import BuyerModels, read
from connector.decide.buying import MONEY
from connector.decide.lifetimes import COLUMNS, lifetimes
from connector.policies.loyalty import LoyaltyPolicy

NAMES = ("p_alive", "expected_orders", "expected_value")
DIGITS = 4


def outlook(bought: ir.Table, model: ir.Table, policy: LoyaltyPolicy) -> ir.Table:
    """[person_id, p_alive, expected_orders, expected_value] of persons with an order, with four decimals.

    p_alive: the chance that they buy again at all. expected_orders: days with an order within `policy.horizon`;
    expected_value: what these are worth, in the shop's main currency. All three say so for the moment at which the
    figures were refreshed, or for the person's last order if that is later, so that nothing of a person changes between
    refreshes without news. The models are evaluated by NumPy on each history there is, once, a few microseconds each.

    Args:
        bought: see `buying`; read twice.
        model: the figure; where it has no rows all is unknown.
    """
    models = read(model)
    if models is None:
        return bought.limit(0).select("person_id", **{name: ibis.null(MONEY) for name in NAMES})
    lived = lifetimes(bought, models.learned_at)
    days = policy.horizon.total_seconds() / 86_400
    known = lived.inner_join(_foreseen(lived, models, days), COLUMNS).drop("repeats", "last", "age")
    both = known.inner_join(bought.select("person_id", "order_days", "spend"), "person_id")
    worth = both.expected_orders * _order_value(both, models.value)
    return both.select(
        "person_id",
        p_alive=both.p_alive.cast(MONEY),
        expected_orders=both.expected_orders.cast(MONEY),
        expected_value=worth.cast(MONEY),
    )


def _foreseen(lived: ir.Table, models: BuyerModels, days: float) -> ir.Table:
    """[repeats, last, age, p_alive, expected_orders] of each history there is."""
    kinds = lived.select(*COLUMNS).distinct().to_pyarrow()
    seen = Histories.of(*(kinds[name].to_numpy() for name in COLUMNS))
    found = {"p_alive": models.orders.p_alive(seen), "expected_orders": models.orders.expected_orders(seen, days)}
    for name, values in found.items():
        kinds = kinds.append_column(name, pa.array(_rounded(values)))
    return ibis.memtable(kinds)


def _rounded(values: Numbers) -> Numbers:
    """Few enough digits that every engine and every processor agrees on them."""
    found: Numbers = np.round(values, DIGITS)
    return found


def _order_value(person: ir.Table, model: GammaGamma) -> ir.FloatingValue:
    """`GammaGamma.expected_value` as an expression; what was given back beyond what was bought counts as nothing."""
    spent = ibis.greatest(person.spend.cast("float64"), 0.0)
    return model.p * (model.v + spent) / (model.p * person.order_days + model.q - 1)
