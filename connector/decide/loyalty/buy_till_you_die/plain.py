"""What is said of buyers where a shop is too small, or too odd, for a model of them."""

from dataclasses import dataclass

import numpy as np

from connector.decide.loyalty.buy_till_you_die.histories import Histories, Numbers


@dataclass(frozen=True)
class PlainRule:
    """Whoever is silent for longer than usual is less likely to come again, and the others go on as they did.

    Attributes:
        gap: mean time between two orders of a buyer in this shop.
        pace: orders after the first in a unit of time, over all buyers.
    """

    gap: float
    pace: float

    def p_alive(self, seen: Histories) -> Numbers:
        """The buyer's own mean gap (the shop's after one order only) as a share of the silence so far, at most 1."""
        own = np.where(seen.repeats > 0, seen.last / np.maximum(seen.repeats, 1), self.gap)
        return np.minimum(1.0, own / np.maximum(seen.age - seen.last, own))

    def expected_orders(self, seen: Histories, during: float) -> Numbers:
        """The buyer's own pace so far, as if one gap at the shop's pace had come before, while alive."""
        pace = (seen.repeats + self.pace * self.gap) / (seen.age + self.gap)
        return self.p_alive(seen) * pace * during


def learned(seen: Histories, otherwise: float) -> PlainRule:
    """The rule's figures; `otherwise` is the gap where nobody came again."""
    repeats, age = float(np.sum(seen.repeats * seen.persons)), float(np.sum(seen.age * seen.persons))
    gap = float(np.sum(seen.last * seen.persons)) / repeats if repeats else otherwise
    return PlainRule(gap, repeats / age if age else 0.0)
