"""`lamplighter check` on broken set-ups (`broken_setups.py` lists them): each has a fix of its own, and it works."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import small_shop
from broken_setups import PROPERTIES, TROUBLES, Setup
from cli import Command

from connector.sandbox.serve import Sandbox


@pytest.fixture
def setup(home: Path, portal: Sandbox, monkeypatch: pytest.MonkeyPatch, lamplighter: Command) -> Setup:
    """A sound install."""
    return Setup(home, portal, monkeypatch, lamplighter)


def wrong(setup: Setup, *options: str) -> list[dict[str, Any]]:
    """What check complains of; its exit code says whether there is anything."""
    done = setup.lamplighter("check", *options, "--json", "--home", setup.home)
    found = [one for one in done.json["findings"] if not one["ok"]]
    assert done.code == (2 if found else 0), done.err
    return found


@pytest.fixture(scope="module")
def fixes() -> dict[str, str]:
    """Trouble -> the fix that was printed for it, as the tests go along."""
    return {}


@pytest.mark.parametrize("name", TROUBLES)
def test_each_trouble_has_a_fix_that_works(setup: Setup, fixes: dict[str, str], name: str) -> None:
    """What is wrong is the first thing told, with the fix; once that is done, check is green."""
    trouble = TROUBLES[name]
    trouble.broken(setup)
    first = wrong(setup, *(["--fix"] if trouble.by_fix else []))[0]
    assert trouble.told in first["detail"]
    assert trouble.fix in first["fix"]
    fixes[name] = first["fix"]
    trouble.cure(setup)
    assert wrong(setup, "--fix") == []
    assert wrong(setup) == []


def test_all_fixes_differ(fixes: dict[str, str]) -> None:
    """No two troubles are told to be cured in the same way."""
    if len(fixes) < len(TROUBLES):
        pytest.skip("the tests before this one were not all run")
    assert len(TROUBLES) >= 15
    assert len(set(fixes.values())) == len(fixes)


def test_fix_makes_what_is_missing(setup: Setup) -> None:
    """`--fix` creates properties and lists, says so, and a second time has nothing to do."""
    first = setup.lamplighter("check", "--fix", "--home", setup.home)
    assert first.code == 0, first.out
    assert "hubspot: done: HubSpot properties: " in first.out
    assert "hubspot: done: HubSpot lists: 2 of ours" in first.out
    names = {one["name"] for one in setup.act("GET", PROPERTIES)["results"]}
    assert {"lamplighter_rfm_cell", "lamplighter_loyalty_tier"} <= names
    assert set(setup.portal.portal.state()["lists"]) == {
        "Lamplighter: Recent buyers",
        "Lamplighter: Left in the cart",
    }
    before = setup.portal.journal.counts()["writes"]
    again = setup.lamplighter("check", "--fix", "--home", setup.home)
    assert (again.code, "done:" in again.out) == (0, False)
    assert setup.portal.journal.counts()["writes"] == before


def test_fix_names_what_is_left_to_a_person(setup: Setup) -> None:
    """What a program cannot do is marked, and the exit code says that something is left."""
    setup.without("crm.lists.write")
    done = setup.lamplighter("check", "--fix", "--home", setup.home)
    assert done.code == 2
    assert "FIX  hubspot: HubSpot scopes: crm.lists.write is missing" in done.out
    assert "what is marked FIX only a person can do" in done.out


@pytest.mark.slow
def test_the_run_then_writes_into_what_fix_made(setup: Setup) -> None:
    """A run after `--fix` finds its lists and properties and makes no other."""
    setup.fix()
    made = set(setup.portal.portal.state()["lists"])
    assert setup.lamplighter("run", "--as-of", small_shop.END, "--home", setup.home).code == 0
    assert set(setup.portal.portal.state()["lists"]) == made


def told(setup: Setup, title: str) -> str:
    """The detail of a finding that is ok."""
    findings = setup.lamplighter("check", "--json", "--home", setup.home).json["findings"]
    return next(str(one["detail"]) for one in findings if one["title"] == f"hubspot: {title}")


@pytest.mark.parametrize(
    ("tier", "words"),
    [
        ("free", "Free or Starter, as 250,000 calls a day and 100 in ten seconds tell"),
        ("professional", "Professional, as 625,000 calls a day and 190"),
        ("enterprise", "Enterprise, as 1,000,000 calls a day and 190"),
    ],
)
def test_tier(setup: Setup, tier: str, words: str) -> None:
    """The subscription's tier is derived from its limits, and check says from which."""
    setup.configure(tier=tier, limits=True)
    assert words in told(setup, "HubSpot tier")


def test_raised_limits(setup: Setup) -> None:
    """An account that bought more calls keeps its tier."""
    setup.configure(limits=True, ten_seconds=250, daily_limit=1_625_000)
    assert "Professional with API limit increase" in told(setup, "HubSpot tier")


def test_quota_and_midnight(setup: Setup) -> None:
    """Used, left, ours, and when the account's own day ends."""
    setup.configure(limits=True, daily_limit=1_000, daily_used=100, utc_offset_minutes=-300)
    quota = told(setup, "HubSpot quota")
    assert "101 of 1,000 calls used today, 899 left, 699 of them ours; the day ends at " in quota
    assert "05:00 UTC; 190 calls in ten seconds, 5 searches a second" in quota


def test_by_oauth(setup: Setup) -> None:
    """The account's number is told, and that nobody knows the daily quota of such an app."""
    setup.oauth()
    assert told(setup, "HubSpot token") == "OAuth, hub 4711042"
    assert "does not tell the daily quota of OAuth" in told(setup, "HubSpot quota")


@pytest.fixture
def empty(setup: Setup) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The same install on a portal without any records."""
    with Sandbox() as portal:
        setup.edit("base_url: .+", f"base_url: {portal.url}")
        yield lambda: wrong(setup)


def test_empty_account(setup: Setup, empty: Callable[[], list[dict[str, Any]]]) -> None:
    """An account without orders and deals is told of, and is no fault: they may come."""
    assert empty() == []
    assert "there are no orders yet" in told(setup, "HubSpot purchases")
