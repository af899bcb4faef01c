"""The audiences that come along, all switched on, over the lamp shop: who is in them, and what their reasons say."""

import csv
import gzip
import re
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pytest
from world_tables import world

from connector.audiences import load_audiences
from connector.decide import decide, figures
from connector.decide.membership.lists import settled
from connector.merge import identify, merge
from connector.sandbox.lamp_shop import write_world

pytestmark = pytest.mark.slow

END = datetime(2026, 9, 30, 18, tzinfo=UTC)
STAGES = {"leads", "prospects", "first_time_buyers", "repeat_buyers", "lapsed"}
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("lamp")
    write_world(made)
    return made


@pytest.fixture(scope="module")
def decided(folder: Path) -> tuple[Rows, Rows]:
    """Rows of `wanted` and `excluded`."""
    packaged = load_audiences(None)
    every = replace(packaged, audiences=(*packaged.audiences, *packaged.spare))
    engine = ibis.duckdb.connect()
    engine.raw_sql("SET TimeZone = 'UTC'")
    kept = 0

    def keep(table: ir.Table) -> ir.Table:
        nonlocal kept
        kept += 1
        return engine.create_table(f"kept_{kept}", table, temp=True)

    seen = world(folder, engine)
    merged = merge(seen, keep(identify(seen).person), END, keep)
    shop = settled(merged, figures(merged, every.policy, END, keep), every, END, keep)
    found = decide(merged, shop, every, END, keep)
    return found.wanted.to_pyarrow().to_pylist(), found.excluded.to_pyarrow().to_pylist()


@pytest.fixture(scope="module")
def reasons(decided: tuple[Rows, Rows]) -> dict[str, dict[str, str]]:
    """Audience -> person -> why."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for row in decided[0]:
        found[row["audience"]][row["person_id"]] = row["reason"]
    return found


def contacts(folder: Path) -> Rows:
    with gzip.open(folder / "contacts.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_everybody_is_at_one_stage_of_the_funnel(decided: tuple[Rows, Rows], folder: Path) -> None:
    """Each contact's person is in exactly one of the five lists, or kept out of just that one."""
    wanted, excluded = decided
    stages = Counter(row["person_id"] for row in (*wanted, *excluded) if row["audience"] in STAGES)
    known = {f"hubspot:{one['contact_id']}" for one in contacts(folder)}
    assert {person for person in stages if person.startswith("hubspot:")} == known
    assert set(stages.values()) == {1}


def test_what_was_left_in_the_cart_is_named(reasons: dict[str, dict[str, str]]) -> None:
    """Up to three items and the day; Carl left one."""
    carts = reasons["cart_abandoners"]
    assert carts["hubspot:9003"] == "left in the cart: Fjord table lamp, white (the last on 2026-09-29)"
    items = [why.removeprefix("left in the cart: ").partition(" (the last")[0].split("; ") for why in carts.values()]
    assert {len(ones) for ones in items} == {1, 2, 3}
    assert not any("none" in ones for ones in items)


def test_browsers_are_shown_something_related(reasons: dict[str, dict[str, str]]) -> None:
    """Of an item, or of a category looked at three times or more."""
    said = [why.partition("; to show beside it: ")[2] for why in reasons["browse_abandoners"].values()]
    assert said and "none" not in said
    for why in reasons["category_browsers"].values():
        found = re.match(r"looked (\d+) times at .+, last at .+ on 2026-0[89]-\d\d; to show beside it: .+", why)
        assert found and int(found[1]) >= 3


def test_responders_came_by_way_of_the_campaign(reasons: dict[str, dict[str, str]]) -> None:
    """Clicks on the shop's ads of the last ninety days."""
    said = reasons["campaign_responders"].values()
    assert len(said) > 20
    assert all(re.fullmatch(r"came by way of dynamic-retargeting on 2026-0[789]-\d\d", why) for why in said)


def test_geography_is_that_of_the_contacts(reasons: dict[str, dict[str, str]], folder: Path) -> None:
    """As many as the CRM says live there."""
    there = {f"hubspot:{one['contact_id']}" for one in contacts(folder) if one["country"] in ("DE", "AT")}
    assert set(reasons["germany_and_austria"]) == there


def test_the_best_prospects_are_limited_and_some_held_out(decided: tuple[Rows, Rows]) -> None:
    """No more than a thousand; a tenth of those who could be in are held out, and named as such."""
    wanted, excluded = decided
    inside = sum(row["audience"] == "best_prospects_ahead" for row in wanted)
    out = Counter(row["reason"] for row in excluded if row["audience"] == "best_prospects_ahead")
    assert 0 < inside <= 1000
    assert out["holdout"] == pytest.approx((inside + out["limit"] + out["holdout"]) / 10, rel=0.3)
    assert inside == 1000 or not out["limit"]


def test_engagement_and_loss_of_it_are_told_apart(reasons: dict[str, dict[str, str]]) -> None:
    """Nobody is both highly engaged and without a sign of life."""
    assert reasons["highly_engaged"] and reasons["disengaged"]
    assert not set(reasons["highly_engaged"]) & set(reasons["disengaged"])
