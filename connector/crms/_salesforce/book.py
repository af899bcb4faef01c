"""The account of one change of a list: every member ends in one of its parts."""

from connector.model import Delivery, Receipt


class Book:
    """Entered row by row.

    Attributes:
        added, removed: for whom the wish holds.
        rejected: why it does not, and will not.
        open: member -> whether they are to be in; of whom nothing is known yet.
    """

    def __init__(self, delivery: Delivery) -> None:
        self.added: list[str] = []
        self.removed: list[str] = []
        self.rejected: dict[str, str] = {}
        self.open: dict[str, bool] = dict.fromkeys(delivery.remove, False) | dict.fromkeys(delivery.add, True)

    def wanted(self, inside: bool) -> list[str]:
        """The open ones that are to be in, or out. Where somebody stands on both sides, being in is the last word: who
        is a member already is left alone."""
        return [one for one, wish in self.open.items() if wish == inside]

    def holds(self, member: str) -> None:
        """The wish of an open one holds."""
        (self.added if self.open.pop(member) else self.removed).append(member)

    def reject(self, member: str, words: str) -> None:
        """It does not."""
        del self.open[member]
        self.rejected[member] = words

    def receipt(self) -> Receipt:
        """As the caller sees it."""
        return Receipt(added=self.added, removed=self.removed, rejected=self.rejected)
