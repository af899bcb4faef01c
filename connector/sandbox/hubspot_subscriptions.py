"""What an app wants to find in the webhooks journal: `/webhooks-journal/subscriptions/{version}`."""

import json
from collections.abc import Mapping
from typing import Any

from connector.sandbox.clock import iso
from connector.sandbox.exchange import Answer, Call, Operation
from connector.sandbox.hubspot_errors import fields, invalid, not_found
from connector.sandbox.hubspot_portal import PORTAL_ID, Portal
from connector.sandbox.hubspot_scopes import journal
from connector.sandbox.hubspot_webhooks_journal import EVENTS, refresh

APP_ID = 4_713
ACTIONS: dict[str, tuple[str, ...]] = {
    subscription: tuple(action for action, (one, _) in EVENTS.items() if one == subscription)
    for subscription, _ in EVENTS.values()
}
"""subscriptionType -> the actions it can name."""
NARROWING = ("properties", "objectIds", "associatedObjectTypeIds", "listIds")


def create(portal: Portal, call: Call) -> Answer:
    """A new subscription, or the one there is for the same thing with what the body says now."""
    wanted = _checked(portal, fields(call, "subscriptionType", "portalId"))
    known = [one for one in portal.subscribed if _same(one, wanted)]
    number, now = known[0]["id"] if known else portal.state.next_id("subscription"), portal.clock.milliseconds()
    created = known[0]["createdAt"] if known else iso(now)
    made = {"id": number, "appId": APP_ID, **wanted, "createdAt": created, "updatedAt": iso(now)}
    portal.state.run("INSERT OR REPLACE INTO journal_subscription VALUES (?, ?)", number, json.dumps(made))
    refresh(portal)
    return Answer(status=200 if known else 201, content=made)


def _checked(portal: Portal, body: Mapping[str, Any]) -> dict[str, Any]:
    what = body["subscriptionType"]
    if what not in ACTIONS:
        raise invalid(f"Invalid subscription type provided: {what}")
    if body["portalId"] != PORTAL_ID:
        raise invalid(f"The app is not installed in account {body['portalId']}")
    actions = body.get("actions") or (ACTIONS[what] if what == "GDPR_PRIVACY_DELETION" else [])
    if not actions or set(actions) - set(ACTIONS[what]):
        raise invalid(f"actions of {what} are some of {list(ACTIONS[what])}")
    if what in ("OBJECT", "ASSOCIATION") and not body.get("objectTypeId"):
        raise invalid("Invalid input JSON: Some required fields were not set: ['objectTypeId']")
    typed = {"objectTypeId": portal.kind(str(body["objectTypeId"])).id} if body.get("objectTypeId") else {}
    narrowing = {name: body.get(name) or [] for name in NARROWING}
    return {"subscriptionType": what, "portalId": PORTAL_ID, "actions": list(actions), **typed, **narrowing}


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    key = ("subscriptionType", "objectTypeId", "objectIds", "associatedObjectTypeIds", "listIds")
    return all(one.get(name) == other.get(name) for name in key)


def list_all(portal: Portal, call: Call) -> Answer:
    """All subscriptions of the app."""
    return Answer(content={"results": list(portal.subscribed)})


def get_one(portal: Portal, call: Call) -> Answer:
    """One subscription."""
    return Answer(content=_find(portal, call.params["id"]))


def _find(portal: Portal, text: str) -> Mapping[str, Any]:
    for one in portal.subscribed:
        if str(one["id"]) == text:
            return one
    raise not_found(f"Subscription {text} does not exist")


def delete(portal: Portal, call: Call) -> Answer:
    """End one; what is in the journal stays there."""
    portal.state.run("DELETE FROM journal_subscription WHERE id = ?", _find(portal, call.params["id"])["id"])
    refresh(portal)
    return Answer(status=204)


def delete_all(portal: Portal, call: Call) -> Answer:
    """End all of an account."""
    if call.params["portal"] == str(PORTAL_ID):
        portal.state.run("DELETE FROM journal_subscription")
        refresh(portal)
    return Answer(status=204)


PATH = "/webhooks-journal/subscriptions/{version}"
READ, WRITE = journal("subscriptions.read"), journal("subscriptions.write")
_EXEMPT: dict[str, Any] = {"bucket": "exempt"}
_WRITES: dict[str, Any] = {"scopes": WRITE, "write": True, "bucket": "exempt"}

OPERATIONS = (
    Operation(method="POST", path=PATH, handle=create, **_WRITES),
    Operation(method="GET", path=PATH, handle=list_all, scopes=READ, **_EXEMPT),
    Operation(method="GET", path=PATH + "/{id}", handle=get_one, scopes=READ, **_EXEMPT),
    Operation(method="DELETE", path=PATH + "/{id}", handle=delete, **_WRITES),
    Operation(method="DELETE", path=PATH + "/portals/{portal}", handle=delete_all, **_WRITES),
)
