"""What HubSpot's adapter reads of consent: in the contact's own call, or of the subscription's status by batch."""

from collections.abc import Iterator
from typing import Any

import pytest
from hubspot_rig import OBJECTS, Rig, pulled, rigged

from connector.crms.hubspot import HubSpot
from connector.errors import RetryLater, SetupError
from connector.settings import HubSpotPart


@pytest.fixture
def rig() -> Iterator[Rig]:
    """An empty portal."""
    with rigged() as rig:
        yield rig


def subscription(rig: Rig) -> str:
    """The first of the portal's subscription types."""
    return next(iter(rig.sandbox.portal.settings.subscriptions))


def person(rig: Rig, email: str, **properties: str) -> str:
    """A contact; returns its key."""
    made = rig.act("POST", f"{OBJECTS}/contacts", {"properties": {"email": email, **properties}})
    return f"hubspot:{made['id']}"


def contacts(crm: HubSpot) -> dict[str, dict[str, Any]]:
    """Key -> row of a first pull."""
    tables = [batch.tables["contact"] for batch in pulled(crm, "contact") if batch.tables]
    return {row["key"]: row for table in tables for row in table.to_pylist()}


def test_consent_comes_with_the_contact(rig: Rig) -> None:
    """Opt-out and legal basis are properties of the same page; no further call is made."""
    basis = "Freely given consent from contact;Not applicable"
    ann = person(rig, "ann@example.com", hs_email_optout="true", hs_legal_basis=basis)
    bob = person(rig, "bob@example.com")
    crm = rig.crm()
    rig.forget()
    found = contacts(crm)
    assert (found[ann]["email_opt_out"], sorted(found[ann]["legal_basis"].split(";"))) == (
        True,
        sorted(basis.split(";")),
    )
    assert (found[bob]["email_opt_out"], found[bob]["legal_basis"], found[bob]["quarantined"]) == (None, None, None)
    assert len(rig.requests()) == 2  # the properties there are, and one page


def test_the_chosen_subscription_is_read_from_its_own_property(rig: Rig) -> None:
    """Only where the setting names it: an opt-out of another kind of mail is none of these lists' business."""
    first, second = list(rig.sandbox.portal.settings.subscriptions)[:2]
    ann = person(rig, "ann@example.com", **{f"hs_email_optout_{first}": "true"})
    for chosen, expected in ((first, True), (second, None), ("", None)):
        assert contacts(rig.crm(subscription=chosen))[ann]["subscription_opt_out"] is expected


def test_another_subscription_reads_every_contact_again(rig: Rig) -> None:
    """What was read for another choice holds no answer for this one."""
    person(rig, "ann@example.com")
    cursor = pulled(rig.crm(), "contact")[-1].cursor
    rig.forget()
    pulled(rig.crm(subscription=subscription(rig)), "contact", cursor)
    assert rig.requests("GET /crm/objects")


def test_a_subscription_that_is_not_there_stops_the_pull(rig: Rig) -> None:
    """HubSpot would leave an unknown property out without a word, and nobody would ever have opted out."""
    with pytest.raises(SetupError, match="hs_email_optout_404"):
        contacts(rig.crm(subscription="404"))


@pytest.fixture
def enterprise(rig: Rig) -> Rig:
    """An account that may read statuses by batch."""
    rig.sandbox.portal.configure({"tier": "enterprise"})
    return rig


def test_statuses_are_read_by_the_hundred(enterprise: Rig) -> None:
    """Subscribed, unsubscribed and not specified become false, true and unknown; two calls for 120 addresses."""
    number = subscription(enterprise)
    out = person(enterprise, "out@example.com", **{f"hs_email_optout_{number}": "true"})
    taker = person(enterprise, "taker@example.com", **{f"hs_email_optout_{number}": "false"})
    silent = person(enterprise, "Silent@Example.com", hs_email_optout="false")
    nobody = person(enterprise, "")
    for at in range(117):
        person(enterprise, f"n{at}@example.com")
    chosen = {"subscription": number, "subscription_status": "api"}
    assert enterprise.crm(**chosen).forecast({"contact": None}) == 1 + 2 + 2
    crm = enterprise.crm(**chosen)
    enterprise.forget()
    found = contacts(crm)
    told = {key: found[key]["subscription_opt_out"] for key in (out, taker, silent, nobody)}
    assert told == {out: True, taker: False, silent: None, nobody: None}
    assert found[silent]["email_opt_out"] is False
    asked = enterprise.requests("communication-preferences")
    assert [len(one["body"]["inputs"]) for one in asked] == [100, 20]
    assert all("@" not in one["path"] and one["kind"] == "read" for one in asked)
    assert crm.calls.floor == crm.calls.made


def test_an_address_without_an_answer_is_unknown(enterprise: Rig) -> None:
    """A batch that leaves somebody out does not make them a taker of mail."""
    ann = person(enterprise, "ann@example.com", hs_email_optout="false")
    other = {"subscriberIdString": "bob@example.com", "statuses": []}
    enterprise.fault("communication-preferences", status=200, body={"results": [other]})
    crm = enterprise.crm(subscription=subscription(enterprise), subscription_status="api")
    assert contacts(crm)[ann]["email_opt_out"] is None


def test_statuses_that_say_nothing_are_asked_for_later(enterprise: Rig) -> None:
    """A friendly answer without results does not open the lists."""
    person(enterprise, "ann@example.com")
    enterprise.fault("communication-preferences", empty=True)
    with pytest.raises(RetryLater, match="subscription statuses with nothing"):
        contacts(enterprise.crm(subscription=subscription(enterprise), subscription_status="api"))


def test_an_account_without_the_batch_read_is_told_what_to_set(rig: Rig) -> None:
    """Not Enterprise: the message says what it takes, the hint which setting does without; no address in it."""
    person(rig, "ann@example.com")
    with pytest.raises(SetupError, match="Marketing Hub Enterprise") as caught:
        contacts(rig.crm(subscription=subscription(rig), subscription_status="api"))
    assert "hubspot.subscription_status to properties" in caught.value.hint
    assert "ann@" not in str(caught.value)


def test_statuses_are_of_one_subscription() -> None:
    """The setting alone would not say which; a number is as good as a text."""
    with pytest.raises(ValueError, match="say which: subscription: ID"):
        HubSpotPart(subscription_status="api")
    assert HubSpotPart(subscription=7, subscription_status="api").subscription == "7"  # type: ignore[arg-type]
