"""The largest likelihood over positive parameters."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from connector.decide.loyalty.buy_till_you_die.histories import Numbers

SMALLEST, LARGEST = 1e-4, 1e4
LEVEL = 1e-4
"""A slope that leads nowhere, though rounding keeps the search from saying so: as where hardly any buyer ever goes."""


@dataclass(frozen=True)
class Maximum:
    """Where the search ended.

    Attributes:
        found: it ended at a place that is level, or as good as.
        inside: which parameters are not at the end of what was searched.
    """

    at: tuple[float, ...]
    found: bool
    inside: tuple[bool, ...]


def maximise(log_likelihood: Callable[[Numbers], float], parameters: int) -> Maximum:
    """Search from (1, ..., 1), over logarithms, as every parameter is positive.

    Args:
        log_likelihood: the mean of a row, so that the tolerance means the same for small shops and large ones.
    """
    bound = (np.log(SMALLEST), np.log(LARGEST))

    def loss(logs: Numbers) -> float:
        return -log_likelihood(np.exp(logs))

    ended = minimize(
        loss,
        np.zeros(parameters),
        method="L-BFGS-B",
        jac="3-point",
        bounds=[bound] * parameters,
        options={"ftol": 1e-12, "gtol": 1e-7},
    )
    inside = np.abs(ended.x - np.mean(bound)) < np.log(LARGEST) - 1e-6
    found = bool(ended.success) or bool(np.max(np.abs(ended.jac)) < LEVEL)
    return Maximum(tuple(np.exp(ended.x).tolist()), found, tuple(inside.tolist()))
