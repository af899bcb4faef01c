"""Sales told to Meta: with the catalogue's ids and the order's number, each once, the bad ones without the good."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from meta_rig import Rig, rigged

from connector.errors import RetryLater, SetupError
from connector.model import Sale, SoldItem


@pytest.fixture(scope="module")
def account() -> Iterator[Rig]:
    """One account for all."""
    with rigged() as rig:
        yield rig


@pytest.fixture
def rig(account: Rig) -> Rig:
    """It without events."""
    account.sandbox.meta.account.events.clear()
    account.sandbox.journal.clear()
    account.sandbox.faults.clear()
    return account


def sale(rig: Rig, key: str = "k1", **more: Any) -> Sale:
    """A purchase of two lamps."""
    told: dict[str, Any] = {
        "key": key,
        "order_id": f"S-{key}",
        "kind": "purchase",
        "at": rig.now() - timedelta(days=1),
        "identifiers": [("email", "Mary@Example.com"), ("phone", "+15559876543"), ("user_id", "7")],
        "items": [SoldItem(product_id="lamp-red", quantity=Decimal(2), unit_price=Decimal("6.15"))],
        "value": Decimal("12.30"),
        "currency": "GBP",
    }
    return Sale(**{**told, **more})


def test_a_purchase_carries_what_product_ads_need(rig: Rig) -> None:
    """The order's number is the event id, as the shop's own tag sends it; the buyer is hashed Meta's way."""
    receipt = rig.meta().report([sale(rig)])
    assert list(receipt.written) == ["k1"] and not receipt.rejected
    ((event,),) = (body["data"] for body in rig.bodies("/events"))
    assert (event["event_name"], event["event_id"], event["action_source"]) == ("Purchase", "S-k1", "system_generated")
    assert event["user_data"] == {
        "em": ["f1904cf1a9d73a55fa5de0ac823c4403ded71afd4c3248d00bdcd0866552bb79"],
        "ph": ["1ef970831d7963307784fa8688e8fce101a15685d62aa765fed23f3a2c576a4e"],
    }
    assert event["custom_data"] == {
        "order_id": "S-k1",
        "value": 12.3,
        "currency": "GBP",
        "content_type": "product",
        "content_ids": ["lamp-red"],
        "contents": [{"id": "lamp-red", "quantity": 2, "item_price": 6.15}],
    }


def test_a_refund_is_an_event_of_its_own(rig: Rig) -> None:
    """Meta knows none that takes a purchase back; ours has its own name and id."""
    rig.meta().report([sale(rig), sale(rig, "k2", order_id="S-k1", kind="refund")])
    assert list(rig.sandbox.meta.account.events) == [("Purchase", "S-k1"), ("Refund", "k2")]


def test_telling_twice_counts_once(rig: Rig) -> None:
    """Also where the first answer was lost."""
    rig.fault("/events", drop=True, after_effect=True)
    for _ in range(2):
        rig.meta().report([sale(rig)])
    assert len(rig.sandbox.meta.account.events) == 1


def test_what_meta_would_refuse_is_not_sent(rig: Rig) -> None:
    """One such event would fail all that travel with it. What a shop sold may be 62 days old."""
    old = sale(rig, "old", at=rig.now() - timedelta(days=8))
    told = [sale(rig), old, sale(rig, "far", at=rig.now() + timedelta(days=1)), sale(rig, "who", identifiers=[])]
    receipt = rig.meta().report(told)
    assert sorted(receipt.rejected) == ["far", "old", "who"] and list(receipt.written) == ["k1"]
    assert "7 days" in receipt.rejected["old"]
    assert list(rig.meta(action_source="physical_store").report([old]).written) == ["old"]


def test_one_bad_sale_does_not_fail_its_neighbours(rig: Rig) -> None:
    """Halves are sent until it stands alone, with Meta's words."""
    receipt = rig.meta().report(
        [sale(rig, f"k{number}", currency="?" if number == 3 else "GBP") for number in range(6)]
    )
    assert list(receipt.rejected) == ["k3"] and "currency" in receipt.rejected["k3"]
    assert len(rig.sandbox.meta.account.events) == len(receipt.written) == 5


def test_an_answer_that_counts_other_events_is_no_answer(rig: Rig) -> None:
    """Nothing is taken for told."""
    rig.fault("/events", status=200, body={"events_received": 0})
    with pytest.raises(RetryLater):
        rig.meta().report([sale(rig)])


def test_without_a_dataset_no_sale_is_told(rig: Rig) -> None:
    """The terms say so, and whoever asks nevertheless learns what to set. A wrong one is the admin's to mend."""
    meta = rig.meta(dataset="")
    assert not meta.terms.takes_sales
    with pytest.raises(SetupError, match=r"ads\.meta\.dataset"):
        meta.report([sale(rig)])
    with pytest.raises(SetupError):
        rig.meta(dataset="990066").report([sale(rig)])


def test_limited_data_use_travels_with_events(rig: Rig) -> None:
    """Meta finds out who lives where."""
    rig.meta(limited_data_use=True).report([sale(rig)])
    ((event,),) = (body["data"] for body in rig.bodies("/events"))
    assert (event["data_processing_options"], event["data_processing_options_country"]) == (["LDU"], 0)
