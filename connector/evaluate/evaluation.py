"""The whole evaluation: three parts, what follows from them, and the same as JSON."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connector.decide.loyalty.forecasts import MODEL
from connector.evaluate.cross_sell import OURS, CrossSell, cross_sell
from connector.evaluate.expected_orders import ExpectedOrders, expected_orders
from connector.evaluate.history import history
from connector.evaluate.suppression import Suppression, suppression
from connector.home import Home
from connector.policies.cross_sell import LEARNED, LINEAR

SAME = {"ease": LINEAR}
"""A plain rule -> the method of the policy that comes nearest, where it has another name."""
FEW = 100
"""People below which a difference says little."""


@dataclass(frozen=True)
class Evaluation:
    """What a home's own history says of its decisions."""

    split: datetime
    until: datetime
    lag: timedelta
    cross_sell: CrossSell
    expected_orders: ExpectedOrders
    suppression: Suppression

    def as_json(self) -> dict[str, Any]:
        """The documented object; its keys are stable."""
        measured = {name: dict(zip(("recall@10", "ndcg@10"), two, strict=True)) for name, two in self._methods()}
        stopped = ("after_purchase", "removed", "wrongly_removed", "before_repeat_purchase")
        return {
            "cross_sell": {**measured, "people": self.cross_sell.people},
            "expected_orders": {name: {"mae": error} for name, error in self.expected_orders.mae.items()},
            "suppression": {name: getattr(self.suppression, name) for name in stopped},
        }

    def _methods(self) -> list[tuple[str, tuple[float, float]]]:
        return list(self.cross_sell.methods.items())

    def advice(self) -> list[str]:
        """What follows where a plain rule wins, or where too few people are behind a figure."""
        return [*self._about_cross_sell(), *self._about_orders(), *self._about_suppression()]

    def _about_cross_sell(self) -> list[str]:
        found, said = self.cross_sell, []
        if found.people < FEW:
            said.append(f"cross-sell: only {found.people:,} people bought something new; differences say little")
        if found.best != OURS:
            rule = SAME.get(found.best, found.best)
            said.append(
                f"cross-sell: the rule {found.best} is better than ours on this history; with policy.cross_sell.method"
                f" {LEARNED} each refresh chooses anew, {rule} settles it"
            )
        return said

    def _about_orders(self) -> list[str]:
        found, said = self.expected_orders, []
        if found.people < FEW:
            said.append(f"expected orders: only {found.people:,} people had ordered; differences say little")
        if found.best != MODEL:
            said.append(
                f"expected orders: the rule {found.best} errs less than ours on this history; with policy.loyalty.model"
                f" {LEARNED} each refresh chooses between the model and each person's own rate, plain settles it"
            )
        return said

    def _about_suppression(self) -> list[str]:
        found = self.suppression
        if not found.identified:
            return ["suppression: no impression of a known person was seen, so nothing can be said of it"]
        return []


def evaluate(home: Home, split: datetime, until: datetime | None, lag: timedelta) -> Evaluation:
    """Measure cross-sell, expected orders and suppression. Reads the warehouse and writes nothing.

    Args:
        lag: how long it takes until a purchase, or who somebody is, keeps an ad from being shown.

    Raises:
        SetupError: there is no history on both sides of the split.
    """
    past = history(home, split, until, lag)
    try:
        return Evaluation(
            split=split,
            until=past.until,
            lag=lag,
            cross_sell=cross_sell(past),
            expected_orders=expected_orders(past),
            suppression=suppression(past),
        )
    finally:
        home.warehouse.release()
