"""What each ad platform is told: its audiences, how good they are, whom consent keeps out, and until when ads go on."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from connector.home import Home
from connector.pipeline.ads.groups import coverage, groups_of
from connector.pipeline.ads.upkeep import UNWANTED
from connector.ports import AdDestination
from connector.store import acknowledged, outbox
from connector.store.remotes import LABEL, Remembered

COLUMNS = ("audience", "label", "level", "key", "people", "expected", "hidden", "why")


def overview(home: Home) -> dict[str, Any]:
    """{"platforms": {name: {audiences, expected, prevented, hidden, in_effect_by, groups, leaving}}, "kept_out": {why:
    people}}.

    `leaving`: audiences that no group wants any more, with the moment after which they are deleted.
    `in_effect_by` is when all that the platform has accepted so far is in effect, by its own words: until then people
    may still be shown what they have. `members` of a group counts match keys: a person with two addresses has two.
    """
    return {"platforms": {each.name: _platform(home, each) for each in home.ads}, "kept_out": _kept_out(home)}


def _platform(home: Home, platform: AdDestination) -> dict[str, Any]:
    group = groups_of(home, platform)
    rows = [] if group is None else group.order_by(group.expected.desc(), group.audience).to_pyarrow().to_pylist()
    sizes, last = acknowledged.sizes(home.store, platform.name), outbox.last_acknowledged(home.store, platform.name)
    groups = [{**{name: row[name] for name in COLUMNS}, "members": sizes.get(row["audience"], 0)} for row in rows]
    until = {"in_effect_by": _after(last, platform.terms.effect)}
    return {**coverage(rows), **until, "groups": groups, "leaving": _leaving(home, platform.name, sizes)}


def _leaving(home: Home, platform: str, sizes: Mapping[str, int]) -> list[dict[str, Any]]:
    kept, grace = Remembered(home.store, platform), home.audiences.policy.ads.grace
    labels = kept.all(LABEL)
    return [
        {
            "audience": name,
            "label": labels.get(name),
            "members": sizes.get(name, 0),
            "deleted_after": _after(datetime.fromisoformat(since), grace),
        }
        for name, since in sorted(kept.all(UNWANTED).items())
    ]


def _after(last: Any, effect: timedelta) -> str | None:
    return (last + effect).isoformat(timespec="seconds") if last else None


def _kept_out(home: Home) -> dict[str, int]:
    """Why ad platforms are not told of people who should be shown less -> how many these are."""
    trait, out = home.warehouse.derived("trait"), home.warehouse.derived("suppression")
    barred = trait.filter(trait.ads_barrier.notnull()).semi_join(out, "person_id")
    counted = barred.group_by("ads_barrier").agg(people=barred.count()).order_by("ads_barrier")
    return {row["ads_barrier"]: row["people"] for row in counted.to_pyarrow().to_pylist()}
