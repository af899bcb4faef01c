"""The CDNOW sample: purchases of 2,357 buyers of 1997, as the papers use it."""

import gzip
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from connector.decide.loyalty.buy_till_you_die.gamma_gamma import Spendings
from connector.decide.loyalty.buy_till_you_die.histories import Histories, Numbers

CALIBRATED = date(1997, 9, 30)
"""The end of week 39."""


@dataclass(frozen=True)
class Cdnow:
    """Times in weeks; purchases of one day are one."""

    histories: Histories
    repeats: Numbers
    means: Numbers

    @property
    def repeat_buyers(self) -> Spendings:
        again = self.repeats > 0
        return Spendings(self.repeats[again], self.means[again], np.ones(again.sum()))


def read(folder: Path) -> Cdnow:
    """From the folder of published data."""
    bought: dict[str, dict[date, float]] = defaultdict(lambda: defaultdict(float))
    with gzip.open(folder / "cdnow" / "CDNOW_sample.txt.gz", "rt") as lines:
        for _, number, day, _, dollars in map(str.split, lines):
            bought[number][date.fromisoformat(day)] += float(dollars)
    rows = [_history(days) for days in bought.values()]
    repeats, last, age, means = np.array(rows).T
    return Cdnow(Histories.of(repeats, last / 7, age / 7), repeats, means)


def _history(bought: dict[date, float]) -> tuple[float, float, float, float]:
    days = sorted(day for day in bought if day <= CALIBRATED)
    again = [bought[day] for day in days[1:]]
    mean = sum(again) / len(again) if again else 0.0
    return len(again), (days[-1] - days[0]).days, (CALIBRATED - days[0]).days, mean
