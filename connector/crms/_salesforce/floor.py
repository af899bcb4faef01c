"""The fewest calls that a run's work could have taken: items of a kind, so many to a call."""

from collections import Counter


class Floor:
    """Counts work as it is done."""

    def __init__(self) -> None:
        self._items: Counter[tuple[str, int]] = Counter()

    def add(self, kind: str, items: int, *, per_call: int = 1) -> None:
        """`items` of one `kind` of work; any work at all takes one call."""
        self._items[kind, per_call] += items

    @property
    def calls(self) -> int:
        """The sum over all kinds, each rounded up."""
        return sum(max(1, -(-items // size)) for (_, size), items in list(self._items.items()))
