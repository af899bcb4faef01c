"""After the first pass: each change in the CRM changes exactly the lists and properties it should, and nothing else."""

from datetime import timedelta
from typing import Any

import pytest
from lamp_install import VERSION, Shop

from connector.home import open_home

pytestmark = pytest.mark.slow

IDS = ("recordIdsToAdd", "recordIdsToRemove")


def written(requests: list[dict[str, Any]]) -> set[str]:
    """CRM ids of contacts that any write call named."""
    found: set[str] = set()
    for each in requests:
        if each["kind"] == "write":
            body = each["body"]
            found |= {str(one) for name in IDS for one in body.get(name, [])}
            found |= {str(one["id"]) for one in body.get("inputs", []) if "id" in one}
    return found


def changed(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[set[str], set[str]]]:
    """List -> (who came, who went), for the lists that changed."""
    names = before["lists"].keys() | after["lists"].keys()
    pairs = {name: (set(before["lists"].get(name, ())), set(after["lists"].get(name, ()))) for name in names}
    return {name: (new - old, old - new) for name, (old, new) in pairs.items() if old != new}


def touched(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """Contacts whose properties of ours differ."""
    ids = before["contacts"].keys() | after["contacts"].keys()
    return {one for one in ids if before["contacts"].get(one) != after["contacts"].get(one)}


def test_a_pass_without_news_reads_at_most_five_times_and_writes_nothing(shop: Shop) -> None:
    """One search a stream (and one more where the clocks differ), and not one write."""
    since = shop.last_request()
    report = shop.run()
    assert report.status == "done"
    kinds = [each["kind"] for each in shop.requests(since)]
    assert set(kinds) == {"read"}
    assert 4 <= len(kinds) <= 5
    assert report.decided == 0


def test_a_new_order_suppresses_the_item_and_touches_nobody_else(shop: Shop) -> None:
    """Carl buys, in another colour, what he had left in the cart: out of the reminders, into the exclusions."""
    carl, before, since = shop.contact("carl@example.com"), shop.crm(), shop.last_request()
    assert {"Left in the cart", "Show ads again"} <= shop.lists_of(carl)
    shop.sandbox.portal.create_order(carl, [("TAB-03-BLACK", "1", "89.00")], ordered_at=shop.end)
    report = shop.run(days=0.01)
    assert (report.status, report.decided) == ("done", 1)
    lists = shop.lists_of(carl)
    assert "Recent buyers" in lists
    assert not lists & {"Left in the cart", "Show ads again", "Looked, did not buy"}
    after = shop.crm()
    assert {who for come, gone in changed(before, after).values() for who in come | gone} == {carl}
    assert touched(before, after) == {carl}
    assert after["contacts"][carl]["lamplighter_suppressed_until"] == "2027-09-30"
    assert written(shop.requests(since)) == {carl}


def test_a_full_return_cools_off_and_ends(shop: Shop) -> None:
    """Dana sends her lamp back: for thirty days nobody chases her with it, then nothing is kept from her any more."""
    dana, before, since = shop.contact("dana@example.com"), shop.crm(), shop.last_request()
    assert "Recent buyers" in shop.lists_of(dana)
    shop.sandbox.portal.create_order(dana, [("PEN-01-BRASS", "-1", "179.90")], status="returned", ordered_at=shop.end)
    assert shop.run(days=0.01).status == "done"
    assert "Recent buyers" in shop.lists_of(dana)
    after = shop.crm()
    assert after["contacts"][dana]["lamplighter_suppressed_until"] == "2026-10-30"
    assert {who for come, gone in changed(before, after).values() for who in come | gone} <= {dana}
    assert written(shop.requests(since)) == {dana}
    later = shop.run(days=30.01)
    assert shop.run(days=30.01, approve=later.held[0]).status == "done"
    assert "Recent buyers" not in shop.lists_of(dana)
    assert "lamplighter_suppressed_until" not in shop.crm()["contacts"][dana]


def test_what_ends_by_itself_costs_what_ends(shop: Shop) -> None:
    """Half a day on, without news: exactly the persons of whom something ends are decided, used-up bulbs among them."""
    later = shop.end + timedelta(days=0.5)
    with open_home(shop.home) as home:
        trait, kept = home.warehouse.derived("trait"), home.warehouse.derived("suppression")
        ending = set(trait.filter(trait.next_change_at <= later).to_pyarrow()["person_id"].to_pylist())
        used_up = kept.filter(kept.until <= later, kept.length == "replenishable").to_pyarrow().to_pylist()
    report = shop.run(days=0.5)
    assert (report.full, report.decided) == (False, len(ending))
    assert 0 < len(ending) < 100
    assert used_up
    with open_home(shop.home) as home:
        due = {
            (row["person_id"], row["family"]) for row in home.warehouse.derived("replenish").to_pyarrow().to_pylist()
        }
    assert {(row["person_id"], row["family"]) for row in used_up} <= due


def test_an_opt_out_leaves_every_mailing_list_and_no_exclusion(shop: Shop) -> None:
    """Consent withdrawn: out of all mail in the same run; suppression needs no consent and stays."""
    dana, before, since = shop.contact("dana@example.com"), shop.crm(), shop.last_request()
    assert {"Next product", "Recent buyers"} <= shop.lists_of(dana)
    shop.api("PATCH", f"contacts/{dana}", {"properties": {"hs_email_optout": "true"}})
    assert shop.run(days=0.01).status == "done"
    assert shop.lists_of(dana) == {"Recent buyers"}
    after = shop.crm()
    assert all(not come and gone == {dana} for come, gone in changed(before, after).values())
    assert touched(before, after) == set()
    assert written(shop.requests(since)) == {dana}


def test_a_merge_moves_what_was_bought_to_the_survivor(shop: Shop) -> None:
    """Carl's contact is merged into Dana's: a new id holds her purchases and his cart; the old ids are gone."""
    dana, carl = shop.contact("dana@example.com"), shop.contact("carl@example.com")
    before, since = shop.crm(), shop.last_request()
    merged = shop.api("POST", "contacts/merge", {"primaryObjectId": dana, "objectIdToMerge": carl})
    survivor = str(merged["id"])
    assert survivor not in (dana, carl)
    assert shop.run(days=0.01).status == "done"
    assert shop.lists_of(survivor) >= {"Recent buyers", "Left in the cart"}
    after = shop.crm()
    assert after["contacts"][survivor]["lamplighter_last_purchase"] == "2026-09-27"
    assert {who for come, gone in changed(before, after).values() for who in come | gone} <= {dana, carl, survivor}
    assert written(shop.requests(since)) <= {dana, carl, survivor}
    quiet = shop.last_request()
    shop.run(days=0.01)
    shop.run(days=0.01)
    assert not written(shop.requests(quiet))


def test_an_order_that_moves_to_another_contact_changes_both(shop: Shop) -> None:
    """The order's record changed hands in the CRM and was touched: the first buyer is free, the second suppressed."""
    dana, carl = shop.contact("dana@example.com"), shop.contact("carl@example.com")
    order = shop.sandbox.portal.create_order(dana, [("FLO-02-BRASS", "1", "10.00")], ordered_at=shop.end)
    shop.run(days=0.01)
    associations = f"/crm/associations/{VERSION}/orders/contacts/batch"
    pair = {"from": {"id": order}, "to": {"id": dana}}
    portal = shop.sandbox.portal
    assert (
        portal.act(
            "POST", f"{associations}/archive", {"inputs": [{"from": {"id": order}, "to": [{"id": dana}]}]}
        ).status
        < 300
    )
    kinds = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 507}]
    moved = {**pair, "to": {"id": carl}, "types": kinds}
    assert portal.act("POST", f"{associations}/create", {"inputs": [moved]}).status < 300
    shop.api("PATCH", f"orders/{order}", {"properties": {"hs_order_name": "moved"}})
    assert shop.run(days=0.02).status == "done"
    assert shop.crm()["contacts"][carl]["lamplighter_last_purchase"] == "2026-09-30"
    assert shop.crm()["contacts"][dana]["lamplighter_last_purchase"] == "2026-09-27"


def test_windows_end_without_news_and_a_large_change_waits_for_a_person(shop: Shop) -> None:
    """After 31 silent days every cart is too old: that empties lists, so it waits; approved, it happens."""
    carl = shop.contact("carl@example.com")
    before = shop.crm()
    report = shop.run(days=31)
    assert (report.status, report.exit_code) == ("guarded", 4)
    assert (
        shop.crm()["lists"]["Lamplighter: Looked, did not buy"] == before["lists"]["Lamplighter: Looked, did not buy"]
    )
    assert any(f"lamplighter run --approve {report.held[0]}" in note for note in report.notes)
    assert report.balanced
    approved = shop.run(days=31, approve=report.held[0])
    assert (approved.status, approved.exit_code) == ("done", 0)
    assert "Left in the cart" not in shop.lists_of(carl)
