"""Associations by the thousand and one by one."""

from collections.abc import Iterator

import pytest
from test_sandbox_caller import CONTACTS, ORDERS, Caller, V, calling

PATH = f"/crm/associations/{V}"


@pytest.fixture(scope="module")
def call() -> Iterator[Caller]:
    """One sandbox for the whole file."""
    with calling() as caller:
        yield caller


def ends(call: Caller, start: str, end: str, number: str) -> list[str]:
    """Ids that a record is tied to."""
    answer = call("POST", f"{PATH}/{start}/{end}/batch/read", {"inputs": [{"id": number}]}).body
    return [one["toObjectId"] for result in answer["results"] for one in result["to"]]


def test_batch_read_gives_types_and_names_those_without(call: Caller) -> None:
    """Records without associations are error rows of a 207 under NO_ASSOCIATIONS_FOUND; the others carry type ids."""
    contact = call.contact()
    order, guest = call.order(contact), call.sandbox.portal.create_order(None, [])
    body = {"inputs": [{"id": order}, {"id": guest}]}
    answer = call("POST", f"{PATH}/orders/contacts/batch/read", body)
    assert answer.status == 207
    assert answer.body["results"][0]["from"] == {"id": order}
    types = [{"category": "HUBSPOT_DEFINED", "typeId": 507, "label": None}]
    assert answer.body["results"][0]["to"] == [{"toObjectId": contact, "associationTypes": types}]
    error = answer.body["errors"][0]
    assert error["subCategory"] == "crm.associations.NO_ASSOCIATIONS_FOUND"
    assert error["context"]["fromObjectId"] == [guest]
    assert call("POST", f"{PATH}/0-123/0-1/batch/read", {"inputs": [{"id": order}]}).status == 200


def test_batch_read_takes_a_thousand_and_pages_per_id(call: Caller) -> None:
    """1,001 inputs are too many; a record with over 500 associations has its own `after`."""
    many = [{"id": str(n)} for n in range(1, 1_002)]
    assert call("POST", f"{PATH}/orders/contacts/batch/read", {"inputs": many}).status == 400
    assert call("POST", f"{PATH}/orders/contacts/batch/read", {"inputs": many[:1_000]}).status == 207
    order = call.order(call.contact(), lines=510)
    first = call("POST", f"{PATH}/orders/line_items/batch/read", {"inputs": [{"id": order}]}).body["results"][0]
    assert len(first["to"]) == 500
    after = first["paging"]["next"]["after"]
    rest = call("POST", f"{PATH}/orders/line_items/batch/read", {"inputs": [{"id": order, "after": after}]}).body
    assert len(rest["results"][0]["to"]) == 10


def test_batch_create_and_archive_work_in_both_directions(call: Caller) -> None:
    """What is tied from one side is seen from the other, and untied for both."""
    contact, order = call.contact(), call.sandbox.portal.create_order(None, [])
    spec = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 507}]
    made = call("POST", f"{PATH}/orders/contacts/batch/create", {"inputs": [_pair(order, contact) | {"types": spec}]})
    assert (made.status, made.body["results"][0]["toObjectId"]) == (201, contact)
    assert ends(call, "contacts", "orders", contact) == [order]
    gone = {"inputs": [{"from": {"id": contact}, "to": [{"id": order}]}]}
    assert call("POST", f"{PATH}/contacts/orders/batch/archive", gone).status == 204
    assert ends(call, "orders", "contacts", order) == []
    missing = call("POST", f"{PATH}/orders/contacts/batch/create", {"inputs": [_pair(order, "999999")]})
    assert (missing.status, missing.body["context"]["ids"]) == (404, ["999999"])


def _pair(start: str, end: str) -> dict[str, object]:
    return {"from": {"id": start}, "to": {"id": end}}


def test_single_associations_do_not_move_the_modified_date(call: Caller) -> None:
    """An order handed to another contact looks unchanged: nobody's modified date moves."""
    first, second = call.contact(), call.contact()
    order = call.order(first)
    before = [call("GET", path).body["updatedAt"] for path in (f"{ORDERS}/{order}", f"{CONTACTS}/{second}")]
    call.sandbox.clock.advance(5)
    assert call("DELETE", f"{ORDERS}/{order}/associations/contacts/{first}").status == 204
    put = call("PUT", f"{ORDERS}/{order}/associations/default/contacts/{second}")
    assert {one["associationSpec"]["associationTypeId"] for one in put.body["results"]} == {507, 508}
    assert ends(call, "orders", "contacts", order) == [second]
    assert call("GET", f"{CONTACTS}/{second}/associations/orders").body["results"][0]["toObjectId"] == order
    after = [call("GET", path).body["updatedAt"] for path in (f"{ORDERS}/{order}", f"{CONTACTS}/{second}")]
    assert after == before


def test_labelled_put_checks_the_type(call: Caller) -> None:
    """PUT with a body ties by the named type, and refuses one of another pair."""
    contact, order = call.contact(), call.sandbox.portal.create_order(None, [])
    path = f"{ORDERS}/{order}/associations/contacts/{contact}"
    spec = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 513}
    assert call("PUT", path, [spec]).status == 400
    assert call("PUT", path, [{**spec, "associationTypeId": 507}]).status == 201
    assert ends(call, "contacts", "orders", contact) == [order]


def test_pairs_that_hubspot_does_not_tie_are_refused(call: Caller) -> None:
    """Products and contacts have no association type."""
    assert call("POST", f"{PATH}/products/contacts/batch/read", {"inputs": [{"id": "1"}]}).status == 400
