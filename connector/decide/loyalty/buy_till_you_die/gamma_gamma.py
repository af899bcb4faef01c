"""Gamma-Gamma (Fader, Hardie 2005): what an order of a buyer is worth, from the mean of those that were seen.

A buyer's orders are Gamma(p, rate), the rates Gamma(q, v) over buyers: the fewer orders there were, the closer the
expectation is to that of everybody.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from connector.decide.loyalty.buy_till_you_die.histories import Numbers
from connector.decide.loyalty.buy_till_you_die.maximum import maximise


@dataclass(frozen=True)
class Spendings:
    """Buyers with equal orders, a row each: how many orders, their mean value (more than nought), how many buyers."""

    orders: Numbers
    mean: Numbers
    persons: Numbers


@dataclass(frozen=True)
class GammaGamma:
    """The model with its parameters; v is in the unit of money of the means."""

    p: float
    q: float
    v: float

    @classmethod
    def average(cls, mean: float) -> "GammaGamma":
        """The plain rule as a model: a buyer's orders to come are worth the mean of theirs and one such mean."""
        return cls(p=1, q=2, v=mean)

    def log_likelihood(self, seen: Spendings) -> float:
        """Of all buyers together."""
        shape = self.p * seen.orders
        drawn = gammaln(shape + self.q) - gammaln(shape) - gammaln(self.q) + self.q * np.log(self.v)
        total = seen.orders * seen.mean
        each = drawn + shape * np.log(total) - np.log(seen.mean) - (shape + self.q) * np.log(self.v + total)
        return float(np.sum(seen.persons * each))

    def expected_value(self, seen: Spendings) -> Numbers:
        """The mean value of a buyer's orders to come; of no order, that of everybody."""
        return self.p * (self.v + seen.orders * seen.mean) / (self.p * seen.orders + self.q - 1)


def fitted(seen: Spendings) -> tuple[GammaGamma, bool]:
    """The most likely model, and whether the search came to an end with a mean: with q of 1 or less there is none."""
    unit = float(np.average(seen.mean, weights=seen.persons))
    scaled, persons = Spendings(seen.orders, seen.mean / unit, seen.persons), float(np.sum(seen.persons))
    best = maximise(lambda at: GammaGamma(*at).log_likelihood(scaled) / persons, 3)
    p, q, v = best.at
    return GammaGamma(p, q, v * unit), best.found and all(best.inside) and q > 1
