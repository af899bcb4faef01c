"""The plan: what one destination should change, in which order, and why nothing else.

Wanted comes from decide/, acknowledged from the store. Only differences leave, suppressions before anything that
adds people: first whoever must leave a mailing or retargeting list or enter an exclusion list, then properties,
then those who come in.
"""

import json
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from connector.model import Audience, Delivery, Purpose

Properties = Mapping[str, str]
Counts = Mapping[str, int]
"""{"add", "remove"} of a list."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What is wanted and what is acknowledged, for the members that are being looked at.

    Attributes:
        wanted: (audience, member) pairs that should hold.
        acknowledged: (audience, member) -> certain.
        wanted_properties: member -> our property -> text, non-empty ones only.
        acknowledged_properties: member -> the same as confirmed; None where unknown.
        refused: (audience or "", member) -> the wish that was refused last time.
        vetoed: (audience, member) whom a person took out by hand: wanted or not, they are to be out.
        names: every property we may write.
    """

    wanted: frozenset[tuple[str, str]]
    acknowledged: Mapping[tuple[str, str], bool]
    wanted_properties: Mapping[str, Properties]
    acknowledged_properties: Mapping[str, Properties | None]
    refused: Mapping[tuple[str, str], str]
    names: Sequence[str]
    vetoed: frozenset[tuple[str, str]] = frozenset()


@dataclass(kw_only=True)
class Change:
    """What one list gains and loses.

    Attributes:
        restated: how many of `add` are believed to be in already, and are said again because that is uncertain.
    """

    add: list[str] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    restated: int = 0

    @property
    def size(self) -> int:
        return len(self.add) + len(self.remove)

    @property
    def news(self) -> int:
        """Changes that somebody who looks at the list would notice."""
        return self.size - self.restated


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a destination will be asked to do.

    Attributes:
        lists: audience -> Change; only those with a difference.
        properties: member -> property -> text, or None to clear.
        held: audiences whose change is larger than their guard allows; not delivered.
        refused: audience -> changes that are left out, since the destination has no such list and will not get it.
    """

    destination: str
    lists: Mapping[str, Change]
    properties: Mapping[str, Mapping[str, str | None]]
    held: frozenset[str] = frozenset()
    refused: Mapping[str, int] = field(default_factory=dict)

    def without(self, refused: Collection[str]) -> "Plan":
        """The plan less the changes of lists that are refused; how many these are is kept."""
        left_out = {name: change.size for name, change in self.lists.items() if name in refused}
        kept = {name: change for name, change in self.lists.items() if name not in refused}
        return replace(self, lists=kept, held=self.held - left_out.keys(), refused={**self.refused, **left_out})

    @property
    def size(self) -> int:
        """Changes planned, those held included: people in and out of lists, and contacts written."""
        return sum(change.size for change in self.lists.values()) + len(self.properties)

    @property
    def held_size(self) -> int:
        return sum(self.lists[name].size for name in self.held)

    def summary(self) -> dict[str, dict[str, int]]:
        """audience -> {"add", "remove"}."""
        return {n: {"add": len(c.add), "remove": len(c.remove)} for n, c in sorted(self.lists.items())}


def difference(destination: str, scope: Scope) -> Plan:
    """Wanted minus acknowledged, less what the destination refused before."""
    lists: dict[str, Change] = defaultdict(Change)
    for audience, member in sorted(_to_add(scope)):
        lists[audience].add.append(member)
        lists[audience].restated += (audience, member) in scope.acknowledged
    for audience, member in sorted(_to_remove(scope)):
        lists[audience].remove.append(member)
    return Plan(destination=destination, lists=dict(lists), properties=_properties(scope))


def _to_add(scope: Scope) -> Iterator[tuple[str, str]]:
    for pair in scope.wanted - scope.vetoed:
        if not scope.acknowledged.get(pair, False) and scope.refused.get(pair) != "add":
            yield pair


def _to_remove(scope: Scope) -> Iterator[tuple[str, str]]:
    for pair in scope.acknowledged:
        unwanted = pair not in scope.wanted or pair in scope.vetoed
        if unwanted and scope.refused.get(pair) != "remove":
            yield pair


def _properties(scope: Scope) -> dict[str, dict[str, str | None]]:
    changes = {}
    for member in sorted({*scope.wanted_properties, *scope.acknowledged_properties}):
        change = _change(scope, member)
        if ("", member) in scope.refused:
            refused = json.loads(scope.refused["", member]).items()
            change = {name: value for name, value in change.items() if (name, value) not in refused}
        if change:
            changes[member] = change
    return changes


def _change(scope: Scope, member: str) -> dict[str, str | None]:
    wanted = scope.wanted_properties.get(member, {})
    known = scope.acknowledged_properties.get(member, {})
    if known is None:  # a merge mixed them: state every wish
        return {name: wanted.get(name) for name in scope.names}
    return {name: wanted.get(name) for name in scope.names if wanted.get(name) != known.get(name)}


def guarded(
    plan: Plan, audiences: Mapping[str, Audience], sizes: Mapping[str, int], approved: Mapping[str, Counts]
) -> Plan:
    """The plan with lists held back whose change exceeds both their guard and what was approved.

    Args:
        sizes: acknowledged size of each list.
        approved: audience -> {"add", "remove"} that a person has approved.
    """
    held = frozenset(
        name
        for name, change in plan.lists.items()
        if name in audiences
        and not audiences[name].guard.allows(change.news, sizes.get(name, 0))
        and not _covered(change, approved.get(name, {}))
    )
    return replace(plan, held=held)


def _covered(change: Change, approved: Counts) -> bool:
    return len(change.add) <= approved.get("add", 0) and len(change.remove) <= approved.get("remove", 0)


def deliveries(
    plan: Plan, audiences: Mapping[str, Audience], batch: Mapping[str, int]
) -> tuple[list[Delivery], list[Delivery]]:
    """The plan as batches, in the order in which they must leave: the suppressions of all lists, then the rest.

    Args:
        batch: kind -> the most changes a batch may carry.
    """
    first, last = [], []
    for name, change in sorted(plan.lists.items()):
        if name in plan.held:
            continue
        closes = _is_exclusion(name, audiences)
        now, later = (change.add, change.remove) if closes else (change.remove, change.add)
        first += list(_members(plan, name, now, "add" if closes else "remove", batch["membership"]))
        last += list(_members(plan, name, later, "remove" if closes else "add", batch["membership"]))
    return first, [*_values(plan, batch["properties"]), *last]


def _is_exclusion(name: str, audiences: Mapping[str, Audience]) -> bool:
    """True for lists that keep people away from ads: entering one is the suppression."""
    return name in audiences and audiences[name].purpose is Purpose.EXCLUDE


def _members(plan: Plan, audience: str, members: Sequence[str], verb: str, size: int) -> Iterator[Delivery]:
    for part in _chunks(members, size):
        yield Delivery(
            id=str(uuid.uuid4()),
            destination=plan.destination,
            kind="membership",
            audience=audience,
            add=part if verb == "add" else (),
            remove=part if verb == "remove" else (),
        )


def _values(plan: Plan, size: int) -> Iterator[Delivery]:
    for part in _chunks(sorted(plan.properties), size):
        values = {member: plan.properties[member] for member in part}
        yield Delivery(id=str(uuid.uuid4()), destination=plan.destination, kind="properties", values=values)


def _chunks(items: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    return (items[start : start + size] for start in range(0, len(items), size))
