"""Audiences as options of checkbox properties: made once, kept up to date, nobody else's touched, written whole."""

from collections.abc import Iterator
from typing import Any

import pytest
from hubspot_rig import OBJECTS, Rig, rigged

from connector.errors import ListGone, RetryLater
from connector.model import Delivery, ListSpec, Purpose

PROPERTIES = "/crm/properties/2026-09/contacts"
EMAIL = "lamplighter_audiences_email"
LOYAL = ListSpec(name="loyal", label="Loyal", purpose=Purpose.EMAIL)
OTHER = ListSpec(name="other", label="Other", purpose=Purpose.EMAIL)
BUYERS = ListSpec(name="buyers", label="Buyers", purpose=Purpose.EXCLUDE)


@pytest.fixture
def rig() -> Iterator[Rig]:
    """An empty portal, and adapters that keep audiences as properties."""
    with rigged() as rig:
        rig.settings["lists"] = "properties"
        yield rig


def change(add: list[str], remove: list[str] | None = None, name: str = "loyal") -> Delivery:
    """A change of an audience."""
    return Delivery(id="d", destination="hubspot", kind="membership", audience=name, add=add, remove=remove or [])


def options(rig: Rig, name: str = EMAIL) -> list[tuple[str, str, int]]:
    """Value, label and place of each option."""
    shown = rig.act("GET", f"{PROPERTIES}/{name}")["options"]
    return [(one["value"], one["label"], one["displayOrder"]) for one in shown]


def value(rig: Rig, contact: str, name: str = EMAIL) -> str | None:
    """The property on a contact."""
    found: dict[str, str | None] = rig.act("GET", f"{OBJECTS}/contacts/{contact}?properties={name}")["properties"]
    return found.get(name)


def write(rig: Rig, contact: str, marks: str) -> None:
    """A person changes the property on a contact."""
    rig.act("PATCH", f"{OBJECTS}/contacts/{contact}", {"properties": {EMAIL: marks}})


def test_one_property_a_purpose(rig: Rig) -> None:
    """Made with the first audience in the group of our other properties; from then on it costs no call."""
    made = rig.crm().ensure([LOYAL, OTHER, BUYERS])
    assert made.ids["buyers"] == "lamplighter_audiences_exclude=buyers"
    assert options(rig) == [("loyal", "Loyal", 0), ("other", "Other", 1)]
    shown = rig.act("GET", f"{PROPERTIES}/{EMAIL}")
    assert (shown["groupName"], shown["type"], shown["fieldType"]) == ("lamplighter", "enumeration", "checkbox")
    rig.forget()
    assert rig.crm().ensure([LOYAL, OTHER, BUYERS]) == made
    assert rig.requests() == []


def test_options_follow_the_audiences(rig: Rig) -> None:
    """A new audience and a new label are brought in; options that a person added, and their places, stay."""
    rig.crm().ensure([LOYAL])
    theirs = {"label": "Ours by hand", "value": "hand", "displayOrder": 0, "hidden": True}
    ours = {"label": "Loyal", "value": "loyal", "displayOrder": 1, "hidden": False}
    rig.act("PATCH", f"{PROPERTIES}/{EMAIL}", {"options": [ours, theirs]})
    renamed = ListSpec(name="loyal", label="Most loyal", purpose=Purpose.EMAIL)
    rig.crm().ensure([renamed, OTHER])
    assert options(rig) == [("hand", "Ours by hand", 0), ("loyal", "Most loyal", 1), ("other", "Other", 2)]
    assert rig.act("GET", f"{PROPERTIES}/{EMAIL}")["options"][0]["hidden"]


def test_a_property_of_that_name_that_is_not_ours(rig: Rig) -> None:
    """It is left alone, its audiences are refused with what to do, and those of other purposes stand."""
    rig.crm().ensure([BUYERS])
    theirs = {"groupName": "lamplighter", "name": EMAIL, "label": "X", "type": "string", "fieldType": "text"}
    rig.act("POST", PROPERTIES, theirs)
    ensured = rig.crm().ensure([LOYAL, BUYERS])
    assert list(ensured.ids) == ["buyers"]
    assert f"the property {EMAIL} is not of our kind" in ensured.refused["loyal"]


def test_other_marks_on_a_contact_stay(rig: Rig) -> None:
    """The value is read, changed and written whole, so that no other audience and no hand-work is lost."""
    crm, (one, two) = rig.crm(), rig.contacts(2)
    crm.ensure([LOYAL, OTHER])
    write(rig, one, "other")
    crm.deliver(change([one, two]))
    assert (value(rig, one), value(rig, two)) == ("other;loyal", "loyal")
    crm.deliver(change([], [one, two]))
    assert (value(rig, one), value(rig, two) or "") == ("other", "")


def test_only_who_changes_is_written(rig: Rig) -> None:
    """Whoever is marked already costs a look and no write; the floor counts the same calls."""
    crm, people = rig.crm(), rig.contacts(150)
    crm.ensure([LOYAL])
    crm.deliver(change(people[:100]))
    rig.forget()
    before = crm.calls.floor or 0
    assert len(crm.deliver(change(people)).added) == 150
    written = [len(one["body"]["inputs"]) for one in rig.requests("batch/update")]
    assert (written, len(rig.requests("batch/read"))) == ([50], 2)
    assert (crm.calls.floor or 0) - before == 3


def test_an_audience_of_one_family(rig: Rig) -> None:
    """A name may hold anything; its option is one word, so that a search finds it and no two share one."""
    names = ["owns_PEN;1", "owns_PEN 1", "owns_PEN-1"]
    specs = [ListSpec(name=name, label=name, purpose=Purpose.EMAIL) for name in names]
    crm, people = rig.crm(), rig.contacts(3)
    crm.ensure(specs)
    for name, contact in zip(names, people, strict=True):
        crm.deliver(change([contact], name=name))
    assert [set(*crm.members(name)) for name in names] == [{one} for one in people]
    assert all(each[0].replace("_", "").isalnum() for each in options(rig))


def test_members_in_pages(rig: Rig) -> None:
    """200 to a page, by id; a friendly answer that says nothing is not believed."""
    crm, people = rig.crm(), rig.contacts(401)
    crm.ensure([LOYAL])
    crm.deliver(change(people))
    assert [len(page) for page in crm.members("loyal")] == [200, 200, 1]
    rig.fault("/search", empty=True)
    with pytest.raises(RetryLater):
        list(crm.members("loyal"))


@pytest.mark.parametrize("whole", [True, False])
def test_a_deleted_property_or_option(rig: Rig, whole: bool) -> None:
    """Noticed by reading and by writing, and made again."""
    crm, people = rig.crm(), rig.contacts(2)
    made = crm.ensure([LOYAL, OTHER])
    if whole:
        rig.act("DELETE", f"{PROPERTIES}/{EMAIL}")
    else:
        rig.act("PATCH", f"{PROPERTIES}/{EMAIL}", {"options": rig.act("GET", f"{PROPERTIES}/{EMAIL}")["options"][1:]})
    with pytest.raises(ListGone):
        rig.crm().deliver(change(people))
    assert rig.crm().ensure([LOYAL, OTHER]).ids["loyal"] == made.ids["loyal"]
    if not whole:
        assert len(rig.crm().deliver(change(people)).added) == 2


def test_a_blocked_mark(rig: Rig) -> None:
    """Where HubSpot takes no value for a contact, that one is rejected in its words and the others are marked."""
    crm, people = rig.crm(), rig.contacts(3)
    crm.ensure([LOYAL])
    body: dict[str, Any] = {"message": "contact is locked", "category": "CONFLICT"}
    rig.fault("batch/update", status=409, body=body, times=1)
    assert len(crm.deliver(change(people)).added) == 3
    rig.fault("batch/update", status=409, body=body, times=1)
    assert crm.deliver(change([], people[:1])).rejected == {people[0]: "contact is locked"}
