"""The levers that no API has: bulk edits, and an index that is late."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from test_sandbox_caller import CONTACTS, Caller, V, calling


@pytest.fixture(scope="module")
def call() -> Iterator[Caller]:
    """One sandbox for the whole file."""
    with calling() as caller:
        yield caller


def found(call: Caller, name: str, operator: str, value: str) -> list[str]:
    """Ids that search finds by one filter, in their order."""
    one = {"propertyName": name, "operator": operator, "value": value}
    body: dict[str, Any] = {"filterGroups": [{"filters": [one]}], "limit": 200}
    return [each["id"] for each in call("POST", f"{CONTACTS}/search", body).body["results"]]


def test_a_touch_gives_many_records_one_modified_date(call: Caller) -> None:
    """The records that are named have the value and the same date; others, archived and unknown ones do not."""
    ids = [call.contact(city="Ulm") for _ in range(4)]
    call("DELETE", f"{CONTACTS}/{ids[3]}")
    call.sandbox.clock.advance(60)
    body = {"kind": "contacts", "ids": [*ids[:2], ids[3], "999999"], "properties": {"city": "Bonn"}}
    assert call("POST", "/_sandbox/touch", body).body == {"result": 2}
    first, second, third = (call("GET", f"{CONTACTS}/{number}?properties=city").body for number in ids[:3])
    assert first["updatedAt"] == second["updatedAt"] > third["updatedAt"]
    assert [one["properties"]["city"] for one in (first, second, third)] == ["Bonn", "Bonn", "Ulm"]
    assert first["properties"]["lastmodifieddate"] == first["updatedAt"]
    assert found(call, "city", "EQ", "Bonn") == ids[:2]


def test_a_touch_clears_and_leaves_a_history(call: Caller) -> None:
    """Empty text clears; no property at all only moves the date; the replaced value stays in the history."""
    number = call.contact(zip="89073")
    call.sandbox.clock.advance(1)
    before = call("GET", f"{CONTACTS}/{number}").body["updatedAt"]
    call.sandbox.touch("contacts", [number])
    assert call("GET", f"{CONTACTS}/{number}").body["updatedAt"] > before
    call.sandbox.touch("contacts", [number], {"zip": ""})
    one = call("GET", f"{CONTACTS}/{number}?properties=zip&propertiesWithHistory=zip").body
    assert one["properties"]["zip"] is None
    assert [version["value"] for version in one["propertiesWithHistory"]["zip"]] == ["", "89073"]


@pytest.mark.parametrize(
    ("kind", "properties", "said"),
    [
        ("contacts", {"email": "one@example.com"}, "share"),
        ("contacts", {"no_such": "1"}, "PROPERTY_DOESNT_EXIST"),
        ("contacts", {"hs_email_optout": "perhaps"}, "INVALID_OPTION"),
        ("lamps", {}, "Unable to infer object type"),
    ],
)
def test_a_touch_refuses_what_hubspot_refuses(call: Caller, kind: str, properties: dict[str, str], said: str) -> None:
    """Bad values, values that must be unique and unknown types; the control API answers 400 with the reason."""
    answer = call("POST", "/_sandbox/touch", {"kind": kind, "properties": properties})
    assert (answer.status, said in answer.body["error"]) == (400, True)


def test_twenty_five_thousand_records_are_touched_at_once() -> None:
    """As HubSpot's own bulk edits do; it takes no more than seconds."""
    with calling() as call:
        portal = call.sandbox.portal
        for _ in range(250):
            rows = {"inputs": [{"properties": {"city": "Ulm"}}] * 100}
            portal.act("POST", f"{CONTACTS}/batch/create", rows)
        call.sandbox.clock.advance(60)
        begun = time.monotonic()
        assert call.sandbox.touch("contacts", None, {"hs_marketable_status": "false"}) == 25_000
        assert time.monotonic() - begun < 5
        assert portal.portal.state.value("SELECT count(DISTINCT updated) FROM record WHERE type = '0-1'") == 1


def test_a_late_index_hides_one_change_from_search(call: Caller) -> None:
    """Until then search misses the record, and by id it is there; a later change is seen at once."""
    late, prompt = call.contact(company="Late"), call.contact(company="Late")
    assert call("POST", "/_sandbox/index_late", {"kind": "contact", "id": late, "seconds": 600}).status == 200
    assert found(call, "company", "EQ", "Late") == [prompt]
    assert call("GET", f"{CONTACTS}/{late}").status == 200
    call.sandbox.clock.advance(599)
    assert found(call, "company", "EQ", "Late") == [prompt]
    call.sandbox.clock.advance(2)
    assert found(call, "company", "EQ", "Late") == [late, prompt]
    call.sandbox.index_late("contacts", late, 3_600)
    assert found(call, "company", "EQ", "Late") == [prompt]
    call("PATCH", f"{CONTACTS}/{late}", {"properties": {"city": "Ulm"}})
    assert found(call, "company", "EQ", "Late") == [late, prompt]


def test_a_late_row_appears_behind_the_reader(call: Caller) -> None:
    """A windowed search with an ordinary lag passes it by: it turns up under a time that was read already."""
    number = call.contact(company="Behind")
    made = call("GET", f"{CONTACTS}/{number}").body["updatedAt"]
    call.sandbox.index_late("contacts", number, 1_800)
    call.sandbox.clock.advance(900)
    window = {"propertyName": "lastmodifieddate", "operator": "GTE", "value": made}
    body = {"filterGroups": [{"filters": [window]}], "limit": 200}
    assert number not in [one["id"] for one in call("POST", f"{CONTACTS}/search", body).body["results"]]
    call.sandbox.clock.advance(900)
    seen = {one["id"]: one["updatedAt"] for one in call("POST", f"{CONTACTS}/search", body).body["results"]}
    assert seen[number] == made


def test_levers_tell_what_is_wrong(call: Caller) -> None:
    """An unknown lever is 404; a missing or unknown argument and a record that is not there are 400."""
    assert call("POST", "/_sandbox/no_such", {}).status == 404
    for body in ({}, {"kind": "contacts", "id": "1", "seconds": 1, "much": 2}):
        assert call("POST", "/_sandbox/index_late", body).status == 400
    assert call("POST", "/_sandbox/index_late", {"kind": "contacts", "id": "999999", "seconds": 1}).status == 400
    with pytest.raises(ValueError, match="not found"):
        call.sandbox.index_late("contacts", "999999", 1)


def test_orders_are_placed_through_the_control_api(call: Caller) -> None:
    """Statuses, negative quantities and times are the caller's; a contact that is not there is refused."""
    contact = call.contact()
    line = ["LAMP-1", "-2", "9.50"]
    more = {"status": "refunded", "currency": "EUR", "ordered_at": "2026-03-01T10:00:00Z"}
    order = call("POST", "/_sandbox/create_order", {"contact": contact, "lines": [line], **more}).body["result"]
    names = "hs_external_order_status,hs_currency_code,hs_external_created_date"
    one = call("GET", f"/crm/objects/{V}/orders/{order}?properties={names}&associations=line_items").body
    assert one["properties"]["hs_external_order_status"] == "refunded"
    assert one["properties"]["hs_currency_code"] == "EUR"
    assert one["properties"]["hs_external_created_date"] == "2026-03-01T10:00:00.000Z"
    held = one["associations"]["line items"]["results"][0]["id"]
    values = call("GET", f"/crm/objects/{V}/line_items/{held}?properties=quantity,price").body["properties"]
    assert (values["quantity"], values["price"]) == ("-2", "9.50")
    assert call("POST", "/_sandbox/create_order", {"contact": "999999", "lines": []}).status == 400
