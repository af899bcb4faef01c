"""The suppression groups of each ad platform: chosen with the shop's figures, kept as a figure, told in the report."""

from collections.abc import Mapping, Sequence
from typing import Any

import ibis
import ibis.expr.types as ir

from connector.decide.exclusion.choice import NONE
from connector.decide.exclusion.groups import ad_groups, told
from connector.home import Home
from connector.model import Audience, Purpose
from connector.ports import AdDestination
from connector.store import acknowledged, runs

ADS = "ads"
"""Kind of what we remember of a platform ourselves."""


def groups_of(home: Home, platform: AdDestination) -> ir.Table | None:
    """The figure `ad_group` of a platform, of the last pass over everybody; None before the first."""
    full = runs.latest(home.store, decided=True, full=True)
    if not full:
        return None
    figure = home.warehouse.figure("ad_group", full[0].number)
    return figure.filter(figure.destination == platform.name)


def choose_missing(home: Home, platforms: Sequence[AdDestination]) -> list[str]:
    """Choose the groups of platforms that have none since the last pass over everybody; returns these platforms.

    They belong to that pass, whichever run chooses them: a run that dies before it is done chooses the same again.
    """
    full = runs.latest(home.store, decided=True, full=True)
    missing = [each for each in platforms if full and not rows_of(home, each)]
    if missing:
        number, as_of, policy = full[0].number, full[0].as_of, home.audiences.policy.ads
        out, trait, touch = [home.warehouse.derived(name) for name in ("suppression", "trait", "touch")]
        family = home.warehouse.figure("family", number)
        base = told(out, trait, touch, family, policy, as_of, home.warehouse.keep)
        for platform in missing:
            current = acknowledged.sizes(home.store, platform.name)
            rows = ad_groups(base, platform.terms, policy, current, as_of, home.warehouse.keep)
            home.warehouse.write("ad_group", rows.mutate(destination=ibis.literal(platform.name)), number)
    return [each.name for each in missing]


def rows_of(home: Home, platform: AdDestination) -> list[dict[str, Any]]:
    """The same as rows; none before the first pass over everybody."""
    figure = groups_of(home, platform)
    return [] if figure is None else figure.order_by("audience").to_pyarrow().to_pylist()


def audiences_of_groups(group: ir.Table) -> dict[str, Audience]:
    """The groups of a platform as audiences, by name."""
    rows = group.filter(group.level != NONE).select("audience", "label").to_pyarrow().to_pylist()
    return {
        row["audience"]: Audience(name=row["audience"], label=row["label"], purpose=Purpose.EXCLUDE, rule={})
        for row in rows
    }


def ad_audiences(home: Home, platform: AdDestination) -> dict[str, Audience]:
    """The audiences that a platform is to keep, by name; none before the first pass over everybody."""
    group = groups_of(home, platform)
    return {} if group is None else audiences_of_groups(group)


def coverage(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How good the groups of a platform are, of rows of the figure.

    {"audiences", "expected": impressions that buyers would get of what they have, "prevented": of these, by our
    audiences, "hidden": impressions of what they do not have that are prevented with them}.
    """
    kept = [row for row in rows if row["level"] != NONE]
    return {
        "audiences": len(kept),
        "expected": round(sum(row["expected"] for row in rows)),
        "prevented": round(sum(row["expected"] for row in kept)),
        "hidden": round(sum(row["hidden"] for row in kept)),
    }


def in_words(platform: str, found: Mapping[str, Any]) -> str:
    """A sentence for the admin."""
    share = found["prevented"] / found["expected"] if found["expected"] else 0.0
    return (
        f"{platform}: {found['audiences']:,} audiences prevent {found['prevented']:,} of {found['expected']:,} "
        f"impressions that buyers would get of what they have ({share:.0%}), and hide {found['hidden']:,} of what they "
        "do not have"
    )
