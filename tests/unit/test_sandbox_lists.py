"""Lists, folders and memberships."""

from collections.abc import Iterator
from typing import Any

import pytest
from test_sandbox_caller import LISTS, Caller, calling


@pytest.fixture(scope="module")
def call() -> Iterator[Caller]:
    """One sandbox for the whole file; tests name their lists differently."""
    with calling() as caller:
        yield caller


def members(call: Caller, number: str) -> list[str]:
    """Record ids in a list."""
    return [one["recordId"] for one in call("GET", f"{LISTS}/{number}/memberships").body["results"]]


def test_a_list_is_found_by_id_and_by_name(call: Caller) -> None:
    """Both answers carry the list with its size; names may hold slashes and spaces."""
    number = call.list("Lamps / shades", call.contact())
    by_id = call("GET", f"{LISTS}/{number}").body["list"]
    by_name = call("GET", f"{LISTS}/object-type-id/0-1/name/Lamps%20%2F%20shades").body["list"]
    assert by_id == by_name
    assert (by_id["size"], by_id["processingType"], by_id["objectTypeId"]) == (1, "MANUAL", "0-1")
    assert call("GET", f"{LISTS}/object-type-id/0-1/name/none").status == 404
    assert call("GET", f"{LISTS}/999999").status == 404
    assert [one["listId"] for one in call("GET", f"{LISTS}?listIds={number}&listIds=9").body["lists"]] == [number]


def test_names_are_unique(call: Caller) -> None:
    """A taken name is 400 ILS.DUPLICATE_LIST_NAMES on creating, renaming and restoring."""
    first = call.list("taken")
    body = {"name": "taken", "objectTypeId": "0-1", "processingType": "MANUAL"}
    answer = call("POST", f"{LISTS}/", body)
    assert (answer.status, answer.body["subCategory"]) == (400, "ILS.DUPLICATE_LIST_NAMES")
    other = call.list("other")
    assert call("PUT", f"{LISTS}/{other}/update-list-name?listName=taken").status == 400
    call("DELETE", f"{LISTS}/{first}")
    call.list("taken")
    assert call("PUT", f"{LISTS}/{first}/restore").status == 400


def test_rename(call: Caller) -> None:
    """A renamed list keeps its id and members; the old name is free."""
    number = call.list("before", call.contact())
    answer = call("PUT", f"{LISTS}/{number}/update-list-name?listName=after").body["updatedList"]
    assert (answer["listId"], answer["name"], answer["listVersion"]) == (number, "after", 2)
    assert call("GET", f"{LISTS}/object-type-id/0-1/name/before").status == 404
    assert len(members(call, number)) == 1


def test_delete_and_restore(call: Caller) -> None:
    """A deleted list is 404 for everything but restoring, which brings its members back for 90 days."""
    number = call.list("gone", call.contact())
    assert call("DELETE", f"{LISTS}/{number}").status == 204
    assert call("GET", f"{LISTS}/{number}").status == 404
    assert call("GET", f"{LISTS}/{number}/memberships").status == 404
    assert call("PUT", f"{LISTS}/{number}/memberships/add", ["1"]).status == 404
    assert call("PUT", f"{LISTS}/{number}/restore").status == 204
    assert len(members(call, number)) == 1
    call("DELETE", f"{LISTS}/{number}")
    call.sandbox.clock.advance(91 * 86_400)
    assert call("PUT", f"{LISTS}/{number}/restore").status == 404


@pytest.mark.parametrize(
    "body",
    [
        {"objectTypeId": "0-1", "processingType": "MANUAL"},
        {"name": "x", "processingType": "MANUAL"},
        {"name": "x", "objectTypeId": "0-1", "processingType": "STATIC"},
    ],
)
def test_bad_lists_are_400(call: Caller, body: dict[str, Any]) -> None:
    """Name, type and one of the three processing types are required."""
    assert call("POST", f"{LISTS}/", body).status == 400


def test_add_and_remove_answer_what_changed(call: Caller) -> None:
    """Members that are added again, and others that are removed, are passed over; missing ids are named."""
    a, b, c = (call.contact() for _ in range(3))
    number = call.list("moves", a, b)
    path = f"{LISTS}/{number}/memberships/add-and-remove"
    answer = call("PUT", path, {"recordIdsToAdd": [a, c, "999999"], "recordIdsToRemove": [b]})
    assert answer.status == 200
    assert answer.body == {"recordsIdsAdded": [c], "recordIdsRemoved": [b], "recordIdsMissing": ["999999"]}
    again = call("PUT", path, {"recordIdsToAdd": [a, c], "recordIdsToRemove": [b]})
    assert again.body == {"recordsIdsAdded": [], "recordIdsRemoved": [], "recordIdsMissing": []}
    assert members(call, number) == [a, c]
    assert call("PUT", path, {"recordIdsToAdd": [a]}).status == 400
    assert call("PUT", path, {"recordIdsToAdd": ["x"], "recordIdsToRemove": []}).status == 400


def test_bare_add_and_remove(call: Caller) -> None:
    """The single verbs take a bare list of ids; DELETE empties a list."""
    a, b = call.contact(), call.contact()
    number = call.list("bare")
    assert call("PUT", f"{LISTS}/{number}/memberships/add", [a, b]).body["recordsIdsAdded"] == [a, b]
    assert call("PUT", f"{LISTS}/{number}/memberships/remove", [a]).body["recordIdsRemoved"] == [a]
    assert call("PUT", f"{LISTS}/{number}/memberships/add", {"ids": [a]}).status == 400
    assert call("DELETE", f"{LISTS}/{number}/memberships").status == 204
    assert members(call, number) == []


def test_dynamic_lists_refuse_changes(call: Caller) -> None:
    """Only MANUAL and SNAPSHOT lists can be changed by hand."""
    dynamic, snapshot = call.list("dyn", processing="DYNAMIC"), call.list("snap", processing="SNAPSHOT")
    assert call("PUT", f"{LISTS}/{dynamic}/memberships/add", [call.contact()]).status == 400
    assert call("PUT", f"{LISTS}/{snapshot}/memberships/add", [call.contact()]).status == 200


def test_members_come_in_pages_with_an_opaque_cursor(call: Caller) -> None:
    """Ordered by record id; the cursor goes on after the last one; a cursor that is none is refused."""
    ids = [call.contact() for _ in range(25)]
    path = f"{LISTS}/{call.list('paged', *ids)}/memberships"
    first = call("GET", f"{path}?limit=10").body
    assert (len(first["results"]), first["total"]) == (10, 25)
    second = call("GET", first["paging"]["next"]["link"]).body
    third = call("GET", second["paging"]["next"]["link"]).body
    assert [one["recordId"] for page in (first, second, third) for one in page["results"]] == ids
    assert "paging" not in third
    assert call("GET", f"{path}?after=12").status == 400


def test_the_lists_of_records(call: Caller) -> None:
    """One record or many tell which lists they are in."""
    a, b = call.contact(), call.contact()
    first, second = call.list("of a", a), call.list("of both", a, b)
    one = call("GET", f"{LISTS}/records/0-1/{a}/memberships").body["results"]
    assert [row["listId"] for row in one] == [first, second]
    inputs = [{"objectTypeId": "0-1", "recordId": number} for number in (a, b)]
    many = call("POST", f"{LISTS}/records/memberships/batch/read", {"inputs": inputs}).body["results"]
    assert {row["recordId"]: [found["listId"] for found in row["recordListMemberships"]] for row in many} == {
        a: [first, second],
        b: [second],
    }


def test_a_page_of_members_has_at_most_250(call: Caller) -> None:
    """In both orders; nothing above is served, and a cursor of one order is none of the other."""
    ids = [call.contact() for _ in range(2)]
    path = f"{LISTS}/{call.list('long', *ids)}/memberships"
    for order in ("", "/join-order"):
        assert call("GET", f"{path}{order}?limit=250").status == 200
        assert [call("GET", f"{path}{order}?limit={bad}").status for bad in (251, 0)] == [400, 400]
    after = call("GET", f"{path}/join-order?limit=1").body["paging"]["next"]["after"]
    assert call("GET", f"{path}?after={after}").body["subCategory"] == "INVALID_CURSOR"


def test_members_come_in_the_order_they_joined(call: Caller) -> None:
    """Whoever was put in first comes first, page by page; put in again, one is last."""
    ids = [call.contact() for _ in range(5)]
    number = call.list("joined")
    for one in reversed(ids):
        call("PUT", f"{LISTS}/{number}/memberships/add", [one])
        call.sandbox.clock.advance(1)
    call("PUT", f"{LISTS}/{number}/memberships/remove", [ids[4]])
    call("PUT", f"{LISTS}/{number}/memberships/add", [ids[4]])
    seen, url = [], f"{LISTS}/{number}/memberships/join-order?limit=2"
    while url:
        page = call("GET", url).body
        seen += page["results"]
        url = page.get("paging", {}).get("next", {}).get("link", "")
    assert [one["recordId"] for one in seen] == [ids[3], ids[2], ids[1], ids[0], ids[4]]
    assert page["total"] == 5
    times = [one["membershipTimestamp"] for one in seen]
    assert times == sorted(times)


def test_a_list_is_filled_from_another(call: Caller) -> None:
    """All members of the source join, whatever its kind; a dynamic target and an unknown source are refused."""
    a, b = call.contact(), call.contact()
    source, target, dynamic = call.list("source", a, b), call.list("target", a), call.list("d", processing="DYNAMIC")
    path = "memberships/add-from"
    assert call("PUT", f"{LISTS}/{target}/{path}/{source}").status == 204
    assert members(call, target) == [a, b]
    assert call("PUT", f"{LISTS}/{target}/{path}/{dynamic}").status == 204
    assert call("PUT", f"{LISTS}/{dynamic}/{path}/{source}").status == 400
    assert call("PUT", f"{LISTS}/{target}/{path}/999999").status == 404
    body = {"name": "firms", "objectTypeId": "0-2", "processingType": "MANUAL"}
    firms = call("POST", f"{LISTS}/", body).body["list"]["listId"]
    assert call("PUT", f"{LISTS}/{firms}/{path}/{source}").status == 400


def test_very_long_lists_are_neither_emptied_nor_copied(call: Caller) -> None:
    """From 100,000 members on; one fewer, and both work."""
    number, target = int(call.list("huge")), call.list("copy")
    fill = """WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
        INSERT INTO membership SELECT ?, 1000000 + i, 0 FROM n"""
    call.sandbox.portal.portal.state.run(fill, number)
    assert call("DELETE", f"{LISTS}/{number}/memberships").status == 400
    assert call("PUT", f"{LISTS}/{target}/memberships/add-from/{number}").status == 400
    call.sandbox.portal.portal.state.run("DELETE FROM membership WHERE list = ? AND record = 1000001", number)
    assert call("PUT", f"{LISTS}/{target}/memberships/add-from/{number}").status == 204
    for one in (number, target):
        assert call("GET", f"{LISTS}/{one}").body["list"]["size"] == 99_999
        assert call("DELETE", f"{LISTS}/{one}/memberships").status == 204


def test_a_restored_list_has_the_members_that_still_are(call: Caller) -> None:
    """Of those in it, the archived and the erased are gone, and a merged one is there as its survivor."""
    stays, archived, erased, merged, other = (call.contact() for _ in range(5))
    number = call.list("was gone", stays, archived, erased, merged)
    call("DELETE", f"{LISTS}/{number}")
    contacts = "/crm/objects/2026-09/contacts"
    call("DELETE", f"{contacts}/{archived}")
    call("POST", f"{contacts}/gdpr-delete", {"objectId": erased})
    survivor = call("POST", f"{contacts}/merge", {"primaryObjectId": other, "objectIdToMerge": merged}).body["id"]
    assert call("PUT", f"{LISTS}/{number}/restore").status == 204
    assert members(call, number) == [stays, survivor]
    assert call("PUT", f"{LISTS}/{number}/restore").status == 404


def test_an_account_has_so_many_lists() -> None:
    """One more is a 400 that speaks of the limit, created or restored; a deleted list makes room."""
    with calling() as call:
        call("POST", "/_sandbox/settings", {"list_limit": 2})
        first, _ = call.list("one"), call.list("two")
        body = {"name": "three", "objectTypeId": "0-1", "processingType": "MANUAL"}
        answer = call("POST", f"{LISTS}/", body)
        assert (answer.status, "limit of 2 lists" in answer.body["message"]) == (400, True)
        call("DELETE", f"{LISTS}/{first}")
        assert call("POST", f"{LISTS}/", body).status == 200
        answer = call("PUT", f"{LISTS}/{first}/restore")
        assert (answer.status, "limit" in answer.body["message"]) == (400, True)


def test_search_and_all() -> None:
    """Search goes by words and offset and wants listIds and processingTypes; `all` goes by cursor in order of ids."""
    with calling() as call:
        ids = [call.list(f"Lamp {n}") for n in range(5)]
        body = {"query": "lamp", "listIds": [], "processingTypes": ["MANUAL"], "count": 2}
        first = call("POST", f"{LISTS}/search", body).body
        assert ([one["listId"] for one in first["lists"]], first["hasMore"], first["total"]) == (ids[:2], True, 5)
        assert first["lists"][0]["additionalProperties"]["hs_list_size"] == "0"
        last = call("POST", f"{LISTS}/search", {**body, "offset": 4}).body
        assert ([one["listId"] for one in last["lists"]], last["hasMore"]) == (ids[4:], False)
        assert call("POST", f"{LISTS}/search", {"query": "lamp"}).status == 400
        page = call("POST", f"{LISTS}/all", {"count": 3, "objectTypeId": "0-1"}).body
        rest = call("POST", f"{LISTS}/all", {"count": 3, "after": page["paging"]["next"]["after"]}).body
        assert [one["listId"] for part in (page, rest) for one in part["results"]] == ids
        assert call("POST", f"{LISTS}/all", {"after": "x"}).body["subCategory"] == "INVALID_CURSOR"
        assert call("POST", f"{LISTS}/all", {"processingTypes": ["STATIC"]}).status == 400
