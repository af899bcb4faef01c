"""What only HubSpot's lists, memberships and properties ask for: chunks, spellings, conflicts, lost answers."""

from collections.abc import Iterator
from typing import Any

import pytest
from hubspot_rig import OBJECTS, Rig, rigged

from connector.errors import LamplighterError, RetryLater, SetupError
from connector.model import Delivery, ListSpec, Purpose

LOYAL = ListSpec(name="loyal", label="Loyal", purpose=Purpose.EMAIL)


@pytest.fixture
def rig() -> Iterator[Rig]:
    """An empty portal."""
    with rigged() as rig:
        yield rig


def change(add: list[str], remove: list[str] | None = None) -> Delivery:
    """A change of list `loyal`."""
    return Delivery(id="d", destination="hubspot", kind="membership", audience="loyal", add=add, remove=remove or [])


def writing(contacts: list[str], **values: str | None) -> Delivery:
    """A write of the same values to contacts."""
    return Delivery(id="d", destination="hubspot", kind="properties", values=dict.fromkeys(contacts, values))


def members(rig: Rig) -> set[str]:
    """Who is in the one list there is."""
    lists = rig.sandbox.portal.state()["lists"]
    return set(next(iter(lists.values()))["members"])


def test_chunks(rig: Rig) -> None:
    """A delivery above the chunk goes out in several calls, both sides together in each."""
    crm, people = rig.crm(membership_chunk=40), rig.contacts(100)
    crm.ensure([LOYAL])
    rig.forget()
    receipt = crm.deliver(change(people))
    sizes = [len(one["body"]["recordIdsToAdd"]) for one in rig.requests("add-and-remove")]
    assert (sizes, len(receipt.added)) == ([40, 40, 20], 100)
    assert crm.batch_size("membership") == 40


@pytest.mark.parametrize("status", [400, 413])
def test_chunk_too_large(rig: Rig, status: int) -> None:
    """A chunk that HubSpot finds too large is halved."""
    crm, people = rig.crm(), rig.contacts(100)
    crm.ensure([LOYAL])
    rig.fault("add-and-remove", status=status)
    rig.forget()
    receipt = crm.deliver(change(people))
    sizes = [len(one["body"]["recordIdsToAdd"]) for one in rig.requests("add-and-remove")]
    assert (sizes, len(receipt.added), members(rig)) == ([100, 50, 50], 100, set(people))


@pytest.mark.parametrize("name", ["recordsIdsAdded", "recordIdsAdded"])
def test_both_spellings(rig: Rig, name: str) -> None:
    """HubSpot's answer is understood in both spellings, with ids as text or numbers."""
    crm = rig.crm()
    crm.ensure([LOYAL])
    rig.fault("add-and-remove", status=200, body={name: [1, "2"], "recordIdsMissing": [3]})
    rig.forget()
    receipt = crm.deliver(change(["1", "2", "3"]))
    assert (receipt.added, list(receipt.rejected)) == (["1", "2"], ["3"])
    assert len(rig.requests()) == 1


def test_left_out_of_the_answer(rig: Rig) -> None:
    """Who is in neither part of the answer is looked up before being believed."""
    crm, (told, held, lost) = rig.crm(), rig.contacts(3)
    crm.ensure([LOYAL])
    crm.deliver(change([held]))
    rig.fault("add-and-remove", status=200, body={"recordsIdsAdded": [told]})
    receipt = crm.deliver(change([told, held, lost]))
    assert receipt.added == [told, held]
    assert receipt.rejected == {lost: "HubSpot's answer left this contact out, and the change did not happen"}


def test_look_up_that_says_nothing(rig: Rig) -> None:
    """When the look-up says nothing either, nothing is believed: not an addition, and not a removal."""
    crm, people = rig.crm(), rig.contacts(3)
    crm.ensure([LOYAL])
    crm.deliver(change(people))
    rig.fault("add-and-remove", empty=True)
    rig.fault("/memberships/batch/read", empty=True)
    with pytest.raises(RetryLater):
        crm.deliver(change([], people))
    assert members(rig) == set(people)


def test_provision(rig: Rig) -> None:
    """The first run asks whose the account is and makes group and properties in three calls; later ones look."""
    rig.crm().provision()
    assert [one["operation"].split()[0] for one in rig.requests()] == ["GET", "GET", "POST", "POST"]
    rig.forget()
    rig.crm().provision()
    assert len(rig.requests()) == 1
    shown = rig.act("GET", "/crm/properties/2026-09/contacts")["results"]
    ours = {one["name"]: one["type"] for one in shown if one["groupName"] == "lamplighter"}
    assert len(ours) == 8 and ours["lamplighter_last_purchase"] == "date"


def test_provision_half_done(rig: Rig) -> None:
    """What is there already is left as it is, whoever made it; what is missing is added."""
    group, path = {"name": "lamplighter", "label": "Lamps"}, "/crm/properties/2026-09/contacts"
    rig.act("POST", f"{path}/groups", group)
    rig.crm().provision()
    rig.act("DELETE", f"{path}/lamplighter_rfm_cell")
    rig.crm().provision()
    names = {one["name"] for one in rig.act("GET", path)["results"] if one["groupName"] == "lamplighter"}
    assert len(names) == 8


def test_provision_race(rig: Rig) -> None:
    """Properties that appear between our look and our creation are fine; properties that do not appear are not."""
    rig.fault("/properties/2026-09/contacts/batch/create", status=409, after_effect=True)
    rig.crm().provision()
    rig.act("DELETE", "/crm/properties/2026-09/contacts/lamplighter_rfm_cell")
    rig.fault("/properties/2026-09/contacts/batch/create", status=409)
    with pytest.raises(SetupError):
        rig.crm().provision()


def test_write_once_provisioned_property_is_gone(rig: Rig) -> None:
    """A property of ours that somebody deleted is named at once, not tried contact by contact."""
    crm, people = rig.crm(), rig.contacts(100)
    crm.provision()
    rig.act("DELETE", "/crm/properties/2026-09/contacts/lamplighter_rfm_cell")
    rig.forget()
    with pytest.raises(SetupError, match=r"does not know a property of ours.*lamplighter_rfm_cell"):
        crm.deliver(writing(people, rfm_cell="5"))
    assert len(rig.requests()) == 1


def test_writes_carry_traces(rig: Rig) -> None:
    """Each write carries its trace, so that the answer names the contact we asked for even after a merge."""
    crm, (first, second) = rig.crm(), rig.contacts(2)
    crm.provision()
    rig.act("POST", f"{OBJECTS}/contacts/merge", {"primaryObjectId": first, "objectIdToMerge": second})
    assert list(crm.deliver(writing([first], rfm_cell="5")).written) == [first]
    row = rig.requests("batch/update")[0]["body"]["inputs"][0]
    assert row == {"id": first, "objectWriteTraceId": first, "properties": {"lamplighter_rfm_cell": "5"}}


def test_unmapped_property_is_left_alone(rig: Rig) -> None:
    """A property that the mapping no longer names is not written."""
    crm, people = rig.crm(), rig.contacts(1)
    crm.provision()
    crm.deliver(writing(people, rfm_cell="5", shoe_size="42"))
    assert list(rig.requests("batch/update")[0]["body"]["inputs"][0]["properties"]) == ["lamplighter_rfm_cell"]


def test_part_of_an_answer(rig: Rig) -> None:
    """Of an answer that names only some, the others are read back: written or rejected by what stands there."""
    crm, (told, held, lost) = rig.crm(), rig.contacts(3)
    crm.provision()
    crm.deliver(writing([held], rfm_cell="5"))
    rig.fault("batch/update", status=200, body={"results": [{"id": told, "updatedAt": "2026-01-01T00:00:00Z"}]})
    receipt = crm.deliver(writing([told, held, lost], rfm_cell="5"))
    assert set(receipt.written) == {told, held}
    assert list(receipt.rejected) == [lost]


@pytest.mark.parametrize("bad", [1, 2, 3])
def test_some_bad_rows(rig: Rig, bad: int) -> None:
    """Several bad rows are found, each with HubSpot's words; all others are written."""
    crm, people = rig.crm(), rig.contacts(100)
    crm.provision()
    values: dict[str, dict[str, str | None]] = {one: {"last_purchase": "2026-01-31"} for one in people}
    for one in people[-bad:]:
        values[one] = {"last_purchase": "soon"}
    receipt = crm.deliver(Delivery(id="d", destination="hubspot", kind="properties", values=values))
    assert list(receipt.rejected) == people[-bad:]
    assert "not a valid date" in receipt.rejected[people[-1]]
    assert len(receipt.written) == 100 - bad


def test_all_rows_bad(rig: Rig) -> None:
    """When no contact may have a value, each is rejected in HubSpot's words, after a few calls instead of a hundred."""
    crm, people = rig.crm(), rig.contacts(100)
    crm.provision()
    rig.forget()
    receipt = crm.deliver(writing(people, last_purchase="soon"))
    assert list(receipt.rejected) == people
    assert all("lamplighter_last_purchase: " in words and "date" in words for words in receipt.rejected.values())
    assert len(rig.requests()) <= 16


def test_words_hold_no_address(rig: Rig) -> None:
    """HubSpot's words go on without the e-mail addresses in them."""
    crm, people = rig.crm(), rig.contacts(1)
    crm.provision()
    body: dict[str, Any] = {"message": "contact <dana@example.com> is busy", "category": "CONFLICT"}
    rig.fault("batch/update", status=409, body=body)
    assert crm.deliver(writing(people, rfm_cell="5")).rejected == {people[0]: "contact <<e-mail>> is busy"}


def test_refusal_names_step_and_correlation(rig: Rig) -> None:
    """A refusal says which step, in HubSpot's words, with the id that HubSpot's support asks for, and no record id."""
    body = {"message": "no", "correlationId": "abc-1"}
    rig.fault("/crm/lists/", status=400, body=body, times=2)
    with pytest.raises(LamplighterError) as caught:
        rig.crm().ensure([LOYAL])
    text = str(caught.value)
    assert "GET /crm/lists/2026-09/object-type-id/0-1/name/… (400): no [HubSpot's correlation id abc-1]" in text


def blocked(rig: Rig, name: str = "lamplighter_rfm_cell", longest: int = 2) -> None:
    """An admin limits the length of a property of ours."""
    rule = {"ruleType": "MAX_LENGTH", "ruleArguments": [str(longest)]}
    rig.sandbox.portal.configure({"validation_rules": {"contacts": {name: rule}}})


def test_a_property_that_no_contact_may_have(rig: Rig) -> None:
    """The others are written at once, all contacts together; the blocked one is tried on few, and then no more."""
    crm, people = rig.crm(), rig.contacts(300)
    crm.provision()
    blocked(rig)
    rig.forget()
    receipt = crm.deliver(writing(people[:200], rfm_cell="555", loyalty_tier="gold"))
    assert (len(receipt.written), dict(receipt.rejected)) == (200, {})
    assert all(list(of) == ["rfm_cell"] and "MAX_LENGTH" in of["rfm_cell"] for of in receipt.withheld.values())
    assert len(receipt.withheld) == 200
    assert len(rig.requests()) <= 20
    rig.forget()
    assert len(crm.deliver(writing(people[200:], rfm_cell="555", loyalty_tier="gold")).written) == 100
    assert len(rig.requests()) == 1
    assert all(one["lamplighter_loyalty_tier"] == "gold" for one in rig.sandbox.portal.state()["contacts"].values())


def test_a_property_that_some_contacts_may_not_have(rig: Rig) -> None:
    """Only theirs is withheld, wherever they stand in the batch: first, last, or many."""
    crm, people = rig.crm(), rig.contacts(100)
    crm.provision()
    blocked(rig)
    bad = {*people[:4], people[50], people[99]}
    values: dict[str, dict[str, str | None]] = {
        one: {"rfm_cell": "555" if one in bad else "55", "loyalty_tier": "gold"} for one in people
    }
    receipt = crm.deliver(Delivery(id="d", destination="hubspot", kind="properties", values=values))
    assert set(receipt.withheld) == bad
    assert (len(receipt.written), dict(receipt.rejected)) == (100, {})
    held = rig.sandbox.portal.state()["contacts"]
    assert {one for one in people if "lamplighter_rfm_cell" in held[one]} == set(people) - bad


def test_a_contact_with_nothing_but_a_blocked_property(rig: Rig) -> None:
    """It is rejected, by the property's name and in HubSpot's words."""
    crm, people = rig.crm(), rig.contacts(2)
    crm.provision()
    blocked(rig)
    receipt = crm.deliver(writing(people, rfm_cell="555"))
    assert list(receipt.rejected) == people
    assert receipt.rejected[people[0]].startswith("lamplighter_rfm_cell: ")


def test_two_blocked_properties(rig: Rig) -> None:
    """Both are withheld, the third is written."""
    crm, people = rig.crm(), rig.contacts(10)
    crm.provision()
    rule = {"ruleType": "MAX_LENGTH", "ruleArguments": ["2"]}
    names = ("lamplighter_rfm_cell", "lamplighter_loyalty_tier")
    rig.sandbox.portal.configure({"validation_rules": {"contacts": dict.fromkeys(names, rule)}})
    receipt = crm.deliver(writing(people, rfm_cell="555", loyalty_tier="gold", last_purchase="2026-01-31"))
    assert len(receipt.written) == 10
    assert all(set(of) == {"rfm_cell", "loyalty_tier"} for of in receipt.withheld.values())


def test_a_part_of_two_writes_is_left_out(rig: Rig) -> None:
    """Of a contact that one of the answers left out, the whole wish is read back before it is believed."""
    crm, people = rig.crm(), rig.contacts(3)
    crm.provision()
    body = {"message": 'no: "lamplighter_rfm_cell" is bad', "category": "VALIDATION_ERROR"}
    rig.fault("batch/update", status=400, body=body)
    told = [{"id": one, "updatedAt": "2026-01-01T00:00:00Z"} for one in people]
    rig.fault("batch/update", status=200, body={"results": told})
    rig.fault("batch/update", status=200, body={"results": []}, times=2)
    with pytest.raises(RetryLater):
        crm.deliver(writing(people, rfm_cell="55", loyalty_tier="gold"))
