"""Which audiences stand for which families at an ad platform, chosen on figures of families and product types alone.

No platform takes person x item. Each family starts as an audience of its own; one with too few people goes into its
product type's, a type's that is too small into the type above, and where there are more audiences than room those
worth least share one in the same way. What finds no place is left to the audience of the whole account.
"""

import hashlib
import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from connector.model import AdTerms
from connector.policies.ads import NEUTRAL, AdsPolicy

FAMILY, TYPE, ACCOUNT, NONE = "family", "type", "account", "none"
LATELY = "bought_lately"
"""Name of the audience of the whole account."""
STAYS = 2
"""An audience that is there already stays down to half of what a new one needs, in people and in worth."""
_SEPARATOR = " > "
Place = tuple[str, str]
"""Level and key."""


@dataclass(frozen=True, kw_only=True)
class FamilyDemand:
    """A family that is out of somebody's ads: how many may be told of, and the impressions they are expected to get."""

    family: str
    title: str
    product_type: str
    sensitive: bool
    people: int
    expected: float


@dataclass(frozen=True, kw_only=True)
class Room:
    """What an audience needs and how many there may be, besides that of the whole account.

    Attributes:
        people: the fewest of a new audience.
        current: names of audiences that are there already.
    """

    people: int
    audiences: int
    current: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class AdGroup:
    """An audience and the families that it stands for."""

    audience: str
    level: str
    key: str
    label: str
    families: Sequence[str]
    why: str


def room(terms: AdTerms, policy: AdsPolicy, current: Iterable[str] = ()) -> Room:
    """What a platform's terms leave, and what it needs to find enough of the people it is told."""
    least = policy.smallest or math.ceil(terms.minimum_size * policy.safety / policy.match_share)
    free = min(policy.most, math.floor(terms.maximum_audiences * (1 - policy.reserve)))
    return Room(people=least, audiences=max(free - 1, 0), current=frozenset(current))


def chosen(
    demand: Sequence[FamilyDemand], spread: Mapping[str, float], space: Room, policy: AdsPolicy
) -> list[AdGroup]:
    """The audiences for families and types, by name; none for a sensitive family, alone or with others.

    Args:
        spread: product type -> its people as a share of the sum of its families' people, 0 to 1.
    """
    ladder = _Ladder(spread=spread, space=space)
    for one in sorted(demand, key=lambda each: each.family):
        if not one.sensitive:
            ladder.put((FAMILY, one.family), [one])
    ladder.lift_small()
    ladder.make_room()
    return _named(ladder.standing, policy)


def name_of(place: Place) -> str:
    """The name of an audience for ever: it tells nothing, and is the same at every platform."""
    digest = hashlib.sha256(_SEPARATOR.join(place).encode()).hexdigest()
    return f"bought_{digest[:10]}"


def above(place: Place, families: Sequence[FamilyDemand]) -> Place | None:
    """Where an audience goes that cannot stand: its product type, or the type above; None where there is none."""
    level, key = place
    path = families[0].product_type if level == FAMILY else key.rpartition(_SEPARATOR)[0]
    return (TYPE, path) if path else None


def types_of(product_type: str) -> Iterator[str]:
    """A product type and those above it, the longest first."""
    while product_type:
        yield product_type
        product_type = product_type.rpartition(_SEPARATOR)[0]


@dataclass
class _Ladder:
    """Audiences on their way up."""

    spread: Mapping[str, float]
    space: Room
    standing: dict[Place, list[FamilyDemand]] = field(default_factory=dict)

    def put(self, place: Place, families: list[FamilyDemand]) -> None:
        self.standing.setdefault(place, []).extend(families)

    def lift(self, place: Place) -> Place | None:
        families = self.standing.pop(place)
        higher = above(place, families)
        if higher is not None:
            self.put(higher, families)
        return higher

    def lift_small(self) -> None:
        """Families first, then types from the longest path up: what is lifted is looked at again above."""
        waiting = [(_depth(place), place) for place in self.standing]
        heapq.heapify(waiting)
        seen = set(self.standing)
        while waiting:
            _, place = heapq.heappop(waiting)
            if place in self.standing and self._small(place):
                higher = self.lift(place)
                if higher is not None and higher not in seen:
                    seen.add(higher)
                    heapq.heappush(waiting, (_depth(higher), higher))

    def make_room(self) -> None:
        """The audience worth least shares that of the nearest type above which has one, or shares one with the
        least of its kin there; only what has no kin at all is given up."""
        ranked = [(*self._worth(place), place) for place in self.standing]
        heapq.heapify(ranked)
        kin = self._kin()
        while len(self.standing) > self.space.audiences:
            *worth, place = heapq.heappop(ranked)
            if place in self.standing and tuple(worth) == self._worth(place):  # else it grew, and stands there again
                higher = self._share(place, kin)
                if higher is not None:
                    heapq.heappush(ranked, (*self._worth(higher), higher))

    def _kin(self) -> dict[str, set[Place]]:
        """Product type -> the audiences at or under it."""
        found: dict[str, set[Place]] = defaultdict(set)
        for place in self.standing:
            for path in self._paths(place):
                found[path].add(place)
        return found

    def _paths(self, place: Place) -> list[str]:
        level, key = place
        return list(types_of(self.standing[place][0].product_type if level == FAMILY else key))

    def _share(self, place: Place, kin: dict[str, set[Place]]) -> Place | None:
        paths = self._paths(place)
        for path in paths:
            kin[path].discard(place)
        families = self.standing.pop(place)
        near = next((path for path in paths if kin[path]), None)
        if near is None:
            return None
        shared = (TYPE, near)
        if shared not in self.standing:
            least = min(kin[near], key=lambda other: (self._worth(other), other))
            for other in self._paths(least):
                kin[other].discard(least)
            families = [*families, *self.standing.pop(least)]
            for higher in types_of(near):
                kin[higher].add(shared)
        self.put(shared, families)
        return shared

    def _small(self, place: Place) -> bool:
        return self._people(place) * self._favour(place) < self.space.people

    def _people(self, place: Place) -> float:
        total = sum(one.people for one in self.standing[place])
        return total if place[0] == FAMILY else total * self.spread.get(place[1], 1.0)

    def _worth(self, place: Place) -> tuple[float, float]:
        families = self.standing[place]
        return sum(one.expected for one in families) * self._favour(place), float(sum(one.people for one in families))

    def _favour(self, place: Place) -> int:
        return STAYS if name_of(place) in self.space.current else 1


def _depth(place: Place) -> int:
    level, key = place
    return -(10**6) if level == FAMILY else -len(key.split(_SEPARATOR))


def _named(standing: Mapping[Place, Sequence[FamilyDemand]], policy: AdsPolicy) -> list[AdGroup]:
    plain = {place: _label(place, families) for place, families in standing.items()}
    taken = Counter(plain.values())
    found = []
    for place, families in standing.items():
        label = plain[place] if taken[plain[place]] == 1 else f"{plain[place]} ({place[1]})"
        neutral = f"Exclusion {name_of(place).rpartition('_')[2]}"
        found.append(
            AdGroup(
                audience=name_of(place),
                level=place[0],
                key=place[1],
                label=neutral if policy.labels == NEUTRAL else label,
                families=sorted(one.family for one in families),
                why=_why(place, families),
            )
        )
    return sorted(found, key=lambda one: one.audience)


def _label(place: Place, families: Sequence[FamilyDemand]) -> str:
    level, key = place
    return f"Bought: {families[0].title or key}" if level == FAMILY else f"Bought: {key.rpartition(_SEPARATOR)[2]}"


def _why(place: Place, families: Sequence[FamilyDemand]) -> str:
    if place[0] == FAMILY:
        return "enough people and enough impressions for an audience of its own"
    return f"{len(families):,} families of {place[1]} that are too small, or worth too little, for their own"
