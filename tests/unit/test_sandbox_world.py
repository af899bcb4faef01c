"""Filling a portal with a world, and keeping it."""

import gzip
import sqlite3
from pathlib import Path

import pytest
from test_sandbox_caller import CONTACTS, LINES, ORDERS, Caller, V, calling

from connector.errors import SetupError

WORLDS = Path(__file__).parents[2].parent / "shared" / "worlds"

CONTACT_LINES = """contact_id,email,phone,first_name,last_name,country,created_at,updated_at,email_opt_out,ads_consent
c1,dana@example.com,+442000000000,Dana,Reed,GB,2026-01-01T00:00:00.000Z,2026-02-01T00:00:00.000Z,false,granted
c2,DANA@example.com,,Dan,"Reed, Jr",,2026-01-02T00:00:00.000Z,2026-01-02T00:00:00.000Z,true,unknown
"""
PRODUCT_LINES = """id,item_group_id,title,product_type,price,availability
p1,g1,Pendant lamp,Lamps,12.30 GBP,in_stock
"""
ORDER_LINES = """order_id,contact_id,ordered_at,status,currency
o1,c1,2026-03-01T10:00:00.000Z,fulfilled,GBP
o2,,2026-03-02T10:00:00.000Z,returned,GBP
"""
LINE_LINES = """line_id,order_id,product_id,quantity,unit_price
l1,o1,p1,2,12.30
l2,o2,p9,-1,3.00
l3,o9,p1,1,12.30
"""
FILES = {"contacts": CONTACT_LINES, "products": PRODUCT_LINES, "orders": ORDER_LINES, "order_lines": LINE_LINES}


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A small world: two contacts, an order with a line, a guest's return of an unknown product, a stray line."""
    for name, text in FILES.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    return tmp_path


def all_of(call: Caller, path: str) -> list[dict[str, str | None]]:
    """Properties of all records of a short listing, in order."""
    return [one["properties"] for one in call("GET", path).body["results"]]


def test_contacts_carry_what_the_shop_knows(world: Path) -> None:
    """Each column has its property; empty cells are null; times are the world's; buyers are customers."""
    names = "email,phone,firstname,lastname,country,hs_email_optout,hs_marketable_status,lifecyclestage,customer_id"
    with calling(world=world) as call:
        first, second = all_of(call, f"{CONTACTS}?properties={names},ads_consent,hs_merged_object_ids")
    assert first == {
        "email": "dana@example.com",
        "phone": "+442000000000",
        "firstname": "Dana",
        "lastname": "Reed",
        "country": "GB",
        "createdate": "2026-01-01T00:00:00.000Z",
        "lastmodifieddate": "2026-02-01T00:00:00.000Z",
        "hs_email_optout": "false",
        "hs_marketable_status": "true",
        "lifecyclestage": "customer",
        "customer_id": "c1",
        "ads_consent": "granted",
        "hs_object_id": "101",
        "hs_merged_object_ids": None,
    }
    assert (second["lastname"], second["country"], second["lifecyclestage"]) == ("Reed, Jr", None, "lead")


def test_orders_and_lines_are_tied(world: Path) -> None:
    """Lines know order, product and currency; unknown products and stray lines stay; guests have no contact."""
    names = "hs_external_order_id,hs_external_order_status,hs_currency_code,hs_external_created_date,hs_order_name"
    wanted = "name,hs_sku,hs_product_id,quantity,price,hs_line_item_currency_code"
    with calling(world=world) as call:
        orders = call("GET", f"{ORDERS}?properties={names}&associations=contacts").body["results"]
        lines = call("GET", f"{LINES}?properties={wanted}&associations=orders").body["results"]
        product = call("GET", f"/crm/objects/{V}/products/101?properties=name,hs_sku,price").body["properties"]
    assert orders[0]["properties"]["hs_external_created_date"] == "2026-03-01T10:00:00.000Z"
    assert orders[0]["associations"]["contacts"]["results"] == [{"id": "101", "type": "order_to_contact"}]
    assert "associations" not in orders[1]
    assert [one["associations"]["orders"]["results"][0]["id"] for one in lines[:2]] == ["101", "102"]
    assert "associations" not in lines[2]
    assert (lines[0]["properties"]["name"], lines[0]["properties"]["hs_product_id"]) == ("Pendant lamp", "101")
    assert (lines[1]["properties"]["quantity"], lines[1]["properties"]["hs_product_id"]) == ("-1", None)
    assert lines[1]["properties"]["hs_line_item_currency_code"] == "GBP"
    assert (product["hs_sku"], product["price"]) == ("p1", "12.30")


def test_two_contacts_of_one_email_can_both_be_written(world: Path) -> None:
    """A dirty world keeps both; the first holds the address; writing other properties of the second works."""
    with calling(world=world) as call:
        assert call("GET", f"{CONTACTS}/dana@example.com?idProperty=email").body["id"] == "101"
        assert call("PATCH", f"{CONTACTS}/102", {"properties": {"city": "Ulm"}}).status == 200
        assert call("POST", CONTACTS, {"properties": {"email": "dana@example.com"}}).status == 409


def test_new_records_go_on_after_the_world(world: Path) -> None:
    """Ids continue, and an order placed by a person looks like the world's."""
    with calling(world=world) as call:
        order = call.sandbox.portal.create_order("101", [("p1", "1", "12.30"), ("p9", "-1", "2.00")], status="returned")
        assert order == "103"
        found = call("GET", f"{ORDERS}/{order}?properties=hs_external_order_id&associations=contacts,line_items").body
        assert found["associations"]["contacts"]["results"][0]["id"] == "101"
        assert [one["id"] for one in found["associations"]["line items"]["results"]] == ["104", "105"]
        line = call("GET", f"{LINES}/104?properties=hs_product_id,name,hs_sku").body["properties"]
        assert (line["hs_product_id"], line["name"], line["hs_sku"]) == ("101", "Pendant lamp", "p1")


def test_gzip_files_are_read_too(world: Path) -> None:
    """A file may be plain or gzip."""
    plain = world / "orders.csv"
    (world / "orders.csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    with calling(world=world) as call:
        assert len(all_of(call, ORDERS)) == 2


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("contacts.csv", None, "has no contacts.csv"),
        ("orders.csv", "order_id,status\n", "contact_id is missing"),
        ("orders.csv", ORDER_LINES + "o3,c1", "orders.csv cannot be read at line 4: the row ends early"),
        ("contacts.csv", CONTACT_LINES.replace("2026-01-02T00", "yesterday"), "contacts.csv cannot be read at line 3"),
    ],
)
def test_bad_worlds_say_where(world: Path, name: str, text: str | None, said: str) -> None:
    """A missing file, a missing column, a torn row and a bad time name the file and the line."""
    (world / name).unlink() if text is None else (world / name).write_text(text)
    with pytest.raises(SetupError, match=said), calling(world=world):
        pass


def test_half_a_gzip_says_so(world: Path) -> None:
    """A file that ends early is a set-up error, not a shorter world."""
    packed = gzip.compress((world / "orders.csv").read_bytes())
    (world / "orders.csv").unlink()
    (world / "orders.csv.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(SetupError, match=r"orders\.csv\.gz cannot be read"), calling(world=world):
        pass


def test_a_kept_portal_goes_on_where_it_was(world: Path, tmp_path: Path) -> None:
    """With a state file a second sandbox shows what the first was told, and loads no world again."""
    state = tmp_path / "portal.db"
    with calling(world=world, state=state) as call:
        number = call.contact(email="kept@example.com")
    with calling(world=world, state=state) as call:
        assert call("GET", f"{CONTACTS}/{number}").body["properties"]["email"] == "kept@example.com"
        assert len(all_of(call, f"{CONTACTS}?limit=100")) == 3


def test_a_state_file_that_is_none_is_a_set_up_error(tmp_path: Path) -> None:
    """A folder that is not there, and a file that holds something else, are told; nothing is overwritten."""
    other = tmp_path / "notes.txt"
    other.write_text("not a database, " * 100)
    for path in (tmp_path / "none" / "portal.db", other):
        with pytest.raises(SetupError, match="cannot keep its state"), calling(state=path):
            pass
    assert other.read_text().startswith("not a database")


def test_a_state_of_another_version_is_a_set_up_error(tmp_path: Path) -> None:
    """It is told and left as it is, not taken up with tables missing."""
    state = tmp_path / "portal.db"
    with sqlite3.connect(state) as db:
        db.execute("PRAGMA user_version = 1")
    db.close()
    with pytest.raises(SetupError, match="another version"), calling(state=state):
        pass


@pytest.mark.shared
@pytest.mark.skipif(not (WORLDS / "taobao").exists(), reason="the shared world taobao is not here")
def test_a_real_shop_loads_whole() -> None:
    """taobao: every contact, product, order and line is there."""
    with calling(world=WORLDS / "taobao") as call:
        totals = [
            call("POST", f"/crm/objects/{V}/{name}/search", {"limit": 1}).body["total"]
            for name in ("contacts", "products", "orders", "line_items")
        ]
    assert totals == [983, 64_440, 1_880, 2_101]
