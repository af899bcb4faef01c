"""Which model of buyers stands: the one that would have erred less over the last months of the shop's own history."""

import random
from datetime import timedelta
from statistics import mean

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pytest
from random_shop import Row
from test_loyalty import AS_OF, LINE, line, regulars

from connector.decide.loyalty.buyer_models import learned
from connector.decide.loyalty.buying import buying, main_currency
from connector.decide.loyalty.forecasts import expected_orders_at
from connector.decide.loyalty.proof import ENOUGH, proof
from connector.policies.loyalty import LEARNED, MBG_NBD, PLAIN, LoyaltyPolicy

POLICY = LoyaltyPolicy()


def clockwork(number: int) -> list[Row]:
    """Buyers who come to the day, each at a pace of their own, until they stay away."""
    chance, rows = random.Random(number), []
    for person in range(number):
        gap, began = chance.randint(3, 25), chance.randint(200, 400)
        rows += [line(str(person), AS_OF - timedelta(days=ago)) for ago in range(began, chance.randint(0, 200), -gap)]
    return rows


def table(rows: list[Row]) -> ir.Table:
    return ibis.memtable(pa.Table.from_pylist([{name: row[name] for name in LINE.names} for row in rows], schema=LINE))


def missed(rows: list[Row], model: str) -> float:
    """Person by person over the last horizon, by what was foreseen before it."""
    split, came = AS_OF - POLICY.horizon, dict[str, set[object]]()
    for row in rows:
        if row["ordered_at"] > split:
            came.setdefault(row["person_id"], set()).add(row["ordered_at"].date())
    found = expected_orders_at(table(rows), LoyaltyPolicy(model=model), split, AS_OF).to_pyarrow().to_pylist()
    ours = [row for row in found if row["method"] == "model"]
    return mean(abs(row["orders"] - len(came.get(row["person_id"], ()))) for row in ours)


@pytest.mark.parametrize(("shop", "best"), [(regulars(700, leaving=1e6), MBG_NBD), (clockwork(300), PLAIN)])
def test_what_errs_less_stands_and_says_by_how_much(shop: list[Row], best: str) -> None:
    """The model where buyers come at random and stay, the plain rule where they come by the clock, till they do not."""
    errors = {name: missed(shop, name) for name in (MBG_NBD, PLAIN)}
    proved = proof(table(shop), POLICY, AS_OF)
    assert proved is not None
    assert proved.model == best == min(errors, key=lambda name: errors[name])
    assert all(f"{error:.3f}" in proved.why for error in errors.values())
    bought = buying(table(shop), main_currency(table(shop)), POLICY, AS_OF)
    orders = {row["model"]: row["why"] for row in learned(bought, POLICY, AS_OF, proved).to_pyarrow().to_pylist()}
    assert proved.why in orders[best]


@pytest.mark.parametrize("policy", [LoyaltyPolicy(model=MBG_NBD), LoyaltyPolicy(model=PLAIN)])
def test_a_model_that_was_named_is_not_tried(policy: LoyaltyPolicy) -> None:
    """What the shop wrote settles it."""
    assert POLICY.model == LEARNED
    assert proof(table(regulars(700)), policy, AS_OF) is None


def test_too_few_prove_nothing() -> None:
    """Where hardly anybody had come again by then, differences would be chance."""
    few = [row for row in regulars(700) if int(row["person_id"]) < ENOUGH // 2]
    assert proof(table(few), POLICY, AS_OF) is None
