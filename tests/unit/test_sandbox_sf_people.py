"""The sandbox's people: person accounts, campaign members, merges, and who is taken along when a record goes."""

# ruff: noqa: S608 - SOQL of the tests' own

import pytest
from salesforce_caller import DATA, MANY, SOBJECTS, Caller, calling

ACCOUNT, CONTACT, MEMBER = f"{SOBJECTS}/Account", f"{SOBJECTS}/Contact", f"{SOBJECTS}/CampaignMember"


def member(call: Caller, campaign: str, **values: object) -> str:
    """Make a campaign member; returns its id."""
    reply = call("POST", MEMBER, {"CampaignId": campaign, **values})
    assert reply.status == 201, reply.body
    return str(reply.body["id"])


def test_a_person_account_is_an_account_and_a_contact() -> None:
    """One record seen from two sides: what is written on either shows on both, and both are marked as changed."""
    with calling() as call:
        body = {
            "LastName": "Reed",
            "FirstName": "Dana",
            "PersonEmail": "dana@example.com",
            "Ads_Consent__pc": "granted",
        }
        account = call("POST", ACCOUNT, body).body["id"]
        told = call("GET", f"{ACCOUNT}/{account}?fields=Name,IsPersonAccount,PersonContactId,Ads_Consent__pc").body
        assert (told["Name"], told["IsPersonAccount"], told["Ads_Consent__pc"]) == ("Dana Reed", True, "granted")
        contact = told["PersonContactId"]
        soql = "SELECT Email, IsPersonAccount, AccountId, Ads_Consent__c FROM Contact"
        seen = {"Email": "dana@example.com", "IsPersonAccount": True, "AccountId": account, "Ads_Consent__c": "granted"}
        assert call.rows(soql) == [seen]
        call.sandbox.clock.advance(60)
        assert call("PATCH", f"{CONTACT}/{contact}", {"LastName": "Roe", "Phone": "1"}).status == 204
        assert call.column("SELECT Name FROM Account WHERE PersonEmail = 'DANA@example.com'") == ["Dana Roe"]
        stamps = call.column("SELECT SystemModstamp FROM Account") + call.column("SELECT SystemModstamp FROM Contact")
        assert len(set(stamps)) == 1
        assert call("PATCH", f"{ACCOUNT}/{account}", {"PersonHasOptedOutOfEmail": True}).status == 204
        assert call.column("SELECT HasOptedOutOfEmail FROM Contact") == [True]


def test_what_a_person_account_refuses() -> None:
    """It has no name of its own, its contact stays with it, and is not deleted without it; a business has no person."""
    with calling() as call:
        account = call("POST", ACCOUNT, {"LastName": "Reed"}).body["id"]
        contact = call.column("SELECT Id FROM Contact")[0]
        other = call.add("Account", Name="Business")
        both = {"LastName": "Reed", "Name": "Reed"}
        assert call.error("POST", ACCOUNT, both)[1:] == ("INVALID_FIELD_FOR_INSERT_UPDATE", ["Name"])
        moved = call.error("PATCH", f"{CONTACT}/{contact}", {"AccountId": other})
        assert moved[1:] == ("INVALID_FIELD_FOR_INSERT_UPDATE", ["AccountId"])
        assert call.error("DELETE", f"{CONTACT}/{contact}")[1] == "INSUFFICIENT_ACCESS_OR_READONLY"
        assert call.error("PATCH", f"{ACCOUNT}/{other}", {"PersonTitle": "Dr"})[1] == "INVALID_FIELD_FOR_INSERT_UPDATE"
        assert call("DELETE", f"{ACCOUNT}/{account}").status == 204
        assert call.column("SELECT Id FROM Contact") == []


def test_an_org_without_person_accounts_has_no_such_fields() -> None:
    """Features come and go with their fields and objects."""
    with calling(settings={"person_accounts": False, "individuals": False, "multi_currency": False}) as call:
        fields = {one["name"] for one in call("GET", f"{ACCOUNT}/describe").body["fields"]}
        assert fields & {"IsPersonAccount", "PersonEmail", "Ads_Consent__pc", "CurrencyIsoCode"} == set()
        assert call.error("POST", ACCOUNT, {"LastName": "Reed"})[1] == "INVALID_FIELD"
        assert call.refused("SELECT Id FROM Individual")[0] == "INVALID_TYPE"
        assert call.refused("SELECT IndividualId FROM Contact")[0] == "INVALID_FIELD"


def test_a_member_is_one_lead_or_contact_once() -> None:
    """Neither is refused, of both the contact is kept, the same once more is a duplicate; who it is cannot change."""
    with calling() as call:
        campaign = call.add("Campaign", Name="Gold")
        contact, lead = call.contact(), call.add("Lead", LastName="Lead", Company="Co")
        id = member(call, campaign, ContactId=contact, LeadId=lead)
        told = call.rows(f"SELECT LeadId, LeadOrContactId, Type, Name FROM CampaignMember WHERE Id = '{id}'")
        assert told == [{"LeadId": None, "LeadOrContactId": contact, "Type": "Contact", "Name": "Reed"}]
        again = call("POST", MEMBER, {"CampaignId": campaign, "ContactId": contact})
        assert (again.status, again.body[0]["errorCode"]) == (400, "DUPLICATE_VALUE")
        assert again.body[0]["message"] == "Already a campaign member."
        assert call.error("POST", MEMBER, {"CampaignId": campaign})[1] == "REQUIRED_FIELD_MISSING"
        moved = call.error("PATCH", f"{MEMBER}/{id}", {"ContactId": contact})
        assert moved[1:] == ("INVALID_FIELD_FOR_INSERT_UPDATE", ["ContactId"])
        member(call, campaign, LeadId=lead)
        assert call("DELETE", f"{MEMBER}/{id}").status == 204
        member(call, campaign, ContactId=contact)


def test_a_member_s_status_is_one_of_the_campaign_s() -> None:
    """A new campaign has Sent and Responded; an unknown label becomes the default; HasResponded follows."""
    with calling() as call:
        campaign = call.add("Campaign", Name="Gold")
        soql = "SELECT Label, IsDefault, HasResponded FROM CampaignMemberStatus ORDER BY SortOrder"
        assert [tuple(row.values()) for row in call.rows(soql)] == [("Sent", True, False), ("Responded", False, True)]
        status = {"CampaignId": campaign, "Label": "Suppressed", "IsDefault": True, "SortOrder": 3}
        assert call("POST", f"{SOBJECTS}/CampaignMemberStatus", status).status == 201
        ids = [member(call, campaign, ContactId=call.contact(), Status=label) for label in ("responded", "Nonsense")]
        soql = "SELECT Status, HasResponded FROM CampaignMember ORDER BY Id"
        assert [tuple(row.values()) for row in call.rows(soql)] == [("Responded", True), ("Suppressed", False)]
        assert call.error("PATCH", f"{MEMBER}/{ids[1]}", {"HasResponded": True})[1] == "INVALID_FIELD_FOR_INSERT_UPDATE"
        assert call("PATCH", f"{MEMBER}/{ids[1]}", {"Status": "Responded"}).status == 204
        assert call.column("SELECT HasResponded FROM CampaignMember") == [True, True]


def test_campaigns_need_the_marketing_user() -> None:
    """Without the licence none is made or changed, and members still are; statuses may be closed to the API."""
    with calling(settings={"marketing_user": False, "member_status_createable": False}) as call:
        refused = call.error("POST", f"{SOBJECTS}/Campaign", {"Name": "Gold"})
        assert refused[:2] == (403, "INSUFFICIENT_ACCESS_OR_READONLY")
        assert call("GET", f"{SOBJECTS}/Campaign/describe").body["createable"] is False
        assert call("GET", f"{SOBJECTS}/CampaignMemberStatus/describe").body["createable"] is False
        member(call, call.add("Campaign", Name="Gold"), ContactId=call.contact())


def test_a_merge_moves_children_without_a_touch() -> None:
    """The loser is deleted and points to the winner; its orders and members are the winner's, with their old stamps."""
    with calling() as call:
        winner, loser = call.contact("Winner"), call.contact("Loser")
        both, one = call.add("Campaign", Name="Both"), call.add("Campaign", Name="One")
        member(call, both, ContactId=winner)
        member(call, both, ContactId=loser)
        moved = member(call, one, ContactId=loser)
        order = call.order(loser)
        soql = f"SELECT SystemModstamp FROM Order WHERE Id = '{order}'"
        before = call.column(soql)
        call.sandbox.clock.advance(3_600)
        call.sandbox.levers["merge"]("Contact", winner, [loser])
        gone = call.rows(f"SELECT IsDeleted, MasterRecordId FROM Contact WHERE Id = '{loser}'", "queryAll")
        assert gone == [{"IsDeleted": True, "MasterRecordId": winner}]
        assert call.column("SELECT BillToContactId FROM Order") == [winner]
        assert call.column(soql) == before
        rows = call.rows("SELECT CampaignId, ContactId FROM CampaignMember ORDER BY CampaignId")
        assert rows == [{"CampaignId": both, "ContactId": winner}, {"CampaignId": one, "ContactId": winner}]
        assert call.column(f"SELECT ContactId FROM CampaignMember WHERE Id = '{moved}'") == [winner]
        assert call.error("GET", f"{CONTACT}/{loser}")[1] == "ENTITY_IS_DELETED"


def test_person_accounts_merge_with_their_contacts() -> None:
    """Merging the accounts merges the hidden contacts too; contacts of persons do not merge by themselves."""
    with calling() as call:
        ids = [call("POST", ACCOUNT, {"LastName": name}).body["id"] for name in ("Winner", "Loser")]
        winner, loser = call.column("SELECT PersonContactId FROM Account ORDER BY Id")
        campaign = call.add("Campaign", Name="Gold")
        member(call, campaign, ContactId=loser)
        with pytest.raises(ValueError, match="cannot reference person contact"):
            call.sandbox.levers["merge"]("Contact", winner, [loser])
        call.sandbox.levers["merge"]("Account", ids[0], [ids[1]])
        soql = "SELECT MasterRecordId FROM {} WHERE IsDeleted = true"
        assert call.column(soql.format("Account"), "queryAll") == [ids[0]]
        assert call.column(soql.format("Contact"), "queryAll") == [winner]
        assert call.column("SELECT ContactId FROM CampaignMember") == [winner]


def test_what_cannot_be_merged() -> None:
    """Three losers, oneself, and objects that do not merge are refused in Salesforce's words."""
    with calling() as call:
        ids = [call.contact() for _ in range(4)]
        for winner, losers in ((ids[0], ids[1:]), (ids[0], []), (ids[0], ids[:1])):
            with pytest.raises(ValueError, match="INVALID_NUM_ARGS"):
                call.sandbox.levers["merge"]("Contact", winner, losers)
        with pytest.raises(ValueError, match="does not support merge"):
            call.sandbox.levers["merge"]("Product2", ids[0], ids[1:2])


def test_what_goes_takes_its_dependants_and_brings_them_back() -> None:
    """A contact takes its members along, and undeleting brings back those it took, not those deleted before."""
    with calling() as call:
        contact = call.contact()
        first, second = call.add("Campaign", Name="1"), call.add("Campaign", Name="2")
        early, late = member(call, first, ContactId=contact), member(call, second, ContactId=contact)
        call("DELETE", f"{MEMBER}/{early}")
        call.sandbox.clock.advance(5)
        call("DELETE", f"{CONTACT}/{contact}")
        assert call.column("SELECT Id FROM CampaignMember") == []
        call.sandbox.levers["undelete"]("Contact", [contact])
        assert call.column("SELECT Id FROM Contact") == [contact]
        assert call.column("SELECT Id FROM CampaignMember") == [late]
        with pytest.raises(ValueError, match="UNDELETE_FAILED"):
            call.sandbox.levers["undelete"]("Contact", [contact])


def test_state_shows_campaigns_and_what_we_wrote() -> None:
    """The control API tells campaigns with their members, and our own fields of contacts."""
    with calling() as call:
        call.sandbox.levers["add_custom_field"]("Contact", "Lamplighter_Tier__c string:20 cufsgn")
        contact = call.contact(Lamplighter_Tier__c="gold")
        call.contact("Other")
        campaign = call.add("Campaign", Name="Gold")
        assert call("POST", MANY, {"records": [_row(campaign, contact)]}).body[0]["success"]
        state = call("GET", "/_sandbox/state").body
    assert state["campaigns"] == {"Gold": {"id": campaign, "members": {contact: "Sent"}}}
    assert state["contacts"] == {contact: {"Lamplighter_Tier__c": "gold"}}


def _row(campaign: str, contact: str) -> dict[str, object]:
    return {"attributes": {"type": "CampaignMember"}, "CampaignId": campaign, "ContactId": contact}


def test_leads_merge_too() -> None:
    """A lead is merged like a contact."""
    with calling() as call:
        ids = [call.add("Lead", LastName=name, Company="Co") for name in "AB"]
        call.sandbox.levers["merge"]("Lead", ids[0], [ids[1]])
        assert call.column("SELECT Id FROM Lead") == ids[:1]
        assert call("GET", f"{DATA}/sobjects/Lead/{ids[0]}?fields=Status").body["Status"] == "Open - Not Contacted"
