"""SOAP's undelete() in the sandbox: the one thing that we need and REST does not offer."""

from salesforce_caller import SOBJECTS, Caller, calling

ENVELOPE = """<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:urn="urn:partner.soap.sforce.com"><soapenv:Header><urn:SessionHeader><urn:sessionId>{token}</urn:sessionId>
 </urn:SessionHeader></soapenv:Header><soapenv:Body><urn:undelete>{ids}</urn:undelete></soapenv:Body>
 </soapenv:Envelope>"""


def undelete(call: Caller, *ids: str, token: str = "") -> tuple[int, str]:
    """Status and text of the answer."""
    listed = "".join(f"<urn:ids>{id}</urn:ids>" for id in ids)
    body = ENVELOPE.format(token=token or call.sandbox.token, ids=listed).encode()
    headers = {"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": '""'}
    answer = call.pool.request("POST", f"{call.sandbox.url}/services/Soap/u/68.0", body=body, headers=headers)
    return answer.status, answer.data.decode()


def test_a_campaign_comes_back_with_its_members() -> None:
    """What went along with it comes along; twice is an error of that record alone."""
    with calling() as call:
        campaign = call.add("Campaign", Name="Gold")
        call.add("CampaignMember", CampaignId=campaign, ContactId=call.contact())
        call("DELETE", f"{SOBJECTS}/Campaign/{campaign}")
        assert call.column("SELECT Id FROM CampaignMember") == []
        status, text = undelete(call, campaign)
        assert (status, "<success>true</success>" in text) == (200, True)
        assert len(call.column("SELECT Id FROM CampaignMember")) == 1
        status, text = undelete(call, campaign)
        assert (status, "<statusCode>UNDELETE_FAILED</statusCode>" in text) == (200, True)


def test_what_does_not_come_back() -> None:
    """Members by themselves, what is no id, and anything without a session; each call costs one."""
    with calling() as call:
        member = call.add("CampaignMember", CampaignId=call.add("Campaign", Name="Gold"), ContactId=call.contact())
        call("DELETE", f"{SOBJECTS}/CampaignMember/{member}")
        before = call.sandbox.levers["usage"]()
        _, text = undelete(call, member, "nonsense")
        assert "Entity type is not undeletable" in text
        assert "<statusCode>MALFORMED_ID</statusCode>" in text
        assert call.sandbox.levers["usage"]() != before
        status, text = undelete(call, member, token="00Dnobody")
        assert (status, "<sf:exceptionCode>INVALID_SESSION_ID" in text) == (500, True)
