"""What an admin may set up so that writes fail: validation rules and a full account, in the sandbox HubSpot."""

from collections.abc import Iterator
from typing import Any

import pytest
from test_sandbox_caller import CONTACTS, PROPERTIES, Caller, V, calling

RULES = f"/crm/property-validations/{V}"
LIMITS = f"/crm/limits/{V}/custom-properties"


@pytest.fixture
def call() -> Iterator[Caller]:
    """A sandbox of one's own."""
    with calling() as caller:
        yield caller


def rule(call: Caller, name: str, kind: str, *arguments: Any) -> None:
    """Let an admin set a rule on a property of contacts."""
    rules = {"contacts": {name: {"ruleType": kind, "ruleArguments": list(arguments)}}}
    assert call("POST", "/_sandbox/settings", {"validation_rules": rules}).status == 200


def property_of_ours(name: str) -> dict[str, str]:
    """The body that creates it."""
    group = {"groupName": "contactinformation", "label": name}
    return {**group, "name": name, "type": "string", "fieldType": "text"}


@pytest.mark.parametrize(
    ("name", "kind", "argument", "good", "bad"),
    [
        ("city", "MAX_LENGTH", "3", "Ulm", "Mainz"),
        ("city", "MIN_LENGTH", 4, "Mainz", "Ulm"),
        ("zip", "ALPHANUMERIC", "NUMERIC_ONLY", "89073", "D-89073"),
        ("zip", "ALPHANUMERIC", "ALPHA_ONLY", "ABC", "A1"),
        ("zip", "REGEX", "[A-Z]{2}[0-9]+", "AB1", "1AB"),
    ],
)
def test_a_rule_is_readable_and_enforced(
    call: Caller, name: str, kind: str, argument: Any, good: str, bad: str
) -> None:
    """Listed by type and by property; a value that keeps to it passes, another is 400 and names the property."""
    rule(call, name, kind, argument)
    told = {"ruleType": kind, "ruleArguments": [str(argument)]}
    assert call("GET", f"{RULES}/0-1").body["results"] == [{"propertyName": name, "propertyValidationRules": [told]}]
    assert call("GET", f"{RULES}/0-1/{name}").body["results"] == [told]
    assert call("POST", CONTACTS, {"properties": {name: good}}).status == 201
    refused = call("POST", CONTACTS, {"properties": {name: bad}})
    assert (refused.status, refused.body["category"]) == (400, "VALIDATION_ERROR")
    assert refused.body["errors"][0]["context"] == {"propertyName": [name]}
    assert kind in refused.body["errors"][0]["code"]


def test_numbers_and_days_have_rules_too() -> None:
    """Bounds and decimal places of numbers, first and last day of dates, several rules on one property."""
    with calling() as call:
        group = {"groupName": "contactinformation"}
        for name, kind in (("points", "number"), ("joined", "date")):
            call("POST", PROPERTIES, {**group, "name": name, "label": name, "type": kind, "fieldType": kind})
        bounds = [("MIN_NUMBER", "0"), ("MAX_NUMBER", "10"), ("DECIMAL", "1")]
        days = [("START_DATE", "2026-01-01"), ("END_DATE", "2026-12-31")]
        rules = {
            name: [{"ruleType": kind, "ruleArguments": [argument]} for kind, argument in found]
            for name, found in (("points", bounds), ("joined", days))
        }
        call.sandbox.portal.configure({"validation_rules": {"0-1": rules}})
        values = [("points", "9.5"), ("joined", "2026-11-21"), ("points", "-1"), ("points", "10.5"), ("points", "1.25")]
        values += [("joined", "2025-12-31"), ("joined", "2027-01-01")]
        statuses = [call("POST", CONTACTS, {"properties": {name: value}}).status for name, value in values]
    assert statuses == [201, 201, 400, 400, 400, 400, 400]


def test_every_write_is_checked_and_a_batch_fails_whole(call: Caller) -> None:
    """Updates, batches and upserts; clearing is always allowed; other types are not concerned."""
    number, other = call.contact(city="Ulm"), call.contact(email="a@example.com")
    rule(call, "city", "MAX_LENGTH", "3")
    long, short = {"properties": {"city": "Mainz"}}, {"properties": {"city": "Rom"}}
    assert call("PATCH", f"{CONTACTS}/{number}", long).status == 400
    rows = [{"id": number, **short}, {"id": other, **long}]
    assert call("POST", f"{CONTACTS}/batch/update", {"inputs": rows}).status == 400
    assert call("POST", f"{CONTACTS}/batch/create", {"inputs": [short, long]}).status == 400
    upsert = [{"id": "a@example.com", "idProperty": "email", **long}]
    assert call("POST", f"{CONTACTS}/batch/upsert", {"inputs": upsert}).status == 400
    assert call("GET", f"{CONTACTS}/{number}?properties=city").body["properties"]["city"] == "Ulm"
    assert call("PATCH", f"{CONTACTS}/{number}", {"properties": {"city": ""}}).status == 200
    assert call("GET", f"{RULES}/companies").body["results"] == []


def test_a_rule_that_cannot_be_held_is_told(call: Caller) -> None:
    """An unknown kind, missing or odd arguments, and a type that is none are bad settings, and change nothing."""
    for rules in (
        {"contacts": {"city": {"ruleType": "PRETTY", "ruleArguments": ["1"]}}},
        {"contacts": {"city": {"ruleType": "MAX_LENGTH", "ruleArguments": []}}},
        {"contacts": {"city": {"ruleType": "MAX_LENGTH", "ruleArguments": ["few"]}}},
        {"contacts": {"city": {"ruleType": "ALPHANUMERIC", "ruleArguments": ["EMOJI"]}}},
        {"contacts": {"city": {"ruleType": "REGEX", "ruleArguments": ["("]}}},
        {"lamps": {"city": {"ruleType": "MAX_LENGTH", "ruleArguments": ["1"]}}},
    ):
        answer = call("POST", "/_sandbox/settings", {"validation_rules": rules})
        assert (answer.status, "validation_rules" in answer.body["error"]) == (400, True)
    assert call("GET", f"{RULES}/0-1").body["results"] == []


def test_the_account_may_define_so_many_properties(call: Caller) -> None:
    """Usage is told by type; one more than `property_limit` is 400, alone or in a batch; archiving makes room."""
    call.sandbox.portal.configure({"property_limit": 2})
    call("POST", PROPERTIES, property_of_ours("one"))
    told = next(one for one in call("GET", LIMITS).body["byObjectType"] if one["objectTypeId"] == "0-1")
    assert (told["limit"], told["usage"], told["percentage"]) == (2, 1, 50.0)
    batch = {"inputs": [property_of_ours("two"), property_of_ours("three")]}
    refused = call("POST", f"{PROPERTIES}/batch/create", batch)
    assert (refused.status, refused.body["category"]) == (400, "VALIDATION_ERROR")
    assert "limit" in refused.body["message"]
    assert call("GET", f"{PROPERTIES}/two").status == 404
    call("POST", PROPERTIES, property_of_ours("two"))
    assert call("POST", PROPERTIES, property_of_ours("three")).status == 400
    call("DELETE", f"{PROPERTIES}/one")
    assert call("POST", PROPERTIES, property_of_ours("three")).status == 201


def test_reading_the_limits_needs_a_scope(call: Caller) -> None:
    """The right to read any type of record is enough."""
    call.sandbox.portal.configure({"scopes": ["crm.objects.deals.read"]})
    assert call("GET", LIMITS).status == 200
    call.sandbox.portal.configure({"scopes": ["oauth"]})
    assert call("GET", LIMITS).status == 403
