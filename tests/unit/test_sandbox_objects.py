"""Records one by one and page by page."""

from collections.abc import Iterator

import pytest
from test_sandbox_caller import CONTACTS, LINES, ORDERS, Caller, V, calling


@pytest.fixture(scope="module")
def call() -> Iterator[Caller]:
    """One sandbox for the whole file; tests use addresses of their own."""
    with calling() as caller:
        yield caller


def test_paging_goes_by_the_id_of_the_next_record() -> None:
    """`after` is the next record's id, so a page can be asked again after a crash, and every record comes once."""
    with calling() as call:
        ids = [call.contact(email=f"a{n}@example.com") for n in range(25)]
        seen, after = [], "0"
        while after:
            page = call("GET", f"{CONTACTS}?limit=10&after={after}").body
            seen += [one["id"] for one in page["results"]]
            following = page.get("paging", {}).get("next", {})
            after = following.get("after", "")
            assert not after or after == ids[len(seen)]
        assert seen == ids
        link = call("GET", f"{CONTACTS}?limit=10&properties=email").body["paging"]["next"]["link"]
        assert [one["id"] for one in call("GET", link).body["results"]] == ids[10:20]
        assert len(call("GET", CONTACTS).body["results"]) == 10


@pytest.mark.parametrize(
    "query", ["limit=101", "limit=0", "limit=x", "limit=51&propertiesWithHistory=email", "after=x"]
)
def test_bad_paging_is_400(call: Caller, query: str) -> None:
    """Pages above 100 (50 with history) and things that are no numbers are refused."""
    assert call("GET", f"{CONTACTS}?{query}").status == 400


def test_asked_properties_come_with_id_and_times(call: Caller) -> None:
    """Unknown names are passed over on reading, unset ones are null, the id and both times always come."""
    number = call.contact(email="props@example.com", firstname="Pia")
    one = call("GET", f"{CONTACTS}/{number}?properties=email,phone&properties=no_such").body
    assert one["properties"].keys() == {"email", "phone", "createdate", "lastmodifieddate", "hs_object_id"}
    assert one["properties"]["phone"] is None
    assert one["properties"]["hs_object_id"] == number
    assert one["properties"]["lastmodifieddate"] == one["updatedAt"]
    usual = call("GET", f"{CONTACTS}/{number}").body["properties"]
    assert usual.keys() == {"email", "firstname", "lastname", "createdate", "lastmodifieddate", "hs_object_id"}


def test_orders_and_lines_have_other_time_properties(call: Caller) -> None:
    """Only contacts have `lastmodifieddate`; orders have `hs_createdate`, line items `createdate`."""
    order = call.order(call.contact(email="times@example.com"), lines=1)
    assert call("GET", f"{ORDERS}/{order}").body["properties"].keys() == {
        "hs_createdate",
        "hs_lastmodifieddate",
        "hs_object_id",
    }
    line = call("GET", f"{LINES}?limit=1").body["results"][0]["properties"]
    assert {"createdate", "hs_lastmodifieddate"} < line.keys()


def test_history_shows_every_value_with_its_time(call: Caller) -> None:
    """Newest first, clearing included, nothing before the first value; the same by id, in listings and in batches."""
    number = call.contact(email="past@example.com")
    for city in ("Ulm", "Ulm", "Bonn", ""):
        call.sandbox.clock.advance(1)
        call("PATCH", f"{CONTACTS}/{number}", {"properties": {"city": city}})
    one = call("GET", f"{CONTACTS}/{number}?propertiesWithHistory=email,phone,city").body
    past = one["propertiesWithHistory"]
    assert [version["value"] for version in past["city"]] == ["", "Bonn", "Ulm"]
    times = [version["timestamp"] for version in past["city"]]
    assert times == sorted(times, reverse=True)
    assert times[0] == one["updatedAt"]
    assert [(version["value"], version["timestamp"]) for version in past["email"]] == [
        ("past@example.com", one["createdAt"])
    ]
    assert past["phone"] == []
    body = {"inputs": [{"id": number}], "propertiesWithHistory": ["email", "phone", "city"]}
    assert call("POST", f"{CONTACTS}/batch/read", body).body["results"][0]["propertiesWithHistory"] == past
    page = call("GET", f"{CONTACTS}?limit=50&propertiesWithHistory=city&after={number}").body["results"]
    assert page[0]["propertiesWithHistory"] == {"city": past["city"]}


def test_history_ends_and_moves_to_the_survivor(call: Caller) -> None:
    """The last 45 values of a contact are shown, and a merge keeps what the two had."""
    first, second = call.contact(zip="0"), call.contact(zip="other")
    for number in range(1, 50):
        call.sandbox.clock.advance(1)
        call("PATCH", f"{CONTACTS}/{first}", {"properties": {"zip": str(number)}})
    history = "propertiesWithHistory=zip"
    past = call("GET", f"{CONTACTS}/{first}?{history}").body["propertiesWithHistory"]["zip"]
    assert [version["value"] for version in past] == [str(number) for number in range(49, 4, -1)]
    call.sandbox.clock.advance(1)
    merged = call("POST", f"{CONTACTS}/merge", {"primaryObjectId": first, "objectIdToMerge": second}).body["id"]
    after = call("GET", f"{CONTACTS}/{merged}?{history}").body["propertiesWithHistory"]["zip"]
    assert [version["value"] for version in after[:3]] == ["49", "other", "48"]


def test_contacts_have_the_usual_properties(call: Caller) -> None:
    """Shops map these: a portal has them without anybody defining them."""
    names = ("mobilephone", "date_of_birth", "gender", "state", "city", "zip", "country", "website", "salutation")
    number = call.contact(**dict.fromkeys(names, "x"))
    values = call("GET", f"{CONTACTS}/{number}?properties={','.join(names)}").body["properties"]
    assert {values[name] for name in names} == {"x"}


def test_inline_associations(call: Caller) -> None:
    """Lists of records show associated ids by type; line items stand under `line items`, as HubSpot writes it."""
    contact = call.contact(email="inline@example.com")
    order = call.order(contact, lines=2)
    page = call("GET", f"{ORDERS}?limit=100&associations=contacts,line_items").body["results"]
    found = next(one for one in page if one["id"] == order)["associations"]
    assert found["contacts"]["results"] == [{"id": contact, "type": "order_to_contact"}]
    assert [one["type"] for one in found["line items"]["results"]] == ["order_to_line_item"] * 2
    lines = [one["id"] for one in found["line items"]["results"]]
    one = call("GET", f"{LINES}/{lines[0]}?associations=orders").body
    assert one["associations"]["orders"]["results"] == [{"id": order, "type": "line_item_to_order"}]
    assert "associations" not in call("GET", f"{CONTACTS}/{call.contact(email='none@x.org')}?associations=orders").body


def test_many_inline_associations_are_cut_with_paging(call: Caller) -> None:
    """Above a hundred the inline list says where it goes on."""
    order = call.order(call.contact(email="many@example.com"), lines=130)
    found = call("GET", f"{ORDERS}/{order}?associations=line_items").body["associations"]["line items"]
    assert len(found["results"]) == 100
    rest = call("GET", found["paging"]["next"]["link"]).body["results"]
    assert len(rest) == 30
    together = {one["id"] for one in found["results"]} | {one["toObjectId"] for one in rest}
    assert len(together) == 130


def test_create_with_associations_and_read_back(call: Caller) -> None:
    """A creation answers 201 and ties the record to others in the same call."""
    contact = call.contact(email="tie@example.com")
    spec = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 507}
    body = {"properties": {"hs_order_name": "A"}, "associations": [{"to": {"id": contact}, "types": [spec]}]}
    made = call("POST", ORDERS, body)
    assert made.status == 201
    back = call("GET", f"{CONTACTS}/{contact}?associations=orders").body["associations"]["orders"]["results"]
    assert back == [{"id": made.body["id"], "type": "contact_to_order"}]
    assert call("POST", ORDERS, {**body, "associations": [{"to": {"id": "9"}, "types": [spec]}]}).status == 404
    wrong = {**spec, "associationTypeId": 508}
    assert call("POST", ORDERS, {**body, "associations": [{"to": {"id": contact}, "types": [wrong]}]}).status == 400


def test_update_moves_the_modified_date_even_without_a_change(call: Caller) -> None:
    """A write of the same value still counts as a change, as it does at HubSpot; empty text clears."""
    number = call.contact(email="touch@example.com", firstname="Ola")
    before = call("GET", f"{CONTACTS}/{number}").body
    call.sandbox.clock.advance(1)
    after = call("PATCH", f"{CONTACTS}/{number}", {"properties": {"firstname": "Ola"}}).body
    assert after["updatedAt"] > before["updatedAt"]
    assert after["createdAt"] == before["createdAt"]
    call("PATCH", f"{CONTACTS}/{number}", {"properties": {"firstname": ""}})
    assert call("GET", f"{CONTACTS}/{number}?properties=firstname").body["properties"]["firstname"] is None


def test_id_property_finds_by_email(call: Caller) -> None:
    """A contact can be read and changed by its e-mail; a property that is not unique cannot be used so."""
    number = call.contact(email="by.mail@example.com")
    assert call("GET", f"{CONTACTS}/By.Mail@example.com?idProperty=email").body["id"] == number
    assert call("PATCH", f"{CONTACTS}/by.mail@example.com?idProperty=email", {"properties": {"zip": "1"}}).status == 200
    assert call("GET", f"{CONTACTS}/Ola?idProperty=firstname").status == 400


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"shoe_size": "44"}, "PROPERTY_DOESNT_EXIST"),
        ({"hs_object_id": "4"}, "READ_ONLY_VALUE"),
        ({"lastmodifieddate": "2020-01-01"}, "READ_ONLY_VALUE"),
        ({"hs_marketable_status": "false"}, "READ_ONLY_VALUE"),
        ({"lifecyclestage": "friend"}, "INVALID_OPTION"),
        ({"hs_email_optout": "perhaps"}, "INVALID_OPTION"),
        ({"email": "no-address"}, "INVALID_EMAIL"),
        ({"city": "x" * 65_537}, "STRING_TOO_LONG"),
    ],
)
def test_bad_values_are_400_and_named(call: Caller, properties: dict[str, str], code: str) -> None:
    """Each kind of bad value has HubSpot's own code, and nothing is written."""
    number = call.contact(zip="before")
    answer = call("PATCH", f"{CONTACTS}/{number}", {"properties": {"zip": "after", **properties}})
    assert (answer.status, answer.body["category"]) == (400, "VALIDATION_ERROR")
    assert code in answer.body["message"]
    assert call("GET", f"{CONTACTS}/{number}?properties=zip").body["properties"]["zip"] == "before"


def test_an_email_belongs_to_one_contact(call: Caller) -> None:
    """A second contact with an e-mail, also a further e-mail, is a 409 that names the first."""
    first = call.contact(email="only@example.com", hs_additional_emails="also@example.com")
    for email in ("Only@example.com", "also@example.com"):
        answer = call("POST", CONTACTS, {"properties": {"email": email}})
        assert (answer.status, answer.body["category"]) == (409, "CONFLICT")
        assert first in answer.body["message"]
    call("DELETE", f"{CONTACTS}/{first}")
    assert call("POST", CONTACTS, {"properties": {"email": "only@example.com"}}).status == 201


def test_archived_records_are_only_in_the_bin(call: Caller) -> None:
    """An archived record is 404, out of listings, search, lists and associations; `archived=true` shows it."""
    number = call.contact(email="bin@example.com")
    order, members = call.order(number), call.list("bin", number)
    assert call("DELETE", f"{CONTACTS}/{number}").status == 204
    assert call("GET", f"{CONTACTS}/{number}").status == 404
    assert call("GET", f"{CONTACTS}/{number}?archived=true").body["archivedAt"]
    listed = call("GET", f"{CONTACTS}?limit=100&archived=true&properties=email").body["results"]
    assert {one["id"]: one["archived"] for one in listed}[number] is True
    assert number not in [one["id"] for one in call("GET", f"{CONTACTS}?limit=100").body["results"]]
    assert "associations" not in call("GET", f"{ORDERS}/{order}?associations=contacts").body
    assert call("GET", f"/crm/lists/{V}/{members}/memberships").body["results"] == []
    assert call("DELETE", f"{CONTACTS}/{number}").status == 404


def test_custom_types_have_records_too(call: Caller) -> None:
    """A type HubSpot lets shops define works like the others once it has properties."""
    definition = {"groupName": "information", "name": "wattage", "label": "W", "type": "number", "fieldType": "number"}
    assert call("POST", f"/crm/properties/{V}/2-77", definition).status == 201
    made = call("POST", f"/crm/objects/{V}/2-77", {"properties": {"wattage": 60}})
    assert (
        call("GET", f"/crm/objects/{V}/2-77/{made.body['id']}?properties=wattage").body["properties"]["wattage"] == "60"
    )
