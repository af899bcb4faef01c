"""Merges and erasures, and what becomes of ids, associations and lists."""

from collections.abc import Iterator

import pytest
from test_sandbox_caller import CONTACTS, LISTS, ORDERS, Caller, calling


@pytest.fixture(scope="module")
def call() -> Iterator[Caller]:
    """One sandbox for the whole file."""
    with calling() as caller:
        yield caller


def merged(call: Caller, primary: str, second: str) -> str:
    """Merge two contacts; returns the survivor's id."""
    body = {"primaryObjectId": primary, "objectIdToMerge": second}
    return str(call("POST", f"{CONTACTS}/merge", body).body["id"])


def test_a_merge_makes_a_new_id_that_old_ids_lead_to(call: Caller) -> None:
    """Old ids answer with the survivor under the survivor's id, and stand in no listing and no search."""
    first, second = call.contact(email="m1@example.com", city="Rom"), call.contact(email="m2@example.com", zip="9")
    survivor = merged(call, first, second)
    assert survivor not in (first, second)
    for old in (first, second):
        assert call("GET", f"{CONTACTS}/{old}").body["id"] == survivor
    read = call("POST", f"{CONTACTS}/batch/read", {"inputs": [{"id": first}, {"id": second}]})
    assert (read.status, [one["id"] for one in read.body["results"]]) == (200, [survivor])
    listed = {one["id"] for one in call("GET", f"{CONTACTS}?limit=100").body["results"]}
    archived = {one["id"] for one in call("GET", f"{CONTACTS}?limit=100&archived=true").body["results"]}
    assert survivor in listed and not {first, second} & (listed | archived)


def test_the_survivor_takes_values_and_emails(call: Caller) -> None:
    """The primary's values win, gaps are filled, the other e-mail stays with the survivor and stays taken."""
    first = call.contact(email="v1@example.com", city="Rom")
    second = call.contact(email="v2@example.com", city="Bonn", zip="9")
    names = "email,city,zip,hs_additional_emails,hs_merged_object_ids"
    survivor = merged(call, first, second)
    values = call("GET", f"{CONTACTS}/{survivor}?properties={names}").body["properties"]
    assert (values["email"], values["city"], values["zip"]) == ("v1@example.com", "Rom", "9")
    assert values["hs_additional_emails"] == "v2@example.com"
    assert values["hs_merged_object_ids"] == f"{first};{second}"
    assert call("POST", CONTACTS, {"properties": {"email": "v2@example.com"}}).status == 409
    assert call("GET", f"{CONTACTS}/v2@example.com?idProperty=email").body["id"] == survivor


def test_chained_merges_keep_every_id(call: Caller) -> None:
    """A survivor that is merged again lists all ids, and the oldest still leads to the newest."""
    a, b, c = (call.contact(email=f"chain{n}@example.com") for n in range(3))
    middle = merged(call, a, b)
    last = merged(call, c, middle)
    values = call("GET", f"{CONTACTS}/{a}?properties=hs_merged_object_ids").body
    assert values["id"] == last
    assert values["properties"]["hs_merged_object_ids"] == ";".join(sorted((a, b, c, middle), key=int))


def test_orders_and_lists_move_to_the_survivor(call: Caller) -> None:
    """Orders of both are the survivor's; it is in each list that either was in; old ids are missing to lists."""
    first, second = call.contact(email="o1@example.com"), call.contact(email="o2@example.com")
    orders = [call.order(first), call.order(second)]
    number = call.list("both", second)
    survivor = merged(call, first, second)
    found = call("GET", f"{CONTACTS}/{survivor}?associations=orders").body["associations"]["orders"]["results"]
    assert [one["id"] for one in found] == orders
    for order in orders:
        back = call("GET", f"{ORDERS}/{order}?associations=contacts").body["associations"]["contacts"]["results"]
        assert [one["id"] for one in back] == [survivor]
    members = call("GET", f"{LISTS}/{number}/memberships").body["results"]
    assert [one["recordId"] for one in members] == [survivor]
    assert call("PUT", f"{LISTS}/{number}/memberships/add", [first]).body["recordIdsMissing"] == [first]


def test_writes_to_an_old_id_reach_the_survivor(call: Caller) -> None:
    """Updates by a merged id, alone or in a batch, change the survivor and answer with its id; so does a merge."""
    survivor = merged(call, old := call.contact(email="w1@example.com"), call.contact(email="w2@example.com"))
    answer = call("POST", f"{CONTACTS}/batch/update", {"inputs": [{"id": old, "properties": {"city": "Ulm"}}]})
    assert [one["id"] for one in answer.body["results"]] == [survivor]
    assert call("PATCH", f"{CONTACTS}/{old}", {"properties": {"zip": "89073"}}).body["id"] == survivor
    newest = merged(call, call.contact(), old)
    values = call("GET", f"{CONTACTS}/{survivor}?properties=city,zip").body
    assert (values["id"], values["properties"]["city"], values["properties"]["zip"]) == (newest, "Ulm", "89073")


def test_an_archived_survivor_is_not_there_until_it_is_restored(call: Caller) -> None:
    """Its old ids are 404 while it is in the bin, and lead to it again afterwards."""
    survivor = merged(call, old := call.contact(), call.contact())
    call("DELETE", f"{CONTACTS}/{survivor}")
    assert call("GET", f"{CONTACTS}/{old}").status == 404
    call.sandbox.restore("contacts", survivor)
    assert call("GET", f"{CONTACTS}/{old}").body["id"] == survivor


def test_merges_that_make_no_sense_are_refused(call: Caller) -> None:
    """A record with itself, one that is not there, and types that HubSpot does not merge."""
    number = call.contact(email="self@example.com")
    body = {"primaryObjectId": number, "objectIdToMerge": number}
    assert call("POST", f"{CONTACTS}/merge", body).status == 400
    assert call("POST", f"{CONTACTS}/merge", {**body, "objectIdToMerge": "999999"}).status == 404
    pair = {"primaryObjectId": call.order(number), "objectIdToMerge": call.order(number)}
    assert call("POST", f"{ORDERS}/merge", pair).status == 400


def test_gdpr_delete_leaves_nothing(call: Caller) -> None:
    """An erased contact is neither listed nor archived, in no list and on no order, also by its old ids."""
    first, second = call.contact(email="e1@example.com"), call.contact(email="e2@example.com")
    order = call.order(first)
    survivor = merged(call, first, second)
    number = call.list("erased", survivor)
    body = {"objectId": "e1@example.com", "idProperty": "email"}
    assert call("POST", f"{CONTACTS}/gdpr-delete", body).status == 204
    for old in (first, second, survivor):
        assert call("GET", f"{CONTACTS}/{old}").status == 404
        assert call("GET", f"{CONTACTS}/{old}?archived=true").status == 404
    assert "associations" not in call("GET", f"{ORDERS}/{order}?associations=contacts").body
    assert call("GET", f"{LISTS}/{number}/memberships").body["total"] == 0
