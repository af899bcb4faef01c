"""One mix of faults and what must hold during it and after it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from random import Random

from cli import Command, Outcome
from fault_mixes import Mix, mix
from fault_proxy import Sent
from fault_town import PRIVATE, FaultTown, Shown

from connector.settings import load
from connector.store import Store, breakers, open_store, runs

CODES = {"done": 0, "deferred": 3, "failed": 2}
"""How a run may end when others are at fault, and its exit code. `failed`: a token was refused."""
SUMS = (("read", ("kept", "skipped", "rejected")), ("planned", ("acknowledged", "deferred", "rejected")))


@dataclass(frozen=True)
class Hand:
    """What a marketer does to one list of ours while we push to it."""

    system: str
    name: str
    work: str
    contacts: Sequence[str]

    @classmethod
    def chosen(cls, town: FaultTown, random: Random) -> "Hand":
        """One of the lists that a CRM shows, and some contacts of it or besides."""
        system = random.choice(sorted(town.marketers))
        marketer, life = town.marketers[system], town.lives[system]
        one = random.choice(sorted(marketer.lists()))
        work = random.choice(("delete", "take_out", "put_in", "put_in"))
        known = sorted(one.members - life.unseen) if work == "take_out" else sorted({*life.contacts} - one.members)
        return cls(system, one.name, work, random.sample(known, min(2, len(known))))

    def acts(self, town: FaultTown) -> None:
        """Do it, as far as it can still be done."""
        marketer = town.marketers[self.system]
        for one in [each for each in marketer.all_lists() if each.name == self.name]:
            if self.work == "delete":
                marketer.throw_away(one)
            elif self.work == "take_out":
                marketer.change(one, [], [each for each in self.contacts if each in one.members])
            else:
                marketer.change(one, [each for each in self.contacts if each not in one.members], [])


@dataclass(frozen=True)
class Day:
    """A day in the undisturbed town: what its run looks for besides, what else it does (a key of MOMENTS), who
    interferes, and what the systems then show."""

    sweeps: Sequence[str]
    moment: str
    hand: Hand | None
    shown: Shown


@dataclass(frozen=True)
class Ended:
    """How one command ended."""

    status: str
    books: Mapping[str, Mapping[str, int]]
    outcome: Outcome


def pass_over(town: FaultTown, lamplighter: Command, sweeps: Sequence[str]) -> Ended:
    """One pass, as an admin starts it, at the town's time."""
    asked = [word for name in sweeps for word in ("--sweep", name)]
    outcome = lamplighter("run", "--home", town.home, "--as-of", town.now.isoformat(), "--approve-deletions", *asked)
    with store_of(town) as store:
        (last,) = runs.latest(store)
    return Ended(last.status, (last.report or {}).get("books", {}), outcome)


@contextmanager
def store_of(town: FaultTown) -> Iterator[Store]:
    """The store of a town's install."""
    store = open_store(load(town.home).store_url(town.home))
    try:
        yield store
    finally:
        store.close()


class Trial:
    """A day in a town where others are at fault.

    Args:
        name: how to find this trial again.

    Attributes:
        ends: how the disturbed passes ended.
        fired: kind of fault -> requests that it hit.
    """

    def __init__(self, town: FaultTown, day: Day, lamplighter: Command, name: str) -> None:
        self.town, self.day, self.name = town, day, name
        self._pass = partial(pass_over, town, lamplighter, day.sweeps)
        self.ends: Counter[str] = Counter()
        self.fired: Counter[str] = Counter()
        self._told: list[str] = []

    def undergo(self, random: Random) -> None:
        """Some disturbed passes, then undisturbed ones."""
        hand, moment = self.day.hand, self.day.moment
        for _ in range(random.randint(1, 3)):
            faults, moment = mix(random, self.town.systems, moment), ""
            busy, hand = hand, None
            ended = self._disturbed(faults, busy)
            self._expect(ended.status != "failed" or faults.refused, "not deferred, though nobody said no")
            if ended.status == "done" and not faults.lied and busy is None:
                self._expect(not (wrong := self._wrong()), f"green, and yet {wrong[:5]}")
        self._recover()

    def _disturbed(self, faults: Mix, hand: Hand | None) -> Ended:
        left = [hand] if hand else []

        def interfere(system: str, sent: Sent) -> None:
            if left and left[0].system == system and _of_a_list(sent):
                left.pop().acts(self.town)

        faults.on_write = interfere
        for name, proxy in self.town.proxies.items():
            proxy.choose = partial(faults.choose, name)
        try:
            ended = self._pass()
        finally:
            for proxy in self.town.proxies.values():
                proxy.choose = None
        for each in left:
            each.acts(self.town)
        self._told.append(f"{faults.fired} -> {ended.status} {ended.outcome.code}: {ended.outcome.err[-1500:]}")
        self.ends[ended.status] += 1
        self.fired.update(kind for _, kind, _ in faults.fired)
        self._check(ended)
        return ended

    def _check(self, ended: Ended) -> None:
        outcome, text = ended.outcome, ended.outcome.out + ended.outcome.err
        self._expect(CODES.get(ended.status) == outcome.code, "an exit code that does not fit its status")
        self._expect("should not have happened" not in text, "an error that nobody foresaw")
        self._expect(not (private := [one for one in PRIVATE if one in text]), f"it told {private}")
        unbalanced = {name: book for name, book in ended.books.items() if not _balanced(book)}
        self._expect(not unbalanced, f"books that do not balance: {unbalanced}")
        self._expect(ended.status == "done" or bool(text.strip()), "nothing was said of what is left to do")

    def _recover(self) -> None:
        """Others are well again, and nobody waits until Lamplighter tries by itself those that failed several times."""
        with store_of(self.town) as store:
            breakers.close(store)
        for number in (1, 2):
            ended = self._pass()
            self._told.append(f"clean {number} -> {ended.status} {ended.outcome.code}: {ended.outcome.err[-1500:]}")
            self._check(ended)
            if ended.status == "done" and not self._wrong():
                break
        self._expect(ended.status == "done", "not green after the faults")
        self._expect(not (wrong := self._wrong()), f"not as it should be after the faults: {wrong[:8]}")

    def _wrong(self) -> list[str]:
        return list(unlike(self.day.shown, self.town.shown()))

    def _expect(self, holds: bool, sentence: str) -> None:
        assert holds, "\n".join(
            [f"{self.name}: {sentence}", f"sweeps {self.day.sweeps}, hand {self.day.hand}", *self._told]
        )


def _of_a_list(sent: Sent) -> bool:
    return "memberships" in sent.path or "composite" in sent.path


def _balanced(book: Mapping[str, int]) -> bool:
    return all(whole not in book or book[whole] == sum(book[part] for part in parts) for whole, parts in SUMS)


def unlike(wanted: Shown, found: Shown) -> Iterator[str]:
    """What is not as it should be."""
    for system, lists in wanted.lists.items():
        for one in [*lists, *found.lists[system]]:
            if [*lists].count(one) != [*found.lists[system]].count(one):
                yield f"{system}: {one[0]} has {len(one[1])}, {'wanted' if one in lists else 'found'} {one[1][:30]}"
    for system, told in wanted.properties.items():
        for who in sorted(told.keys() | found.properties[system].keys()):
            if told.get(who) != found.properties[system].get(who):
                yield f"{system}: {who} {found.properties[system].get(who)}, wanted {told.get(who)}"
    if wanted.sales != found.sales:
        yield f"sales {sorted(set(wanted.sales) ^ set(found.sales))}"
