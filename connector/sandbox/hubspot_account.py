"""The account itself: its details, its use of the daily quota, and the token endpoint."""

import secrets
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from connector.sandbox.clock import DAY, iso
from connector.sandbox.exchange import Answer, Call, Operation, Refusal
from connector.sandbox.hubspot_errors import error
from connector.sandbox.hubspot_portal import PORTAL_ID, Portal

CODE, REFRESH = "sandbox-code", "sandbox-refresh"
"""The one authorization code and refresh token that the token endpoint takes."""
LIFETIME = 1_800
"""Seconds an access token lives (source: HubSpot's OAuth guide)."""


def details(portal: Portal, call: Call) -> Answer:
    """Who this account is."""
    return Answer(
        content={
            "portalId": PORTAL_ID,
            "accountType": "STANDARD",
            "timeZone": "Etc/UTC",
            "utcOffset": "+00:00",
            "utcOffsetMilliseconds": 0,
            "companyCurrency": "GBP",
            "additionalCurrencies": [],
            "uiDomain": "app.hubspot.com",
            "dataHostingLocation": "na1",
        }
    )


def daily_usage(portal: Portal, call: Call) -> Answer:
    """Calls of today, of all private apps together."""
    now = portal.clock.milliseconds()
    usage = {
        "name": "private-apps-api-calls-daily",
        "usageLimit": portal.settings.daily_limit,
        "currentUsage": portal.settings.daily_used,
        "collectedAt": iso(now),
        "fetchStatus": "SUCCESS",
        "resetsAt": iso((now // DAY + 1) * DAY),
    }
    return Answer(content={"results": [usage]})


def token(portal: Portal, call: Call) -> Answer:
    """An access token for the code or the refresh token; everything travels in the form body."""
    form = _form(call)
    grants = {"authorization_code": ("code", CODE), "refresh_token": ("refresh_token", REFRESH)}
    field, wanted = grants.get(form.get("grant_type", ""), ("", ""))
    if not field:
        raise _refused("unsupported_grant_type", "UNSUPPORTED_GRANT_TYPE", "the grant_type is not supported")
    if not form.get("client_id") or not form.get("client_secret"):
        raise _refused("invalid_client", "BAD_CLIENT_ID", "client_id and client_secret are required")
    if form.get(field) != wanted:
        status = "BAD_REFRESH_TOKEN" if field == "refresh_token" else "BAD_AUTH_CODE"
        raise _refused("invalid_grant", status, f"missing or unknown {field}")
    return Answer(content=_granted(portal))


def _form(call: Call) -> dict[str, str]:
    return dict(parse_qsl(call.body.decode()))


def _refused(code: str, status: str, message: str) -> Refusal:
    answer = error(400, message, error=code, error_description=message)
    return Refusal(replace(answer, content={**answer.content, "status": status}))


def _granted(portal: Portal) -> dict[str, Any]:
    access = f"sandbox-{secrets.token_hex(8)}"
    portal.granted[access] = portal.clock.milliseconds() + LIFETIME * 1000
    return {
        "token_type": "bearer",
        "access_token": access,
        "refresh_token": REFRESH,
        "expires_in": LIFETIME,
        "hub_id": PORTAL_ID,
        "scopes": sorted(portal.settings.scopes),
    }


def introspect(portal: Portal, call: Call) -> Answer:
    """Whether a token still works, and what it may do."""
    text = _form(call).get("token", "")
    now, ends = portal.clock.milliseconds(), portal.granted.get(text, 0)
    if text != portal.settings.token and ends <= now:
        return Answer(content={"active": False})
    more = {"expires_in": (ends - now) // 1000} if ends else {}
    content = {"active": True, "token_type": "access_token", "hub_id": PORTAL_ID, **more}
    return Answer(content={**content, "scopes": sorted(portal.settings.scopes)})


OPERATIONS = (
    Operation(method="GET", path="/account-info/{version}/details", handle=details),
    Operation(method="GET", path="/account-info/{version}/api-usage/daily/private-apps", handle=daily_usage),
    Operation(method="GET", path="/account-info/{version}/api-usage/daily", handle=daily_usage),
    Operation(method="POST", path="/oauth/{version}/token", handle=token, open=True),
    Operation(method="POST", path="/oauth/{version}/token/introspect", handle=introspect, open=True),
)
