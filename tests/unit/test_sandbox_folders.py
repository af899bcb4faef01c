"""Folders of lists."""

from collections.abc import Iterator

import pytest
from test_sandbox_caller import LISTS, Caller, calling

FOLDERS = f"{LISTS}/folders"


@pytest.fixture(scope="module")
def call() -> Iterator[Caller]:
    """One sandbox for the whole file; tests name their folders differently."""
    with calling() as caller:
        yield caller


def made(call: Caller, name: str, parent: str = "0") -> str:
    """Make a folder; returns its id."""
    return str(call("POST", FOLDERS, {"name": name, "parentFolderId": parent}).body["folder"]["id"])


def below(call: Caller, folder: str) -> list[str]:
    """Names of the folders in a folder."""
    return [one["name"] for one in call("GET", f"{FOLDERS}?folderId={folder}").body["folder"]["childNodes"]]


def test_folders(call: Caller) -> None:
    """Folders are made below the root, hold lists, are renamed, and deleted when empty."""
    folder = call("POST", FOLDERS, {"name": "Lamplighter"}).body["folder"]["id"]
    body = {"name": "inside", "objectTypeId": "0-1", "processingType": "MANUAL", "listFolderId": folder}
    inside = call("POST", f"{LISTS}/", body).body["list"]["listId"]
    other = call.list("moved")
    assert call("PUT", f"{FOLDERS}/move-list", {"listId": other, "newFolderId": folder}).status == 204
    shown = call("GET", f"{FOLDERS}?folderId={folder}").body["folder"]
    assert (shown["name"], shown["childLists"]) == ("Lamplighter", [int(inside), int(other)])
    assert folder in [one["id"] for one in call("GET", FOLDERS).body["folder"]["childNodes"]]
    renamed = call("PUT", f"{FOLDERS}/{folder}/rename?newFolderName=Lamps").body["folder"]
    assert renamed["name"] == "Lamps"
    assert call("DELETE", f"{FOLDERS}/{folder}").status == 400
    for number in (inside, other):
        call("DELETE", f"{LISTS}/{number}")
    assert call("DELETE", f"{FOLDERS}/{folder}").status == 204


def test_folders_are_a_tree(call: Caller) -> None:
    """A folder shows all that is below it; moved, it takes everything along."""
    top, other = made(call, "Top"), made(call, "Other")
    inner = made(call, "Inner", top)
    made(call, "Innermost", inner)
    tree = call("GET", f"{FOLDERS}?folderId={top}").body["folder"]
    assert tree["childNodes"][0]["childNodes"][0]["name"] == "Innermost"
    moved = call("PUT", f"{FOLDERS}/{inner}/move/{other}")
    assert (moved.status, moved.body["folder"]["parentFolderId"]) == (200, other)
    assert (below(call, top), below(call, other)) == ([], ["Inner"])
    assert below(call, inner) == ["Innermost"]
    assert call("PUT", f"{FOLDERS}/{inner}/move/0").body["folder"]["parentFolderId"] == "0"


def test_a_folder_is_not_moved_into_itself(call: Caller) -> None:
    """Neither into itself nor into one below it; unknown folders are 404; the root stays as it is."""
    top = made(call, "Ring")
    inner = made(call, "Ring inside", top)
    for parent in (top, inner):
        assert call("PUT", f"{FOLDERS}/{top}/move/{parent}").status == 400
    assert call("PUT", f"{FOLDERS}/{top}/move/999999").status == 404
    assert call("PUT", f"{FOLDERS}/999999/move/0").status == 404
    assert call("PUT", f"{FOLDERS}/0/move/{top}").status == 400
    assert call("PUT", f"{FOLDERS}/0/rename?newFolderName=x").status == 400
    assert call("DELETE", f"{FOLDERS}/0").status == 400


def test_only_an_empty_folder_is_deleted(call: Caller) -> None:
    """One with a folder in it is not; once it is gone it is 404."""
    top = made(call, "Full")
    inner = made(call, "In the way", top)
    assert call("DELETE", f"{FOLDERS}/{top}").status == 400
    for folder in (inner, top):
        assert call("DELETE", f"{FOLDERS}/{folder}").status == 204
    assert call("GET", f"{FOLDERS}?folderId={top}").status == 404
    assert call("PUT", f"{FOLDERS}/{top}/rename?newFolderName=x").status == 404


def test_bad_requests_are_refused(call: Caller) -> None:
    """A folder without a name, below none, a rename to nothing; lists that are not there or go nowhere."""
    assert call("POST", FOLDERS, {}).status == 400
    assert call("POST", FOLDERS, {"name": "Lost", "parentFolderId": "999999"}).status == 404
    folder = made(call, "Named")
    assert call("PUT", f"{FOLDERS}/{folder}/rename").status == 400
    assert call("PUT", f"{FOLDERS}/move-list", {"listId": "999999", "newFolderId": folder}).status == 404
    number = call.list("to nowhere")
    assert call("PUT", f"{FOLDERS}/move-list", {"listId": number, "newFolderId": "999999"}).status == 404
    body = {"name": "in none", "objectTypeId": "0-1", "processingType": "MANUAL", "listFolderId": "999999"}
    assert call("POST", f"{LISTS}/", body).status == 404


def test_a_restored_list_without_its_folder_is_below_the_root(call: Caller) -> None:
    """The folder could go, as a deleted list does not fill it."""
    folder, number = made(call, "Short-lived"), call.list("longer-lived")
    call("PUT", f"{FOLDERS}/move-list", {"listId": number, "newFolderId": folder})
    call("DELETE", f"{LISTS}/{number}")
    assert call("DELETE", f"{FOLDERS}/{folder}").status == 204
    assert call("PUT", f"{LISTS}/{number}/restore").status == 204
    assert int(number) in call("GET", FOLDERS).body["folder"]["childLists"]
