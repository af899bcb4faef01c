"""Property definitions and groups."""

from collections.abc import Iterator
from typing import Any

import pytest
from test_sandbox_caller import CONTACTS, PROPERTIES, Caller, V, calling


@pytest.fixture(scope="module")
def call() -> Iterator[Caller]:
    """One sandbox for the whole file, with a group of ours."""
    with calling() as caller:
        assert caller("POST", f"{PROPERTIES}/groups", {"name": "lamplighter", "label": "Lamplighter"}).status == 201
        yield caller


def spec(name: str, kind: str = "string", field_type: str = "text", **more: Any) -> dict[str, Any]:
    """What creating a property takes."""
    return {"groupName": "lamplighter", "name": name, "label": name, "type": kind, "fieldType": field_type, **more}


def test_groups_are_listed_and_unique(call: Caller) -> None:
    """A group is there after it was made, and cannot be made twice."""
    names = [one["name"] for one in call("GET", f"{PROPERTIES}/groups").body["results"]]
    assert names == ["contactinformation", "lamplighter"]
    assert call("GET", f"{PROPERTIES}/groups/lamplighter").body["label"] == "Lamplighter"
    again = call("POST", f"{PROPERTIES}/groups", {"name": "lamplighter", "label": "x"})
    assert (again.status, again.body["category"]) == (409, "OBJECT_ALREADY_EXISTS")
    assert call("GET", f"{PROPERTIES}/groups/none").status == 404


def test_a_property_can_be_written_once_it_exists(call: Caller) -> None:
    """Unknown on writing before, known after; its definition is told in full."""
    number = call.contact()
    body = {"properties": {"lamplighter_tier": "gold"}}
    assert call("PATCH", f"{CONTACTS}/{number}", body).status == 400
    options = [{"label": "Gold", "value": "gold", "displayOrder": 0}]
    made = call("POST", PROPERTIES, spec("lamplighter_tier", "enumeration", "select", options=options))
    assert (made.status, made.body["options"][0]["value"]) == (201, "gold")
    assert call("PATCH", f"{CONTACTS}/{number}", body).status == 200
    seen = call("GET", f"{PROPERTIES}/lamplighter_tier").body
    assert (seen["type"], seen["fieldType"], seen["hubspotDefined"]) == ("enumeration", "select", False)
    assert call("POST", PROPERTIES, spec("lamplighter_tier")).status == 409


def test_batch_create_tells_which_names_were_taken(call: Caller) -> None:
    """A taken name is a row of a 207; the others are made."""
    assert call("POST", f"{PROPERTIES}/batch/create", {"inputs": [spec("one"), spec("two")]}).status == 201
    answer = call("POST", f"{PROPERTIES}/batch/create", {"inputs": [spec("two"), spec("three")]})
    assert answer.status == 207
    assert [one["name"] for one in answer.body["results"]] == ["three"]
    assert answer.body["errors"][0]["category"] == "OBJECT_ALREADY_EXISTS"
    read = call(
        "POST", f"{PROPERTIES}/batch/read", {"inputs": [{"name": "three"}, {"name": "four"}], "archived": False}
    )
    assert (read.status, read.body["errors"][0]["context"]["name"]) == (207, ["four"])


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x", "label": "x", "type": "string", "fieldType": "text"},
        spec("x", "string", "number"),
        spec("x", "colour", "text"),
        spec("Upper"),
        spec("x", groupName="none"),
        spec("x", "enumeration", "select", options=[{"label": "A", "value": "a"}]),
    ],
)
def test_bad_definitions_are_400(call: Caller, body: dict[str, Any]) -> None:
    """Missing fields, unknown types, mismatched fieldTypes, bad names, unknown groups, options without an order."""
    assert call("POST", PROPERTIES, body).status == 400


def test_dates_and_numbers_are_kept_in_one_form(call: Caller) -> None:
    """A date is taken as text or midnight in milliseconds and told as YYYY-MM-DD; other times of day are refused."""
    call(
        "POST", f"{PROPERTIES}/batch/create", {"inputs": [spec("day", "date", "date"), spec("sum", "number", "number")]}
    )
    number = call.contact()
    for sent in ("2026-11-21", "1795219200000"):
        call("PATCH", f"{CONTACTS}/{number}", {"properties": {"day": sent}})
        assert call("GET", f"{CONTACTS}/{number}?properties=day").body["properties"]["day"] == "2026-11-21"
    for bad in ({"day": "1795219200001"}, {"day": "yesterday"}, {"sum": "many"}, {"sum": " 1"}):
        assert call("PATCH", f"{CONTACTS}/{number}", {"properties": bad}).status == 400


def test_unique_properties_address_records_and_are_few(call: Caller) -> None:
    """hasUniqueValue opens idProperty for batch/update, refuses a second holder, and is had ten times at most."""
    names = [f"key{n}" for n in range(10)]
    body = {"inputs": [spec(name, hasUniqueValue=True) for name in names]}
    assert call("POST", f"{PROPERTIES}/batch/create", body).status == 201
    assert call("POST", PROPERTIES, spec("key10", hasUniqueValue=True)).status == 400
    number = call.contact(key0="K-1")
    row = {"id": "K-1", "idProperty": "key0", "properties": {"city": "Ulm"}}
    assert call("POST", f"{CONTACTS}/batch/update", {"inputs": [row]}).body["results"][0]["id"] == number
    assert call("POST", CONTACTS, {"properties": {"key0": "k-1"}}).status == 400


def test_ours_can_be_changed_and_archived_hubspots_cannot(call: Caller) -> None:
    """PATCH and DELETE work on our own definitions only; an archived one is unknown to writes."""
    call("POST", PROPERTIES, spec("passing"))
    assert call("PATCH", f"{PROPERTIES}/passing", {"label": "Passing by"}).body["label"] == "Passing by"
    assert call("DELETE", f"{PROPERTIES}/passing").status == 204
    assert call("GET", f"{PROPERTIES}/passing").status == 404
    assert "passing" in [one["name"] for one in call("GET", f"{PROPERTIES}?archived=true").body["results"]]
    for method in ("PATCH", "DELETE"):
        assert call(method, f"{PROPERTIES}/email", {"label": "x"}).status == 400


def test_the_shop_has_its_two_properties(call: Caller) -> None:
    """A new portal knows the shop's customer number and its consent, and what may not be written."""
    known = {one["name"]: one for one in call("GET", PROPERTIES).body["results"]}
    assert [option["value"] for option in known["ads_consent"]["options"]] == ["granted", "denied", "unknown"]
    assert known["customer_id"]["type"] == "string"
    assert known["hs_marketable_status"]["modificationMetadata"]["readOnlyValue"]
    assert "hs_external_order_id" in {one["name"] for one in call("GET", f"/crm/properties/{V}/orders").body["results"]}
