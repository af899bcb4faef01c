"""The bin: archived records, what restoring brings back, and what is gone for good."""

from collections.abc import Iterator

import pytest
from test_sandbox_caller import CONTACTS, LINES, LISTS, ORDERS, Caller, calling

DAY = 86_400


@pytest.fixture(scope="module")
def call() -> Iterator[Caller]:
    """One sandbox for the whole file."""
    with calling() as caller:
        yield caller


def restored(call: Caller, kind: str, number: str) -> None:
    """Take a record out of the bin, by the control API."""
    answer = call("POST", "/_sandbox/restore", {"kind": kind, "id": number})
    assert (answer.status, answer.body) == (200, {"result": number})


def orders_of(call: Caller, contact: str) -> list[str]:
    """Ids of a contact's orders."""
    found = call("GET", f"{CONTACTS}/{contact}?associations=orders").body.get("associations", {"orders": {}})
    return [one["id"] for one in found["orders"].get("results", [])]


def test_a_restored_contact_keeps_id_values_and_orders(call: Caller) -> None:
    """It is live again under its id with its e-mail, values and orders; search finds it; its lists it left for good."""
    number = call.contact(email="back@example.com", city="Ulm")
    order, members = call.order(number), call.list("left", number)
    before = call("GET", f"{CONTACTS}/{number}?properties=city").body
    call("DELETE", f"{CONTACTS}/{number}")
    restored(call, "contacts", number)
    after = call("GET", f"{CONTACTS}/{number}?properties=city").body
    assert after == before
    assert orders_of(call, number) == [order]
    assert call("GET", f"{CONTACTS}/back@example.com?idProperty=email").body["id"] == number
    assert call("POST", CONTACTS, {"properties": {"email": "back@example.com"}}).status == 409
    filters = [{"propertyName": "email", "operator": "EQ", "value": "back@example.com"}]
    assert call("POST", f"{CONTACTS}/search", {"filterGroups": [{"filters": filters}]}).body["total"] == 1
    assert call("GET", f"{LISTS}/{members}/memberships").body["results"] == []
    assert call("GET", f"{CONTACTS}/{number}?archived=true").status == 404


def test_an_association_comes_back_with_its_second_end(call: Caller) -> None:
    """Where contact and order were both archived, they are tied again once both are restored, in either order."""
    for first, second in (("contacts", "orders"), ("orders", "contacts")):
        contact = call.contact()
        ids = {"contacts": contact, "orders": (order := call.order(contact, lines=1))}
        for kind, path in (("contacts", CONTACTS), ("orders", ORDERS)):
            call("DELETE", f"{path}/{ids[kind]}")
        restored(call, first, ids[first])
        restored(call, second, ids[second])
        assert orders_of(call, contact) == [order]
        lines = call("GET", f"{ORDERS}/{order}?associations=line_items").body["associations"]["line items"]["results"]
        assert len(lines) == 1


def test_an_order_finds_its_contact_under_the_survivors_id(call: Caller) -> None:
    """An order in the bin while its contact was merged belongs to the survivor when it is restored."""
    contact, other = call.contact(), call.contact()
    order = call.order(contact)
    call("DELETE", f"{ORDERS}/{order}")
    body = {"primaryObjectId": other, "objectIdToMerge": contact}
    survivor = call("POST", f"{CONTACTS}/merge", body).body["id"]
    restored(call, "orders", order)
    assert orders_of(call, survivor) == [order]


def test_a_line_that_moved_on_does_not_come_back(call: Caller) -> None:
    """An order whose line was put on another order meanwhile is restored without that line."""
    gone, other = call.order(call.contact(), lines=2), call.sandbox.create_order(None, [])
    held = call("GET", f"{ORDERS}/{gone}?associations=line_items").body["associations"]["line items"]["results"]
    first, second = (one["id"] for one in held)
    call("DELETE", f"{ORDERS}/{gone}")
    assert call("PUT", f"{LINES}/{first}/associations/default/orders/{other}").status == 200
    restored(call, "orders", gone)
    parents = [
        call("GET", f"{LINES}/{line}?associations=orders").body["associations"]["orders"]["results"]
        for line in (first, second)
    ]
    assert [[one["id"] for one in found] for found in parents] == [[other], [gone]]


def test_a_taken_email_keeps_a_contact_in_the_bin(call: Caller) -> None:
    """Where another contact has the address by now, also as a further one, restoring is refused and changes nothing."""
    for number, name in enumerate(("email", "hs_additional_emails")):
        gone = call.contact(email=f"taken{number}@example.com")
        call("DELETE", f"{CONTACTS}/{gone}")
        call.contact(**{name: f"taken{number}@example.com"})
        answer = call("POST", "/_sandbox/restore", {"kind": "contacts", "id": gone})
        assert (answer.status, "already exists" in answer.body["error"]) == (400, True)
        assert call("GET", f"{CONTACTS}/{gone}?archived=true").status == 200


def test_only_what_is_in_the_bin_is_restored(call: Caller) -> None:
    """A living record, one that never was, an erased one and a merged id are refused."""
    living, erased = call.contact(), call.contact()
    call("POST", f"{CONTACTS}/gdpr-delete", {"objectId": erased})
    old = call.contact()
    call("POST", f"{CONTACTS}/merge", {"primaryObjectId": call.contact(), "objectIdToMerge": old})
    for number in (living, "999999", erased, old):
        assert call("POST", "/_sandbox/restore", {"kind": "contacts", "id": number}).status == 400


def test_lines_and_deals_are_restored_too() -> None:
    """Every type has a bin; the lever is on the sandbox as well."""
    with calling() as call:
        order = call.order(call.contact(), lines=1)
        line = call("GET", LINES).body["results"][0]["id"]
        call("DELETE", f"{LINES}/{line}")
        assert "associations" not in call("GET", f"{ORDERS}/{order}?associations=line_items").body
        assert call.sandbox.restore("line_items", line) == line
        back = call("GET", f"{LINES}/{line}?associations=orders").body["associations"]["orders"]["results"]
        assert [one["id"] for one in back] == [order]


def test_the_bin_forgets_after_ninety_days() -> None:
    """Up to then the archived listing shows a record with its time; after that it is neither listed nor restorable."""
    with calling() as call:
        number = call.contact(email="old@example.com")
        call("DELETE", f"{CONTACTS}/{number}")
        call.sandbox.clock.advance(89 * DAY)
        listed = call("GET", f"{CONTACTS}?archived=true").body["results"]
        assert [(one["id"], one["archived"], "archivedAt" in one) for one in listed] == [(number, True, True)]
        call.sandbox.clock.advance(2 * DAY)
        assert call("GET", f"{CONTACTS}?archived=true").body["results"] == []
        assert call("GET", f"{CONTACTS}/{number}?archived=true").status == 404
        with pytest.raises(ValueError, match="not found"):
            call.sandbox.restore("contacts", number)


def test_an_archived_contact_can_be_erased(call: Caller) -> None:
    """Permanent deletion takes a contact out of the bin too; its address can come back, as another record."""
    number = call.contact(email="forget@example.com", city="Ulm")
    call("PATCH", f"{CONTACTS}/{number}", {"properties": {"city": "Bonn"}})
    call("DELETE", f"{CONTACTS}/{number}")
    assert call("POST", f"{CONTACTS}/gdpr-delete", {"objectId": number}).status == 204
    assert call("GET", f"{CONTACTS}/{number}?archived=true").status == 404
    again = call("POST", CONTACTS, {"properties": {"email": "forget@example.com"}})
    assert (again.status, again.body["id"] == number) == (201, False)
    assert call.sandbox.portal.portal.state.value("SELECT count(*) FROM past WHERE id = ?", int(number)) == 0


def test_only_contacts_are_erased(call: Caller) -> None:
    """Orders cannot be permanently deleted, and an unknown id or address is 404."""
    order = call.order(call.contact())
    assert call("POST", f"{ORDERS}/gdpr-delete", {"objectId": order}).status == 400
    for body in ({"objectId": "999999"}, {"objectId": "none@example.com", "idProperty": "email"}):
        assert call("POST", f"{CONTACTS}/gdpr-delete", body).status == 404
