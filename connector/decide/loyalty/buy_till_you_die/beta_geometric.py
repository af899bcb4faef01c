"""BG/NBD and MBG/NBD: buyers order at a pace of their own until, after one of the orders, they are gone for good.

Paces are Gamma(r, alpha), chances to go Beta(a, b) over buyers. In BG/NBD (Fader, Hardie, Lee 2005) nobody goes before
the second order, so that one-time buyers count as alive for ever; in MBG/NBD (Batislam, Denizel, Filiztekin 2007)
buyers may go after the first as well.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import betaln, expit, gammaln, hyp2f1

from connector.decide.loyalty.buy_till_you_die.histories import Histories, Numbers
from connector.decide.loyalty.buy_till_you_die.maximum import maximise

CLOSEST_TO_ONE = 1e-6
"""The closed form divides by a - 1; nearer to one it has no digits left, and the result no longer changes."""


@dataclass(frozen=True)
class BetaGeometric:
    """The model with its parameters; alpha is in the unit of time of the histories.

    Attributes:
        modified: MBG/NBD rather than BG/NBD.
    """

    r: float
    alpha: float
    a: float
    b: float
    modified: bool = True

    @property
    def parameters(self) -> dict[str, float]:
        """By name."""
        return {"r": self.r, "alpha": self.alpha, "a": self.a, "b": self.b}

    def log_likelihood(self, seen: Histories) -> float:
        """Of all histories together."""
        pace = gammaln(self.r + seen.repeats) - gammaln(self.r) + self.r * np.log(self.alpha)
        each = pace + np.logaddexp(self._alive(seen), self._gone(seen))
        return float(np.sum(seen.persons * each))

    def _alive(self, seen: Histories) -> Numbers:
        """Log of the part of the likelihood in which the buyer is still there, but for the pace."""
        stayed = betaln(self.a, self.b + self._stays(seen.repeats)) - betaln(self.a, self.b)
        alive: Numbers = stayed - (self.r + seen.repeats) * np.log(self.alpha + seen.age)
        return alive

    def _gone(self, seen: Histories) -> Numbers:
        """The same of the part in which the buyer went after the last order."""
        stays = self._stays(seen.repeats)
        may_go = stays > 0
        went = betaln(self.a + 1, self.b + np.where(may_go, stays - 1, 0)) - betaln(self.a, self.b)
        part = went - (self.r + seen.repeats) * np.log(self.alpha + seen.last)
        return np.where(may_go, part, -np.inf)

    def _stays(self, repeats: Numbers) -> Numbers:
        """After how many of the orders a buyer could have gone."""
        return repeats + 1 if self.modified else repeats

    def p_alive(self, seen: Histories) -> Numbers:
        """The chance that the buyer has not gone."""
        alive: Numbers = expit(self._alive(seen) - self._gone(seen))
        return alive

    def expected_orders(self, seen: Histories, during: float) -> Numbers:
        """Orders expected in the time after the histories; of a history of (0, 0, 0), in the time after the first."""
        return self.p_alive(seen) * self._while_alive(seen, during)

    def _while_alive(self, seen: Histories, during: float) -> Numbers:
        """The same of a buyer who is there: the published closed form in 2F1, after Euler's transformation.

        In this form numbers stay small however many the repeats are.
        """
        a = self.a if abs(self.a - 1) > CLOSEST_TO_ONE else 1 + CLOSEST_TO_ONE
        whole = a + self.b + self._stays(seen.repeats) - 1
        z = during / (self.alpha + seen.age + during)
        with np.errstate(over="ignore", invalid="ignore"):
            gone = (1 - z) ** (a - 1) * hyp2f1(a - 1, whole - self.r - seen.repeats, whole, z)
            # a large a (hardly anybody stays) makes this nought times infinity; the published form stands that
            plain = (1 - z) ** (self.r + seen.repeats) * hyp2f1(self.r + seen.repeats, whole - a + 1, whole, z)
        found: Numbers = whole / (a - 1) * (1 - np.where(np.isfinite(gone), gone, plain))
        return found


def fitted(seen: Histories, *, modified: bool = True) -> tuple[BetaGeometric, bool]:
    """The most likely model, and whether the search came to an end at which paces differ, as the model has it.

    `a` and `b` may end at a bound: then hardly anybody goes. The search runs in a unit of time that makes the oldest
    buyer 10 old, as there is nothing to learn about scale.
    """
    unit = float(np.max(seen.age)) / 10
    scaled, persons = seen.scaled(unit), float(np.sum(seen.persons))

    def likely(at: Numbers) -> float:
        r, alpha, a, b = at.tolist()
        return BetaGeometric(r, alpha, a, b, modified).log_likelihood(scaled) / persons

    best = maximise(likely, 4)
    r, alpha, a, b = best.at
    return BetaGeometric(r, alpha * unit, a, b, modified), best.found and all(best.inside[:2])
