"""What the Salesforce adapter pulls: pages and jobs, watermarks, deletions, merges, returns, fields that vanish."""

from collections.abc import Iterator
from typing import Any

import pytest
from salesforce_rig import Org, everything, org, pulled, rows

from connector.errors import RetryLater, SetupError


@pytest.fixture
def shop() -> Iterator[Org]:
    """An empty org."""
    with org() as opened:
        yield opened


def news(shop: Org, cursors: dict[str, Any], **settings: Any) -> dict[str, dict[str, Any]]:
    """Rows of the next pull of all streams, by record id."""
    crm = shop.crm(**settings)
    return rows([batch for stream in crm.streams() for batch in pulled(crm, stream, cursors[stream])])


def test_an_empty_incremental_is_one_call(shop: Org) -> None:
    """In a process of its own too: what was selected before is remembered, and described in the same call."""
    shop.order(shop.contact())
    shop.later()
    cursors = everything(shop.crm())
    shop.later()
    cursors = {stream: pulled(shop.crm(), stream, one)[-1].cursor for stream, one in cursors.items()}
    shop.later()
    shop.forget()
    assert not news(shop, cursors)
    assert [one.rpartition("/")[2] for one in shop.asked()] == ["composite"]


def test_many_records_come_by_a_job_and_from_its_middle(shop: Org) -> None:
    """Above the limit by Bulk 2.0, with its texts as they are; each cursor is good to go on from."""
    odd = 'Møller, "Ann"\nline two'
    shop.contact(LastName=odd)
    shop.contacts(4)
    shop.later()
    settings: dict[str, Any] = {"bulk_above": 3, "bulk_page": 2}
    batches = pulled(shop.crm(**settings), "contact")
    assert any("/jobs/query/" in one for one in shop.asked())
    assert len(rows(batches)) == 5
    assert odd in {row["last_name"] for row in rows(batches).values()}
    for at, batch in enumerate(batches):
        rest = pulled(shop.crm(**settings), "contact", batch.cursor)
        assert len(rows(batches[: at + 1]) | rows(rest)) == 5


def test_a_job_that_is_gone_is_begun_again(shop: Org) -> None:
    """Salesforce keeps results for a week; the pull starts anew instead of failing."""
    ids = shop.contacts(3)
    batches = pulled(shop.crm(bulk_above=2), "contact")
    job = batches[0].cursor["job"]
    shop.crm()._api.transport.request("DELETE", f"jobs/query/{job}")
    assert rows(pulled(shop.crm(bulk_above=2), "contact", batches[0].cursor)).keys() == set(ids)


def test_a_late_commit_is_not_lost(shop: Org) -> None:
    """A row that appears with the time its long transaction began is found: the watermark waits for it."""
    shop.contact()
    cursors = everything(shop.crm())
    shop.later()
    shop.levers["late_commit"]("Contact", {"LastName": "Late"}, None, 1_800)
    shop.later(600)
    cursors |= {"contact": pulled(shop.crm(), "contact", cursors["contact"])[-1].cursor}
    shop.later(1_800)
    found = rows(pulled(shop.crm(), "contact", cursors["contact"]))
    assert "Late" in {row["last_name"] for row in found.values()}


def test_two_changes_in_one_second_are_both_seen(shop: Org) -> None:
    """Salesforce counts in whole seconds: who changed as we read is read again, and the second row wins."""
    contact = shop.contact(MailingCity="Lund")
    first = pulled(shop.crm(), "contact")
    held = rows(first)[contact]["version"]
    stamp = shop.sandbox.org.state.value("SELECT SystemModstamp FROM Contact WHERE Id = ?", contact)
    shop.sandbox.org.state.run("UPDATE Contact SET MailingCity = 'Malmo', SystemModstamp = ?", stamp)
    shop.later()
    again = rows(pulled(shop.crm(), "contact", first[-1].cursor, lambda keys: dict.fromkeys(keys, held)))
    assert again[contact]["city"] == "Malmo"
    assert again[contact]["version"] > held


def test_a_mass_update_in_one_second_is_read_whole(shop: Org) -> None:
    """More equal times than fit a page do no harm."""
    ids = shop.contacts(450)
    shop.later()
    cursors = everything(shop.crm())
    shop.levers["touch"]("Contact", None, {"MailingCity": "Lund"})
    shop.later()
    found = news(shop, cursors, batch_records=200)
    assert {one for one, row in found.items() if row["city"] == "Lund"} == set(ids)


def test_deleted_merged_and_restored(shop: Org) -> None:
    """Each tells itself by queryAll: a time of deletion, a winner, a life again."""
    gone, winner, loser = shop.contacts(3)
    shop.later()
    cursors = everything(shop.crm())
    shop.levers["delete"]("Contact", gone)
    shop.levers["merge"]("Contact", winner, [loser])
    shop.later()
    found = news(shop, cursors)
    assert found[gone]["deleted_at"] is not None
    assert (found[loser]["merged_into"], found[loser]["last_name"]) == (f"salesforce:{winner}", None)
    assert found[loser]["deleted_at"] is None
    shop.levers["undelete"]("Contact", [gone])
    shop.later()
    assert news(shop, cursors)[gone]["deleted_at"] is None


def test_returns_states_and_guests(shop: Org) -> None:
    """A reduction order takes back by negative quantities; drafts and cancelled orders are no purchase."""
    buyer = shop.contact()
    bought = shop.order(buyer, ("lamp", "3", "9.95"))
    back = shop.order(buyer, ("lamp", "-1", "9.95"), status="returned")
    draft, off = shop.order(buyer, status="draft"), shop.order(None, status="cancelled")
    crm = shop.crm()
    orders = rows(pulled(crm, "order_header"))
    states = {one: orders[one]["status"] for one in (bought, back, draft, off)}
    assert states == {bought: "fulfilled", back: "returned", draft: "open", off: "cancelled"}
    assert (orders[bought]["contact_key"], orders[off]["contact_key"]) == (f"salesforce:{buyer}", None)
    lines = {row["order_key"]: row for row in rows(pulled(crm, "order_line")).values()}
    assert [float(lines[f"salesforce:{one}"]["quantity"]) for one in (bought, back)] == [3, -1]
    assert str(lines[f"salesforce:{bought}"]["unit_price"]) == "9.9500"


def test_a_person_account_owns_its_orders(shop: Org) -> None:
    """The order is on the account; its buyer is the contact behind it, who is pulled once."""
    account = shop.levers["insert"]("Account", {"LastName": "Reed", "PersonEmail": "reed@example.com"})
    contact = shop.sandbox.org.state.value("SELECT PersonContactId FROM Account WHERE Id = ?", account)
    order = shop.order(contact)
    crm = shop.crm()
    assert rows(pulled(crm, "contact"))[contact]["email"] == "reed@example.com"
    assert rows(pulled(crm, "order_header"))[order]["contact_key"] == f"salesforce:{contact}"


def test_opportunities_are_purchases_where_they_are_chosen(shop: Org) -> None:
    """Won is bought, lost is cancelled; the primary contact is the buyer."""
    buyer = shop.contact()
    won = shop.levers["create_opportunity"](buyer, [("lamp", "2", "5.00")])
    lost = shop.levers["create_opportunity"](buyer, [("lamp", "2", "5.00")], stage="Closed Lost")
    crm = shop.crm(purchases="opportunities")
    assert list(crm.streams()) == ["product", "contact", "opportunity", "opportunity_line"]
    sales = rows(pulled(crm, "opportunity"))
    assert (sales[won]["status"], sales[lost]["status"]) == ("fulfilled", "cancelled")
    assert sales[won]["contact_key"] == f"salesforce:{buyer}"
    assert {row["order_key"] for row in rows(pulled(crm, "opportunity_line")).values()} == {
        f"salesforce:{won}",
        f"salesforce:{lost}",
    }


def test_both_kinds_of_purchases_take_two_looks(shop: Org) -> None:
    """Six streams are more than one call may query; without news that is two calls."""
    cursors = everything(shop.crm(purchases="both"))
    shop.forget()
    assert not news(shop, cursors, purchases="both")
    assert len(shop.asked()) == 2


@pytest.mark.parametrize(
    ("kind", "field", "stream"), [("OrderItem", "Quantity", "order_line"), ("Contact", "LastName", "contact")]
)
def test_a_mapped_field_that_vanishes_stops_the_pull(shop: Org, kind: str, field: str, stream: str) -> None:
    """It is named with the permission that lacks, before and after the first pull; given back, the pull goes on."""
    shop.order(shop.contact())
    cursors = everything(shop.crm())
    shop.levers["hide_field"](kind, field)
    for cursor in (None, cursors[stream]):
        with pytest.raises(SetupError, match=f"{kind}.{field}") as caught:
            pulled(shop.crm(), stream, cursor)
        assert "permission set" in caught.value.hint
    shop.levers["show_field"](kind, field)
    assert pulled(shop.crm(), stream, cursors[stream])


def test_an_optional_field_that_was_seen_must_not_vanish(shop: Org) -> None:
    """Where an org never had it the column is empty; where it was read before, empty would be a lie."""
    shop.levers["hide_field"]("Contact", "MailingCity")
    contact = shop.contact(MailingCity="Lund")
    assert rows(pulled(shop.crm(), "contact"))[contact]["city"] is None
    shop.levers["show_field"]("Contact", "MailingCity")
    cursor = pulled(shop.crm(), "contact")[-1].cursor
    shop.levers["hide_field"]("Contact", "MailingCity")
    with pytest.raises(SetupError, match=r"Contact\.MailingCity"):
        pulled(shop.crm(), "contact", cursor)


def test_a_field_that_appears_is_read_of_everybody(shop: Org) -> None:
    """Rows that did not change lack it, so the stream is read anew."""
    shop.levers["hide_field"]("Contact", "MailingCity")
    contact = shop.contact(MailingCity="Lund")
    shop.later()
    cursor = pulled(shop.crm(), "contact")[-1].cursor
    shop.levers["show_field"]("Contact", "MailingCity")
    shop.later()
    assert rows(pulled(shop.crm(), "contact", cursor))[contact]["city"] == "Lund"


def test_what_was_asked_ahead_is_held_against_what_is_there(shop: Org) -> None:
    """Asked for with the first stream, a later one is read anew where a field has appeared since."""
    shop.levers["hide_field"]("Contact", "MailingCity")
    contact = shop.contact(MailingCity="Lund")
    shop.later()
    cursors = everything(shop.crm())
    shop.levers["show_field"]("Contact", "MailingCity")
    shop.later()
    assert news(shop, cursors)[contact]["city"] == "Lund"


@pytest.mark.parametrize(("at", "settings"), [("/query/", {"batch_records": 200}), ("/results", {"bulk_above": 2})])
def test_an_answer_that_says_nothing_is_not_the_end(shop: Org, at: str, settings: dict[str, Any]) -> None:
    """A friendly emptiness where a page should be: later, from the last cursor, and nothing is taken as read."""
    ids = shop.contacts(250)
    shop.fault(at, empty=True)
    seen = []
    with pytest.raises(RetryLater):
        for batch in shop.crm(**settings).pull("contact", None, lambda keys: {}):
            seen.append(batch)
    rest = pulled(shop.crm(**settings), "contact", seen[-1].cursor)
    assert rows([*seen, *rest]).keys() == set(ids)


def test_a_chosen_item_key(shop: Org) -> None:
    """Products and lines name items by the field of Product2 that the settings name."""
    shop.order(shop.contact(), ("lamp", "1", "1.00"))
    product = shop.sandbox.org.state.value("SELECT Id FROM Product2 WHERE ProductCode = 'lamp'")
    shop.levers["update"]("Product2", product, {"ExternalId": "feed-7"})
    crm = shop.crm(item_key="ExternalId")
    assert rows(pulled(crm, "product"))[product]["product_id"] == "feed-7"
    assert [row["product_id"] for row in rows(pulled(crm, "order_line")).values()] == ["feed-7"]
