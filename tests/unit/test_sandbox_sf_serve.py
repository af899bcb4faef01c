"""The sandbox Salesforce as a process, and what an admin deploys to it."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import urllib3
from salesforce_caller import DATA, SOBJECTS, calling

SOURCE = Path(__file__).parents[2] / "install" / "salesforce" / "force-app"
CONTACT = f"{SOBJECTS}/Contact"


def test_it_serves_until_it_is_told_to_stop() -> None:
    """One line tells address, token and app; what an admin deploys is there; a signal ends it in peace."""
    command = [sys.executable, "-m", "connector.cli", "sandbox", "--crm", "salesforce"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            headers = {"Authorization": f"Bearer {told['token']}"}
            with urllib3.PoolManager() as pool:
                answer = pool.request("GET", f"{told['url']}{CONTACT}/describe", headers=headers)
                assert (answer.status, told["client_id"]) == (200, "sandbox-consumer-key")
                assert "Lamplighter_RFM_Cell__c" in {one["name"] for one in answer.json()["fields"]}
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) == 0


def test_deployed_fields_are_seen_once_the_permission_set_is_assigned() -> None:
    """Our own project deploys; its fields are there for admins alone until the connector's set is assigned."""
    with calling() as call:
        assert call("POST", "/_sandbox/deploy", {"folder": str(SOURCE)}).status == 200
        contact = call.contact(Lamplighter_Loyalty_Tier__c="gold")
        change = {"Lamplighter_Loyalty_Tier__c": "silver", "Lamplighter_Suppressed_Until__c": "2026-12-24"}
        assert call.refused("SELECT Lamplighter_Loyalty_Tier__c FROM Contact")[0] == "INVALID_FIELD"
        assert call.error("PATCH", f"{CONTACT}/{contact}", change)[1] == "INVALID_FIELD_FOR_INSERT_UPDATE"
        assert call("POST", "/_sandbox/assign", {"permission_set": "Lamplighter_Connector"}).status == 200
        assert call("PATCH", f"{CONTACT}/{contact}", change).status == 204
        assert call.column("SELECT Lamplighter_Suppressed_Until__c FROM Contact") == ["2026-12-24"]
        assigned = call.column(
            "SELECT PermissionSet.Name FROM PermissionSetAssignment WHERE Assignee.Username LIKE 'sync%'"
        )
        assert assigned == [{"Name": "Lamplighter_Connector"}]
        assert call("POST", "/_sandbox/assign", {"permission_set": "Nothing"}).status == 400


def test_a_set_that_reads_lets_nobody_write() -> None:
    """A field that a set makes readable can be read, not written; describe says so."""
    with calling() as call:
        call.sandbox.levers["deploy"](str(SOURCE))
        call.sandbox.levers["assign"]("Lamplighter_Reader")
        contact = call.contact()
        assert call.column("SELECT Lamplighter_Loyalty_Tier__c FROM Contact") == [None]
        refused = call.error("PATCH", f"{CONTACT}/{contact}", {"Lamplighter_Loyalty_Tier__c": "gold"})
        assert refused[1:] == ("INVALID_FIELD_FOR_INSERT_UPDATE", ["Lamplighter_Loyalty_Tier__c"])
        fields = {one["name"]: one for one in call("GET", f"{CONTACT}/describe").body["fields"]}
        assert fields["Lamplighter_Loyalty_Tier__c"]["updateable"] is False
        assert fields["Lamplighter_Suppressed_Items__c"]["filterable"] is False


def test_fields_of_every_kind_deploy(tmp_path: Path) -> None:
    """Numbers, picklists, keys and required fields keep what their files say; an unknown kind is refused."""
    folder = tmp_path / "objects" / "Contact" / "fields"
    folder.mkdir(parents=True)
    picked = "<valueSet><valueSetDefinition><value><fullName>a b</fullName></value></valueSetDefinition></valueSet>"
    written = {
        "Score__c": "<type>Number</type><precision>6</precision><scale>2</scale><unique>true</unique>",
        "Kind__c": f"<type>Picklist</type>{picked}",
        "Key__c": "<type>Text</type><length>20</length><externalId>true</externalId><required>true</required>",
    }
    for name, inside in written.items():
        _field(folder, name, inside)
    with calling() as call:
        call.sandbox.levers["deploy"](str(tmp_path))
        answer = call.sandbox.service.act("GET", f"{CONTACT}/describe")
        fields = {one["name"]: one for one in answer.content["fields"]}
        score, key = fields["Score__c"], fields["Key__c"]
        assert (score["type"], score["precision"], score["scale"], score["unique"]) == ("double", 6, 2, True)
        assert fields["Kind__c"]["picklistValues"][0]["value"] == "a b"
        assert (key["length"], key["externalId"], key["nillable"]) == (20, True, False)
        _field(folder, "Odd__c", "<type>Hologram</type>")
        with pytest.raises(ValueError, match="Hologram"):
            call.sandbox.levers["deploy"](str(tmp_path))


def _field(folder: Path, name: str, inside: str) -> None:
    head = '<CustomField xmlns="http://soap.sforce.com/2006/04/metadata">'
    text = f"{head}<fullName>{name}</fullName><label>{name}</label>{inside}</CustomField>"
    (folder / f"{name}.field-meta.xml").write_text(text)


def test_an_address_can_be_too_long() -> None:
    """A query that does not fit into an address is refused by it, and understood within a composite."""
    with calling() as call:
        soql = f"SELECT+Id+FROM+Contact+WHERE+LastName+IN+('{'x' * 17_000}')"
        assert call.pool.request("GET", f"{call.sandbox.url}{DATA}/query?q={soql}").status == 414
        part = {"method": "GET", "url": f"{DATA}/query?q={soql}", "referenceId": "long"}
        told = call("POST", f"{DATA}/composite", {"compositeRequest": [part]}).body["compositeResponse"]
        assert told[0]["httpStatusCode"] == 200
