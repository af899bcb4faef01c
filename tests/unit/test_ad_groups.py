"""Suppression groups: which audiences stand for which families, under a platform's caps and least sizes."""

import json
import random
from typing import Any

import ibis
import pyarrow as pa
import pytest
from small_seen import on

from connector.decide.exclusion.choice import (
    FAMILY,
    LATELY,
    TYPE,
    AdGroup,
    FamilyDemand,
    Room,
    chosen,
    name_of,
    room,
)
from connector.decide.exclusion.groups import ad_groups, members, told
from connector.model import AdTerms
from connector.policies.ads import NEUTRAL, AdsPolicy

NOW, POLICY = on("2026-09-30"), AdsPolicy()
TERMS = AdTerms(minimum_size=1, maximum_audiences=20)


def family(
    name: str, path: str = "Home > Lamps", people: int = 100, expected: float = 0.0, **more: Any
) -> FamilyDemand:
    plain = {"title": name.title(), "sensitive": False}
    return FamilyDemand(
        **{**plain, "family": name, "product_type": path, "people": people, "expected": expected, **more}
    )


def places(groups: list[AdGroup]) -> dict[str, list[str]]:
    """Key of a group -> its families."""
    return {one.key: list(one.families) for one in groups}


def test_what_is_too_small_goes_up() -> None:
    """To its product type, then to the type above; what finds no place is left to the account's audience."""
    goods = [family("pen"), family("spot", people=60), family("wall", people=50), family("rug", "Home > Rugs", 30)]
    goods.append(family("odd", "", 9))
    found = chosen(goods, {}, Room(people=100, audiences=9), POLICY)
    assert places(found) == {"pen": ["pen"], "Home > Lamps": ["spot", "wall"]}
    assert places(chosen(goods, {"Home > Lamps": 0.5}, Room(people=80, audiences=9), POLICY)) == {
        "pen": ["pen"],
        "Home": ["rug", "spot", "wall"],
    }


def test_where_there_is_little_room_those_worth_least_go_up() -> None:
    """The audience that prevents the fewest impressions shares that of its product type."""
    goods = [family("pen", expected=50), family("spot", expected=9), family("wall", expected=8)]
    assert places(chosen(goods, {}, Room(people=10, audiences=2), POLICY)) == {
        "pen": ["pen"],
        "Home > Lamps": ["spot", "wall"],
    }
    assert places(chosen(goods, {}, Room(people=10, audiences=1), POLICY)) == {"Home > Lamps": ["pen", "spot", "wall"]}
    assert chosen(goods, {}, Room(people=10, audiences=0), POLICY) == []


def test_a_sensitive_family_is_in_no_group() -> None:
    """Neither alone nor with its type: its audience would tell on its members."""
    goods = [family("pen"), family("test", people=10**6, expected=10**6, sensitive=True)]
    assert places(chosen(goods, {}, Room(people=10, audiences=9), POLICY)) == {"pen": ["pen"]}
    assert places(chosen(goods, {}, Room(people=200, audiences=9), POLICY)) == {}


def test_an_audience_that_is_there_stays_down_to_half() -> None:
    """Groups do not come and go with each day's figures."""
    there = frozenset([name_of((FAMILY, "pen"))])
    for people, stays in ((50, True), (49, False)):
        found = chosen([family("pen", people=people)], {}, Room(people=100, audiences=9, current=there), POLICY)
        assert bool(found) is stays


def test_labels_are_distinct_and_may_tell_nothing() -> None:
    """Two items of one title are told apart; a neutral label and every name are silent."""
    goods = [family("pen-1", title="Pendant"), family("pen-2", title="Pendant"), family("rug", "Rugs")]
    assert sorted(one.label for one in chosen(goods, {}, Room(people=1, audiences=9), POLICY)) == [
        "Bought: Pendant (pen-1)",
        "Bought: Pendant (pen-2)",
        "Bought: Rug",
    ]
    silent = chosen(goods, {}, Room(people=1, audiences=9), AdsPolicy(labels=NEUTRAL))
    assert not any(word in f"{one.audience} {one.label}" for one in silent for word in ("Pen", "pen", "Rug", "rug"))


def test_room_follows_the_platform_and_the_shop() -> None:
    """Least size x safety over the share that is found; the cap less the reserve, less one for the account."""
    assert room(AdTerms(minimum_size=100, maximum_audiences=500), POLICY) == Room(people=240, audiences=19)
    assert room(AdTerms(maximum_audiences=10), AdsPolicy(smallest=7)) == Room(people=7, audiences=8)


@pytest.mark.parametrize("seed", range(40))
def test_each_family_is_in_one_group_at_most(seed: int) -> None:
    """On random shops: never more audiences than there is room for, none too small, no family twice."""
    chance = random.Random(seed)
    paths = ("A > B > C", "A > B", "A > D", "E", "")
    goods = [
        family(f"f{n}", chance.choice(paths), chance.randint(1, 90), chance.randint(0, 50), sensitive=not n % 7)
        for n in range(chance.randint(1, 60))
    ]
    space = Room(people=chance.randint(1, 120), audiences=chance.randint(0, 12))
    found = chosen(goods, {}, space, POLICY)
    named = [one for group in found for one in group.families]
    people = {one.family: one.people for one in goods if not one.sensitive}
    assert len(named) == len(set(named)) and set(named) <= people.keys()
    assert len(found) <= space.audiences
    assert all(sum(people[one] for one in group.families) >= space.people for group in found)
    assert len({one.label for one in found}) == len(found) == len({one.audience for one in found})


def table(columns: str, rows: list[tuple[Any, ...]], types: dict[str, pa.DataType] | None = None) -> Any:
    names = columns.split()
    kinds = {
        "since": pa.timestamp("us", "UTC"),
        "last_impression_at": pa.timestamp("us", "UTC"),
        "impressions": pa.int64(),
    }
    kinds |= {"sensitive": pa.bool_(), **(types or {})}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in names])
    return ibis.memtable(pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], schema))


OUT = [("ann", "pen"), ("bob", "spot"), ("cy", "test"), ("dee", "pen")]
SINCE = {("cy", "test"): on("2026-09-25"), ("bob", "spot"): on("2026-09-20")}
TOUCH = [("ann", "pen", 5), ("ann", "rug", 7), ("ann", "spot", 6), ("bob", "spot", 3)]
TOUCH += [("cy", "rug", 2), ("cy", "test", 4), ("dee", "pen", 99)]


def figure(policy: AdsPolicy, touched: list[tuple[str, str, int]]) -> Any:
    """Ann has a pendant, Bob a spot, Cy something sensitive; of Dee, who has a pendant, nobody may be told."""
    lately, long_ago = on("2026-09-29"), on("2026-01-01")
    base = told(
        table("person_id family since", [(*pair, SINCE.get(pair, on("2026-05-01"))) for pair in OUT]),
        table("person_id ads_barrier", [("ann", None), ("bob", None), ("cy", None), ("dee", "ads_opt_out")]),
        table(
            "person_id family impressions last_impression_at",
            [*((*each, lately) for each in touched), ("bob", "pen", 50, long_ago)],
        ),
        table(
            "family title product_type sensitive",
            [("pen", "Pendant", "Lamps", False), ("spot", "Spot", "Lamps", False), ("test", "Test", "Care", True)],
        ),
        policy,
        NOW,
    )
    return base, ad_groups(base, TERMS, policy, (), NOW)


def test_figures_say_what_is_prevented_hidden_and_left() -> None:
    """Impressions of late only, of those who may be told of; siblings count as hidden, not as prevented."""
    base, found = figure(AdsPolicy(smallest=2), TOUCH)
    rows = {row["level"]: row for row in found.to_pyarrow().to_pylist()}
    assert (rows[TYPE]["label"], json.loads(rows[TYPE]["families"])) == ("Bought: Lamps", ["pen", "spot"])
    assert (rows[TYPE]["people"], rows[TYPE]["expected"], rows[TYPE]["hidden"]) == (2, 8, 6)
    account = rows["account"]
    assert (account["audience"], account["people"], account["expected"], account["hidden"]) == (LATELY, 2, 4, 2)
    assert (rows["none"]["audience"], rows["none"]["expected"]) == (None, 0)
    pairs = members(base.pair, found, POLICY, NOW).to_pyarrow().to_pylist()
    lamps = rows[TYPE]["audience"]
    assert sorted((row["person_id"], row["audience"]) for row in pairs) == sorted(
        [("ann", lamps), ("bob", lamps), ("bob", LATELY), ("cy", LATELY)]
    )


def test_without_any_ad_log_each_purchase_counts_as_one() -> None:
    """A shop that sees no impressions still gets its groups."""
    _, found = figure(AdsPolicy(smallest=1), [])
    rows = found.to_pyarrow().to_pylist()
    assert [row["expected"] for row in rows if row["key"] == "pen"] == [1]
    assert sum(row["expected"] for row in rows) == 3
