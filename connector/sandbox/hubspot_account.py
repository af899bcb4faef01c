"""The account itself: its details, its use of the daily quota, and how many properties it may define."""

from collections.abc import Mapping
from typing import Any

from connector.sandbox.clock import DAY, iso
from connector.sandbox.exchange import Answer, Call, Operation
from connector.sandbox.hubspot_errors import invalid
from connector.sandbox.hubspot_portal import PORTAL_ID, Portal
from connector.sandbox.hubspot_types import KNOWN, ObjectType


def details(portal: Portal, call: Call) -> Answer:
    """Who this account is."""
    offset = portal.settings.utc_offset_minutes
    return Answer(
        content={
            "portalId": PORTAL_ID,
            "accountType": portal.settings.account_type,
            "timeZone": _time_zone(offset),
            "utcOffset": _offset(offset),
            "utcOffsetMilliseconds": offset * 60_000,
            "companyCurrency": "GBP",
            "additionalCurrencies": [],
            "uiDomain": "app.hubspot.com",
            "dataHostingLocation": "na1",
        }
    )


def _time_zone(minutes: int) -> str:
    """A zone of that offset all year; those of whole hours have a name, which counts the other way round."""
    if minutes % 60:
        return f"UTC{_offset(minutes)}"
    return f"Etc/GMT{-minutes // 60:+d}" if minutes else "Etc/UTC"


def _offset(minutes: int) -> str:
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}:{rest:02d}"


def midnight(portal: Portal) -> int:
    """When the account's day ends, in milliseconds."""
    offset = portal.settings.utc_offset_minutes * 60_000
    return ((portal.clock.milliseconds() + offset) // DAY + 1) * DAY - offset


def daily_usage(portal: Portal, call: Call) -> Answer:
    """Calls of today, of all private apps together."""
    usage = {
        "name": "private-apps-api-calls-daily",
        "usageLimit": portal.settings.daily_limit,
        "currentUsage": portal.settings.daily_used,
        "collectedAt": iso(portal.clock.milliseconds()),
        "fetchStatus": "SUCCESS",
        "resetsAt": iso(midnight(portal)),
    }
    return Answer(content={"results": [usage]})


def custom_properties(portal: Portal, call: Call) -> Answer:
    """How many properties of its own the account has for each type, and may have."""
    rows = [_counted(portal, kind) for kind in KNOWN]
    used, most = sum(row["usage"] for row in rows), sum(row["limit"] for row in rows)
    overall = {"overallLimit": most, "overallUsage": used, "overallPercentage": _share(used, most)}
    return Answer(content={"byObjectType": rows, **overall})


def _counted(portal: Portal, kind: ObjectType) -> dict[str, Any]:
    used, most = _custom(portal, kind), portal.settings.property_limit
    labels = {"singularLabel": kind.singular.capitalize(), "pluralLabel": kind.label.capitalize()}
    return {"objectTypeId": kind.id, **labels, "limit": most, "usage": used, "percentage": _share(used, most)}


def _custom(portal: Portal, kind: ObjectType) -> int:
    definitions: Mapping[str, Any] = portal.definitions(kind)
    return sum(not one["hubspotDefined"] for one in definitions.values())


def _share(used: int, most: int) -> float:
    return round(100 * used / most, 2) if most else 100.0


def refuse_full(portal: Portal, kind: ObjectType) -> None:
    """Refuse one more property where the type has all it may have. No page documents the wording; this is ours."""
    if _custom(portal, kind) >= portal.settings.property_limit:
        most = portal.settings.property_limit
        raise invalid(f"The limit of {most} custom properties for {kind.name} has been reached.")


_READ_ANY = tuple(f"crm.objects.{kind.name}.read" for kind in KNOWN)
_INFO = "/account-info/{version}"

OPERATIONS = (
    Operation(method="GET", path=_INFO + "/details", handle=details),
    Operation(method="GET", path=_INFO + "/api-usage/daily/private-apps", handle=daily_usage),
    Operation(method="GET", path=_INFO + "/api-usage/daily", handle=daily_usage),
    Operation(
        method="GET",
        path="/crm/limits/{version}/custom-properties",
        handle=custom_properties,
        scopes=lambda call: [_READ_ANY],
    ),
)
