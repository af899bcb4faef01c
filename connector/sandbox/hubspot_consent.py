"""Subscriptions to e-mail: `/communication-preferences/{version}`, read from the contact's own properties.

Reading many at once is for Enterprise accounts only (source: HubSpot's communication preferences guide).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from connector.sandbox.clock import iso
from connector.sandbox.exchange import Answer, Call, Operation, Refusal
from connector.sandbox.hubspot_answers import batch
from connector.sandbox.hubspot_errors import error, fields, invalid
from connector.sandbox.hubspot_portal import Portal
from connector.sandbox.hubspot_records import find_many, owner
from connector.sandbox.hubspot_schema import opt_out
from connector.sandbox.hubspot_types import CONTACT

AT_ONCE = 100
LEGAL_BASIS = {
    "Legitimate interest – prospect/lead": "LEGITIMATE_INTEREST_PQL",
    "Legitimate interest – existing customer": "LEGITIMATE_INTEREST_CLIENT",
    "Legitimate interest - other": "LEGITIMATE_INTEREST_OTHER",
    "Performance of a contract": "PERFORMANCE_OF_CONTRACT",
    "Freely given consent from contact": "CONSENT_WITH_NOTICE",
    "Not applicable": "NON_GDPR",
}
"""Options of the property `hs_legal_basis` -> words of this API."""


def furnish(portal: Portal) -> None:
    """Give contacts the opt-out property of every subscription type of the settings."""
    for number, name in portal.settings.subscriptions.items():
        if f"hs_email_optout_{number}" not in portal.definitions(CONTACT):
            portal.define(CONTACT, opt_out(number, name))


def definitions(portal: Portal, call: Call) -> Answer:
    """The subscription types of the account."""
    rows = [_definition(number, name) for number, name in portal.settings.subscriptions.items()]
    return Answer(content=batch(portal, rows))


def _definition(number: str, name: str) -> dict[str, Any]:
    return {
        "id": number,
        "name": name,
        "description": name,
        "purpose": "Marketing",
        "communicationMethod": "Email",
        "isActive": True,
        "isDefault": False,
        "isInternal": False,
        "createdAt": iso(0),
        "updatedAt": iso(0),
    }


def statuses_of_one(portal: Portal, call: Call) -> Answer:
    """One address's status in every subscription type."""
    _refuse_channel(call)
    return Answer(content=batch(portal, _statuses(portal, call.params["email"])))


def statuses_of_many(portal: Portal, call: Call) -> Answer:
    """The same for many addresses, in the order they were asked for."""
    _refuse_channel(call)
    if portal.settings.tier != "enterprise":
        message = "This endpoint requires a Marketing Hub Enterprise subscription."
        raise Refusal(error(403, message, category="FORBIDDEN"))
    asked = fields(call, "inputs")["inputs"]
    if not isinstance(asked, list) or not 0 < len(asked) <= AT_ONCE or not all(isinstance(one, str) for one in asked):
        raise invalid(f"Invalid input JSON: inputs must be 1 to {AT_ONCE} e-mail addresses")
    results = [{"subscriberIdString": email, "statuses": _statuses(portal, email)} for email in asked]
    return Answer(content=batch(portal, results))


def _refuse_channel(call: Call) -> None:
    if call.query.get("channel") != "EMAIL":
        raise invalid("The query parameter channel must be EMAIL")


def _statuses(portal: Portal, email: str) -> list[dict[str, Any]]:
    """NOT_SPECIFIED where nobody said anything, and for an address that no contact has."""
    number = owner(portal, CONTACT, "email", email)
    record = find_many(portal, CONTACT, [number]).get(number) if number is not None else None
    values = record.properties if record else {}
    since = iso(record.updated if record else 0)
    return [_status(email, one, name, values, since) for one, name in portal.settings.subscriptions.items()]


def _status(email: str, number: str, name: str, values: Mapping[str, str], since: str) -> dict[str, Any]:
    said = values.get(f"hs_email_optout_{number}", "")
    out = "true" in (values.get("hs_email_optout"), said)
    status = "UNSUBSCRIBED" if out else "SUBSCRIBED" if said == "false" else "NOT_SPECIFIED"
    answer = {
        "channel": "EMAIL",
        "source": "sandbox",
        "status": status,
        "subscriberIdString": email,
        "subscriptionId": int(number),
        "subscriptionName": name,
        "timestamp": since,
    }
    basis = _first_basis(values.get("hs_legal_basis", "").split(";"))
    return {**answer, "legalBasis": basis} if basis else answer


def _first_basis(words: Sequence[str]) -> str:
    return next((LEGAL_BASIS[one] for one in words if one in LEGAL_BASIS), "")


PATH = "/communication-preferences/{version}"
READ, READ_MANY = "communication_preferences.read", "communication_preferences.statuses.batch.read"

OPERATIONS = (
    Operation(method="GET", path=PATH + "/definitions", handle=definitions, scopes=lambda call: [[READ]]),
    Operation(
        method="POST",
        path=PATH + "/statuses/batch/read",
        handle=statuses_of_many,
        scopes=lambda call: [[READ_MANY]],
    ),
    Operation(method="GET", path=PATH + "/statuses/{email}", handle=statuses_of_one, scopes=lambda call: [[READ]]),
)
