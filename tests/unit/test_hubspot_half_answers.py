"""Answers that look friendly and tell only half: nothing is taken from them that they do not say."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hubspot_rig import Rig, pulled, rigged

from connector.errors import RetryLater
from connector.model import Delivery, ListSpec, Purpose

VIP = ListSpec(name="vip", label="VIP", purpose=Purpose.EMAIL)


@pytest.fixture
def rig() -> Iterator[Rig]:
    """An empty portal."""
    with rigged() as rig:
        yield rig


def wish(values: Mapping[str, Mapping[str, str | None]]) -> Delivery:
    """Properties to write."""
    return Delivery(id="x", destination="hubspot", kind="properties", values=values)


def change(add: Sequence[str] = (), remove: Sequence[str] = ()) -> Delivery:
    """A change of the list."""
    return Delivery(id="x", destination="hubspot", kind="membership", audience="vip", add=add, remove=remove)


def row_error(contact: str, category: str = "VALIDATION_ERROR") -> dict[str, Any]:
    """A 207 in which one row failed."""
    error = {"status": "error", "category": category, "message": "some rule", "context": {"ids": [contact]}}
    return {"status": "COMPLETE", "results": [], "errors": [error], "numErrors": 1}


def test_a_row_that_fails_keeps_hubspots_words(rig: Rig) -> None:
    """Only OBJECT_NOT_FOUND means that a contact is gone; any other row error is told as HubSpot put it."""
    (one,) = rig.contacts(1)
    crm = rig.crm()
    crm.provision()
    rig.fault("batch/update", status=207, body=row_error(one))
    assert crm.deliver(wish({one: {"loyalty_tier": "gold"}})).rejected == {one: "some rule"}


def test_a_property_the_mapping_no_longer_names(rig: Rig, tmp_path: Path) -> None:
    """Nothing is written for it, and the receipt still accounts for its contact: the books must balance."""
    (one,) = rig.contacts(1)
    packaged = Path(__file__).parents[2] / "mappings" / "hubspot.yaml"
    mapping = yaml.safe_load(packaged.read_text())
    del mapping["properties"]["rfm_cell"]
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "hubspot.yaml").write_text(yaml.safe_dump(mapping, sort_keys=False))
    crm = rig.crm(tmp_path)
    crm.provision()
    assert crm.deliver(wish({one: {"rfm_cell": "champions"}})).written == {one: None}


@pytest.mark.parametrize(("at", "method"), [("/name/", ""), ("folders", ""), ("/crm/lists/2026-09/", "POST")])
def test_a_list_is_not_made_on_an_empty_answer(rig: Rig, at: str, method: str) -> None:
    """Looking for a list, its folder, or making it, answered with nothing: the run waits, it does not fail."""
    rig.fault(at, empty=True, method=method)
    with pytest.raises(RetryLater):
        rig.crm().ensure([VIP])


def test_room_is_not_made_on_an_empty_answer(rig: Rig) -> None:
    """Lists that an answer leaves out are asked for alone before they count as deleted."""
    crm = rig.crm(max_lists=1)
    first = crm.ensure([VIP]).ids["vip"]
    rig.fault("/crm/lists/2026-09", method="GET", empty=True)
    refused = crm.ensure([VIP, ListSpec(name="more", label="More", purpose=Purpose.EMAIL)]).refused
    assert list(refused) == ["more"]
    assert rig.kept.get("list", "vip") == first


def test_orders_whose_contact_is_left_out_of_an_answer_are_asked_again(rig: Rig) -> None:
    """A buyer does not become a guest because one answer passed over the order."""
    crm, (buyer,) = rig.crm(), rig.contacts(1)
    cursor = pulled(crm, "order_header")[-1].cursor
    rig.sandbox.clock.advance(5)
    told, passed_over = (rig.sandbox.create_order(buyer, [("L", "1", "2")]) for _ in range(2))
    rig.sandbox.clock.advance(60)
    half = {"from": {"id": told}, "to": [{"toObjectId": buyer, "associationTypes": []}]}
    rig.fault("/crm/associations/", status=200, body={"status": "COMPLETE", "results": [half]})
    tables = [table for batch in pulled(crm, "order_header", cursor) for table in batch.tables.values()]
    assert {row["key"]: row["contact_key"] for table in tables for row in table.to_pylist()} == {
        f"hubspot:{one}": f"hubspot:{buyer}" for one in (told, passed_over)
    }


def test_a_mark_that_was_not_taken_is_not_called_taken(rig: Rig) -> None:
    """A contact that a reading leaves out, or whose row failed, keeps its mark, and the receipt says so."""
    crm, (one, other) = rig.crm(lists="properties"), rig.contacts(2)
    crm.ensure([VIP])
    crm.deliver(change(add=[one, other]))
    shown = {"id": one, "properties": {"lamplighter_audiences_email": "vip"}, "updatedAt": "2026-01-01T00:00:00Z"}
    rig.fault("contacts/batch/read", status=200, body={"status": "COMPLETE", "results": [shown]})
    receipt = crm.deliver(change(remove=[one, other]))
    assert (list(receipt.removed), list(receipt.rejected)) == ([one], [other])
    rig.fault("contacts/batch/update", status=207, body=row_error(other))
    assert crm.deliver(change(remove=[other])).rejected == {other: "some rule"}


def test_an_option_that_stays_deleted_makes_no_empty_property(rig: Rig) -> None:
    """Deleted a second time, the property is not made again without options."""
    at = "/crm/properties/2026-09/contacts/lamplighter_audiences_email"
    crm, (one,) = rig.crm(lists="properties"), rig.contacts(1)
    for _ in range(2):
        crm.ensure([VIP])
        rig.act("DELETE", at)
        with pytest.raises(RetryLater):
            crm.deliver(change(add=[one]))
    assert list(crm.ensure([VIP]).refused) == ["vip"]
    assert rig.sandbox.portal.act("GET", at).status == 404
