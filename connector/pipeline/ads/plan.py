"""What an ad platform should change: withdrawals, which nothing holds back, and the rest, which is guarded."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from sys import intern

from connector.home import Home
from connector.model import Audience
from connector.pipeline.ads.people import Wanted, free_persons
from connector.ports import AdDestination
from connector.push.plan import Change, Counts, Plan, Scope, difference, guarded
from connector.store import acknowledged, ad_members

AGING = 5 / 6
"""Part of a platform's longest membership after which somebody is said again."""


@dataclass(frozen=True, kw_only=True)
class AdPlan:
    """Attributes:
    withdrawals: removals of those of whom the platform may not be told any more, from every audience of ours.
    rest: all other differences, of the audiences that groups want.
    """

    withdrawals: Plan
    rest: Plan

    @property
    def size(self) -> int:
        return self.withdrawals.size + self.rest.size


def ad_plan(
    home: Home,
    platform: AdDestination,
    found: Wanted,
    audiences: Mapping[str, Audience],
    approved: Mapping[str, Counts],
    as_of: datetime,
    of: Collection[str] | None,
) -> AdPlan:
    """The differences of everybody, or of the persons named in `of`.

    Args:
        audiences: those that groups want. Others of ours keep whom they hold until they are deleted.
        approved: audience -> {"add", "remove"} that a person has approved.
    """
    scope = _scope(home, platform, found, as_of, of)
    whole = difference(platform.name, scope)
    barred = _barred(home, platform, found, whole)
    gone = {name: [one for one in change.remove if one in barred] for name, change in whole.lists.items()}
    withdrawals = {name: Change(remove=members) for name, members in gone.items() if members}
    rest = {name: _less(change, barred) for name, change in whole.lists.items() if name in audiences}
    plan = replace(whole, lists={name: change for name, change in rest.items() if change.size})
    sizes = acknowledged.sizes(home.store, platform.name)
    return AdPlan(withdrawals=replace(whole, lists=withdrawals), rest=guarded(plan, audiences, sizes, approved))


def _less(change: Change, barred: Collection[str]) -> Change:
    return replace(change, remove=[one for one in change.remove if one not in barred])


def _scope(home: Home, platform: AdDestination, found: Wanted, as_of: datetime, of: Collection[str] | None) -> Scope:
    members = None if of is None else _members(home, platform, found, of)
    old = _old(home, platform, as_of) if of is None else frozenset()
    held = acknowledged.members(home.store, platform.name, members)
    return Scope(
        wanted=found.lists,
        acknowledged={(intern(name), intern(who)): sure and (name, who) not in old for name, who, sure in held},
        wanted_properties={},
        acknowledged_properties={},
        refused=_refused(home, platform, members),
        names=(),
    )


def _refused(home: Home, platform: AdDestination, members: Collection[str] | None) -> dict[tuple[str, str], str]:
    """Additions that were refused. Removals are asked for again each time: the person may have withdrawn."""
    known = acknowledged.refusals(home.store, platform.name, members)
    return {pair: wish for pair, wish in known.items() if wish != "remove"}


def _members(home: Home, platform: AdDestination, found: Wanted, of: Collection[str]) -> set[str]:
    """Match keys that are, were, or must not be told of some persons. What was refused of these is tried again."""
    known = ad_members.of_persons(home.store, platform.name, of)
    members = {*known, *(member for _, member in found.lists), *found.barred}
    acknowledged.forget_refusals(home.store, platform.name, members)
    return members


def _old(home: Home, platform: AdDestination, as_of: datetime) -> frozenset[tuple[str, str]]:
    """(audience, match key) that the platform will forget unless they are said again."""
    if platform.terms.longest is None:
        return frozenset()
    return ad_members.told_before(home.store, platform.name, as_of - platform.terms.longest * AGING)


def _barred(home: Home, platform: AdDestination, found: Wanted, plan: Plan) -> set[str]:
    """Of the match keys that leave, those that leave because nobody may be told of them."""
    leaving = {member for change in plan.lists.values() for member in change.remove}
    whose = ad_members.persons_of(home.store, platform.name, leaving - found.barred)
    free = free_persons(home, set(whose.values()))
    return {member for member in leaving if member in found.barred or whose.get(member) not in free}
