"""Our static lists in HubSpot over the years: found, named, put into a folder, deleted, brought back, bounded."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hubspot_rig import LISTS, OBJECTS, Rig, rigged

from connector.errors import ListGone, RetryLater, SetupError
from connector.model import Delivery, ListSpec, Purpose

LOYAL = ListSpec(name="loyal", label="Loyal", purpose=Purpose.EMAIL)
OTHER = ListSpec(name="other", label="Other", purpose=Purpose.EMAIL)
PACKAGED = Path(__file__).parents[2] / "mappings" / "hubspot.yaml"


@pytest.fixture
def rig() -> Iterator[Rig]:
    """An empty portal."""
    with rigged() as rig:
        yield rig


def change(add: list[str], name: str = "loyal") -> Delivery:
    """People put into a list."""
    return Delivery(id="d", destination="hubspot", kind="membership", audience=name, add=add)


def made_list(rig: Rig, name: str, processing: str = "MANUAL") -> str:
    """A list that somebody else made."""
    body = {"name": name, "objectTypeId": "0-1", "processingType": processing}
    return str(rig.act("POST", f"{LISTS}/", body)["list"]["listId"])


def delete(rig: Rig, list_id: str) -> None:
    """A marketer deletes a list, and the next change finds out."""
    rig.act("DELETE", f"{LISTS}/{list_id}")
    with pytest.raises(ListGone):
        rig.crm().deliver(change(rig.contacts(1)))


def folders(rig: Rig) -> list[Any]:
    """Folders at the top, by name, with the ids of the lists in each."""
    top = rig.act("GET", f"{LISTS}/folders")["folder"]["childNodes"]
    whole = [rig.act("GET", f"{LISTS}/folders?folderId={each['id']}")["folder"] for each in top]
    return [(each["name"], each["childLists"]) for each in whole]


def mapped(home: Path, lists: str) -> Path:
    """A home whose mapping says something else about lists."""
    (home / "mappings").mkdir()
    packaged = PACKAGED.read_text("utf-8")
    own = f"{packaged[: packaged.index('lists:')]}lists: {lists}\n"
    (home / "mappings" / "hubspot.yaml").write_text(own, "utf-8")
    return home


def test_intent_is_forgotten(rig: Rig) -> None:
    """Once a list is ours by id, its name is only a name: another's list of that name stays another's."""
    crm = rig.crm()
    first = crm.ensure([LOYAL]).ids["loyal"]
    rig.sandbox.portal.portal.state.run("UPDATE list SET name = 'Mine'")
    theirs = made_list(rig, "Lamplighter: Loyal")
    rig.act("DELETE", f"{LISTS}/{first}")
    rig.kept.put("list", "loyal", "")
    assert rig.crm().ensure([LOYAL]).ids["loyal"] not in (first, theirs)


def test_intent_does_not_take_a_dynamic_list(rig: Rig) -> None:
    """A list of the name we were about to create is ours only if it is of the kind we create."""
    rig.kept.put("list_wanted", "loyal", "Lamplighter: Loyal")
    theirs = made_list(rig, "Lamplighter: Loyal", "DYNAMIC")
    assert rig.crm().ensure([LOYAL]).ids["loyal"] != theirs


def test_every_name_taken(rig: Rig) -> None:
    """Where every name is taken that list is refused with what to do; the others are made."""
    for name in ("Lamplighter: Loyal", "Lamplighter: Loyal (Lamplighter)", "Lamplighter: Loyal (Lamplighter, loyal)"):
        made_list(rig, name)
    ensured = rig.crm().ensure([LOYAL, OTHER])
    assert list(ensured.ids) == ["other"]
    assert "other lists called 'Lamplighter: Loyal'; rename one" in ensured.refused["loyal"]


def test_prefix_and_no_folder(rig: Rig, tmp_path: Path) -> None:
    """The mapping says which prefix our lists have, of any characters, and may do without a folder."""
    home = mapped(tmp_path, "{prefix: 'A/B? ü% ', folder: ''}")
    list_id = rig.crm(home).ensure([LOYAL]).ids["loyal"]
    assert list(rig.sandbox.portal.state()["lists"]) == ["A/B? ü% Loyal"]
    assert folders(rig) == []
    rig.kept.clear()
    assert rig.crm(home).ensure([LOYAL]).ids["loyal"] != list_id


def test_missing_scope_to_make_lists(rig: Rig) -> None:
    """A token that may not make lists is told so, by the scope's name."""
    rig.sandbox.portal.configure({"scopes": rig.sandbox.portal.settings.scopes - {"crm.lists.write"}})
    with pytest.raises(SetupError, match=r"lacks crm\.lists\.write"):
        rig.crm().ensure([LOYAL])


def test_one_folder(rig: Rig) -> None:
    """Lists are made in one folder of ours, made with the first of them; a list already there costs no call."""
    ids = rig.crm().ensure([LOYAL]).ids | rig.crm().ensure([OTHER]).ids
    assert folders(rig) == [("Lamplighter", [int(ids["loyal"]), int(ids["other"])])]


def test_folder_is_followed(rig: Rig) -> None:
    """Renamed, the folder stays ours; a list that the marketer moved elsewhere stays there."""
    crm = rig.crm()
    first = crm.ensure([LOYAL]).ids["loyal"]
    folder = rig.kept.get("folder", "lists")
    rig.act("PUT", f"{LISTS}/folders/{folder}/rename?newFolderName=Lamps")
    rig.act("PUT", f"{LISTS}/folders/move-list", {"listId": first, "newFolderId": "0"})
    other = rig.crm().ensure([LOYAL, OTHER]).ids["other"]
    assert folders(rig) == [("Lamps", [int(other)])]


def test_folder_is_found_by_name(rig: Rig) -> None:
    """When what we remembered is lost, a folder of our name is taken, wherever it is."""
    above = rig.act("POST", f"{LISTS}/folders", {"name": "Marketing"})["folder"]["id"]
    rig.act("POST", f"{LISTS}/folders", {"name": "Lamplighter", "parentFolderId": above})
    rig.crm().ensure([LOYAL])
    assert folders(rig) == [("Marketing", [])]


def test_deleted_folder_is_made_again(rig: Rig) -> None:
    """A folder that is gone is made once more; no list fails for it."""
    first = rig.crm().ensure([LOYAL]).ids["loyal"]
    rig.act("PUT", f"{LISTS}/folders/move-list", {"listId": first, "newFolderId": "0"})
    rig.act("DELETE", f"{LISTS}/folders/{rig.kept.get('folder', 'lists')}")
    other = rig.crm().ensure([OTHER]).ids["other"]
    assert folders(rig) == [("Lamplighter", [int(other)])]


def test_deleted_list_is_restored(rig: Rig) -> None:
    """Under its id, with its members; lists that are there cost no call."""
    crm, people = rig.crm(), rig.contacts(3)
    made = crm.ensure([LOYAL, OTHER])
    crm.deliver(change(people))
    delete(rig, made.ids["loyal"])
    assert rig.crm().ensure([LOYAL, OTHER]) == made
    assert set(*rig.crm().members("loyal")) == set(people)


def test_list_deleted_too_long_ago_is_made_again(rig: Rig) -> None:
    """After 90 days there is nothing to restore: a new list, with another id."""
    first = rig.crm().ensure([LOYAL]).ids["loyal"]
    delete(rig, first)
    rig.sandbox.clock.advance(91 * 86_400)
    assert rig.crm().ensure([LOYAL]).ids["loyal"] != first
    assert list(rig.sandbox.portal.state()["lists"]) == ["Lamplighter: Loyal"]


def test_list_deleted_twice_stays_deleted(rig: Rig) -> None:
    """Whoever deletes it again means it: it is refused, and the reason says how to have it back."""
    made = rig.crm().ensure([LOYAL])
    delete(rig, made.ids["loyal"])
    rig.crm().ensure([LOYAL])
    delete(rig, made.ids["loyal"])
    for _ in range(2):
        ensured = rig.crm().ensure([LOYAL, OTHER])
        assert list(ensured.ids) == ["other"]
        assert "lamplighter retry --list loyal" in ensured.refused["loyal"]
    assert list(rig.sandbox.portal.state()["lists"]) == ["Lamplighter: Other"]


def test_list_restored_by_the_marketer(rig: Rig) -> None:
    """A list that a person brings back in HubSpot is ours again, however often it was deleted."""
    made = rig.crm().ensure([LOYAL])
    for _ in range(3):
        delete(rig, made.ids["loyal"])
        rig.act("PUT", f"{LISTS}/{made.ids['loyal']}/restore")
        assert rig.crm().ensure([LOYAL]) == made


@pytest.mark.parametrize("times", [1, 1_000])
def test_restored_without_an_answer(rig: Rig, times: int) -> None:
    """A restoration that was carried out but never answered is found by this run or the next; no other is made."""
    made = rig.crm().ensure([LOYAL])
    delete(rig, made.ids["loyal"])
    rig.fault("/restore", drop=True, after_effect=True, times=times)
    try:
        rig.crm().ensure([LOYAL])
    except RetryLater:
        rig.sandbox.faults.clear()
    assert rig.crm().ensure([LOYAL]) == made


def test_restored_only_in_words(rig: Rig) -> None:
    """A friendly answer that restored nothing is not believed; the next run tries again."""
    made = rig.crm().ensure([LOYAL])
    delete(rig, made.ids["loyal"])
    rig.fault("/restore", empty=True)
    with pytest.raises(RetryLater):
        rig.crm().ensure([LOYAL])
    assert rig.crm().ensure([LOYAL]) == made


@pytest.mark.parametrize("people", [1, 100])
def test_list_turned_into_another_kind(rig: Rig, people: int) -> None:
    """It is not ours any more: noticed at a change after a few calls, left alone, and said."""
    crm, them = rig.crm(), rig.contacts(people)
    made = crm.ensure([LOYAL])
    rig.sandbox.portal.portal.state.run("UPDATE list SET processing = 'DYNAMIC'")
    rig.forget()
    with pytest.raises(ListGone):
        crm.deliver(change(them))
    assert len(rig.requests()) <= 17
    refused = rig.crm().ensure([LOYAL, OTHER]).refused["loyal"]
    assert "a list of type DYNAMIC, so it is left alone" in refused
    assert rig.act("GET", f"{LISTS}/{made.ids['loyal']}")["list"]["name"] == "Lamplighter: Loyal"


def test_reading_a_list_of_another_kind(rig: Rig) -> None:
    """Noticed when it is read back, too."""
    rig.crm().ensure([LOYAL])
    rig.sandbox.portal.portal.state.run("UPDATE list SET processing = 'SNAPSHOT'")
    with pytest.raises(ListGone):
        list(rig.crm().members("loyal"))


def test_our_own_limit(rig: Rig) -> None:
    """No more lists than hubspot.max_lists: one too many is refused by name of the setting, before any is made."""
    ensured = rig.crm(max_lists=1).ensure([LOYAL, OTHER])
    assert list(ensured.ids) == ["loyal"]
    assert "as many as hubspot.max_lists allows" in ensured.refused["other"]
    assert list(rig.crm(max_lists=2).ensure([OTHER]).ids) == ["other"]


def test_our_own_limit_counts_lists_that_are_there(rig: Rig) -> None:
    """A list that was deleted in HubSpot makes room."""
    first = rig.crm(max_lists=1).ensure([LOYAL]).ids["loyal"]
    rig.act("DELETE", f"{LISTS}/{first}")
    assert list(rig.crm(max_lists=1).ensure([OTHER]).ids) == ["other"]


def test_the_accounts_limit(rig: Rig) -> None:
    """Where the account takes no more lists, each is refused in HubSpot's words; nothing is lost."""
    rig.sandbox.portal.configure({"list_limit": 1})
    ensured = rig.crm().ensure([LOYAL, OTHER])
    assert list(ensured.ids) == ["loyal"]
    assert "has no room for another list" in ensured.refused["other"]
    rig.sandbox.portal.configure({"list_limit": 2})
    assert list(rig.crm().ensure([OTHER]).ids) == ["other"]


def test_members_in_pages(rig: Rig) -> None:
    """250 to a page, one look at the list before; the floor counts the same calls."""
    crm, people = rig.crm(), rig.contacts(501)
    crm.ensure([LOYAL])
    crm.deliver(change(people))
    before, asked = crm.calls.floor or 0, crm.calls.made
    pages = list(crm.members("loyal"))
    assert [len(page) for page in pages] == [250, 250, 1]
    assert {one for page in pages for one in page} == set(people)
    assert (crm.calls.made - asked, (crm.calls.floor or 0) - before) == (4, 4)


def test_members_that_an_answer_leaves_out(rig: Rig) -> None:
    """An empty answer about a list that has members is not believed."""
    crm = rig.crm()
    crm.ensure([LOYAL])
    crm.deliver(change(rig.contacts(3)))
    rig.fault("/memberships", empty=True)
    with pytest.raises(RetryLater):
        list(crm.members("loyal"))


def test_alive(rig: Rig) -> None:
    """Deleted contacts and those merged into another are not; an answer that names nobody is not believed."""
    stays, deleted, primary, merged = rig.contacts(4)
    rig.act("DELETE", f"{OBJECTS}/contacts/{deleted}")
    rig.act("POST", f"{OBJECTS}/contacts/merge", {"primaryObjectId": primary, "objectIdToMerge": merged})
    assert rig.crm().alive([stays, deleted, primary, merged, "999999999"]) == {stays}
    rig.fault("batch/read", empty=True)
    with pytest.raises(RetryLater):
        rig.crm().alive([stays])
