"""Consent as Salesforce keeps it: the contact's opt-out, the individual's refusals, and what is hidden from us."""

from collections.abc import Iterator
from typing import Any

import pytest
from salesforce_rig import Org, org, pulled, rows


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


def test_whoever_must_be_forgotten_leaves_a_tombstone(shop: Org) -> None:
    """Nothing of the contact is kept but that it is gone, and what was held is erased."""
    contact = somebody(shop, ShouldForget=True)
    batch = pulled(shop.crm(), "contact")[-1]
    told = {name for name, value in rows([batch])[contact].items() if value is not None}
    assert told == {"key", "version", "crm", "crm_id", "deleted_at"}
    assert batch.erased == {"contact": (f"salesforce:{contact}",)}


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
