"""Filling an org with a world, as contacts or as person accounts, and keeping it."""

# ruff: noqa: S608 - SOQL of the tests' own

from pathlib import Path
from typing import Any

import pytest
from salesforce_caller import Caller, calling

from connector.errors import SetupError

WORLDS = Path(__file__).parents[2].parent / "shared" / "worlds"

CONTACT_LINES = """contact_id,email,phone,first_name,last_name,country,created_at,updated_at,email_opt_out,ads_consent
c1,dana@example.com,+442000000000,Dana,Reed,GB,2026-01-01T00:00:00.123Z,2026-02-01T00:00:00.999Z,false,granted
c2,DANA@example.com,,Dan,,,2026-01-02T00:00:00.000Z,2026-01-02T00:00:00.000Z,true,unknown
"""
PRODUCT_LINES = """id,item_group_id,title,product_type,price,availability
p1,g1,Pendant lamp,Lamps,12.30 GBP,in_stock
p2,g2,,Bulbs,3.00 GBP,in_stock
"""
ORDER_LINES = """order_id,contact_id,ordered_at,status,currency
o1,c1,2026-03-01T10:00:00.500Z,fulfilled,GBP
o2,,2026-03-02T10:00:00.000Z,fulfilled,GBP
o3,c1,2026-03-03T10:00:00.000Z,returned,GBP
o4,c1,2026-03-04T10:00:00.000Z,returned,GBP
o5,,2026-03-05T10:00:00.000Z,returned,GBP
"""
LINE_LINES = """line_id,order_id,product_id,quantity,unit_price
l1,o1,p1,2,12.30
l2,o1,p2,5,3.00
l3,o2,p9,1,4.00
l4,o3,p1,-1,12.30
l5,o3,p2,-5,3.00
l6,o4,p1,-2,12.30
l7,o5,p9,-1,4.00
l8,o9,p1,1,12.30
"""
FILES = {"contacts": CONTACT_LINES, "products": PRODUCT_LINES, "orders": ORDER_LINES, "order_lines": LINE_LINES}


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """Two contacts, an order, a guest's order, a credit note for part of it, two that reduce nothing, a stray line."""
    for name, text in FILES.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    return tmp_path


def values(call: Caller, soql: str) -> list[tuple[Any, ...]]:
    """The values of each record."""
    return [tuple(row.values()) for row in call.rows(soql)]


def test_contacts_carry_what_the_shop_knows(world: Path) -> None:
    """Each column has its field; empty cells are null; times are the world's, in whole seconds."""
    soql = """SELECT Email, Phone, Name, MailingCountry, HasOptedOutOfEmail, Customer_Id__c, Ads_Consent__c,
        CreatedDate, SystemModstamp FROM Contact ORDER BY Id"""
    with calling(world=world) as call:
        first, second = values(call, soql)
    assert first[:5] == ("dana@example.com", "+442000000000", "Dana Reed", "GB", False)
    assert first[5:] == ("c1", "granted", "2026-01-01T00:00:00.000+0000", "2026-02-01T00:00:00.000+0000")
    assert second[1:5] == (None, "Dan [not provided]", None, True)


def test_orders_and_lines_are_tied(world: Path) -> None:
    """Buyers are who the bill goes to; guests have none; a product that is not in the catalogue is made, inactive."""
    soql = """SELECT OrderReferenceNumber, BillToContact.Customer_Id__c, StatusCode, EffectiveDate, Ordered_At__c,
        TotalAmount, CurrencyIsoCode FROM Order ORDER BY Id LIMIT 2"""
    with calling(world=world) as call:
        first, second = values(call, soql)
        products = values(call, "SELECT ProductCode, Name, IsActive FROM Product2 ORDER BY Id")
        lines = values(call, "SELECT Order.OrderReferenceNumber, Quantity, UnitPrice FROM OrderItem ORDER BY Id")
        price = values(call, "SELECT UnitPrice, Product2.ProductCode FROM PricebookEntry ORDER BY Id LIMIT 1")
    assert first[1:4] == ({"Customer_Id__c": "c1"}, "Activated", "2026-03-01")
    assert first[4:] == ("2026-03-01T10:00:00.000+0000", 39.6, "GBP")
    assert second[:2] == ("o2", None)
    assert products == [("p1", "Pendant lamp", True), ("p2", "p2", True), ("p9", "p9", False)]
    assert [quantity for _, quantity, _ in lines] == [2.0, 5.0, 1.0, -1.0, -5.0, -2.0, -1.0]
    assert price == [(12.3, {"ProductCode": "p1"})]


def test_a_credit_note_becomes_a_reduction_order_where_it_can(world: Path) -> None:
    """Where one earlier order holds it all; else, and for guests, it is an order with negative quantities."""
    with calling(world=world) as call:
        kinds = values(call, "SELECT OrderReferenceNumber, IsReductionOrder FROM Order ORDER BY Id")
        soql = "SELECT OriginalOrderItem.Quantity, Order.OriginalOrder.OrderReferenceNumber FROM OrderItem"
        taken = call.rows(f"{soql} WHERE Order.IsReductionOrder = true ORDER BY Id")
        left = call.column("SELECT AvailableQuantity FROM OrderItem ORDER BY Id")
    assert kinds == [("o1", False), ("o2", False), ("o3", True), ("o4", False), ("o5", False)]
    assert [row["OriginalOrderItem"]["Quantity"] for row in taken] == [2.0, 5.0]
    assert {row["Order"]["OriginalOrder"]["OrderReferenceNumber"] for row in taken} == {"o1"}
    assert left == [1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]


def test_people_can_be_person_accounts(world: Path) -> None:
    """Each contact is then an account of its own, which its orders belong to; guests stay with the shop's account."""
    with calling(world=world, person_accounts=True) as call:
        soql = "SELECT Name, PersonEmail, PersonContact.Customer_Id__c, Customer_Id__pc FROM Account"
        people = values(call, f"{soql} WHERE IsPersonAccount = true ORDER BY Id")
        orders = values(call, "SELECT BillToContactId, Account.Customer_Id__pc FROM Order ORDER BY Id LIMIT 2")
        assert call.column("SELECT COUNT(Id) FROM Contact WHERE IsPersonAccount = true") == [2]
    assert people[0] == ("Dana Reed", "dana@example.com", {"Customer_Id__c": "c1"}, "c1")
    assert orders == [(None, {"Customer_Id__pc": "c1"}), (None, {"Customer_Id__pc": None})]


def test_new_records_go_on_after_the_world(world: Path) -> None:
    """Ids continue, and an order that is placed looks like the world's."""
    with calling(world=world) as call:
        ids = call.column("SELECT Id FROM Contact ORDER BY Id")
        assert call.contact() > ids[-1]
        before = call.column("SELECT Id FROM Order ORDER BY Id")
        order = call.order(ids[0], ("p1", "1", "12.30"))
        assert order > before[-1]
        assert call.column("SELECT COUNT(Id) FROM Product2") == [3]
        back = call.order(ids[0], ("p1", "-1", "12.30"), status="returned")
        assert call.column(f"SELECT OriginalOrderId FROM Order WHERE Id = '{back}'") == [order]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("contacts.csv", None, "has no contacts.csv"),
        ("orders.csv", "order_id,status\n", "contact_id is missing"),
        ("order_lines.csv", LINE_LINES.replace("-5", "few"), "order_lines.csv cannot be read at line 6"),
        ("contacts.csv", CONTACT_LINES.replace("2026-01-02T00", "yesterday"), "contacts.csv cannot be read at line 3"),
    ],
)
def test_bad_worlds_say_where(world: Path, name: str, text: str | None, said: str) -> None:
    """A missing file, a missing column and a bad value name the file and the line."""
    (world / name).unlink() if text is None else (world / name).write_text(text)
    with pytest.raises(SetupError, match=said), calling(world=world):
        pass


def test_a_kept_org_goes_on_where_it_was(world: Path, tmp_path: Path) -> None:
    """With a state file a second sandbox shows what the first was told: records, fields, permissions."""
    state = tmp_path / "org.db"
    with calling(world=world, state=state) as call:
        call.sandbox.levers["add_custom_field"]("Contact", "Tier__c string:20 cufsgn")
        contact = call.contact("Kept", Tier__c="gold")
        call.sandbox.levers["hide_field"]("Contact", "Phone")
    with calling(world=world, state=state) as call:
        assert values(call, f"SELECT LastName, Tier__c FROM Contact WHERE Id = '{contact}'") == [("Kept", "gold")]
        assert call.column("SELECT COUNT(Id) FROM Contact") == [3]
        assert call.refused("SELECT Phone FROM Contact")[0] == "INVALID_FIELD"
        assert call.contact("Next") > contact


def test_a_state_file_that_is_none_is_a_set_up_error(tmp_path: Path) -> None:
    """Something else in the file, also another stand-in's state, is told and left as it is."""
    other = tmp_path / "notes.txt"
    other.write_text("not a database, " * 100)
    with pytest.raises(SetupError, match="cannot keep its state"), calling(state=other):
        pass
    assert other.read_text().startswith("not a database")
    from connector.sandbox.serve import Sandbox

    portal = tmp_path / "portal.db"
    with Sandbox(state=portal):
        pass
    with pytest.raises(SetupError, match="is not a sandbox Salesforce's"), calling(state=portal):
        pass


@pytest.mark.shared
@pytest.mark.skipif(not (WORLDS / "taobao").exists(), reason="the shared world taobao is not here")
def test_a_real_shop_loads_whole() -> None:
    """taobao: every contact, product, order and line is there."""
    with calling(world=WORLDS / "taobao") as call:
        kinds = ("Contact", "Product2", "Order", "OrderItem")
        totals = [call.soql(f"SELECT COUNT() FROM {kind}")["totalSize"] for kind in kinds]
    assert totals == [983, 64_440, 1_880, 2_101]


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.skipif(not (WORLDS / "online-retail").exists(), reason="the shared world online-retail is not here")
def test_half_a_million_lines_load_and_come_out_again() -> None:
    """online-retail: counts and signed quantities are the shop's; every line of a reduction has an original."""
    with calling(world=WORLDS / "online-retail") as call:
        kinds = ("Contact", "Product2", "Order", "OrderItem")
        totals = [call.soql(f"SELECT COUNT() FROM {kind}")["totalSize"] for kind in kinds]
        guests = call.soql("SELECT COUNT() FROM Order WHERE BillToContactId = null")["totalSize"]
        back = "SELECT COUNT() FROM OrderItem WHERE Order.IsReductionOrder = true"
        reduced = call.soql(back)["totalSize"]
        assert call.soql(f"{back} AND (OriginalOrderItemId = null OR Quantity >= 0)")["totalSize"] == 0
        assert call.soql("SELECT COUNT() FROM OrderItem WHERE AvailableQuantity < 0")["totalSize"] == 0
        assert call.soql("SELECT COUNT() FROM OrderItem WHERE Quantity < 0")["totalSize"] == 9_269
        page = call.soql("SELECT Id FROM OrderItem")
    assert totals == [4_267, 4_216, 23_726, 496_489]
    assert (guests > 0, reduced > 5_000) == (True, True)
    assert (page["totalSize"], len(page["records"])) == (496_489, 2_000)
