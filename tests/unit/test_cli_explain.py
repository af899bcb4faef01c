"""`explain` on a shop of four contacts: the story of each, and nothing about anybody else."""

from pathlib import Path

import pytest
from cli import Command
from small_shop import END

from connector.sandbox.serve import Sandbox


def test_a_buyer_is_told_with_order_window_and_wasted_ads(told: Path, lamplighter: Command) -> None:
    """Dana bought her lamp in another colour: its family is suppressed by that order, and ads came all the same."""
    found = lamplighter("explain", " Dana@Example.com", "--json", "--home", told).json
    (one,) = found["suppressions"]
    assert (one["family"], one["title"], one["reason"]) == ("PEN", "Pendant brass", "bought")
    assert (one["since"], one["until"]) == ("2026-09-10T10:00:00+00:00", "2027-09-10T10:00:00+00:00")
    assert (one["evidence"]["order_id"], one["evidence"]["product_id"]) == ("O1", "PEN-BRASS")
    assert (one["ads"]["impressions"], one["ads"]["clicks"], float(one["ads"]["cost"])) == (2, 0, 0.05)
    assert one["ads"]["last_at"] == "2026-09-30T12:00:00+00:00"
    assert "recent_buyers" in one["lists"]
    standing = {listed["audience"]: listed["at"] for listed in found["lists"]}
    assert standing["recent_buyers"] == {"hubspot": "acknowledged"}
    assert found["contacts"] == {"hubspot": ["101"]}
    assert found["traits"]["orders"] == 1


def test_the_story_is_readable(told: Path, lamplighter: Command) -> None:
    """One screen: what is kept out and why, the lists, the item that was asked for."""
    done = lamplighter("explain", "dana@example.com", "--item", "PEN-BLACK", "--home", told)
    assert done.code == 0
    assert "Item PEN: suppressed until 2027-09-10: bought on 2026-09-10 (PEN-BRASS in order O1)" in done.out
    assert "Pendant brass (PEN) until 2027-09-10" in done.out
    assert "shown 2 times after that, last on 2026-09-30 12:00" in done.out
    assert "recent_buyers, exclude]: hubspot acknowledged" in done.out


STORIES = {
    ("rosa@example.com", "FLO-BRASS"): "not suppressed: returned (order of 2026-09-12)",
    ("carl@example.com", "FLO"): "not suppressed: never bought (1 carts)",
    ("carl@example.com", "BULB"): "not suppressed: neither bought nor looked at",
    ("olga@example.com", "BULB"): "suppressed until 2027-09-11",
}


@pytest.mark.parametrize(("email", "item"), STORIES)
def test_every_item_has_its_story(told: Path, lamplighter: Command, email: str, item: str) -> None:
    """Bought, returned, touched or neither: whether it is suppressed, and why (not)."""
    found = lamplighter("explain", email, "--item", item, "--json", "--home", told).json["item"]
    assert found["story"].startswith(STORIES[email, item])
    assert found["suppressed"] == found["story"].startswith("suppressed")


def test_a_window_that_is_over_is_told(home: Path, lamplighter: Command) -> None:
    """Two years later Dana may be shown her lamp again."""
    assert lamplighter("run", "--as-of", "2028-10-01T00:00", "--home", home).code == 0
    found = lamplighter("explain", "dana@example.com", "--item", "PEN", "--json", "--home", home).json
    assert found["suppressions"] == []
    assert found["item"]["story"] == "not suppressed: bought on 2026-09-10, and the window of that is over"


def test_a_list_somebody_leaves_is_told_as_leaving(home: Path, lamplighter: Command, portal: Sandbox) -> None:
    """Decided, and not pushed yet: the old membership is on its way out, the new one on its way in."""
    assert lamplighter("run", "--as-of", END, "--home", home).code == 0
    portal.portal.create_order("101", [("PEN-BRASS", "-1", "110.00")], status="returned")
    portal.portal.create_order("102", [("PEN-BRASS", "1", "110.00")])
    assert lamplighter("run", "--dry-run", "--as-of", "2026-12-01T00:00", "--home", home).code == 0
    dana = lamplighter("explain", "dana@example.com", "--json", "--home", home).json
    assert dana["suppressions"] == []
    assert {one["at"]["hubspot"] for one in dana["lists"] if one["audience"] == "recent_buyers"} == {"leaving"}
    rosa = lamplighter("explain", "rosa@example.com", "--json", "--home", home).json
    assert {one["at"]["hubspot"] for one in rosa["lists"] if one["audience"] == "recent_buyers"} == {"waiting"}
    assert "no longer wanted" in lamplighter("explain", "dana@example.com", "--home", home).out


@pytest.mark.parametrize("words", [("nobody@example.com",), ("no address",), ("dana@example.com", "--item", "NONE")])
def test_what_is_not_known_is_a_set_up_error_without_the_address(
    told: Path, lamplighter: Command, words: tuple[str, ...]
) -> None:
    """Exit 2 and what to do; the message repeats nobody's address."""
    done = lamplighter("explain", *words, "--home", told)
    assert (done.code, done.out) == (2, "")
    assert "->" in done.err
    assert words[0] not in done.err


def test_before_the_first_run_there_is_nothing_to_explain(home: Path, lamplighter: Command) -> None:
    """Exit 2: run first."""
    done = lamplighter("explain", "dana@example.com", "--home", home)
    assert (done.code, "lamplighter run" in done.err) == (2, True)
