"""Our fields on contacts: what is refused of a row or of a field never holds up the rest; null clears."""

from collections.abc import Iterator

import pytest
from salesforce_pushing import Org, pushing, values

from connector.errors import SetupError

OURS = "SELECT Id, Lamplighter_RFM_Cell__c, Lamplighter_Loyalty_Tier__c FROM Contact ORDER BY Id"


@pytest.fixture
def org() -> Iterator[Org]:
    """An org with our fields."""
    with pushing() as one:
        yield one


def stand(org: Org) -> list[tuple[object, ...]]:
    """Our fields of each contact."""
    return [tuple(row.values())[1:] for row in org.rows(OURS)]


def test_a_thousand_contacts_in_two_calls(org: Org) -> None:
    """With the times by which our own changes are known at the next pull."""
    push, ids = org.push(), org.contacts(1_000)
    push.provision()
    described = org.calls.made
    written = push.deliver(values({one: {"rfm_cell": "555", "loyalty_tier": "gold"} for one in ids})).written
    assert org.calls.made - described == 2
    assert stand(org) == [("555", "gold")] * 1_000
    stamps = {row["Id"]: row["SystemModstamp"] for row in org.rows("SELECT Id, SystemModstamp FROM Contact")}
    assert {one: at.strftime("%Y-%m-%dT%H:%M:%S.000+0000") for one, at in written.items() if at} == stamps


def test_null_clears(org: Org) -> None:
    """None clears a field; what a row does not name stays as it is."""
    push, (one,) = org.push(), org.contacts(1)
    push.deliver(values({one: {"rfm_cell": "555", "loyalty_tier": "gold"}}))
    push.deliver(values({one: {"rfm_cell": None}}))
    assert stand(org) == [(None, "gold")]


def test_a_text_is_cut_to_its_field(org: Org) -> None:
    """To the length that describe tells, of several lines to whole ones; what was cut holds when it is read back."""
    push, (one,) = org.push(), org.contacts(1)
    lines = "\n".join(f"Lamp {number:04} | LAMP-{number:04} | 2027-01-01" for number in range(1_000))
    wish = values({one: {"rfm_cell": "x" * 300, "suppressed_families": lines}})
    assert list(push.deliver(wish).written) == [one]
    (row,) = org.rows("SELECT Lamplighter_RFM_Cell__c, Lamplighter_Suppressed_Items__c FROM Contact")
    cell, items = row["Lamplighter_RFM_Cell__c"], row["Lamplighter_Suppressed_Items__c"]
    assert cell == "x" * 80
    assert lines.startswith(items + "\n")
    assert len(items) > 30_000
    assert list(push.read_back(wish).written) == [one]


@pytest.mark.parametrize("obey", [False, True])
def test_duplicate_rules(org: Org, obey: bool) -> None:
    """What a rule objects to is saved anyway, unless the settings say that rules are to be obeyed: then it is told."""
    org.sandbox.service.configure({"duplicate_rule": True})
    push, (one,) = org.push(obey_duplicate_rules=obey), org.contacts(1)
    receipt = push.deliver(values({one: {"loyalty_tier": "gold"}}))
    assert stand(org) == [(None, None if obey else "gold")]
    assert ("DUPLICATES_DETECTED" in receipt.rejected.get(one, "")) == obey


def test_a_field_that_is_hidden(org: Org) -> None:
    """Its rows are written without it, and it is not tried again in this run."""
    push, ids = org.push(), org.contacts(300)
    org.sandbox.levers["hide_field"]("Contact", "Lamplighter_RFM_Cell__c")
    wish = values({one: {"rfm_cell": "555", "loyalty_tier": "gold"} for one in ids})
    with pytest.raises(SetupError):
        push.provision()
    for calls in (2, 1):
        before = org.calls.made
        receipt = push.deliver(wish)
        assert set(receipt.written) == set(receipt.withheld) == set(ids)
        assert org.calls.made - before == calls
    receipt = push.deliver(values({ids[0]: {"rfm_cell": "555"}}))
    assert list(receipt.rejected) == ids[:1]
    assert not receipt.withheld


def test_an_account_that_is_hidden(org: Org) -> None:
    """Times are told all the same."""
    org.sandbox.levers["hide_field"]("Contact", "AccountId")
    (one,) = org.contacts(1)
    assert org.push().deliver(values({one: {"rfm_cell": "5"}})).written[one]


def test_provision_says_what_to_deploy(org: Org) -> None:
    """Nothing is made: a field that is missing, hidden or closed is named with what to do."""
    org.push().provision()
    assert org.calls.writes == 0
    org.sandbox.levers["hide_field"]("Contact", "Lamplighter_RFM_Cell__c")
    with pytest.raises(SetupError, match="has no field Lamplighter_RFM_Cell__c") as caught:
        org.push().provision()
    assert "deploy install/salesforce" in caught.value.hint


def test_a_collection_that_is_refused_for_one_row(org: Org) -> None:
    """Is halved until the row stands alone; a code that is not about rows ends it."""
    push, ids = org.push(), org.contacts(2)
    push.provision()
    for code, match in (("JSON_PARSER_ERROR", ""), ("INVALID_TYPE", "refused a change of Contact")):
        part = {"referenceId": "part0", "httpStatusCode": 400, "body": [{"errorCode": code, "message": "no"}]}
        org.fault("composite", status=200, body={"compositeResponse": [part]})
        if match:
            with pytest.raises(SetupError, match=match):
                push.deliver(values({one: {"rfm_cell": "5"} for one in ids}))
        else:
            assert set(push.deliver(values({one: {"rfm_cell": "5"} for one in ids})).written) == set(ids)


def test_all_rows_refused_alike(org: Org) -> None:
    """After a few of them it is not the rows: it ends there, in Salesforce's words."""
    push, ids = org.push(), org.contacts(40)
    push.provision()
    body = [{"errorCode": "JSON_PARSER_ERROR", "message": "no"}]
    answers = [{"referenceId": f"part{number}", "httpStatusCode": 400, "body": body} for number in range(5)]
    org.fault("composite", status=200, body={"compositeResponse": answers}, times=99)
    with pytest.raises(SetupError, match="refused to change Contact"):
        push.deliver(values({one: {"rfm_cell": "5"} for one in ids}))
    assert org.calls.made < 15


def test_locks_of_one_account(org: Org) -> None:
    """Contacts of a locked account are tried again, the others are written at once."""
    account = org.sandbox.levers["insert"]("Account", {"Name": "Shop"})
    ids = [*org.contacts(3, AccountId=account), *org.contacts(3)]
    org.sandbox.levers["lock"]([account], times=4)
    receipt = org.push().deliver(values({one: {"rfm_cell": "5"} for one in ids}))
    assert set(receipt.written) == set(ids)
    assert org.calls.retried == 2


def test_person_accounts(org: Org) -> None:
    """What is written on the contact behind a person account shows on the account."""
    org.sandbox.levers["insert"]("Account", {"LastName": "Reed"})
    (contact,) = [row["PersonContactId"] for row in org.rows("SELECT PersonContactId FROM Account")]
    assert org.push().deliver(values({contact: {"loyalty_tier": "gold"}})).written[contact]
    assert org.rows("SELECT Lamplighter_Loyalty_Tier__pc FROM Account") == [{"Lamplighter_Loyalty_Tier__pc": "gold"}]
