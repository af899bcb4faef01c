"""`explain` on a shop of four contacts: the story of each, and nothing about anybody else."""

import re
from datetime import datetime
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
    ("rosa@example.com", "FLO-BRASS"): "not suppressed: returned (order of 2026-09-12), and nothing of it is left",
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


SOLD = {
    "103": [("2026-09-01", "PEN-BLACK", "2"), ("2026-09-05", "PEN-BRASS", "-1")],
    "104": [("2026-09-01", "PEN-BLACK", "1"), ("2026-09-10", "PEN-BLACK", "-1"), ("2026-09-10", "PEN-BRASS", "1")],
}
"""More orders and returns, by contact."""
TOLD = {
    "carl@example.com": [
        "bought 2 x PEN-BLACK (order {}): 2 left, out of their ads until 2027-09-01",
        "gave back 1 x PEN-BRASS (order {}): 1 left, out of their ads until 2027-09-01",
    ],
    "olga@example.com": [
        "bought 1 x PEN-BLACK (order {}): 1 left, out of their ads until 2027-09-01",
        "gave back 1 x PEN-BLACK (order {}), bought 1 x PEN-BRASS (order {}): exchanged, 1 left, out of their ads "
        "until 2027-09-10",
    ],
}


def test_a_story_is_told_step_by_step(home: Path, lamplighter: Command, portal: Sandbox) -> None:
    """A return of a part, an exchange, a whole return: what happened, what it did to ads, and what comes next."""
    for contact, sold in SOLD.items():
        for day, sku, quantity in sold:
            status = "returned" if quantity.startswith("-") else "fulfilled"
            at = datetime.fromisoformat(f"{day}T10:00:00+00:00")
            portal.portal.create_order(contact, [(sku, quantity, "100.00")], status=status, ordered_at=at)
    assert lamplighter("run", "--as-of", END, "--home", home).code == 0
    for email, steps in TOLD.items():
        told = lamplighter("explain", email, "--item", "PEN", "--json", "--home", home).json["item"]["told"]
        assert [re.sub(r"order [^)]+", "order {}", step["what"]) for step in told["steps"]] == steps
        assert told["then"] == f"may be shown again from {steps[-1][-10:]}"
        assert told["why"] == "less than 90 days of history: the plain window"
    shown = lamplighter("explain", "rosa@example.com", "--item", "FLO", "--home", home).out
    assert "gave back 1 x FLO-BRASS (order O3): nothing is left, out of their ads until 2026-09-14" in shown
    assert "so long because: given back" in shown
    found = lamplighter("explain", "rosa@example.com", "--item", "FLO", "--json", "--home", home).json
    last = found["item"]["told"]["steps"][-1]
    assert (last["at"], last["what"]) == ("2026-09-14T10:00:00+00:00", "may be shown again")
    assert [one["state"] for one in found["stories"]] == ["readmitted"]


def test_a_window_that_is_over_is_told(home: Path, lamplighter: Command) -> None:
    """Two years later Dana may be shown her lamp again."""
    assert lamplighter("run", "--as-of", "2028-10-01T00:00", "--home", home).code == 0
    found = lamplighter("explain", "dana@example.com", "--item", "PEN", "--json", "--home", home).json
    assert found["suppressions"] == []
    assert found["item"]["story"] == "not suppressed: bought on 2026-09-10, and the window of that is over"


@pytest.mark.slow
def test_a_list_somebody_leaves_is_told_as_leaving(home: Path, lamplighter: Command, portal: Sandbox) -> None:
    """Decided, and not pushed yet: the old membership is on its way out, the new one on its way in."""
    assert lamplighter("run", "--as-of", END, "--home", home).code == 0
    portal.portal.create_order("101", [("PEN-BRASS", "-1", "110.00")], status="returned")
    portal.portal.create_order("102", [("PEN-BRASS", "1", "110.00")])
    assert lamplighter("run", "--dry-run", "--as-of", "2026-12-25T00:00", "--home", home).code == 0
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
