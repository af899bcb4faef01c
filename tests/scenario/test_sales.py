"""Deals beside orders, refunds, consent and what a marketer reads of it: from the portal through a run and back."""

from pathlib import Path
from typing import Any

import pytest
from cli import Command
from small_shop import END
from test_incremental import decide_everybody_again, holding_now

from connector.home import open_home
from connector.sandbox.serve import Sandbox

pytestmark = pytest.mark.slow

DANA, ROSA, CARL = "101", "102", "103"
LAMP = ("FLO-BRASS", "1", "200.00")
OBJECTS = "/crm/objects/2026-09"
FAMILIES = "lamplighter_suppressed_families"


def act(portal: Sandbox, method: str, path: str, body: Any = None) -> None:
    """What a person does in the portal."""
    portal.clock.advance(5)
    answer = portal.portal.act(method, path, body)
    assert answer.status < 300, answer.content


def state_of(portal: Sandbox, order: str, word: str) -> None:
    """Somebody gives an order another state."""
    changed = {"properties": {"hs_external_order_status": word}}
    act(portal, "PATCH", f"{OBJECTS}/orders/{order}", changed)


def ran(lamplighter: Command, home: Path, *words: str) -> Any:
    """A pass for the moment the small shop ends; its report."""
    done = lamplighter("run", "--json", "--as-of", END, "--home", home, *words)
    assert done.code == 0, done.err
    return done.json


def members(portal: Sandbox, name: str) -> set[str]:
    """Who is in a list of ours now."""
    return set(portal.portal.state()["lists"][f"Lamplighter: {name}"]["members"])


def suppressed(portal: Sandbox, contact: str) -> str | None:
    """What the contact's card would list."""
    found: str | None = portal.portal.state()["contacts"].get(contact, {}).get(FAMILIES)
    return found


def test_a_deal_that_becomes_an_order_counts_by_the_order(
    home: Path, portal: Sandbox, lamplighter: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Won: suppressed for Carl. Tied to Rosa's order afterwards: for her instead, until it is refunded.

    What is decided bit by bit is what deciding for everybody gives: the deal's person has no news but the order's.
    """
    monkeypatch.setenv("LAMPLIGHTER_HUBSPOT__PURCHASES", "both")
    deal = portal.create_deal(CARL, [LAMP], currency="EUR", closed_at="2026-09-20T10:00:00.000Z")
    assert "deal" not in ran(lamplighter, home)["books"]
    assert CARL in members(portal, "Recent buyers")
    assert suppressed(portal, CARL) == "Floor lamp | FLO | 2027-09-20"
    order = portal.portal.create_order(ROSA, [LAMP], ordered_at="2026-09-21T10:00:00.000Z")
    kinds = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 512}]
    pair = {"from": {"id": order}, "to": {"id": deal}, "types": kinds}
    act(portal, "POST", "/crm/associations/2026-09/orders/deals/batch/create", {"inputs": [pair]})
    assert not ran(lamplighter, home)["run"]["full"]
    assert (suppressed(portal, CARL), suppressed(portal, ROSA)) == (None, "Floor lamp | FLO | 2027-09-21")
    assert CARL not in members(portal, "Recent buyers")
    state_of(portal, order, "Refunded")
    ran(lamplighter, home)
    assert suppressed(portal, ROSA) is None
    with open_home(home) as opened:
        bit_by_bit = holding_now(opened)
        decide_everybody_again(opened)
        assert holding_now(opened) == bit_by_bit


def test_a_refund_and_its_credit_note_give_back_once(home: Path, portal: Sandbox, lamplighter: Command) -> None:
    """Two lamps in two orders, one refunded by its state and by a credit note: the other stays hers."""
    second = portal.portal.create_order(DANA, [("PEN-BLACK", "1", "100.00")], ordered_at="2026-09-20T10:00:00.000Z")
    note = [("PEN-BLACK", "-1", "100.00")]
    portal.portal.create_order(DANA, note, status="returned", ordered_at="2026-09-25T10:00:00.000Z")
    state_of(portal, second, "refunded")
    ran(lamplighter, home)
    assert suppressed(portal, DANA) == "Pendant brass | PEN | 2027-09-10"
    traits = lamplighter("explain", "dana@example.com", "--json", "--home", home).json["traits"]
    assert (traits["orders"], float(traits["spend"])) == (1, 110.0)


def test_who_is_kept_out_is_counted_and_told(home: Path, portal: Sandbox, lamplighter: Command) -> None:
    """By list and reason in the run, in the overview of lists, and in the person's own explanation."""
    assert ran(lamplighter, home)["audiences"]["cart_abandoners"]["excluded"] == {}
    act(portal, "PATCH", f"{OBJECTS}/contacts/{CARL}", {"properties": {"hs_email_optout": "true"}})
    report = ran(lamplighter, home)
    assert report["audiences"]["cart_abandoners"]["excluded"] == {"opted_out": 1}
    assert report["audiences"]["recent_buyers"]["excluded"] == {}
    again = lamplighter("run", "--as-of", END, "--home", home)
    assert "cart_abandoners: 1 kept out: 1 opted out" in again.out
    overview = lamplighter("audiences", "--json", "--home", home).json["audiences"]
    assert {row["name"]: row["excluded"] for row in overview} == {
        "recent_buyers": {},
        "cart_abandoners": {"opted_out": 1},
    }
    assert "1 kept out: 1 opted out" in lamplighter("audiences", "show", "cart_abandoners", "--home", home).out
    told = lamplighter("explain", "carl@example.com", "--home", home).out
    assert "would be in Left in the cart [cart_abandoners], but: opted out of all e-mail" in told
    assert "mail_barrier opted_out" in told
    assert CARL not in members(portal, "Left in the cart")


def test_one_subscription_keeps_out_of_mail(
    home: Path, portal: Sandbox, lamplighter: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its opt-out counts where the setting names it, and is told as its own reason."""
    number = next(iter(portal.portal.settings.subscriptions))
    monkeypatch.setenv("LAMPLIGHTER_HUBSPOT__SUBSCRIPTION", number)
    act(portal, "PATCH", f"{OBJECTS}/contacts/{CARL}", {"properties": {f"hs_email_optout_{number}": "true"}})
    assert ran(lamplighter, home)["audiences"]["cart_abandoners"]["excluded"] == {"unsubscribed": 1}


def test_a_product_in_the_bin_is_still_what_was_bought(home: Path, portal: Sandbox, lamplighter: Command) -> None:
    """The line knows it by its record alone; deleted there, it keeps its name and stays suppressed."""
    bare = {"properties": {"name": "Own make", "hs_sku": "OWN-1"}}
    product = str(portal.portal.act("POST", f"{OBJECTS}/products", bare).content["id"])
    order = portal.portal.create_order(CARL, [], ordered_at="2026-09-20T10:00:00.000Z")
    line = {"properties": {"hs_product_id": product, "quantity": "1", "price": "5.00"}}
    tie = {"to": {"id": order}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 514}]}
    act(portal, "POST", f"{OBJECTS}/line_items", {**line, "associations": [tie]})
    ran(lamplighter, home)
    assert suppressed(portal, CARL) == "Own make | OWN-1 | 2027-09-20"
    act(portal, "DELETE", f"{OBJECTS}/products/{product}")
    state_of(portal, order, "delivered")
    ran(lamplighter, home, "--sweep", "archived")
    assert suppressed(portal, CARL) == "Own make | OWN-1 | 2027-09-20"
    assert CARL in members(portal, "Recent buyers")
