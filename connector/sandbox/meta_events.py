"""The sandbox Meta's dataset: server events (Conversions API), each counted once, a bad one failing its whole request.

Sources: Meta, "Server Event Parameters", "Sending Offline Events", "Handling Duplicate Pixel and Conversions API
Events". There is no event that takes a purchase back: a refund can only be told as an event of one's own.
"""

from collections.abc import Mapping
from typing import Any

from connector.sandbox.exchange import Answer, Call, Operation
from connector.sandbox.meta_account import Account
from connector.sandbox.meta_errors import invalid, no_such
from connector.sandbox.meta_params import listed, params
from connector.sandbox.meta_rows import HASHED

DAY = 86_400
OLDEST = {"physical_store": 62 * DAY}
"""Action source -> the age in seconds beyond which an event fails; of all others seven days."""
ONLINE = frozenset({"website", "app", "email", "phone_call", "chat", "business_messaging"})
SOURCES = ONLINE | {"physical_store", "system_generated", "other"}
APART = 48 * 3_600
"""Seconds within which a second event of the same name and id is no further one."""
IDENTIFIERS = ("em", "ph")


def take(account: Account, call: Call) -> Answer:
    """POST /{dataset}/events."""
    if call.params["dataset"] != account.settings.dataset:
        raise no_such(call.params["dataset"], "post")
    events = listed(params(call), "data")
    if not 1 <= len(events) <= account.settings.events:
        raise invalid(f"param data must hold 1 to {account.settings.events} events.", 2_804_008)
    for place, event in enumerate(events):
        if why := _wrong(account, event):
            raise invalid("Invalid parameter", 2_804_003, error_user_msg=f"event {place}: {why}")
    for event in events:
        _count(account, event)
    return Answer(content={"events_received": len(events), "messages": []})


def _wrong(account: Account, event: Mapping[str, Any]) -> str:
    """Why an event fails its request; empty where it does not."""
    now, at = account.clock.milliseconds() // 1_000, event.get("event_time")
    source = event.get("action_source")
    if not event.get("event_name") or not isinstance(at, int):
        return "event_name and event_time (in seconds) are required"
    if source not in SOURCES:
        return "action_source is required"
    if now - at > OLDEST.get(source, 7 * DAY):
        return "event_time is too far in the past"
    if at > now + 60:
        return "event_time is in the future"
    return _wrong_person(event.get("user_data") or {}) or _wrong_purchase(event)


def _wrong_person(person: Mapping[str, Any]) -> str:
    hashes = [one for name in IDENTIFIERS for one in _many(person.get(name))]
    if not hashes:
        return "there is not enough customer information in user_data"
    return "" if all(HASHED(str(one)) for one in hashes) else "em and ph must be hashed"


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []


def _wrong_purchase(event: Mapping[str, Any]) -> str:
    told = event.get("custom_data") or {}
    if event["event_name"] != "Purchase":
        return ""
    if not isinstance(told.get("value"), int | float) or told["value"] < 0:
        return "a Purchase needs its value, a number that is not negative"
    return "" if len(str(told.get("currency", ""))) == 3 else "a Purchase needs its currency"


def _count(account: Account, event: Mapping[str, Any]) -> None:
    """Count an event, unless one of that name and id is there and not long ago; later it counts again."""
    now = account.clock.milliseconds() // 1_000
    key = event["event_name"], str(event.get("event_id") or f"untold-{len(account.events)}")
    before = account.events.get(key)
    if before and now - before["received"] > APART:
        key = key[0], f"{key[1]}@{now}"
    account.events.setdefault(key, {**event, "received": now})


OPERATIONS = (Operation(method="POST", path="/{version}/{dataset}/events", handle=take, write=True),)
