"""One bad row must not fail its neighbours: a batch that is refused is halved until the bad one stands alone."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from connector.crms._hubspot.answers import Refused

T = TypeVar("T")

HOPELESS = 3
"""So many rows refused alone, in the same words and before any success: then it may not be the rows."""


class Divided(Generic[T]):
    """Sends rows in batches.

    Args:
        send: sends one batch.
        dividing: HTTP statuses of a refusal that may be one row's fault; others are raised.

    Attributes:
        refused: rows that HubSpot does not take, with its words.
        hopeless: the refusal, where no row at all was taken and all were refused in its words.
    """

    def __init__(self, send: Callable[[Sequence[T]], None], dividing: frozenset[int]) -> None:
        self.refused: list[tuple[T, str]] = []
        self.hopeless: Refused | None = None
        self._send = send
        self._dividing = dividing
        self._taken = False

    def send(self, rows: Sequence[T]) -> None:
        """Send a batch, in parts if need be."""
        if self.hopeless and len(rows) > 1:
            self._probe(rows)
        elif rows and (refused := self._refusal(rows)):
            self.divide(rows, refused)

    def divide(self, rows: Sequence[T], refused: Refused) -> None:
        """Find the bad rows of a batch that was `refused`."""
        if len(rows) == 1:
            self._set_aside(rows, refused)
            return
        middle = len(rows) // 2
        self.send(rows[:middle])
        self.send(rows[middle:])

    def _refusal(self, rows: Sequence[T]) -> Refused | None:
        """Try a batch; HubSpot's refusal, where it may be one row's fault."""
        try:
            self._send(rows)
        except Refused as refused:
            if refused.status not in self._dividing:
                raise
            return refused
        self._taken, self.hopeless = True, None
        return None

    def _probe(self, rows: Sequence[T]) -> None:
        """One more row before a batch is given up: where that one is taken, it is the rows after all."""
        if refused := self._refusal(rows[-1:]):
            self._set_aside(rows, refused)
        else:
            self.send(rows[:-1])

    def _set_aside(self, rows: Sequence[T], refused: Refused) -> None:
        self.refused += [(row, refused.words) for row in rows]
        alike = {words for _, words in self.refused} == {refused.words}
        given_up = alike and not self._taken and len(self.refused) >= HOPELESS
        self.hopeless = refused if given_up else None
