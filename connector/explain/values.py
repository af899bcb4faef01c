"""What an explanation says, whoever shows it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One list that holds this person, or should, or should no longer.

    Attributes:
        reason, evidence: as decided; empty where the person is no longer wanted in it.
        at: destination -> `acknowledged`, `uncertain`, `waiting` (comes with the next push), `leaving`, or
            `removed by hand on` a day, which stays so until `lamplighter retry --list`.
    """

    audience: str
    label: str
    purpose: str
    reason: str
    evidence: Mapping[str, Any]
    at: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Excluded:
    """One list whose rule holds for this person, but which consent keeps them out of; `why` is `reason` in words."""

    audience: str
    label: str
    reason: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Ads:
    """Ads for one family that this person was shown after first buying it; `cost` in the ad log's currency."""

    impressions: int = 0
    clicks: int = 0
    cost: str = "0"
    last_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Suppressed:
    """One family kept out of this person's ads.

    Attributes:
        title: of the product bought.
        evidence: the order line behind it.
        lists: the exclusion lists that say so.
        ads: what they were shown all the same.
    """

    family: str
    title: str
    reason: str
    since: datetime
    until: datetime
    evidence: Mapping[str, Any]
    lists: tuple[str, ...]
    ads: Ads


@dataclass(frozen=True, kw_only=True)
class Step:
    """What happened at a moment, and what followed for ads."""

    at: datetime
    what: str


@dataclass(frozen=True, kw_only=True)
class Story:
    """One family that this person bought or gave back.

    Attributes:
        state: bought, returned, replenish_due or readmitted, `since` when and `until` when (None: for good).
        now: the same in a sentence.
        why: what the length of the window follows.
        steps: all that led here, in order.
        then: what comes next by itself; empty where nothing does.
    """

    family: str
    title: str
    state: str
    since: datetime
    until: datetime | None
    now: str
    why: str
    steps: tuple[Step, ...]
    then: str


@dataclass(frozen=True, kw_only=True)
class Item:
    """One family as this person stands to it; `story` says whether it is suppressed, and why or why not.

    Attributes:
        told: the whole of it; None where it was neither bought nor given back.
    """

    family: str
    suppressed: bool
    story: str
    told: Story | None = None


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Everything decided about one person.

    Attributes:
        as_of: the moment of the last decisions.
        contacts: CRM -> its ids of this person.
        stories: of everything bought or given back, suppressed or not; what changed last first.
        ad_audiences: ad platform -> our audiences there that hold the person; empty where none is connected.
        recommendations: rank, product_id, title and why; the best first.
    """

    person_id: str
    as_of: datetime
    contacts: Mapping[str, list[str]]
    traits: Mapping[str, Any]
    lists: tuple[Listed, ...]
    excluded: tuple[Excluded, ...]
    suppressions: tuple[Suppressed, ...]
    ad_audiences: Mapping[str, tuple[str, ...]]
    stories: tuple[Story, ...]
    recommendations: tuple[Mapping[str, Any], ...]
    item: Item | None

    def as_json(self) -> dict[str, Any]:
        """Plain data; times are still datetimes, amounts decimals."""
        return asdict(self)
