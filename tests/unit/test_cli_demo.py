"""The demo does what it says, on the lamp shop and on real shops."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cli import Command

from connector.cli.demo_world import end_of
from connector.errors import SetupError
from connector.store import acknowledged, open_store

TAOBAO = {
    "contacts": 983,
    "products": 64440,
    "orders": 1880,
    "order_lines": 2101,
    "buyers": 671,
    "pairs_owned": 2007,
    "identified_keys": 1069,
    "shared_keys": 0,
    "impressions": 56128,
    "impressions_identified": 52165,
    "impressions_after_purchase": 2778,
    "cost_after_purchase": 11.0495,
}
RETAIL = {
    "contacts": 4267,
    "products": 4216,
    "orders": 23726,
    "order_lines": 496489,
    "guest_orders": 1635,
    "buyers": 4239,
    "pairs_sold": 257940,
    "pairs_owned": 256233,
    "pairs_returned": 1707,
}
"""Counted in the raw files by hand, before there was any code."""


def demo(*words: object) -> "subprocess.CompletedProcess[str]":
    """The real command in a process of its own."""
    command = [sys.executable, "-m", "connector.cli", "demo", *[str(word) for word in words]]
    return subprocess.run(command, capture_output=True, text=True, env=dict(os.environ), check=False)


@pytest.fixture(scope="module")
def lamps(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The home that `lamplighter demo --home` leaves, and what the demo printed."""
    home = tmp_path_factory.mktemp("demo") / "home"
    done = demo("--home", home)
    assert (done.returncode, done.stderr) == (0, "")
    return home, done.stdout


def test_the_demo_tells_danas_story(lamps: tuple[Path, str]) -> None:
    """Her lamp's family is suppressed by the order that did it, and ads came after it all the same."""
    story = lamps[1].partition("lamplighter explain dana@example.com")[2]
    assert "Halo pendant lamp, brass (PEN-01) until 2027-09-27: bought on 2026-09-27 09:12, order L0" in story
    assert "times after that, last on 2026-09-30" in story
    assert "recent_buyers, exclude]: hubspot acknowledged" in story


def test_the_demo_ends_with_what_it_took(lamps: tuple[Path, str]) -> None:
    """The later passes write nothing, one without news makes at most five calls, and the books balance."""
    costs = lamps[1].partition("What it took")[2]
    assert "second pass, sees our own writes" in costs
    assert costs.count(", 0 writes, ") == 2 * len(("hubspot", "google", "meta"))
    assert int(costs.partition("third pass, no news: ")[2].split()[0]) <= 5
    assert "books balance" in costs


def test_the_demo_shows_both_ad_platforms(lamps: tuple[Path, str], lamplighter: Command) -> None:
    """What buyers are spared there, until when ads go on, whom consent keeps out; and where Dana is."""
    told = lamps[1].partition("\nlamplighter ads\n")[2].partition("What it took")[0]
    for name in ("google", "meta"):
        assert f"\n{name}: " in told and f"At {name}: Bought anything in 14 days, " in told
    assert told.count("All of it is in effect by ") == 2 and "people are in no audience: ads were not granted" in told
    found = lamplighter("ads", "--json", "--home", lamps[0]).json["platforms"]
    assert all(one["prevented"] > 0 and one["leaving"] == [] for one in found.values())


def test_the_lists_shown_are_those_the_crm_acknowledged(lamps: tuple[Path, str]) -> None:
    """Sizes come from the CRM and agree with what our store believes."""
    store = open_store(f"sqlite:///{lamps[0] / 'state.db'}")
    believed = sorted(acknowledged.sizes(store, "hubspot").values())
    store.close()
    table = lamps[1].partition("as hubspot now holds them")[2].partition("On one contact")[0]
    shown = sorted(int(line.split()[-1].replace(",", "")) for line in table.splitlines() if "Lamplighter: " in line)
    assert shown == believed
    assert len(shown) > 10


def test_the_home_that_is_kept_can_be_asked(lamps: tuple[Path, str], lamplighter: Command) -> None:
    """Later commands explain what the demo did; the shop's files are still where the settings say."""
    explained = lamplighter("explain", "dana@example.com", "--item", "PEN-01-BLACK", "--json", "--home", lamps[0])
    assert explained.json["item"]["suppressed"] is True
    findings = lamplighter("check", "--json", "--home", lamps[0]).json["findings"]
    assert [one["ok"] for one in findings if one["title"].startswith("source ")] == [True, True, True]


def test_the_demo_never_touches_an_install(lamps: tuple[Path, str], lamplighter: Command) -> None:
    """A home that holds settings already is refused: exit 2."""
    done = lamplighter("demo", "--home", lamps[0])
    assert (done.code, "holds an install already" in done.err) == (2, True)


@pytest.mark.slow
def test_json_is_one_object_with_the_documented_keys(small_shop: Path) -> None:
    """stdout holds the object and nothing else; later runs have keys of their own; of both CRMs each has its part."""
    done = demo("--world", small_shop, "--crm", "both", "--json")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    found = json.loads(done.stdout)
    assert {"run", "facts", "books", "audiences", "calls", "second_run", "crm"} <= set(found)
    assert (found["second_run"]["status"], found["second_run"]["writes"]) == ("done", 0)
    assert found["run"]["as_of"] == "2026-09-30T12:00:00+00:00"
    assert set(found["calls"]) == set(found["second_run"]["calls"]) == {"hubspot", "salesforce", "google", "meta"}
    assert set(found["crm"]) == {"hubspot", "salesforce"}
    assert set(found["ad_platforms"]["platforms"]) == {"google", "meta"}
    assert found["third_run"]["calls"]["salesforce"] == {"made": 1, "floor": 1}
    assert found["crm"]["hubspot"]["lists"]["Lamplighter: Recent buyers"] == 3  # one of them just gave hers back
    assert found["crm"]["salesforce"] == found["crm"]["hubspot"]


@pytest.mark.parametrize("world", ["none", "."])
def test_a_world_that_is_none_is_a_set_up_error(tmp_path: Path, lamplighter: Command, world: str) -> None:
    """No such folder, or one without a shop: exit 2."""
    done = lamplighter("demo", "--world", tmp_path / world)
    assert done.code == 2
    assert "->" in done.err


def test_a_world_ends_with_its_last_event(tmp_path: Path, small_shop: Path) -> None:
    """Orders, events and ads all count; a world without any time is refused."""
    assert end_of(small_shop).isoformat() == "2026-09-30T12:00:00+00:00"
    with pytest.raises(SetupError, match="no time"):
        end_of(tmp_path)


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.parametrize(
    ("world", "crm", "facts", "over_floor"),
    [
        ("taobao", "hubspot", TAOBAO, 1.1),
        ("online-retail", "hubspot", RETAIL, 1.1),
        ("online-retail", "salesforce", RETAIL, 1.2),
    ],
)
def test_real_shops_give_the_facts_counted_by_hand(
    worlds: Path, world: str, crm: str, facts: dict[str, Any], over_floor: float
) -> None:
    """Every figure, green books, no write in later passes, hardly more calls than the floor, under 2 GB."""
    done = demo("--world", worlds / world, "--crm", crm, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    seen = {**found["facts"], "cost_after_purchase": float(found["facts"]["cost_after_purchase"])}
    assert {name: seen[name] for name in facts} == facts
    assert found["run"]["status"] == "done"
    for later in (found["second_run"], found["third_run"]):
        assert later == {**later, "status": "done", "writes": 0}
    assert found["third_run"]["reads"] <= 5
    calls = found["calls"][crm]
    assert calls["made"] <= over_floor * calls["floor"]
    assert found["peak_memory_mb"] < 2048
