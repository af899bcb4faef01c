"""Our lists in Salesforce: campaigns made once, known by their mark, brought back once."""

from typing import Any

import pytest
from salesforce_pushing import LOYAL, Org, members, pushing
from salesforce_rig import Kept

from connector.errors import ListGone, RetryLater
from connector.model import ListSpec, Purpose

NAMES = "SELECT Name FROM Campaign ORDER BY Id"


def names(org: Org) -> list[Any]:
    """Campaigns as a marketer sees them."""
    return [row["Name"] for row in org.rows(NAMES)]


def test_members_say_what_they_are() -> None:
    """A new campaign gets a status of ours, which says less than `Sent`; where none may be made, that must do."""
    soql = "SELECT Label FROM CampaignMemberStatus WHERE IsDefault = true"
    for createable, label in ((True, "Listed"), (False, "Sent")):
        with pushing(settings={"member_status_createable": createable}) as org:
            push, ids = org.push(), org.contacts(2)
            assert list(push.ensure([LOYAL]).ids) == ["loyal"]
            assert [row["Label"] for row in org.rows(soql)] == [label]
            push.deliver(members(ids))
            assert {row["Status"] for row in org.rows("SELECT Status FROM CampaignMember")} == {label}


def test_without_the_licence_no_campaign_is_made() -> None:
    """The list is refused with what to tick; one that stands goes on without the licence."""
    with pushing() as org:
        ids = org.contacts(1)
        org.push().ensure([LOYAL])
        org.sandbox.service.configure({"marketing_user": False})
        other = ListSpec(name="other", label="Other", purpose=Purpose.INSIGHT)
        ensured = org.push().ensure([LOYAL, other])
        assert (list(ensured.ids), list(ensured.refused)) == (["loyal"], ["other"])
        assert "tick Marketing User" in ensured.refused["other"]
        assert org.push().deliver(members(ids)).added == ids


def test_killed_between_making_and_knowing() -> None:
    """A campaign whose making was never answered is known by its mark, and not made again."""
    with pushing() as org:
        org.fault("composite", drop=True, after_effect=True)
        org.fault("query", status=503, skip=1, times=9)
        with pytest.raises(RetryLater):
            org.push().ensure([LOYAL])
        org.sandbox.faults.clear()
        before = len(org.requests())
        ids = org.push().ensure([LOYAL]).ids
        assert [one["operation"] for one in org.requests()[before:]] == ["GET /services/data/{version}/query"]
        assert [row["Id"] for row in org.rows("SELECT Id FROM Campaign")] == [ids["loyal"]]


def test_two_lamplighters_in_one_org() -> None:
    """Another install's campaign of the same name is not taken over, whatever was written down of ours."""
    with pushing() as org:
        first = org.push().ensure([LOYAL]).ids["loyal"]
        org.kept = Kept({("campaign_mark", "loyal"): "0123456789ab"})
        assert org.push().ensure([LOYAL]).ids["loyal"] != first
        assert names(org) == ["Lamplighter: Loyal buyers", "Lamplighter: Loyal buyers (Lamplighter)"]


def test_long_names_fit() -> None:
    """A campaign's name holds 80 characters: the label is cut, not what tells ours from another."""
    with pushing() as org:
        label = "Everybody who " + "really " * 12 + "buys"
        spec = ListSpec(name="really", label=label, purpose=Purpose.INSIGHT)
        for kept in (Kept(), Kept()):
            org.kept = kept
            assert not org.push().ensure([spec]).refused
        first, second = names(org)
        assert (len(first), len(second)) == (80, 80)
        assert second.endswith(" (Lamplighter)")


def test_gone_for_good_is_made_again_once() -> None:
    """What the recycle bin does not give back is made anew, empty; the second time it stays deleted."""
    with pushing() as org:
        ids = org.contacts(2)
        first = org.push().ensure([LOYAL]).ids["loyal"]
        org.push().deliver(members(ids))
        org.sandbox.levers["hard_delete"]("Campaign", [first])
        with pytest.raises(ListGone):
            list(org.push().members("loyal"))
        second = org.push().ensure([LOYAL]).ids["loyal"]
        assert second != first
        assert list(org.push().members("loyal")) == [[]]
        org.sandbox.levers["delete"]("Campaign", second)
        for wish in (members(remove=ids), members(ids)):
            with pytest.raises(ListGone):
                org.push().deliver(wish)
            org.kept.put("campaign", "loyal", second)
            org.kept.put("list_lost", "loyal", "")
        with pytest.raises(ListGone):
            org.push().deliver(members(ids))
        assert "lamplighter retry --list loyal" in org.push().ensure([LOYAL]).refused["loyal"]


def test_a_marketer_who_restores_it() -> None:
    """A campaign that somebody else took out of the bin is ours again, and that was not its one return."""
    with pushing() as org:
        first = org.push().ensure([LOYAL]).ids["loyal"]
        for _ in range(2):
            org.sandbox.levers["delete"]("Campaign", first)
            with pytest.raises(ListGone):
                org.push().deliver(members(org.contacts(1)))
            org.sandbox.levers["undelete"]("Campaign", [first])
            assert org.push().ensure([LOYAL]).ids["loyal"] == first
