"""What a model of buyers is fitted to: how often they came again, when last, and for how long they are known."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Histories:
    """Buyers of equal history, a row each; all times in one unit of your choice, from the first purchase.

    Attributes:
        repeats: purchases after the first (x).
        last: when the last of them was (t_x); 0 where there was none.
        age: when we stopped looking (T).
        persons: how many have this history.
    """

    repeats: Numbers
    last: Numbers
    age: Numbers
    persons: Numbers

    @classmethod
    def of(cls, repeats: object, last: object, age: object, persons: object = 1.0) -> "Histories":
        """Anything that NumPy takes; one number stands for as many as there are rows."""
        rows = np.broadcast_arrays(*(np.asarray(each, dtype=np.float64) for each in (repeats, last, age, persons)))
        return cls(*rows)

    def scaled(self, unit: float) -> "Histories":
        """The same with times in another unit, given in this one."""
        return Histories(self.repeats, self.last / unit, self.age / unit, self.persons)
