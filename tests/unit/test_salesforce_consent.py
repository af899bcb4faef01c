"""Consent as Salesforce keeps it: the contact's opt-out, the individual's refusals, and what is hidden from us."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pytest
from salesforce_rig import Org, everything, org, pulled, rows

from connector.crms._salesforce.api import Api
from connector.crms._salesforce.look import PARTIES
from connector.errors import RetryLater
from connector.model import Batch

HELD = pa.schema(
    [
        ("key", pa.string()),
        ("version", pa.timestamp("us", tz="UTC")),
        ("gone", pa.bool_()),
        ("bare", pa.bool_()),
        ("points_to", pa.string()),
        ("replaces", pa.string()),
    ]
)


def sweep_rows(batches: Sequence[Batch]) -> list[dict[str, Any]]:
    """What a warehouse holds that kept these batches of contacts."""
    return [
        {"key": row["key"], "version": row["version"], "gone": row["deleted_at"] is not None, "bare": False}
        for row in rows(batches).values()
    ]


@pytest.fixture
def shop() -> Iterator[Org]:
    """An empty org."""
    with org() as opened:
        yield opened


def consent(shop: Org, contact: str) -> tuple[Any, Any, Any]:
    """Opt-out of mail, consent to ads, objection to profiling."""
    row = rows(pulled(shop.crm(), "contact"))[contact]
    return row["email_opt_out"], row["ads_consent"], row["profiling_opt_out"]


def somebody(shop: Org, **refusals: bool) -> str:
    """A contact who granted everything, with an individual who refuses something."""
    individual = shop.levers["insert"]("Individual", {"LastName": "Reed", **refusals})
    return shop.contact(IndividualId=individual, Ads_Consent__c="granted")


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        ("SendIndividualData", (False, True, None)),
        ("HasOptedOutSolicit", (True, False, None)),
        ("HasOptedOutProfiling", (False, True, True)),
        ("HasOptedOutTracking", (False, False, True)),
        ("HasOptedOutProcessing", (True, False, True)),
    ],
)
def test_what_an_individual_refuses(shop: Org, refusal: str, told: tuple[Any, ...]) -> None:
    """It counts against what the contact says, each refusal for what it forbids."""
    assert consent(shop, somebody(shop, **{refusal: True})) == told


def test_the_contact_own_opt_out(shop: Org) -> None:
    """Without an individual the contact alone is asked."""
    assert consent(shop, shop.contact(HasOptedOutOfEmail=True)) == (True, None, None)
    assert consent(shop, shop.contact(Ads_Consent__c="denied")) == (False, False, None)


def test_a_refusal_of_the_individual_is_news_of_the_contact(shop: Org) -> None:
    """It moves no modification time of the contact, and is pulled all the same."""
    contact = somebody(shop)
    shop.later()
    cursor = pulled(shop.crm(), "contact")[-1].cursor
    shop.levers["touch"]("Individual", None, {"HasOptedOutSolicit": True})
    shop.later()
    assert rows(pulled(shop.crm(), "contact", cursor))[contact]["email_opt_out"] is True


def opted_out(shop: Org, contact: str, **more: Any) -> str:
    """A consent of the contact's individual, against mail."""
    (party,) = shop.sandbox.org.state.row("SELECT IndividualId FROM Contact WHERE Id = ?", contact)
    kind = {"ContactPointType": "Email", "PrivacyConsentStatus": "OptOut", **more}
    when = {"CaptureDate": "2026-01-01T00:00:00Z", "CaptureContactPointType": "Web", "CaptureSource": "form"}
    return str(shop.levers["insert"]("ContactPointTypeConsent", {"Name": "Mail", "PartyId": party, **kind, **when}))


@pytest.mark.parametrize(
    ("consent_told", "refused"),
    [
        ({}, True),
        ({"EffectiveFrom": "2199-01-01T00:00:00Z"}, True),
        ({"EffectiveTo": "2020-01-01T00:00:00Z"}, False),
        ({"PrivacyConsentStatus": "OptIn"}, False),
        ({"ContactPointType": "Phone"}, False),
    ],
)
def test_an_opt_out_kept_by_contact_point(shop: Org, consent_told: dict[str, str], refused: bool) -> None:
    """Counts against mail from when it is written down until its time is over; a consent to mail grants nothing."""
    contact = somebody(shop)
    opted_out(shop, contact, **consent_told)
    assert consent(shop, contact) == (refused, True, None)


@pytest.mark.parametrize("purchases", ["orders", "both"])
def test_a_new_consent_is_news_of_the_contact(shop: Org, purchases: str) -> None:
    """It moves no time of contact or individual; without one there is no further call; a deleted one is forgotten."""
    contact = somebody(shop)
    shop.later()
    cursors = everything(shop.crm(purchases=purchases))
    shop.later()
    asked = shop.crm(purchases=purchases)
    for stream in asked.streams():
        pulled(asked, stream, cursors[stream])
    assert asked.calls.made == (1 if purchases == "orders" else 2)
    kept = opted_out(shop, contact)
    shop.later()
    batches = pulled(shop.crm(purchases=purchases), "contact", cursors["contact"])
    assert rows(batches)[contact]["email_opt_out"] is True
    assert batches[0].cursor == cursors["contact"]
    shop.later()
    shop.levers["delete"]("ContactPointTypeConsent", kept)
    shop.later()
    again = pulled(shop.crm(purchases=purchases), "contact", batches[-1].cursor)
    assert rows(again)[contact]["email_opt_out"] is False


@pytest.mark.parametrize("body", [{}, {"compositeResponse": []}, {"compositeResponse": None}, "back soon"])
def test_an_answer_without_its_parts_is_no_consent(shop: Org, body: Any) -> None:
    """Whatever a 200 says in place of the individuals' consents, they are asked for again before anybody is mailed."""
    contact = somebody(shop)
    opted_out(shop, contact)
    shop.fault("composite", skip=2, status=200, body=body)
    assert consent(shop, contact)[0] is True
    assert not shop.sandbox.faults.take("POST", "composite")


@pytest.mark.parametrize(
    "part", [{"httpStatusCode": 200}, {"referenceId": "x"}, {"referenceId": "x", "httpStatusCode": "?"}]
)
def test_a_part_that_does_not_say_what_it_answers(shop: Org, part: Any) -> None:
    """Nobody guesses: the pull ends for now, in our words, and the next one tells all."""
    contact = somebody(shop)
    opted_out(shop, contact)
    shop.fault("composite", skip=2, status=200, body={"compositeResponse": [part]})
    with pytest.raises(RetryLater, match="not what was asked"):
        consent(shop, contact)
    assert consent(shop, contact)[0] is True


def test_a_part_that_was_left_out_is_asked_for_again(shop: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    """Salesforce may leave one out: that tells nothing about whose consents changed."""
    contact = somebody(shop)
    shop.later()
    cursor = pulled(shop.crm(), "contact")[-1].cursor
    opted_out(shop, contact)
    shop.later()
    whole, left_out = Api.composite, []

    def without(api: Api, subs: Any, **how: Any) -> dict[str, Any]:
        answers = whole(api, subs, **how)
        left_out.append(answers.pop(PARTIES, None))
        return answers

    monkeypatch.setattr(Api, "composite", without)
    assert rows(pulled(shop.crm(), "contact", cursor))[contact]["email_opt_out"] is True
    assert left_out[0] is not None


def test_whoever_must_be_forgotten_leaves_a_tombstone(shop: Org) -> None:
    """Nothing of the contact is kept but that it is gone, and what was held is erased."""
    contact = somebody(shop, ShouldForget=True)
    batch = pulled(shop.crm(), "contact")[-1]
    told = {name for name, value in rows([batch])[contact].items() if value is not None}
    assert told == {"key", "version", "crm", "crm_id", "deleted_at"}
    assert batch.erased == {"contact": (f"salesforce:{contact}",)}


def test_nothing_is_remembered_of_whoever_is_erased(shop: Org) -> None:
    """Neither of whom the individual's wish erases, nor of whom the sweep misses; others keep their status."""
    forgotten, deleted, other = somebody(shop, ShouldForget=True), shop.contact(), shop.contact()
    for contact in (forgotten, deleted, other):
        shop.kept.put("responded", f"701000000000001AAA:{contact}", "Responded")
    crm = shop.crm()
    held = pa.Table.from_pylist(sweep_rows(pulled(crm, "contact")), schema=HELD)
    shop.levers["hard_delete"]("Contact", [deleted])
    list(shop.crm().sweep("gone", None, lambda table: held if table == "contact" else HELD.empty_table()))
    assert [name.partition(":")[2] for name in shop.kept.all("responded")] == [other]


def test_a_hidden_opt_out_is_unknown_for_everybody(shop: Org) -> None:
    """Also for contacts that did not change since: all are read again, and check names the permission."""
    contact = shop.contact(HasOptedOutOfEmail=False)
    shop.later()
    cursor = pulled(shop.crm(), "contact")[-1].cursor
    shop.levers["hide_field"]("Contact", "HasOptedOutOfEmail")
    shop.later()
    assert rows(pulled(shop.crm(), "contact", cursor))[contact]["email_opt_out"] is None
    finding = next(one for one in shop.crm().check() if one.title == "Salesforce consent")
    assert (finding.ok, "Contact.HasOptedOutOfEmail" in finding.fix) == (False, True)


@pytest.mark.parametrize(("kind", "field"), [("Individual", "HasOptedOutSolicit"), ("Contact", "IndividualId")])
def test_hidden_refusals_are_unknown(shop: Org, kind: str, field: str) -> None:
    """Who has an individual may have refused what we may not see: no mail, no ads. What is refused stays refused."""
    contact, other = somebody(shop), somebody(shop, HasOptedOutProcessing=True)
    shop.levers["hide_field"](kind, field)
    assert consent(shop, contact)[:2] == (None, None)
    assert consent(shop, other)[0] is not False
    assert any(f"{field}" in one.detail for one in shop.crm().check() if not one.ok)


def test_an_org_without_individuals_loses_nothing() -> None:
    """Where the feature is off there is nothing to refuse."""
    with org(settings={"individuals": False, "person_accounts": False, "multi_currency": False}) as shop:
        assert consent(shop, shop.contact(Ads_Consent__c="granted")) == (False, True, None)
        assert next(one for one in shop.crm().check() if one.title == "Salesforce consent").ok


@pytest.mark.parametrize(("megabytes", "fits"), [(10_240, True), (1, False)])
def test_check_tells_what_lists_will_take(shop: Org, megabytes: int, fits: bool) -> None:
    """A member of a campaign takes a kilobyte of the org's storage: where there is no room, before the first push."""
    for number in range(1 if fits else 400):
        shop.contact(LastName=f"Reed {number}")
    shop.sandbox.service.configure({"storage_megabytes": megabytes})
    finding = next(one for one in shop.crm().check() if one.title == "Salesforce storage")
    assert (finding.ok, "data storage" in finding.fix) == (fits, not fits)
