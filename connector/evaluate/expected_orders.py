"""Expected orders: the mean absolute error of the model and of plain rules, person by person."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from connector.decide.loyalty.forecasts import MODEL, expected_orders_at, order_days
from connector.decide.loyalty.proof import Proof, proof
from connector.evaluate.history import History
from connector.relations import at


@dataclass(frozen=True)
class ExpectedOrders:
    """What was measured.

    Attributes:
        people: who had ordered by the split.
        mae: method -> mean of |orders foreseen - orders that came| over them; an order is a day with one.
        chosen: the model that the history before the split had chosen, and why; None where that was not tried.
    """

    people: int
    mae: Mapping[str, float]
    chosen: Proof | None = None

    @property
    def best(self) -> str:
        """The method with the least error; the model where it is as good as any."""
        return min(self.mae, key=lambda name: (self.mae[name], name != MODEL), default=MODEL)


def expected_orders(past: History) -> ExpectedOrders:
    """Foresee at the split what everybody orders until the end, and compare."""
    keep, policy = past.home.warehouse.keep, past.home.audiences.policy.loyalty
    known = past.before.lines.filter(past.before.lines.ordered_at <= at(past.split))
    proved = proof(known, replace(policy, horizon=past.until - past.split), past.split, keep)
    named = replace(policy, model=proved.model) if proved else policy
    foreseen = keep(expected_orders_at(known, named, past.split, past.until, keep))
    came = order_days(past.after.lines, past.split, past.until).select("person_id", came="orders")
    both = foreseen.left_join(came, "person_id")
    missed = (both.orders - both.came.fill_null(0)).abs()
    rows = both.group_by("method").agg(mae=missed.mean(), people=both.count()).to_pyarrow().to_pylist()
    return ExpectedOrders(
        people=max((row["people"] for row in rows), default=0),
        mae={row["method"]: row["mae"] for row in rows},
        chosen=proved,
    )
