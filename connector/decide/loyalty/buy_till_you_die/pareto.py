"""Pareto/NBD (Schmittlein, Morrison, Colombo 1987): as BG/NBD, but buyers go at any moment, not only after an order.

Slower to fit and no better on what was published, so it decides nothing here: it is what the others are held against.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, gammaln, hyp2f1

from connector.decide.loyalty.buy_till_you_die.histories import Histories, Numbers
from connector.decide.loyalty.buy_till_you_die.maximum import maximise


@dataclass(frozen=True)
class ParetoNbd:
    """The model with its parameters: paces are Gamma(r, alpha), times to go Exponential with Gamma(s, beta) rates."""

    r: float
    alpha: float
    s: float
    beta: float

    def log_likelihood(self, seen: Histories) -> float:
        """Of all histories together."""
        pace = gammaln(self.r + seen.repeats) - gammaln(self.r) + self.r * np.log(self.alpha)
        each = pace + self.s * np.log(self.beta) + np.logaddexp(self._alive(seen), self._gone(seen))
        return float(np.sum(seen.persons * each))

    def _alive(self, seen: Histories) -> Numbers:
        paced: Numbers = (self.r + seen.repeats) * np.log(self.alpha + seen.age)
        stayed: Numbers = self.s * np.log(self.beta + seen.age)
        return -paced - stayed

    def _gone(self, seen: Histories) -> Numbers:
        """Gone between the last order and now: the difference of the same integral at both."""
        total = self.r + self.s + seen.repeats
        early, late = self._integral(seen.last, seen.repeats), self._integral(seen.age, seen.repeats)
        some = late < early
        fell = np.log1p(-np.exp(np.where(some, late - early, -1.0)))
        return np.where(some, np.log(self.s / total) + early + fell, -np.inf)

    def _integral(self, moment: Numbers, repeats: Numbers) -> Numbers:
        """Log of 2F1(r+s+x, q; r+s+x+1; |alpha-beta| / (m+t)) / (m+t)^(r+s+x), with m the larger of both."""
        total = self.r + self.s + repeats
        wider = max(self.alpha, self.beta)
        q = self.s + 1 if self.alpha >= self.beta else self.r + repeats
        series = hyp2f1(total, q, total + 1, abs(self.alpha - self.beta) / (wider + moment))
        found: Numbers = np.log(series) - total * np.log(wider + moment)
        return found

    def p_alive(self, seen: Histories) -> Numbers:
        """The chance that the buyer has not gone."""
        alive: Numbers = expit(self._alive(seen) - self._gone(seen))
        return alive

    def expected_orders(self, seen: Histories, during: float) -> Numbers:
        """Orders expected in the time after the histories."""
        beta = self.beta + seen.age
        pace = (self.r + seen.repeats) / (self.alpha + seen.age)
        while_alive = pace * beta / (self.s - 1) * (1 - (beta / (beta + during)) ** (self.s - 1))
        return self.p_alive(seen) * while_alive


def fitted(seen: Histories) -> tuple[ParetoNbd, bool]:
    """The most likely model, and whether the search came to an end; see `beta_geometric.fitted`."""
    unit = float(np.max(seen.age)) / 10
    scaled, persons = seen.scaled(unit), float(np.sum(seen.persons))
    best = maximise(lambda at: ParetoNbd(*at).log_likelihood(scaled) / persons, 4)
    r, alpha, s, beta = best.at
    return ParetoNbd(r, alpha * unit, s, beta * unit), best.found
