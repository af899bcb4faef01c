"""What lives of any CRM share: events drawn from a seed, the marketer who works on lists, what must be remembered."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any, NamedTuple

OURS, THEIRS = "Lamplighter: ", "Ours: "
"""How a list of ours begins, as we made it and as the marketer calls it."""
START = 60
"""Contacts that a life starts with, and comes back to."""


@dataclass(kw_only=True)
class History:
    """What only the past tells: no CRM shows it any more.

    Attributes:
        vetoes: (name of the list as we made it, contact): taken out by hand, and not put back by hand since.
        names: name of a list as we made it -> the marketer's name for it.
        deleted: name of a list as we made it -> how often it was deleted.
        made: names of lists as we made them.
        erased: contacts that were deleted for good.
    """

    vetoes: set[tuple[str, str]] = field(default_factory=set)
    names: dict[str, str] = field(default_factory=dict)
    deleted: Counter[str] = field(default_factory=Counter)
    made: set[str] = field(default_factory=set)
    erased: set[str] = field(default_factory=set)

    def first_name(self, name: str) -> str:
        """What we called a list that is called `name` now."""
        return next((first for first, last in self.names.items() if last == name), name)


class Life(ABC):
    """What happens to some contacts of a CRM, which other lives may share, and to what they buy.

    Args:
        history: what must be remembered of it, shared with whoever works on lists.

    Attributes:
        weights: event -> how often, compared with the others.
    """

    weights: Mapping[str, int]

    def __init__(self, seed: int, sandbox: Any, history: History) -> None:
        self.random = Random(seed)
        self.sandbox = sandbox
        self.history = history
        self.seed = seed
        self.counts: Counter[str] = Counter()
        self.contacts: list[str] = []
        self._new: list[set[str]] = [set(), set()]
        self._hidden: set[str] = set()
        self._number = 0

    @abstractmethod
    def create_contact(self) -> None:
        """Somebody new."""

    @abstractmethod
    def create_order(self) -> None:
        """Somebody, or a guest, buys something."""

    @property
    def now(self) -> datetime:
        """The sandbox's time."""
        return datetime.fromtimestamp(self.sandbox.clock.milliseconds() / 1000, UTC)

    def begin(self) -> None:
        """Contacts and orders."""
        for _ in range(START):
            self.create_contact()
        for _ in range(START):
            self.create_order()

    def step(self) -> str:
        """One event; returns its name. Some find nothing to happen to."""
        name = self.random.choices([*self.weights], [*self.weights.values()])[0]
        getattr(self, name)()
        self.counts[name] += 1
        return name

    def looked(self, *, deletions: bool) -> None:
        """A run is over; it looked for deletions, or only at what changed."""
        self._new = [set(), self._new[0]]
        self._hidden = set() if deletions else self._hidden

    @property
    def unseen(self) -> set[str]:
        """Contacts of which the runs so far may not know."""
        return self._hidden.union(*self._new)

    def let_time_pass(self) -> None:
        """Up to a few minutes."""
        self.sandbox.clock.advance(self.random.randint(1, 300))

    def _inherit(self, survivor: str, merged: Sequence[str]) -> None:
        """What a marketer decided about contacts that were merged holds for whoever stands for them."""
        self._new[0].add(survivor)
        self.history.vetoes |= {(name, survivor) for name, one in self.history.vetoes if one in merged}

    def _tails(self) -> bool:
        return self.random.random() < 0.5

    def _one(self, several: Sequence[Any]) -> Any:
        return self.random.choice(several)

    def _some(self, several: Sequence[str]) -> Any:
        return self.random.choice(several) if several else None

    def _count(self) -> int:
        self._number += 1
        return self._number

    def _new_email(self) -> str:
        return f"p{self._count()}.{self.seed}@example.com"


class Kept(NamedTuple):
    """One list of ours in the CRM: what it is called now, its id, its members."""

    name: str
    id: str
    members: frozenset[str]


class Marketer(ABC):
    """Somebody who changes lists between two runs.

    Attributes:
        works: what they may do to a list, the more often named the likelier.
        most: lists that they work on at a time.
    """

    works: Sequence[str] = ("rename", "delete", "take_out", "take_out", "put_in")
    most = 3

    def __init__(self, seed: int, sandbox: Any, history: History) -> None:
        self.random = Random(f"marketer {seed}")
        self.sandbox = sandbox
        self.history = history
        self.by_hand = False
        self._members_then: dict[str, frozenset[str]] = {}
        self._number = 0

    @abstractmethod
    def all_lists(self) -> Sequence[Kept]:
        """The lists of the CRM."""

    @abstractmethod
    def call(self, one: Kept, name: str) -> None:
        """Give a list another name."""

    @abstractmethod
    def throw_away(self, one: Kept) -> None:
        """Delete a list."""

    @abstractmethod
    def change(self, one: Kept, add: Sequence[str], remove: Sequence[str]) -> None:
        """Put contacts in and take contacts out."""

    def lists(self) -> list[Kept]:
        """Our lists in the CRM, by name."""
        return sorted(one for one in self.all_lists() if one.name.startswith((OURS, THEIRS)))

    def looked(self, *, lists: bool) -> None:
        """A run is over; it read the lists, or it did not."""
        for one in self.lists():
            self._members_then[one.id] = one.members
            self.history.made.add(self.history.first_name(one.name))
        self.by_hand = self.by_hand and not lists

    def work(self, contacts: Sequence[str], unseen: set[str]) -> None:
        """A few things at most, and no two with one list.

        Args:
            contacts: who may be put into a list.
            unseen: of whom the runs so far may not know; they are not taken out of one.
        """
        lists = self.lists()
        for one in self.random.sample(lists, min(len(lists), self.random.randint(0, self.most))):
            known = one.members & self._members_then.get(one.id, frozenset()) - unseen
            getattr(self, self.random.choice(self.works))(one, sorted(known), contacts)

    def rename(self, one: Kept, known: Sequence[str], contacts: Sequence[str]) -> None:
        """A list gets a name of the marketer's own."""
        self._number += 1
        first, new = self.history.first_name(one.name), f"{THEIRS}{self._number}"
        self.call(one, new)
        self.history.names[first] = new

    def delete(self, one: Kept, known: Sequence[str], contacts: Sequence[str]) -> None:
        """A list is deleted."""
        self.throw_away(one)
        self.history.deleted[self.history.first_name(one.name)] += 1

    def take_out(self, one: Kept, known: Sequence[str], contacts: Sequence[str]) -> None:
        """Some members are not wanted."""
        leaving = self.random.sample(known, min(len(known), 2))
        self.change(one, [], leaving)
        self.history.vetoes |= {(self.history.first_name(one.name), each) for each in leaving}
        self.by_hand = True

    def put_in(self, one: Kept, known: Sequence[str], contacts: Sequence[str]) -> None:
        """Some others are, for once."""
        first = self.history.first_name(one.name)
        free = [each for each in contacts if each not in one.members and (first, each) not in self.history.vetoes]
        self.change(one, self.random.sample(free, min(len(free), 2)), [])
        self.by_hand = True
