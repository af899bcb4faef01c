"""The sandbox Meta's dataset: server events, counted once each, and what fails a whole request."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from test_sandbox_meta import Caller, hashed

from connector.sandbox.meta_serve import SandboxMeta

EVENTS = "/v25.0/880055/events"
DAY = 86_400


@pytest.fixture(scope="module")
def shop() -> Iterator[Caller]:
    """One sandbox for all."""
    with SandboxMeta() as sandbox:
        yield Caller(sandbox)


@pytest.fixture
def call(shop: Caller) -> Caller:
    """It without events."""
    shop.sandbox.meta.account.events.clear()
    return shop


def event(**more: Any) -> dict[str, Any]:
    """A purchase that is taken."""
    return {
        "event_name": "Purchase",
        "event_time": int(time.time()) - 60,
        "event_id": "S1",
        "action_source": "system_generated",
        "user_data": {"em": [hashed("a@example.com")]},
        "custom_data": {"order_id": "S1", "value": 12.5, "currency": "GBP", "content_ids": ["lamp"]},
        **more,
    }


def test_an_event_of_the_same_name_and_id_counts_once_for_two_days(call: Caller) -> None:
    """Another name is another event; after 48 hours the same one counts again."""
    assert call("POST", EVENTS, {"data": [event(), event(event_name="Refund")]}).body["events_received"] == 2
    assert call("POST", EVENTS, {"data": [event()]}).body["events_received"] == 1
    assert len(call.sandbox.meta.account.events) == 2
    call.sandbox.clock.advance(2 * DAY + 60)
    call("POST", EVENTS, {"data": [event(event_time=int(time.time()) + 2 * DAY)]})
    call.sandbox.clock.advance(-2 * DAY - 60)
    assert len(call.sandbox.meta.account.events) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"days_ago": 8},
        {"days_ago": 63, "action_source": "physical_store"},
        {"days_ago": -1},
        {"action_source": "phone"},
        {"user_data": {}},
        {"user_data": {"em": ["a@example.com"]}},
        {"custom_data": {"value": 12.5}},
        {"custom_data": {"value": -1, "currency": "GBP"}},
    ],
    ids=str,
)
def test_one_event_that_is_wrong_fails_its_request(call: Caller, wrong: Mapping[str, Any]) -> None:
    """None of its neighbours is taken."""
    told = {"days_ago": 0, **wrong}
    odd = event(event_time=int(time.time()) - told.pop("days_ago") * DAY, **told)
    assert call("POST", EVENTS, {"data": [event(event_id="S2"), odd]}).codes[0] == 100
    assert not call.sandbox.meta.account.events


def test_an_old_sale_of_a_shop_is_taken(call: Caller) -> None:
    """Physical stores may tell of 62 days."""
    old = event(event_time=int(time.time()) - 60 * DAY, action_source="physical_store")
    assert call("POST", EVENTS, {"data": [old]}).status == 200


def test_another_dataset_is_not_ours(call: Caller) -> None:
    """As any object that may not be seen."""
    assert call("POST", "/v25.0/990066/events", {"data": [event()]}).codes == (100, 33)
    assert call("GET", "/v25.0/880055").body["id"] == "880055"
