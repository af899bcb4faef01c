"""Trouble at the CRM: a clear end, nothing lost, and the next run makes it good."""

from collections.abc import Callable
from typing import Any

import pytest
from lamp_install import TOKEN, Shop

from connector.errors import SetupError
from connector.pipeline import Report
from connector.sandbox.faults import Fault

pytestmark = pytest.mark.slow

Settled = tuple[Any, dict[str, Any], Report]


def buy(shop: Shop) -> str:
    """Carl buys what he left in the cart."""
    carl = shop.contact("carl@example.com")
    shop.sandbox.portal.create_order(carl, [("TAB-03-BLACK", "1", "89.00")], ordered_at=shop.end)
    return carl


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500, "times": 2},
        {"status": 503, "times": 2},
        {"status": 429, "times": 2, "retry_after": 0},
        {"drop": True, "times": 2},
        {"status": 502, "times": 1, "after_effect": True, "method": "PUT"},
        {"drop": True, "times": 1, "after_effect": True, "method": "PUT"},
    ],
)
def test_a_crm_that_stumbles_is_asked_again(shop: Shop, fault: dict[str, Any]) -> None:
    """A few errors, no answer at all, or an answer lost after the effect: the run is green and complete."""
    carl = buy(shop)
    shop.sandbox.faults.add(Fault(**fault))
    report = shop.run(days=0.01)
    assert report.status == "done"
    assert "Recent buyers" in shop.lists_of(carl)
    assert report.calls["hubspot"].retried >= 1


def test_a_crm_that_is_down_defers_the_run_and_loses_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 3 with what to do; once the CRM is back the next run does what was left."""
    carl = buy(shop)
    shop.sandbox.faults.add(Fault(status=503, times=10_000))
    report = shop.run(days=0.01)
    assert (report.status, report.exit_code) == ("deferred", 3)
    assert any("hubspot" in note for note in report.notes)
    shop.sandbox.faults.clear()
    assert shop.run(days=0.01).status == "done"
    assert "Recent buyers" in shop.lists_of(carl)


@pytest.mark.parametrize(("days", "due"), [(1.1, False), (2.1, True)])
def test_figures_wait_for_a_source_that_cannot_be_read(shop: Shop, days: float, due: bool) -> None:
    """Drawn from a part of what there is they would stand for a day, so they may be twice as old; then they wait no
    more, and once all is read they are drawn at once."""
    shop.sandbox.faults.add(Fault(path_contains="orders/search", status=503, times=10_000))
    report = shop.run(days=days)
    assert (report.status, report.full) == ("deferred", due)
    shop.sandbox.faults.clear()
    assert shop.run(days=days + 0.01).full is not due


def test_a_crm_that_fails_in_the_middle_of_a_push_keeps_the_books(shop: Shop) -> None:
    """What is left is deferred and counted; the next run completes it."""
    carl = buy(shop)
    shop.sandbox.faults.add(Fault(method="PUT", path_contains="memberships", status=500, times=10_000, skip=1))
    report = shop.run(days=0.01)
    assert (report.status, report.exit_code) == ("deferred", 3)
    assert report.balanced
    assert report.books["hubspot:push"].as_json()["deferred"] > 0
    shop.sandbox.faults.clear()
    assert shop.run(days=0.01).status == "done"
    lists = shop.lists_of(carl)
    assert "Recent buyers" in lists
    assert "Left in the cart" not in lists


def test_a_wrong_token_says_how_to_connect(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 2, and the next command; the token itself is not repeated."""
    monkeypatch.setenv(TOKEN, "mistyped-token")
    with pytest.raises(SetupError, match="lamplighter connect hubspot") as caught:
        shop.run()
    assert "mistyped-token" not in str(caught.value)


def test_a_missing_scope_is_named(shop: Shop) -> None:
    """The admin reads which scope to tick."""
    scopes = set(shop.sandbox.portal.settings.scopes) - {"crm.lists.write"}
    shop.sandbox.portal.configure({"scopes": sorted(scopes)})
    buy(shop)
    with pytest.raises(SetupError, match=r"crm\.lists\.write"):
        shop.run(days=0.01)
    shop.sandbox.portal.configure({"scopes": sorted(scopes | {"crm.lists.write"})})
    assert shop.run(days=0.01).status == "done"


def list_id(shop: Shop, label: str) -> str:
    return str(shop.sandbox.portal.state()["lists"][label]["id"])


def test_a_renamed_list_is_followed(shop: Shop) -> None:
    """The marketer calls it otherwise; it stays ours, and no second one appears."""
    carl, number = buy(shop), list_id(shop, "Lamplighter: Recent buyers")
    renamed = shop.sandbox.portal.act("PUT", f"/crm/lists/2026-09/{number}/update-list-name?listName=Our%20buyers")
    assert renamed.status < 300
    assert shop.run(days=0.01).status == "done"
    lists = shop.crm()["lists"]
    assert carl in lists["Our buyers"]
    assert "Lamplighter: Recent buyers" not in lists


def test_a_deleted_list_is_made_again_and_filled(shop: Shop) -> None:
    """Deleted by the marketer: found out at the next change, then made and filled whole."""
    before, carl = shop.crm(), buy(shop)
    number = list_id(shop, "Lamplighter: Recent buyers")
    assert shop.sandbox.portal.act("DELETE", f"/crm/lists/2026-09/{number}").status < 300
    report = shop.run(days=0.01)
    assert report.status == "done"
    assert report.balanced
    after = shop.crm()["lists"]["Lamplighter: Recent buyers"]
    assert set(after) == {*before["lists"]["Lamplighter: Recent buyers"], carl}
    assert any("deleted" in note for note in report.notes)


def test_a_list_of_the_same_name_that_is_not_ours_is_left_alone(fresh: Callable[..., Shop]) -> None:
    """Somebody has a list of that name already: nobody is added to it or removed from it."""
    shop = fresh()
    body = {"name": "Lamplighter: Champions", "objectTypeId": "0-1", "processingType": "MANUAL"}
    theirs = shop.sandbox.portal.act("POST", "/crm/lists/2026-09/", body)
    assert theirs.status < 300
    assert shop.run().status == "done"
    lists = shop.crm()["lists"]
    assert lists["Lamplighter: Champions"] == ()
    assert lists["Lamplighter: Champions (Lamplighter)"]


def test_an_order_without_contact_is_a_guest_and_harms_nobody(shop: Shop) -> None:
    """A guest's order is kept and counted, and changes no list."""
    before = shop.crm()
    shop.sandbox.portal.create_order(None, [("TAB-03-BLACK", "1", "89.00")], ordered_at=shop.end)
    report = shop.run(days=0.01)
    assert report.status == "done"
    assert shop.crm() == before


def test_a_product_that_no_catalogue_knows_is_its_own_family(shop: Shop) -> None:
    """Bought all the same: the item itself is suppressed, and the admin is told what the feed lacks."""
    carl = shop.contact("carl@example.com")
    shop.sandbox.portal.create_order(carl, [("MYSTERY-1", "1", "5.00")], ordered_at=shop.end)
    report = shop.run(days=0.01)
    assert report.status == "done"
    assert "Recent buyers" in shop.lists_of(carl)
    assert any("no catalogue row knows, such as MYSTERY-1" in note for note in report.notes)
