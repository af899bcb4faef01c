"""How many are in a list, and which lists there is room for: what only the whole shop's memberships can tell."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import ibis
import ibis.expr.types as ir

from connector.audiences import Audiences
from connector.decide.decision import Decisions, decide
from connector.decide.figures import LEFT_OUT, Figures
from connector.decide.membership.fitting import listed
from connector.decide.membership.shares import boundaries
from connector.model import Audience, Purpose
from connector.relations import Keep, Merged, among, lazily
from connector.rule_words import EACH_FAMILY


@dataclass(frozen=True, kw_only=True)
class Weighed:
    """A list, how many people are in it, and its share of what all lists of its kind are worth."""

    name: str
    members: int
    value: float


def settled(merged: Merged, figures: Figures, audiences: Audiences, as_of: datetime, keep: Keep = lazily) -> Figures:
    """The figures with the boundaries of audiences that have a limit, and with the lists that are left out.

    Everybody is decided once more for that, but only where an audience has a limit or there may be too many lists.

    Args:
        merged: of all persons.
    """
    limited = [one for one in audiences.audiences if one.limit is not None]
    crowded = most_there_may_be(audiences) > audiences.policy.most_lists
    if not limited and not crowded:
        return figures
    found = decide(merged, figures, audiences, as_of, keep)
    wanted = keep(among(found.wanted, merged.contact, ["person_id"]).select("person_id", "audience"))
    if limited:
        drawn = figures.cutpoint.union(boundaries(wanted, found.trait, limited))
        figures = replace(figures, cutpoint=keep(drawn))
    if not crowded:
        return figures
    weighed = sorted(_weighed(wanted, found, merged, figures, audiences), key=_rank)
    rows = list(_left_out(weighed, audiences.policy.most_lists))
    return replace(figures, left_out=keep(ibis.memtable(rows, schema=LEFT_OUT)))


def most_there_may_be(audiences: Audiences) -> int:
    """How many lists the audiences make, if every family that may have one of its own gets it."""
    return sum(EACH_FAMILY not in one.rule for one in audiences.audiences) + audiences.policy.own_lists


def _rank(one: Weighed) -> tuple[float, int, str]:
    return -one.value, -one.members, one.name


def _left_out(weighed: Sequence[Weighed], most: int) -> Iterator[dict[str, object]]:
    for place, one in enumerate(weighed[most:], most + 1):
        why = (
            f"number {place} of {len(weighed)} lists by use, and policy.most_lists is {most}: {one.members:,} people, "
            f"{one.value:.1%} of what lists of its kind are worth"
        )
        yield {"audience": one.name, "members": one.members, "value": one.value, "why": why}


def _weighed(
    wanted: ir.Table, found: Decisions, merged: Merged, figures: Figures, audiences: Audiences
) -> Iterator[Weighed]:
    """Every list. An exclusion is worth the impressions of what its members have, others what they will spend."""
    lists = listed(audiences, figures.family, figures.left_out)
    rows = _worth(wanted, found.trait, merged, audiences).to_pyarrow().to_pylist()
    known = {row["audience"]: row for row in rows}
    total = dict.fromkeys((True, False), 0.0)
    for one in lists:
        total[one.purpose is Purpose.EXCLUDE] += _of(known, one, "worth")
    for one in lists:
        whole = total[one.purpose is Purpose.EXCLUDE]
        members = int(_of(known, one, "members"))
        value = _of(known, one, "worth") / whole if whole else 0.0
        yield Weighed(name=one.name, members=min(members, one.limit or members), value=value)


def _of(known: dict[str, dict[str, float]], audience: Audience, column: str) -> float:
    return float(known[audience.name][column]) if audience.name in known else 0.0


def _worth(wanted: ir.Table, trait: ir.Table, merged: Merged, audiences: Audiences) -> ir.Table:
    """[audience, members, worth]."""
    pair = _wasted(merged)
    total = pair.group_by("person_id").agg(wasted=pair.impressions.sum())
    money = trait.select("person_id", money=trait.expected_value.cast("float64"))
    own = [one.name for one in audiences.audiences if EACH_FAMILY in one.rule]
    of_family = pair.select(
        "person_id", "impressions", audience=ibis.literal(own[0] if own else "") + "_" + pair.family
    )
    both = wanted
    for part, keys in ((total, "person_id"), (money, "person_id"), (of_family, ["person_id", "audience"])):
        both = both.left_join(part, keys).drop(*[f"{key}_right" for key in ([keys] if keys == "person_id" else keys)])
    excluding = [one.name for one in audiences.audiences if one.purpose is Purpose.EXCLUDE]
    named = [one.name for one in audiences.audiences if EACH_FAMILY not in one.rule]
    worth = ibis.cases(
        (~both.audience.isin(named), both.impressions.cast("float64")),
        (both.audience.isin(excluding), both.wasted.cast("float64")),
        else_=both.money,
    )
    whole = both.mutate(worth=ibis.greatest(worth.fill_null(0.0), 0.0))
    return whole.group_by("audience").agg(members=whole.count(), worth=whole.worth.sum())


def _wasted(merged: Merged) -> ir.Table:
    """[person_id, family, impressions] of what the person has."""
    held = merged.holding.filter(merged.holding.net_quantity > 0).select("person_id", "family")
    return merged.touch.inner_join(held, ["person_id", "family"]).select("person_id", "family", "impressions")
