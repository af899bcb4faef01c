"""What the sandbox tells of itself: versions, objects, describes in the shape of recorded real ones."""

# ruff: noqa: S608 - SOQL of the tests' own

from collections.abc import Iterator
from typing import Any

import pytest
from salesforce_caller import DATA, SOBJECTS, Caller, calling

FIELD_KEYS = frozenset(
    [
        "aggregatable",
        "aiPredictionField",
        "autoNumber",
        "byteLength",
        "calculated",
        "calculatedFormula",
        "cascadeDelete",
        "caseSensitive",
        "compoundFieldName",
        "controllerName",
        "createable",
        "custom",
        "defaultValue",
        "defaultValueFormula",
        "defaultedOnCreate",
        "dependentPicklist",
        "deprecatedAndHidden",
        "digits",
        "displayLocationInDecimal",
        "encrypted",
        "externalId",
        "extraTypeInfo",
        "filterable",
        "filteredLookupInfo",
        "formulaTreatNullNumberAsZero",
        "groupable",
        "highScaleNumber",
        "htmlFormatted",
        "idLookup",
        "inlineHelpText",
        "label",
        "length",
        "mask",
        "maskType",
        "name",
        "nameField",
        "namePointing",
        "nillable",
        "permissionable",
        "picklistValues",
        "polymorphicForeignKey",
        "precision",
        "queryByDistance",
        "referenceTargetField",
        "referenceTo",
        "relationshipName",
        "relationshipOrder",
        "restrictedDelete",
        "restrictedPicklist",
        "scale",
        "searchPrefilterable",
        "soapType",
        "sortable",
        "type",
        "unique",
        "updateable",
        "writeRequiresMasterRead",
    ]
)
"""Of each field in a describe recorded from an org (CumulusCI's cassettes)."""


@pytest.fixture(scope="module")
def call() -> Iterator[Caller]:
    """One org for the whole file."""
    with calling() as caller:
        yield caller


def described(call: Caller, kind: str) -> dict[str, Any]:
    """An object's fields by name."""
    return {one["name"]: one for one in call("GET", f"{SOBJECTS}/{kind}/describe").body["fields"]}


def test_versions_need_no_session(call: Caller) -> None:
    """Every version that is served, with the release it came with."""
    told = call("GET", "/services/data", Authorization="Bearer nobody").body
    assert (told[0]["version"], told[-1]["version"]) == ("41.0", "68.0")
    labels = {one["version"]: one["label"] for one in told}
    assert (labels["41.0"], labels["60.0"], labels["67.0"]) == ("Winter '18", "Spring '24", "Summer '26")
    assert labels["68.0"] == "Winter '27"
    assert call("GET", DATA).body["sobjects"] == f"{DATA}/sobjects"


def test_all_objects_are_listed(call: Caller) -> None:
    """The objects a shop has, each with its prefix and what can be done with it."""
    listed = {one["name"]: one for one in call("GET", SOBJECTS).body["sobjects"]}
    prefixes = {
        "Account": "001",
        "Contact": "003",
        "Lead": "00Q",
        "Order": "801",
        "OrderItem": "802",
        "Product2": "01t",
    }
    prefixes |= {"Opportunity": "006", "Campaign": "701", "CampaignMember": "00v", "User": "005", "Individual": "0PK"}
    assert {name: listed[name]["keyPrefix"] for name in prefixes} == prefixes
    assert (listed["Contact"]["mergeable"], listed["CampaignMember"]["undeletable"]) == (True, False)
    assert call("GET", f"{SOBJECTS}/contact").body["objectDescribe"]["name"] == "Contact"


def test_a_field_is_described_as_real_ones_are(call: Caller) -> None:
    """The same keys as a recorded describe, and the recorded values for well-known fields."""
    fields = described(call, "Contact")
    assert all(one.keys() == FIELD_KEYS for one in fields.values())
    email, name, owner = fields["Email"], fields["LastName"], fields["OwnerId"]
    assert (email["type"], email["length"], email["byteLength"], email["idLookup"]) == ("email", 80, 240, True)
    assert (name["nillable"], name["compoundFieldName"], name["createable"]) == (False, "Name", True)
    assert (owner["referenceTo"], owner["relationshipName"], owner["defaultedOnCreate"]) == (["User"], "Owner", True)
    assert (fields["Id"]["type"], fields["Id"]["soapType"], fields["Id"]["idLookup"]) == ("id", "tns:ID", True)
    assert (fields["Description"]["filterable"], fields["MailingAddress"]["type"]) == (False, "address")
    salutation = fields["Salutation"]["picklistValues"][0]
    assert (salutation["value"], salutation["active"]) == ("Mr.", True)
    custom = fields["Customer_Id__c"]
    assert (custom["custom"], custom["externalId"], custom["unique"], custom["idLookup"]) == (True, True, True, True)


def test_children_are_described(call: Caller) -> None:
    """Which objects refer to this one, by which field, and whether they go with it."""
    children = call("GET", f"{SOBJECTS}/Contact/describe").body["childRelationships"]
    (members,) = [one for one in children if one["relationshipName"] == "CampaignMembers"]
    assert (members["childSObject"], members["field"], members["cascadeDelete"]) == (
        "CampaignMember",
        "ContactId",
        True,
    )


def test_a_custom_field_of_contacts_is_one_of_person_accounts(call: Caller) -> None:
    """Added on one, it is there on the other with its own ending, and in what queries find."""
    call("POST", "/_sandbox/add_custom_field", {"kind": "Contact", "field": "Tier__c picklist:40 cufsgn =gold|silver"})
    assert described(call, "Contact")["Tier__c"]["picklistValues"][1]["value"] == "silver"
    assert described(call, "Account")["Tier__pc"]["type"] == "picklist"
    contact = call.contact(Tier__c="gold")
    assert call.column("SELECT Id FROM Contact WHERE Tier__c = 'GOLD'") == [contact]
    for wrong in ("Tier string", "not a field"):
        refused = call("POST", "/_sandbox/add_custom_field", {"kind": "Contact", "field": wrong})
        assert refused.status == 400


def test_who_and_where_can_be_asked(call: Caller) -> None:
    """Users, the organization and order statuses are records like others."""
    assert call.column("SELECT Username FROM User WHERE FirstName = 'Integration'") == ["sync@lamp.example"]
    told = call.rows("SELECT Id, Name, OrganizationType, InstanceName FROM Organization")
    assert (told[0]["Id"][:3], told[0]["OrganizationType"]) == ("00D", "Enterprise Edition")
    assert call.column("SELECT StatusCode FROM OrderStatus WHERE IsDefault = true") == ["Draft"]
    user = call.sandbox.org.integration.id
    assert call("GET", f"{SOBJECTS}/User/{user}?fields=Username").body["Username"] == "sync@lamp.example"


def test_every_object_can_be_described_and_read_whole(call: Caller) -> None:
    """Describe and SELECT FIELDS(ALL) agree for each object that is listed."""
    for one in call("GET", SOBJECTS).body["sobjects"]:
        found = call.soql(f"SELECT FIELDS(ALL) FROM {one['name']} LIMIT 1")["records"]
        if found:
            assert found[0].keys() - {"attributes"} == described(call, one["name"]).keys()
