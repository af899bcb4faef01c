"""What a marketer does by hand with the lists that we keep, and what must be remembered of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from connector.sandbox.serve import Sandbox

LISTS = "/crm/lists/2026-09"
OURS, THEIRS = "Lamplighter: ", "Ours: "
"""How a list of ours begins, as we made it and as the marketer calls it."""


@dataclass(kw_only=True)
class History:
    """What only the past tells: no portal shows it any more.

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


class Marketer:
    """Somebody who changes lists between two runs."""

    def __init__(self, seed: int, sandbox: Sandbox, history: History) -> None:
        self.random = Random(f"marketer {seed}")
        self.sandbox = sandbox
        self.history = history
        self.by_hand = False
        self._members_then: dict[str, set[str]] = {}
        self._number = 0

    def looked(self, *, lists: bool) -> None:
        """A run is over; it read the lists, or it did not."""
        for name, one in self._lists():
            self._members_then[one["id"]] = set(one["members"])
            self.history.made.add(self._first_name(name))
        self.by_hand = self.by_hand and not lists

    def work(self, contacts: Sequence[str], unseen: set[str]) -> None:
        """A few things at most, and no two with one list.

        Args:
            contacts: who may be put into a list.
            unseen: of whom the runs so far may not know; they are not taken out of one.
        """
        lists = self._lists()
        for name, one in self.random.sample(lists, min(len(lists), self.random.randint(0, 3))):
            first, there = self._first_name(name), set(one["members"])
            known = sorted(there & self._members_then.get(one["id"], set()) - unseen)
            free = [each for each in contacts if each not in there and (first, each) not in self.history.vetoes]
            work = self.random.choice(("rename", "delete", "take out", "take out", "put in"))
            if work == "rename":
                self._rename(first, one["id"])
            elif work == "delete":
                self._delete(first, one["id"])
            elif work == "take out":
                self._take_out(first, one["id"], self.random.sample(known, min(len(known), 2)))
            else:
                self._put_in(one["id"], self.random.sample(free, min(len(free), 2)))

    def _lists(self) -> list[tuple[str, dict[str, Any]]]:
        lists = self.sandbox.portal.state()["lists"]
        return [(name, lists[name]) for name in sorted(lists) if name.startswith((OURS, THEIRS))]

    def _first_name(self, name: str) -> str:
        return next((first for first, last in self.history.names.items() if last == name), name)

    def _rename(self, first: str, number: str) -> None:
        self._number += 1
        new = f"{THEIRS}{self._number}"
        self._act("PUT", f"{LISTS}/{number}/update-list-name?listName={new.replace(' ', '%20')}")
        self.history.names[first] = new

    def _delete(self, first: str, number: str) -> None:
        self._act("DELETE", f"{LISTS}/{number}")
        self.history.deleted[first] += 1

    def _take_out(self, first: str, number: str, members: Sequence[str]) -> None:
        self._act("PUT", f"{LISTS}/{number}/memberships/remove", list(members))
        self.history.vetoes |= {(first, one) for one in members}
        self.by_hand = True

    def _put_in(self, number: str, members: Sequence[str]) -> None:
        self._act("PUT", f"{LISTS}/{number}/memberships/add", list(members))
        self.by_hand = True

    def _act(self, method: str, path: str, body: Any = None) -> None:
        answer = self.sandbox.portal.act(method, path, body)
        assert answer.status < 300, (method, path, answer.content)
