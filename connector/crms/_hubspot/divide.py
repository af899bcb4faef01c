"""One bad row must not fail its neighbours: a batch that is refused is halved until the bad one stands alone."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from connector.crms._hubspot.answers import Refused

T = TypeVar("T")

HOPELESS = 3
"""So many rows refused alone, in the same words and before any success: then it is not the rows."""


class Divided(Generic[T]):
    """Sends rows in batches.

    Args:
        send: sends one batch.
        dividing: HTTP statuses of a refusal that may be one row's fault; others are raised.

    Attributes:
        refused: rows that HubSpot does not take, with its words.
    """

    def __init__(self, send: Callable[[Sequence[T]], None], dividing: frozenset[int]) -> None:
        self.refused: list[tuple[T, str]] = []
        self._send = send
        self._dividing = dividing
        self._taken = False

    def send(self, rows: Sequence[T]) -> None:
        """Send a batch, in parts if need be. Raises Refused where no row at all is taken."""
        try:
            self._send(rows)
            self._taken = True
        except Refused as refused:
            if refused.status not in self._dividing:
                raise
            self._divide(rows, refused)

    def _divide(self, rows: Sequence[T], refused: Refused) -> None:
        if len(rows) == 1:
            self._set_aside(rows[0], refused)
            return
        middle = len(rows) // 2
        self.send(rows[:middle])
        self.send(rows[middle:])

    def _set_aside(self, row: T, refused: Refused) -> None:
        self.refused.append((row, refused.words))
        alike = {words for _, words in self.refused} == {refused.words}
        if alike and not self._taken and len(self.refused) >= HOPELESS:
            raise refused
