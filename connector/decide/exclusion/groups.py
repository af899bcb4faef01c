"""Suppression groups: the audiences that an ad platform is to keep, with what they prevent and what they hide besides.

Impressions are expected as they came lately: those of pairs of person and family whose last one is not older than
`policy.ads.recent`. Where nobody's impressions are known each pair counts as one.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from connector.decide.exclusion.choice import (
    ACCOUNT,
    LATELY,
    NONE,
    AdGroup,
    FamilyDemand,
    chosen,
    room,
    types_of,
)
from connector.model import AdTerms
from connector.policies.ads import AdsPolicy
from connector.relations import Keep, ago, among, lazily, without
from connector.schema import FIGURES

PAIR = ("person_id", "family")
TYPES = pa.schema([each for each in FIGURES["ad_group"] if each.name not in ("run", "destination")])


@dataclass(frozen=True)
class Told:
    """What groups are chosen by, of the persons whom ad platforms may be told of.

    Attributes:
        pair: [person_id, family, since, weight]: what each has, or gave back, and is expected to be shown.
        shown: [person_id, family, weight]: all that they are expected to be shown.
        family: the shop-wide figure.
    """

    pair: ir.Table
    shown: ir.Table
    family: ir.Table


def told(
    suppression: ir.Table,
    trait: ir.Table,
    touch: ir.Table,
    family: ir.Table,
    policy: AdsPolicy,
    as_of: datetime,
    keep: Keep = lazily,
) -> Told:
    """Args: the warehouse's tables of everybody, and the shop-wide figure `family`."""
    person = trait.filter(trait.ads_barrier.isnull()).select("person_id")
    recent = touch.filter(touch.last_impression_at > ago(as_of, policy.recent))
    shown = keep(among(recent, person, ["person_id"]).select(*PAIR, weight=recent.impressions.cast("float64")))
    active = among(suppression.select(*PAIR, "since"), person, ["person_id"])
    both = active.left_join(shown, PAIR).select(*[active[name] for name in active.columns], shown.weight)
    measured = shown.count().to_pyarrow().as_py() > 0
    return Told(keep(both.mutate(weight=both.weight.fill_null(0.0 if measured else 1.0))), shown, family)


def ad_groups(
    base: Told, terms: AdTerms, policy: AdsPolicy, current: Iterable[str], as_of: datetime, keep: Keep = lazily
) -> ir.Table:
    """The figure `ad_group` of one platform, without `run` and `destination`; a row of level `none` is what is left.

    Args:
        current: names of the audiences that are there already.
    """
    demand = _demand(base)
    groups = chosen(demand, _spread(base, demand), room(terms, policy, current), policy)
    everywhere = _lately(policy)
    rest = AdGroup(audience="", level=NONE, key="", label="", families=(), why="no audience stands for these")
    figures = _figures(base, groups, policy, as_of, keep)
    rows = [_row(one, figures) for one in (*groups, everywhere, rest)]
    return ibis.memtable(pa.Table.from_pylist(rows, TYPES))


def members(pair: ir.Table, group: ir.Table, policy: AdsPolicy, as_of: datetime) -> ir.Table:
    """[person_id, audience], each once, of [person_id, family, since] that are out of ads.

    Args:
        group: rows of the figure `ad_group` of one platform.
    """
    named = pair.inner_join(families_of(group), "family").select("person_id", "audience")
    lately = pair.filter(pair.since > ago(as_of, policy.account_window))
    return named.union(lately.select("person_id", audience=ibis.literal(LATELY))).distinct()


def families_of(group: ir.Table) -> ir.Table:
    """[audience, family] of the figure `ad_group`."""
    rows = group.filter(group.families.notnull(), group.audience.notnull()).select("audience", "families")
    found = [(row["audience"], one) for row in rows.to_pyarrow().to_pylist() for one in json.loads(row["families"])]
    return _pairs(found)


def _pairs(found: Sequence[tuple[str, str]]) -> ir.Table:
    text = pa.string()
    columns = [pa.array([pair[at_] for pair in found], text) for at_ in (0, 1)]
    return ibis.memtable(pa.table(columns, names=["audience", "family"]))


def _lately(policy: AdsPolicy) -> AdGroup:
    days = max(policy.account_window.days, 1)
    return AdGroup(
        audience=LATELY,
        level=ACCOUNT,
        key="",
        label=f"Bought anything in {days} days",
        families=(),
        why="for ads of the whole shop, and for what no other audience stands for",
    )


def _demand(base: Told) -> list[FamilyDemand]:
    counted = base.pair.group_by("family").agg(people=base.pair.count(), expected=base.pair.weight.sum())
    known = counted.left_join(base.family, "family").select(
        counted.family,
        counted.people,
        counted.expected,
        title=base.family.title.fill_null(""),
        product_type=base.family.product_type.fill_null(""),
        sensitive=base.family.sensitive.fill_null(False),
    )
    return [FamilyDemand(**row) for row in known.to_pyarrow().to_pylist()]


def _spread(base: Told, demand: Sequence[FamilyDemand]) -> dict[str, float]:
    """Product type -> its people as a share of the sum of its families' people; sensitive families are left out."""
    under = [(path, one.family) for one in demand if not one.sensitive for path in types_of(one.product_type)]
    if not under:
        return {}
    both = base.pair.inner_join(_pairs(under), "family")
    counted = both.group_by("audience").agg(people=both.person_id.nunique(), pairs=both.count())
    return {row["audience"]: row["people"] / row["pairs"] for row in counted.to_pyarrow().to_pylist()}


def _figures(
    base: Told, groups: Sequence[AdGroup], policy: AdsPolicy, as_of: datetime, keep: Keep
) -> dict[str, dict[str, Any]]:
    """Audience -> people, expected and hidden impressions; "" for what is left."""
    family = _pairs([(one.audience, family) for one in groups for family in one.families])
    lately = base.pair.filter(base.pair.since > ago(as_of, policy.account_window))
    rest = keep(without(base.pair, family, ["family"]))
    everything = base.shown.select("family").union(base.pair.select("family")).distinct()
    covers = family.union(everything.select(audience=ibis.literal(LATELY), family="family"))
    person = keep(
        base.pair.inner_join(family, "family")
        .select("person_id", "audience")
        .union(lately.select("person_id", audience=ibis.literal(LATELY)))
        .distinct()
    )
    found: dict[str, dict[str, Any]] = {}
    for name, figure in (
        ("people", person.group_by("audience").agg(people=person.count())),
        ("expected", _expected(base, family, rest, lately)),
        ("hidden", _hidden(base, person, covers)),
    ):
        for row in figure.to_pyarrow().to_pylist():
            found.setdefault(row["audience"], {})[name] = row[name]
    return found


def _expected(base: Told, family: ir.Table, rest: ir.Table, lately: ir.Table) -> ir.Table:
    """[audience, expected]; the account's are those that no other audience prevents."""
    own = base.pair.inner_join(family, "family").select("audience", "weight")
    caught = among(rest, lately, ["person_id"]).select("weight", audience=ibis.literal(LATELY))
    missed = without(rest, lately, ["person_id"]).select("weight", audience=ibis.literal(""))
    every = ibis.union(own, *[each.select("audience", "weight") for each in (caught, missed)])
    return every.group_by("audience").agg(expected=every.weight.sum())


def _hidden(base: Told, person: ir.Table, covers: ir.Table) -> ir.Table:
    """[audience, hidden]: impressions of families that a member does not have, but is not shown any more with it."""
    siblings = without(base.shown, base.pair, PAIR)
    both = siblings.inner_join(person, "person_id").inner_join(covers, ["audience", "family"])
    return both.group_by("audience").agg(hidden=both.weight.sum())


def _row(one: AdGroup, figures: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    figure = {"people": 0, "expected": 0.0, "hidden": 0.0, **figures.get(one.audience, {})}
    return {
        "audience": one.audience or None,
        "level": one.level,
        "key": one.key or None,
        "label": one.label or None,
        "families": json.dumps(list(one.families)),
        "why": one.why,
        **figure,
    }
