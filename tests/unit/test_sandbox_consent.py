"""Consent: what contacts' properties tell, what the API may write, and the subscriptions of Enterprise accounts."""

from collections.abc import Iterator
from typing import Any

import pytest
from test_sandbox_caller import CONTACTS, PROPERTIES, Caller, V, calling

PREFERENCES = f"/communication-preferences/{V}"
MARKETING, PERSONAL = "26853179", "26853180"


@pytest.fixture(scope="module")
def call() -> Iterator[Caller]:
    """One sandbox for the whole file."""
    with calling() as caller:
        yield caller


@pytest.fixture
def enterprise(call: Caller) -> Iterator[Caller]:
    """The same sandbox while its account is Enterprise."""
    call("POST", "/_sandbox/settings", {"tier": "enterprise"})
    yield call
    call("POST", "/_sandbox/settings", {"tier": "professional"})


def by_type(rows: list[dict[str, Any]]) -> dict[str, str]:
    """Subscription id -> status."""
    return {str(one["subscriptionId"]): one["status"] for one in rows}


def statuses(call: Caller, email: str) -> dict[str, str]:
    """Subscription id -> status of one address."""
    return by_type(call("GET", f"{PREFERENCES}/statuses/{email}?channel=EMAIL").body["results"])


def test_every_subscription_type_has_its_property(call: Caller) -> None:
    """The definitions and the opt-out properties go together; both types are there from the start."""
    found = {one["id"]: one["name"] for one in call("GET", f"{PREFERENCES}/definitions").body["results"]}
    assert found == {MARKETING: "Marketing Information", PERSONAL: "One to One"}
    for number, name in found.items():
        one = call("GET", f"{PROPERTIES}/hs_email_optout_{number}").body
        assert (one["type"], one["label"], one["hubspotDefined"]) == ("bool", f"Opted out of email: {name}", True)


def test_subscription_types_are_a_setting() -> None:
    """A type that is added gets its property at once."""
    with calling() as call:
        call("POST", "/_sandbox/settings", {"subscriptions": {MARKETING: "Marketing", "7": "Lamp of the week"}})
        found = [one["id"] for one in call("GET", f"{PREFERENCES}/definitions").body["results"]]
        assert found == [MARKETING, "7"]
        assert call.contact(hs_email_optout_7="true")


def test_statuses_follow_the_opt_outs(call: Caller) -> None:
    """Opted out of one type, of all, subscribed, or nothing said; an unknown address said nothing either."""
    call.contact(email="one@example.com", **{f"hs_email_optout_{MARKETING}": "true"})
    call.contact(email="in@example.com", **{f"hs_email_optout_{MARKETING}": "false"})
    call.contact(email="all@example.com", hs_email_optout="true", **{f"hs_email_optout_{MARKETING}": "false"})
    assert statuses(call, "one@example.com") == {MARKETING: "UNSUBSCRIBED", PERSONAL: "NOT_SPECIFIED"}
    assert statuses(call, "IN@example.com") == {MARKETING: "SUBSCRIBED", PERSONAL: "NOT_SPECIFIED"}
    assert statuses(call, "all@example.com") == {MARKETING: "UNSUBSCRIBED", PERSONAL: "UNSUBSCRIBED"}
    assert statuses(call, "who@example.com") == {MARKETING: "NOT_SPECIFIED", PERSONAL: "NOT_SPECIFIED"}
    assert call("GET", f"{PREFERENCES}/statuses/one@example.com").status == 400


def test_reading_many_is_for_enterprise(call: Caller) -> None:
    """Any lower subscription is 403."""
    answer = call("POST", f"{PREFERENCES}/statuses/batch/read?channel=EMAIL", {"inputs": ["one@example.com"]})
    assert (answer.status, "Enterprise" in answer.body["message"]) == (403, True)


def test_many_statuses_come_in_the_order_asked(enterprise: Caller) -> None:
    """Each address with its statuses and its legal basis in the API's words."""
    basis = "Freely given consent from contact;Legitimate interest – existing customer"
    enterprise.contact(email="basis@example.com", hs_legal_basis=basis)
    body = {"inputs": ["who@example.com", "basis@example.com"]}
    rows = enterprise("POST", f"{PREFERENCES}/statuses/batch/read?channel=EMAIL", body).body["results"]
    assert [one["subscriberIdString"] for one in rows] == body["inputs"]
    assert rows[1]["statuses"][0]["legalBasis"] == "CONSENT_WITH_NOTICE"
    assert "legalBasis" not in rows[0]["statuses"][0]


@pytest.mark.parametrize("inputs", [[], ["a@example.com"] * 101, [{"id": "a@example.com"}], "a@example.com"])
def test_bad_batches_are_400(enterprise: Caller, inputs: object) -> None:
    """1 to 100 addresses as plain text."""
    path = f"{PREFERENCES}/statuses/batch/read?channel=EMAIL"
    assert enterprise("POST", path, {"inputs": inputs}).status == 400


def test_the_scopes_are_asked_for() -> None:
    """Without them every call is 403 and names what is missing."""
    with calling() as call:
        call("POST", "/_sandbox/settings", {"scopes": ["oauth"], "tier": "enterprise"})
        for method, path, scope in (
            ("GET", "/definitions", "communication_preferences.read"),
            ("GET", "/statuses/a@example.com?channel=EMAIL", "communication_preferences.read"),
            ("POST", "/statuses/batch/read?channel=EMAIL", "communication_preferences.statuses.batch.read"),
        ):
            answer = call(method, PREFERENCES + path)
            needed = answer.body["errors"][0]["context"]["requiredGranularScopes"]
            assert (answer.status, needed) == (403, [scope])


@pytest.mark.parametrize(("name", "value"), [("hs_marketable_status", "false"), ("hs_email_quarantined", "true")])
def test_some_things_only_people_set(call: Caller, name: str, value: str) -> None:
    """The API refuses them as read only; in the portal they can be set, one by one and in bulk."""
    number = call.contact()
    path, body = f"{CONTACTS}/{number}", {"properties": {name: value}}
    answer = call("PATCH", path, body)
    assert (answer.status, "READ_ONLY_VALUE" in answer.body["message"]) == (400, True)
    rows = {"inputs": [{"id": number, "properties": {name: value}}]}
    assert call("POST", f"{CONTACTS}/batch/update", rows).status == 400
    assert call.sandbox.portal.act("PATCH", path, body).status == 200
    assert call("GET", f"{path}?properties={name}").body["properties"][name] == value
    other = call.contact()
    call.sandbox.touch("contacts", [other], {name: value})
    assert call("GET", f"{CONTACTS}/{other}?properties={name}").body["properties"][name] == value
    assert call("PATCH", path, body).status == 400


def test_people_cannot_set_what_nobody_can(call: Caller) -> None:
    """A record's id and times are read only for people too."""
    answer = call.sandbox.portal.act("PATCH", f"{CONTACTS}/{call.contact()}", {"properties": {"hs_object_id": "4"}})
    assert answer.status == 400


def test_legal_bases_are_hubspots_words(call: Caller) -> None:
    """Several at once, with HubSpot's own dashes; any other word is refused."""
    number = call.contact(hs_legal_basis="Legitimate interest – prospect/lead;Legitimate interest - other")
    answer = call("PATCH", f"{CONTACTS}/{number}", {"properties": {"hs_legal_basis": "Legitimate interest"}})
    assert (answer.status, "INVALID_OPTION" in answer.body["message"]) == (400, True)
    assert call("GET", f"{PROPERTIES}/hs_legal_basis").body["fieldType"] == "checkbox"


def test_lifecycle_stages_only_move_forward(call: Caller) -> None:
    """An earlier stage is passed over without a word; cleared first, or set by a person, it stands."""
    number = call.contact(lifecyclestage="customer")
    path = f"{CONTACTS}/{number}"

    def stage() -> str:
        return str(call("GET", f"{path}?properties=lifecyclestage").body["properties"]["lifecyclestage"])

    back = {"properties": {"lifecyclestage": "lead", "city": "Ulm"}}
    assert call("PATCH", path, back).body["properties"]["city"] == "Ulm"
    assert call("POST", f"{CONTACTS}/batch/update", {"inputs": [{"id": number, **back}]}).status == 200
    assert stage() == "customer"
    call("PATCH", path, {"properties": {"lifecyclestage": "evangelist"}})
    assert stage() == "evangelist"
    call.sandbox.portal.act("PATCH", path, {"properties": {"lifecyclestage": "opportunity"}})
    assert stage() == "opportunity"
    call("PATCH", path, {"properties": {"lifecyclestage": ""}})
    call("PATCH", path, back)
    assert stage() == "lead"


def test_a_merge_keeps_the_later_stage(call: Caller) -> None:
    """Whichever of the two had it."""
    first, second = call.contact(lifecyclestage="lead"), call.contact(lifecyclestage="customer")
    body = {"primaryObjectId": first, "objectIdToMerge": second}
    survivor = call("POST", f"{CONTACTS}/merge", body).body
    assert survivor["properties"]["lifecyclestage"] == "customer"
