"""Members of our campaigns: a thousand to a call, responses kept, locks and duplicates met, nothing made twice."""

from collections.abc import Iterator
from typing import Any

import pytest
from salesforce_pushing import LOYAL, Org, members, pushing

from connector.errors import RetryLater, SetupError
from connector.limits import Retry


@pytest.fixture
def org() -> Iterator[Org]:
    """An org in which our campaign stands."""
    with pushing() as one:
        one.push().ensure([LOYAL])
        yield one


def respond(org: Org, contact: str) -> None:
    """A person answers the campaign."""
    (member,) = org.rows(f"SELECT Id FROM CampaignMember WHERE ContactId = '{contact}'")  # noqa: S608
    org.sandbox.levers["update"]("CampaignMember", member["Id"], {"Status": "Responded"})


def statuses(org: Org) -> dict[str, Any]:
    """Contact -> status."""
    return {row["ContactId"]: row["Status"] for row in org.rows("SELECT ContactId, Status FROM CampaignMember")}


def test_a_thousand_to_a_call(org: Org) -> None:
    """They come in by one call, and go out by two: one to learn their ids."""
    push, ids = org.push(), org.contacts(1_000)
    assert push.deliver(members(ids)).added == ids
    assert (org.calls.made, org.inside()) == (1, set(ids))
    assert set(push.deliver(members(remove=ids)).removed) == set(ids)
    assert (org.calls.made, org.inside(), org.calls.floor) == (3, set(), 3)


def test_person_accounts_by_their_contacts(org: Org) -> None:
    """A person account is a member by the contact behind it."""
    org.sandbox.levers["insert"]("Account", {"LastName": "Reed"})
    (contact,) = [row["PersonContactId"] for row in org.rows("SELECT PersonContactId FROM Account")]
    assert org.push().deliver(members([contact])).added == [contact]
    assert org.inside() == {contact}


def test_who_is_in_already_is_left_alone(org: Org) -> None:
    """A duplicate member is the wish come true: nobody's answer is lost by it, even if they are out and in at once."""
    push, (one, two) = org.push(), org.contacts(2)
    push.deliver(members([one]))
    respond(org, one)
    receipt = push.deliver(members([one, two], remove=[one]))
    assert (set(receipt.added), list(receipt.removed), dict(receipt.rejected)) == ({one, two}, [], {})
    assert statuses(org) == {one: "Responded", two: "Listed"}


def test_who_responded_has_responded_when_back(org: Org) -> None:
    """Somebody who leaves and comes again is not downgraded to one who never answered."""
    push, ids = org.push(), org.contacts(2)
    push.deliver(members(ids))
    respond(org, ids[0])
    push.deliver(members(remove=ids))
    org.push().deliver(members(ids))
    assert statuses(org) == {ids[0]: "Responded", ids[1]: "Listed"}


def test_a_contact_that_is_in_twice_leaves_with_both(org: Org) -> None:
    """Two members whose contacts were merged while their campaign was in the bin come back as one contact's."""
    push, (one, other) = org.push(), org.contacts(2)
    push.deliver(members([one, other]))
    (campaign,) = [row["Id"] for row in org.rows("SELECT Id FROM Campaign")]
    org.sandbox.levers["delete"]("Campaign", campaign)
    org.sandbox.levers["merge"]("Contact", one, [other])
    org.sandbox.levers["undelete"]("Campaign", [campaign])
    assert [row["ContactId"] for row in org.rows("SELECT ContactId FROM CampaignMember")] == [one, one]
    assert org.push().deliver(members(remove=[one])).removed == [one]
    assert org.inside() == set()


def test_leads_are_not_ours(org: Org) -> None:
    """A lead that a marketer put in is neither told nor taken out."""
    (campaign,) = [row["Id"] for row in org.rows("SELECT Id FROM Campaign")]
    lead = org.sandbox.levers["insert"]("Lead", {"LastName": "Lead", "Company": "Co"})
    org.sandbox.levers["insert"]("CampaignMember", {"CampaignId": campaign, "LeadId": lead})
    push, ids = org.push(), org.contacts(1)
    push.deliver(members(ids))
    assert list(push.members("loyal")) == [ids]
    push.deliver(members(remove=ids))
    assert [row["LeadId"] for row in org.rows("SELECT LeadId FROM CampaignMember")] == [lead]


def test_locked_rows_are_tried_again(org: Org) -> None:
    """Only those, and fewer at a time; the others are not touched twice."""
    push, ids = org.push(), org.contacts(300)
    org.sandbox.levers["lock_storm"](every=3, times=120)
    assert set(push.deliver(members(ids)).added) == set(ids)
    assert org.inside() == set(ids)
    assert org.calls.retried == org.calls.made - 1 == len(org.repeats)


def test_rows_that_stay_locked(org: Org) -> None:
    """The rest stands, and the locked ones are not given up for good: it is tried again later."""
    push, ids = org.push(retry=Retry(attempts=3)), org.contacts(5)
    org.sandbox.levers["lock"](ids[:1], times=9)
    with pytest.raises(RetryLater, match="1 rows of CampaignMember are locked"):
        push.deliver(members(ids))
    held = org.push().read_back(members(ids))
    assert (set(held.added), set(held.rejected)) == (set(ids[1:]), set(ids[:1]))


def test_killed_between_making_and_knowing(org: Org) -> None:
    """Members that were made but never acknowledged are found by reading; nothing is written for it."""
    ids = org.contacts(3)
    org.fault("composite", drop=True, after_effect=True, times=99)
    with pytest.raises(RetryLater):
        org.push().deliver(members(ids))
    org.sandbox.faults.clear()
    receipt = org.push().read_back(members(ids))
    assert (set(receipt.added), dict(receipt.rejected)) == (set(ids), {})
    assert org.calls.writes == 0
    assert len(org.rows("SELECT Id FROM CampaignMember")) == 3


def test_no_calls_are_left(org: Org) -> None:
    """The org's day is spent: it says when to come back, and nothing is lost."""
    ids = org.contacts(3)
    org.sandbox.service.configure({"daily_limit": 50, "daily_used": 50})
    with pytest.raises(RetryLater, match="used up") as caught:
        org.push().deliver(members(ids))
    assert caught.value.resume_at is not None
    org.sandbox.service.configure({"daily_limit": 100_000, "daily_used": 0})
    assert set(org.push().deliver(members(ids)).added) == set(ids)


def test_many_members_are_read_in_bulk(org: Org) -> None:
    """Page by page, or by a job where there are more than pages are worth."""
    ids = org.contacts(450)
    org.push().deliver(members(ids))
    for settings in ({}, {"bulk_above": 400, "bulk_page": 200}):
        pages = list(org.push(**settings).members("loyal"))
        assert sorted(one for page in pages for one in page) == sorted(ids)
    assert len(pages) == 3


def test_rights_that_are_missing(org: Org) -> None:
    """Where no row at all may be written it is not the rows: nobody is given up, and the admin hears of it."""
    ids = org.contacts(5)
    org.sandbox.service.configure({"rights": {"CampaignMember": "r"}})
    with pytest.raises(SetupError, match="does not let us insert CampaignMember") as caught:
        org.push().deliver(members(ids))
    assert "permission set" in caught.value.hint
