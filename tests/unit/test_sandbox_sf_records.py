"""The sandbox's records, one at a time: made, read, changed, put by a key, deleted; and what is refused."""

# ruff: noqa: S608 - SOQL of the tests' own

from collections.abc import Iterator

import pytest
from salesforce_caller import DATA, SOBJECTS, Caller, calling

CONTACT = f"{SOBJECTS}/Contact"


@pytest.fixture(scope="module")
def call() -> Iterator[Caller]:
    """One org for the whole file."""
    with calling() as caller:
        caller.sandbox.levers["add_custom_field"]("Contact", 'Number__c string:20 cufsgnE "Number"')
        caller.sandbox.levers["add_custom_field"]("Contact", 'Score__c double:5,2 cufsn "Score"')
        yield caller


def test_a_record_is_made_read_and_changed(call: Caller) -> None:
    """201 with the id, 200 with the fields, 204 without a body; null and empty text clear."""
    values = {"LastName": " Reed ", "FirstName": "Dana", "Email": "dana@example.com", "Score__c": "12.345"}
    made = call("POST", f"{CONTACT}/", values)
    assert (made.status, made.body["success"], made.body["errors"]) == (201, True, [])
    id = made.body["id"]
    assert (len(id), id[:3]) == (18, "003")
    read = call("GET", f"{CONTACT}/{id}?fields=Name,Score__c,HasOptedOutOfEmail,OwnerId").body
    assert (read["Name"], read["Score__c"], read["HasOptedOutOfEmail"]) == ("Dana Reed", 12.35, False)
    change = call("PATCH", f"{CONTACT}/{id[:15]}", {"FirstName": None, "Email": ""})
    assert (change.status, change.body) == (204, None)
    whole = call("GET", f"{CONTACT}/{id}").body
    assert (whole["Name"], whole["Email"], whole["attributes"]["type"]) == ("Reed", None, "Contact")
    assert whole["LastModifiedById"] == whole["CreatedById"] == call.sandbox.org.integration.id


def test_ids_of_15_characters_and_of_any_case_are_understood(call: Caller) -> None:
    """The short id tells its case; the long one can do without."""
    id = call.contact()
    for text in (id[:15], id.lower(), id.upper()):
        assert call("GET", f"{CONTACT}/{text}?fields=Id").body["Id"] == id
        assert call.column(f"SELECT Id FROM Contact WHERE Id = '{text}'") == [id]


def test_an_upsert_goes_by_a_key(call: Caller) -> None:
    """201 where it made one, 200 where it found one, 300 with all addresses where several have the key."""
    first = call("PATCH", f"{CONTACT}/Number__c/A%2F7", {"LastName": "Key"})
    assert (first.status, first.body["created"]) == (201, True)
    second = call("PATCH", f"{CONTACT}/Number__c/a%2F7", {"FirstName": "Known"})
    assert (second.status, second.body["created"], second.body["id"]) == (200, False, first.body["id"])
    assert call("GET", f"{CONTACT}/Number__c/A%2F7?fields=Name").body["Name"] == "Known Key"
    other = call.contact(Number__c="A/7")
    several = call("PATCH", f"{CONTACT}/Number__c/A%2F7", {"FirstName": "X"})
    assert (several.status, [one.rpartition("/")[2] for one in several.body]) == (300, [first.body["id"], other])
    assert call("GET", f"{CONTACT}/Number__c/A%2F7").status == 300
    assert call("DELETE", f"{CONTACT}/Customer_Id__c/nobody").status == 404
    assert call.error("PATCH", f"{CONTACT}/Number__c/B", {"Number__c": "B"})[1] == "INVALID_FIELD"
    assert call.error("PATCH", f"{CONTACT}/Phone/1", {"LastName": "X"})[:2] == (404, "NOT_FOUND")


def test_a_parent_can_be_named_by_its_key(call: Caller) -> None:
    """`{"Relation": {"Key": value}}` stands for the parent's id."""
    boss = call.contact("Boss", Number__c="boss")
    id = call("POST", CONTACT, {"LastName": "X", "ReportsTo": {"Number__c": "boss"}}).body["id"]
    assert call.column(f"SELECT ReportsToId FROM Contact WHERE Id = '{id}'") == [boss]
    body = {"LastName": "X", "ReportsTo": {"Number__c": "nobody"}}
    assert call.error("POST", CONTACT, body)[:2] == (400, "INVALID_FIELD")


@pytest.mark.parametrize(
    ("values", "code", "fields"),
    [
        ({}, "REQUIRED_FIELD_MISSING", ["LastName"]),
        ({"LastName": "X", "FirstName": "y" * 41}, "STRING_TOO_LONG", ["FirstName"]),
        ({"LastName": "X", "Email": "nobody"}, "INVALID_EMAIL_ADDRESS", ["Email"]),
        ({"LastName": "X", "Score__c": 1000}, "NUMBER_OUTSIDE_VALID_RANGE", ["Score__c"]),
        ({"LastName": "X", "Score__c": "many"}, "JSON_PARSER_ERROR", []),
        ({"LastName": "X", "Birthdate": "soon"}, "JSON_PARSER_ERROR", []),
        ({"LastName": "X", "HasOptedOutOfEmail": None}, "INVALID_TYPE_ON_FIELD_IN_RECORD", ["HasOptedOutOfEmail"]),
        ({"LastName": "X", "MailingGeocodeAccuracy": "Moon"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", None),
        ({"LastName": "X", "Foo__c": 1}, "INVALID_FIELD", []),
        ({"LastName": "X", "CreatedDate": "2020-01-01T00:00:00Z"}, "INVALID_FIELD_FOR_INSERT_UPDATE", ["CreatedDate"]),
        ({"LastName": "X", "Id": "003000000000001"}, "INVALID_FIELD_FOR_INSERT_UPDATE", ["Id"]),
        ({"LastName": "X", "AccountId": "nothing"}, "MALFORMED_ID", ["AccountId"]),
        ({"LastName": "X", "AccountId": "005Qy000000001d"}, "FIELD_INTEGRITY_EXCEPTION", ["AccountId"]),
        ({"LastName": "X", "AccountId": "001Qy0000000zzz"}, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", []),
    ],
)
def test_values_that_are_refused(call: Caller, values: dict[str, object], code: str, fields: list[str] | None) -> None:
    """Each with its code and the fields it is about; nothing is made."""
    before = call.soql("SELECT COUNT() FROM Contact")["totalSize"]
    status, found, about = call.error("POST", CONTACT, values)
    assert (status, found) == (400, code)
    assert fields is None or about == fields
    assert call.soql("SELECT COUNT() FROM Contact")["totalSize"] == before


def test_a_unique_value_is_held_by_one(call: Caller) -> None:
    """DUPLICATE_VALUE names who has it, in any case of letters; a deleted record gives it free."""
    holder = call.contact(Customer_Id__c="c1")
    answer = call("POST", CONTACT, {"LastName": "X", "Customer_Id__c": "C1"})
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "DUPLICATE_VALUE")
    assert answer.body[0]["message"].endswith(f"record with id: {holder[:15]}")
    assert call("DELETE", f"{CONTACT}/{holder}").status == 204
    assert call("POST", CONTACT, {"LastName": "X", "Customer_Id__c": "C1"}).status == 201


def test_what_is_gone_says_so(call: Caller) -> None:
    """Deleted is ENTITY_IS_DELETED, unknown is NOT_FOUND or a bad cross reference, another object's is neither."""
    gone = call.contact()
    call("DELETE", f"{CONTACT}/{gone}")
    assert call.error("GET", f"{CONTACT}/{gone}")[:2] == (404, "ENTITY_IS_DELETED")
    assert call.error("PATCH", f"{CONTACT}/{gone}", {"LastName": "X"})[:2] == (404, "ENTITY_IS_DELETED")
    assert call.error("DELETE", f"{CONTACT}/{gone}")[:2] == (404, "ENTITY_IS_DELETED")
    assert call.error("GET", f"{CONTACT}/003Qy0000000zzz")[:2] == (404, "NOT_FOUND")
    assert call.error("PATCH", f"{CONTACT}/003Qy0000000zzz", {})[:2] == (404, "INVALID_CROSS_REFERENCE_KEY")
    assert call.error("GET", f"{SOBJECTS}/Foo/{gone}")[:2] == (404, "NOT_FOUND")


def test_a_hidden_field_is_not_there(call: Caller) -> None:
    """Field-level security: absent from describe and FIELDS(ALL), no such column in SOQL, refused when written."""
    id = call.contact("Hidden", HasOptedOutOfEmail=True)
    call.sandbox.levers["hide_field"]("Contact", "hasoptedoutofemail")
    try:
        fields = [one["name"] for one in call("GET", f"{CONTACT}/describe").body["fields"]]
        assert "HasOptedOutOfEmail" not in fields
        person = [one["name"] for one in call("GET", f"{SOBJECTS}/Account/describe").body["fields"]]
        assert "PersonHasOptedOutOfEmail" not in person
        assert "HasOptedOutOfEmail" not in call("GET", f"{CONTACT}/{id}").body
        assert "HasOptedOutOfEmail" not in call.rows("SELECT FIELDS(ALL) FROM Contact LIMIT 1")[0]
        assert call.refused("SELECT HasOptedOutOfEmail FROM Contact")[0] == "INVALID_FIELD"
        assert call.refused("SELECT Id FROM Contact WHERE HasOptedOutOfEmail = true")[0] == "INVALID_FIELD"
        refusal = call.error("PATCH", f"{CONTACT}/{id}", {"HasOptedOutOfEmail": False})
        assert refusal == (400, "INVALID_FIELD_FOR_INSERT_UPDATE", ["HasOptedOutOfEmail"])
        admin = call.sandbox.service.act("GET", f"{CONTACT}/{id}?fields=HasOptedOutOfEmail")
        assert admin.content["HasOptedOutOfEmail"] is True
    finally:
        call.sandbox.levers["show_field"]("Contact", "HasOptedOutOfEmail")
    assert call("GET", f"{CONTACT}/{id}").body["HasOptedOutOfEmail"] is True


def test_an_object_s_rights_can_be_taken(call: Caller) -> None:
    """Without read it is not there; without create, edit or delete the call is refused and describe says so."""
    call("POST", "/_sandbox/settings", {"rights": {"Lead": "", "Contact": "r"}})
    try:
        assert call.error("GET", f"{SOBJECTS}/Lead/describe")[:2] == (404, "NOT_FOUND")
        assert call.refused("SELECT Id FROM Lead")[0] == "INVALID_TYPE"
        told = call("GET", f"{CONTACT}/describe").body
        assert (told["createable"], told["updateable"], told["deletable"], told["queryable"]) == (
            False,
            False,
            False,
            True,
        )
        assert call.error("POST", CONTACT, {"LastName": "X"})[:2] == (403, "INSUFFICIENT_ACCESS_OR_READONLY")
    finally:
        call("POST", "/_sandbox/settings", {"rights": None})


def test_a_row_can_be_locked(call: Caller) -> None:
    """A write to it, or to a child of it, fails as often as asked; a storm hits each so-manieth write."""
    account = call.add("Account", Name="Locked")
    contact = call.contact(AccountId=account)
    call.sandbox.levers["lock"]([account], times=2)
    assert call.error("PATCH", f"{CONTACT}/{contact}", {"Phone": "1"})[1] == "UNABLE_TO_LOCK_ROW"
    assert call.error("PATCH", f"{SOBJECTS}/Account/{account}", {"Phone": "1"})[1] == "UNABLE_TO_LOCK_ROW"
    assert call("PATCH", f"{CONTACT}/{contact}", {"Phone": "1"}).status == 204
    call.sandbox.levers["lock_storm"](every=2, times=1)
    statuses = [call("PATCH", f"{CONTACT}/{contact}", {"Phone": "2"}).status for _ in range(4)]
    assert sorted(statuses) == [204, 204, 204, 400]


def test_paths_and_versions(call: Caller) -> None:
    """An unknown resource and an unknown version are not found, a retired version is gone; JSON must be some."""
    assert call.error("GET", f"{DATA}/nowhere")[:2] == (404, "NOT_FOUND")
    assert call.error("GET", "/services/data/v99.0/sobjects")[:2] == (404, "NOT_FOUND")
    assert call.error("GET", "/services/data/v20.0/sobjects")[:2] == (410, "UNSUPPORTED_API_VERSION")
    assert call("GET", "/services/data/v41.0//sobjects/").status == 200
    assert call.error("POST", CONTACT, ["LastName"])[:2] == (400, "JSON_PARSER_ERROR")
