"""Events: conversions, and corrections of conversions, which are events with the same transaction id.

Source: google/ads/datamanager/v1/event.proto; Data Manager API, "Conversion adjustments".
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from connector.sandbox.clock import milliseconds_of
from connector.sandbox.exchange import Answer, Call, Operation
from connector.sandbox.google_account import Account, Outcome
from connector.sandbox.google_errors import Failed, Violation, invalid
from connector.sandbox.google_payload import decoder, destinations, objection, read_all

MOST_EVENTS = 2_000
ROW = "events.events[{}]"


def ingest(account: Account, call: Call) -> Answer:
    """Take events in; one that has the transaction id of an earlier one corrects it."""
    body = json.loads(call.body)
    places, events = _places(account, body), _events(account, body)
    people = read_all(events, ROW, _data, decoder(body), account.refused)
    _check(events)
    if body.get("validateOnly"):
        return Answer(content={})
    failed = Counter(why for one in events if (why := objection(account, one, body)))
    if account.failing:
        failed = Counter({"PROCESSING_ERROR_REASON_INTERNAL_ERROR": len(events)})
    else:
        _keep(account, [one for one in events if not objection(account, one, body)])
    told = sum(map(len, people))
    outcomes = [
        Outcome(destination=place, kind="events", records=len(events), identifiers=told, failed=failed)
        for place in places
    ]
    return Answer(content={"requestId": account.accept(outcomes)})


def _places(account: Account, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    told = destinations(account, body)
    if any(one.get("productDestinationId") != account.settings.conversion_action for one in told):
        field = "destinations.destinations[0].product_destination_id"
        raise invalid("INVALID_CONVERSION_ACTION_ID", field, "Conversion action ID is not valid.")
    return told


def _events(account: Account, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    events = body.get("events")
    if not isinstance(events, list) or not events:
        raise invalid("REQUIRED_FIELD_MISSING", "events", "An event is required.")
    account.largest = max(account.largest, len(events))
    if len(events) > MOST_EVENTS:
        raise invalid("TOO_MANY_EVENTS", "events", "At most 2,000 events.")
    return events


def _data(event: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = event.get("userData") or {}
    return found


def _check(events: Sequence[Mapping[str, Any]]) -> None:
    wrong = [one for at, event in enumerate(events) for one in _violations(ROW.format(at), event)]
    if wrong:
        raise Failed(status="INVALID_ARGUMENT", reason="INVALID_ARGUMENT", violations=wrong)


def _violations(path: str, event: Mapping[str, Any]) -> list[Violation]:
    found = []
    try:
        milliseconds_of(event.get("eventTimestamp") or "no time")
    except ValueError:
        found.append(("event_timestamp", "INVALID_FORMAT"))
    currency = event.get("currency", "USD")
    if not (isinstance(currency, str) and len(currency) == 3 and currency.isalpha() and currency.isupper()):
        found.append(("currency", "INVALID_CURRENCY_CODE"))
    for at, item in enumerate((event.get("cartData") or {}).get("items") or ()):
        if not str(item.get("quantity", "1")).isdecimal():
            found.append((f"cart_data.items[{at}].quantity", "INVALID_NUMBER_FORMAT"))
    words = "The value is not valid."
    return [Violation(field=f"{path}.{name}", description=words, reason=reason) for name, reason in found]


def _keep(account: Account, events: Sequence[dict[str, Any]]) -> None:
    for event in events:
        versions = account.events.setdefault(event.get("transactionId") or f"none-{len(account.events)}", [])
        if event not in versions:
            versions.append(event)


OPERATIONS = (Operation(method="POST", path="/v1/events:ingest", handle=ingest, write=True, bucket="ingestion"),)
